#include <aio/executors/interpreters/interpreter_setup.hpp>

#include <array>
#include <cerrno>
#include <fstream>
#include <system_error>

namespace aio {
namespace {

[[noreturn]] void throw_unreadable(const std::filesystem::path& path) {
    const int error = errno != 0 ? errno : EIO;
    throw std::system_error(error, std::generic_category(), "cannot read the source " + path.string());
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

} // namespace

InterpreterPoolOptions& InterpreterPoolOptions::source(std::string text) {
    steps_.emplace_back(detail::SetupStep::Kind::source, std::string(), std::move(text),
                        std::vector<std::byte>());
    return *this;
}

InterpreterPoolOptions& InterpreterPoolOptions::source_file(const std::filesystem::path& path) {
    steps_.emplace_back(detail::SetupStep::Kind::source, path.string(), read_file(path),
                        std::vector<std::byte>());
    return *this;
}

InterpreterPoolOptions& InterpreterPoolOptions::thread_name_prefix(std::string prefix) {
    thread_name_prefix_ = std::move(prefix);
    return *this;
}

InterpreterPoolOptions& InterpreterPoolOptions::max_workers(int count) {
    if (count <= 0) throw ValueError("max_workers must be greater than 0, not " + std::to_string(count));
    max_workers_ = count;
    return *this;
}

InterpreterPoolOptions& InterpreterPoolOptions::instruction_limit(std::uint64_t instructions) noexcept {
    limits_.instructions = instructions;
    return *this;
}

InterpreterPoolOptions& InterpreterPoolOptions::memory_limit(std::size_t bytes) noexcept {
    limits_.memory = bytes;
    return *this;
}

InterpreterPoolOptions& InterpreterPoolOptions::max_tasks_per_worker(std::size_t tasks) {
    if (tasks == 0) throw ValueError("max_tasks_per_worker must be greater than 0");
    max_tasks_per_worker_ = tasks;
    return *this;
}

} // namespace aio
