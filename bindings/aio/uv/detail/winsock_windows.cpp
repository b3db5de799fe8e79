#include <aio/uv/detail/winsock_windows.hpp>

namespace aio::uv::detail {

int start_winsock() noexcept {
    static const int status = []() noexcept {
        WSADATA data;
        const int error = ::WSAStartup(MAKEWORD(2, 2), &data);
        return error == 0 ? 0 : uv_translate_sys_error(error);
    }();
    return status;
}

int winsock_error() noexcept { return uv_translate_sys_error(::WSAGetLastError()); }

} // namespace aio::uv::detail
