#include <aio/uv/error.hpp>

#include <ostream>
#include <string>
#include <system_error>

#include <doctest/doctest.h>
#include <uv.h>

namespace uv = aio::uv;

TEST_CASE("uv error: codes compare equal to the standard's conditions") {
    CHECK(uv::error_code(UV_ECONNRESET) == std::errc::connection_reset);
    CHECK(uv::error_code(UV_ENOENT) == std::errc::no_such_file_or_directory);
    CHECK(uv::error_code(UV_ECANCELED) == std::errc::operation_canceled);
    CHECK(uv::error_code(UV_ETIMEDOUT) == std::errc::timed_out);
    CHECK(uv::error_code(UV_EPIPE) != std::errc::connection_reset);
    CHECK(uv::error_code(UV_EPIPE) == std::errc::broken_pipe);
    CHECK(uv::error_code(UV_EADDRINUSE) == std::errc::address_in_use);
}

TEST_CASE("uv error: conditions that only libuv knows stay themselves") {
    CHECK(uv::error_code(UV_EOF) == uv::error_code(UV_EOF));
    CHECK(uv::error_code(UV_EOF) != std::errc::io_error);
    CHECK(uv::error_code(UV_EOF).message() == "end of file");
}

TEST_CASE("uv error: counts and success are no error") {
    CHECK(!uv::error_code(0));
    CHECK(!uv::error_code(17));
    CHECK(uv::check(17, "read") == 17);
}

TEST_CASE("uv error: the exception names the operation and the reason") {
    try {
        uv::check(UV_ECONNREFUSED, "connect 127.0.0.1:80");
        FAIL("nothing was thrown");
    } catch (const std::system_error& e) {
        CHECK(e.code() == std::errc::connection_refused);
        CHECK(std::string(e.what()).find("connect 127.0.0.1:80") != std::string::npos);
        CHECK(std::string(e.what()).find("connection refused") != std::string::npos);
    }
}

TEST_CASE("uv error: the library's own statuses are libuv's") {
    CHECK(uv::status::canceled == UV_ECANCELED);
    CHECK(uv::status::closed == UV_EBADF);
    CHECK(uv::status::out_of_memory == UV_ENOMEM);
}

TEST_CASE("uv error: the status for a condition of the standard is found") {
    CHECK(uv::status_of(std::errc::connection_reset) == UV_ECONNRESET);
    CHECK(uv::error_code(uv::status_of(std::errc::no_such_file_or_directory)) ==
          std::errc::no_such_file_or_directory);
    CHECK_THROWS_AS(static_cast<void>(uv::status_of(std::errc::owner_dead)), std::system_error);
}
