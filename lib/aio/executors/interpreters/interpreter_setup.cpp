#include <aio/executors/interpreters/interpreter_setup.hpp>

#include <array>
#include <cerrno>
#include <fstream>
#include <string_view>
#include <system_error>

namespace aio {
namespace {

[[noreturn]] void throw_unreadable(const std::filesystem::path& path) {
    const int error = errno != 0 ? errno : EIO;
    throw std::system_error(error, std::generic_category(), "cannot read Lua source " + path.string());
}

std::string read_file(const std::filesystem::path& path) {
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    if (!file) throw_unreadable(path);
    std::string text;
    std::array<char, 4096> part{};
    while (file.read(part.data(), part.size()) || file.gcount() > 0)
        text.append(part.data(), static_cast<std::size_t>(file.gcount()));
    // The end of the file is a failure to read as well, but not a bad one.
    if (file.bad()) throw_unreadable(path);
    return text;
}

/// What Lua's own loader of files does: no byte order mark, and a first line with '#' is a comment.
std::string without_preamble(std::string source) {
    constexpr std::string_view mark = "\xEF\xBB\xBF";
    if (source.starts_with(mark)) source.erase(0, mark.size());
    if (source.starts_with('#')) source.insert(0, "--");
    return source;
}

} // namespace

InterpreterPoolOptions& InterpreterPoolOptions::source(std::string lua_source) {
    steps_.emplace_back(detail::SetupStep::Kind::source, std::string(), std::move(lua_source),
                        std::vector<std::byte>());
    return *this;
}

InterpreterPoolOptions& InterpreterPoolOptions::source_file(const std::filesystem::path& path) {
    steps_.emplace_back(detail::SetupStep::Kind::source, path.string(), without_preamble(read_file(path)),
                        std::vector<std::byte>());
    return *this;
}

InterpreterPoolOptions& InterpreterPoolOptions::thread_name_prefix(std::string prefix) {
    thread_name_prefix_ = std::move(prefix);
    return *this;
}

} // namespace aio
