#include "targets.hpp"

#include <aio/core/errors.hpp>
#include <aio/workers/codec_error.hpp>
#include <aio/workers/remote_error.hpp>

#include <exception>
#include <filesystem>
#include <ios>
#include <new>
#include <string>
#include <system_error>

namespace {

template <class E, class... Args>
fuzz::Bytes thrown(const Args&... args) {
    aio::ByteWriter out;
    try {
        throw E(args...);
    } catch (...) {
        aio::encode_current_exception(out);
    }
    return out.take();
}

fuzz::Bytes nested() {
    aio::ByteWriter out;
    try {
        try {
            throw std::out_of_range("inner");
        } catch (...) {
            std::throw_with_nested(std::runtime_error("outer"));
        }
    } catch (...) {
        aio::encode_current_exception(out);
    }
    return out.take();
}

} // namespace

namespace fuzz {

void decode_remote_error(std::span<const std::byte> bytes) {
    std::exception_ptr error;
    try {
        aio::ByteReader in(bytes);
        error = aio::decode_exception(in, 1);
    } catch (const aio::DecodeError&) {
        return;
    }
    require(error != nullptr, "there is an exception or a DecodeError");
    bool known = false;
    try {
        std::rethrow_exception(error);
    } catch (const aio::RemoteErrorInfo& info) {
        known = info.pid() == 1 && info.message().size() <= bytes.size();
    }
    require(known, "every remote exception says where it comes from");
}

std::vector<Bytes> valid_remote_errors() {
    const std::error_code code = std::make_error_code(std::errc::no_such_file_or_directory);
    const std::filesystem::path path("/missing");
    return {thrown<std::runtime_error>("plain"),
            thrown<std::bad_alloc>(),
            thrown<std::system_error>(code, "system"),
            thrown<std::ios_base::failure>("stream", code),
            thrown<std::filesystem::filesystem_error>("file", path, path, code),
            thrown<aio::CancelledError>("cancelled"),
            thrown<aio::SystemExit>(3),
            thrown<int>(5),
            nested()};
}

} // namespace fuzz
