#include <aio/uv/unix_socket.hpp>

namespace aio::uv {

std::string printable_path(std::string_view path) {
    std::string text(path);
    if (!text.empty() && text.front() == '\0') text.front() = '@';
    return text;
}

} // namespace aio::uv
