#include "target.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "request.hpp"

namespace http_file_server {

std::filesystem::path decode_target(std::string_view target) {
    if (target.empty() || target.front() != '/') throw HttpError(400, "a target begins with '/'");
    target = target.substr(0, target.find_first_of("?#"));
    std::string decoded;
    for (std::size_t i = 0; i < target.size(); ++i) {
        char c = target[i];
        if (c == '%') {
            unsigned code = 0;
            const char* const digits = target.data() + i + 1;
            if (i + 2 >= target.size() || std::from_chars(digits, digits + 2, code, 16).ptr != digits + 2)
                throw HttpError(400, "'%' is followed by two digits of a code");
            c = static_cast<char>(code);
            i += 2;
        }
        if (c == '\0') throw HttpError(400, "there is no zero byte in a path");
        decoded += c;
    }
    std::filesystem::path relative;
    for (const std::filesystem::path& part : std::filesystem::path(decoded).relative_path()) {
        if (part == "..") throw HttpError(400, "there is nothing above the root");
        if (!part.empty() && part != ".") relative /= part;
    }
    return relative;
}

std::string percent_encode(std::string_view name) {
    constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string text;
    for (const char c : name) {
        if (plain.find(c) != std::string_view::npos) {
            text += c;
            continue;
        }
        const auto code = static_cast<unsigned char>(c);
        text += '%';
        text += digits[code / 16];
        text += digits[code % 16];
    }
    return text;
}

std::string escape_html(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        switch (c) {
        case '&': escaped += "&amp;"; break;
        case '<': escaped += "&lt;"; break;
        case '>': escaped += "&gt;"; break;
        case '"': escaped += "&quot;"; break;
        default: escaped += c;
        }
    }
    return escaped;
}

std::string_view media_type(const std::filesystem::path& path) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 16> types{{
        {".css", "text/css; charset=utf-8"},
        {".csv", "text/csv; charset=utf-8"},
        {".gif", "image/gif"},
        {".htm", "text/html; charset=utf-8"},
        {".html", "text/html; charset=utf-8"},
        {".jpeg", "image/jpeg"},
        {".jpg", "image/jpeg"},
        {".js", "text/javascript; charset=utf-8"},
        {".json", "application/json"},
        {".md", "text/markdown; charset=utf-8"},
        {".pdf", "application/pdf"},
        {".png", "image/png"},
        {".svg", "image/svg+xml"},
        {".txt", "text/plain; charset=utf-8"},
        {".wasm", "application/wasm"},
        {".webp", "image/webp"},
    }};
    const std::string extension = path.extension().string();
    const auto found = std::ranges::find(types, extension, &decltype(types)::value_type::first);
    return found == types.end() ? "application/octet-stream" : found->second;
}

} // namespace http_file_server
