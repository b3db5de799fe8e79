#include "targets.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    AIO_FUZZ_TARGET(std::as_bytes(std::span(data, size)));
    return 0;
}
