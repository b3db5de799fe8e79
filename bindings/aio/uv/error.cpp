#include <aio/uv/error.hpp>

#include <string>
#include <string_view>

#include <uv.h>

namespace aio::uv {
namespace {

/// libuv's own numbers that have no errno behind them on this platform still mean one of the standard
/// conditions.
std::errc condition_of(int status) noexcept {
    switch (status) {
    case UV_E2BIG: return std::errc::argument_list_too_long;
    case UV_EACCES: return std::errc::permission_denied;
    case UV_EADDRINUSE: return std::errc::address_in_use;
    case UV_EADDRNOTAVAIL: return std::errc::address_not_available;
    case UV_EAFNOSUPPORT: return std::errc::address_family_not_supported;
    case UV_EAGAIN: return std::errc::resource_unavailable_try_again;
    case UV_EALREADY: return std::errc::connection_already_in_progress;
    case UV_EBADF: return std::errc::bad_file_descriptor;
    case UV_EBUSY: return std::errc::device_or_resource_busy;
    case UV_ECANCELED: return std::errc::operation_canceled;
    case UV_ECONNABORTED: return std::errc::connection_aborted;
    case UV_ECONNREFUSED: return std::errc::connection_refused;
    case UV_ECONNRESET: return std::errc::connection_reset;
    case UV_EDESTADDRREQ: return std::errc::destination_address_required;
    case UV_EEXIST: return std::errc::file_exists;
    case UV_EFAULT: return std::errc::bad_address;
    case UV_EFBIG: return std::errc::file_too_large;
    case UV_EHOSTUNREACH: return std::errc::host_unreachable;
    case UV_EINTR: return std::errc::interrupted;
    case UV_EINVAL: return std::errc::invalid_argument;
    case UV_EIO: return std::errc::io_error;
    case UV_EISCONN: return std::errc::already_connected;
    case UV_EISDIR: return std::errc::is_a_directory;
    case UV_ELOOP: return std::errc::too_many_symbolic_link_levels;
    case UV_EMFILE: return std::errc::too_many_files_open;
    case UV_EMSGSIZE: return std::errc::message_size;
    case UV_ENAMETOOLONG: return std::errc::filename_too_long;
    case UV_ENETDOWN: return std::errc::network_down;
    case UV_ENETUNREACH: return std::errc::network_unreachable;
    case UV_ENFILE: return std::errc::too_many_files_open_in_system;
    case UV_ENOBUFS: return std::errc::no_buffer_space;
    case UV_ENODEV: return std::errc::no_such_device;
    case UV_ENOENT: return std::errc::no_such_file_or_directory;
    case UV_ENOMEM: return std::errc::not_enough_memory;
    case UV_ENOPROTOOPT: return std::errc::no_protocol_option;
    case UV_ENOSPC: return std::errc::no_space_on_device;
    case UV_ENOSYS: return std::errc::function_not_supported;
    case UV_ENOTCONN: return std::errc::not_connected;
    case UV_ENOTDIR: return std::errc::not_a_directory;
    case UV_ENOTEMPTY: return std::errc::directory_not_empty;
    case UV_ENOTSOCK: return std::errc::not_a_socket;
    case UV_ENOTSUP: return std::errc::not_supported;
    case UV_EPERM: return std::errc::operation_not_permitted;
    case UV_EPIPE: return std::errc::broken_pipe;
    case UV_EPROTO: return std::errc::protocol_error;
    case UV_EPROTONOSUPPORT: return std::errc::protocol_not_supported;
    case UV_EPROTOTYPE: return std::errc::wrong_protocol_type;
    case UV_ERANGE: return std::errc::result_out_of_range;
    case UV_EROFS: return std::errc::read_only_file_system;
    case UV_ESPIPE: return std::errc::invalid_seek;
    case UV_ESRCH: return std::errc::no_such_process;
    case UV_ETIMEDOUT: return std::errc::timed_out;
    case UV_ETXTBSY: return std::errc::text_file_busy;
    case UV_EXDEV: return std::errc::cross_device_link;
    case UV_ENXIO: return std::errc::no_such_device_or_address;
    case UV_EMLINK: return std::errc::too_many_links;
    default: return std::errc();
    }
}

/// A number of the system that libuv passes on without knowing it: a program in a format that is none, a
/// quota that is used up.
bool is_only_the_systems([[maybe_unused]] int status) noexcept {
#if defined(_WIN32)
    return false;
#else
    // Below are those that libuv has made up.
    constexpr int lowest = -3000;
    char name[32];
    return status < 0 && status > lowest &&
           std::string_view(uv_err_name_r(status, name, sizeof name)).starts_with("Unknown");
#endif
}

class Category final : public std::error_category {
public:
    const char* name() const noexcept override { return "libuv"; }

    std::string message(int status) const override {
        if (is_only_the_systems(status)) return std::generic_category().message(-status);
        // libuv speaks of sockets here.
        if (status == UV_ENOTSUP) return "operation not supported";
        char text[128];
        return uv_strerror_r(status, text, sizeof text);
    }

    std::error_condition default_error_condition(int status) const noexcept override {
        const std::errc condition = condition_of(status);
        if (condition != std::errc()) return std::make_error_condition(condition);
        if (is_only_the_systems(status)) return {-status, std::generic_category()};
        return std::error_condition(status, *this);
    }
};

} // namespace

const std::error_category& error_category() noexcept {
    static const Category category;
    return category;
}

const int status::canceled = UV_ECANCELED;
const int status::closed = UV_EBADF;
const int status::no_such_process = UV_ESRCH;
const int status::out_of_memory = UV_ENOMEM;
const int status::broken_pipe = UV_EPIPE;
const int status::connection_reset = UV_ECONNRESET;
const int status::not_connected = UV_ENOTCONN;
const int status::not_supported = UV_ENOTSUP;
const int status::name_unknown = UV_EAI_NONAME;
const int status::name_without_address = UV_EAI_NODATA;
const int status::name_try_again = UV_EAI_AGAIN;

int status_of(std::errc condition) {
#define AIO_STATUS(name, text) UV_##name,
    static constexpr int all[] = {UV_ERRNO_MAP(AIO_STATUS)};
#undef AIO_STATUS
    for (const int status : all) {
        if (condition_of(status) == condition) return status;
    }
    throw_error(UV_EINVAL, "no error of libuv means what this condition does");
}

void throw_error(int status, std::string_view what) {
    throw std::system_error(error_code(status), std::string(what));
}

} // namespace aio::uv
