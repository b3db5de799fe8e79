#pragma once

/// libuv's error numbers as `std::error_code`.
///
/// The category compares equal to `std::errc` (and so to what other libraries report), and its messages are
/// libuv's own.

#include <string_view>
#include <system_error>

namespace aio::uv {

/// The category of libuv's errors. `error_code(status) == std::errc::connection_reset` works on every
/// platform.
const std::error_category& error_category() noexcept;

/// A libuv status as an error code; 0 and positive numbers (counts) are no error.
inline std::error_code error_code(int status) noexcept {
    return status < 0 ? std::error_code(status, error_category()) : std::error_code();
}

/// The few libuv errors that aiouv itself gives, as its platform numbers them.
namespace status {
extern const int canceled;
extern const int closed;
extern const int no_such_process;
extern const int out_of_memory;
extern const int broken_pipe;
extern const int connection_reset;
extern const int not_connected;
extern const int not_supported;
extern const int name_unknown;
extern const int name_without_address;
extern const int name_try_again;
} // namespace status

/// The libuv status that is compared equal to a condition of the standard. Throws `std::system_error`
/// (invalid_argument) if there is none.
[[nodiscard]] int status_of(std::errc condition);

/// Throws `std::system_error` for a negative status. `what` names the operation and what it was done to:
/// "connect 127.0.0.1:80".
[[noreturn]] void throw_error(int status, std::string_view what);

/// `throw_error` if status is negative; otherwise the status itself, so that calls can be wrapped.
inline int check(int status, std::string_view what) {
    if (status < 0) throw_error(status, what);
    return status;
}

} // namespace aio::uv
