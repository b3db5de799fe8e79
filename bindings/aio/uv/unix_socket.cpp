#include <aio/uv/unix_socket.hpp>

namespace aio::uv {

std::string printable_path(std::string_view path) {
    std::string text;
    for (const char c : path) {
        if (c != '\0')
            text += c;
        else
            text += text.empty() ? "@" : "\\0";
    }
    return text;
}

} // namespace aio::uv
