#include <aio/workers/byte_reader.hpp>

#include <string>

namespace aio {

void ByteReader::refuse_size(std::size_t size) const {
    throw DecodeError("input ends early: " + std::to_string(size) + " bytes wanted at offset " +
                      std::to_string(position_) + ", " + std::to_string(remaining()) + " left");
}

void ByteReader::refuse_flag(const char* what, unsigned value) {
    throw DecodeError(std::string(what) + " must be 0 or 1, not " + std::to_string(value));
}

void ByteReader::refuse_count(std::size_t count, std::size_t min_element_size) const {
    throw DecodeError("length " + std::to_string(count) + " of elements of at least " +
                      std::to_string(min_element_size) + " bytes exceeds the " + std::to_string(remaining()) +
                      " bytes left");
}

void ByteReader::refuse_rest() const {
    throw DecodeError(std::to_string(remaining()) + " bytes left over after the value");
}

} // namespace aio
