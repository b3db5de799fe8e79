#include <aio/workers/program_image_posix.hpp>

#ifdef __APPLE__
#include <crt_externs.h>
#include <mach-o/dyld.h>
#endif

#include <cstdint>
#include <fstream>
#include <iterator>

extern char** environ; // NOLINT: POSIX demands that programs declare it

namespace aio::detail {

#ifdef __APPLE__

std::string program_path() {
    std::uint32_t size = 0;
    _NSGetExecutablePath(nullptr, &size);
    std::string path(size, '\0');
    _NSGetExecutablePath(path.data(), &size);
    return path.c_str();
}

std::vector<std::string> program_arguments() { return {*_NSGetArgv(), *_NSGetArgv() + *_NSGetArgc()}; }

#else

std::string program_path() { return "/proc/self/exe"; }

std::vector<std::string> program_arguments() {
    std::ifstream file("/proc/self/cmdline", std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    std::vector<std::string> arguments;
    for (std::size_t at = 0; at < text.size(); at += arguments.back().size() + 1) {
        arguments.emplace_back(text.c_str() + at);
    }
    if (arguments.empty()) {
        arguments.emplace_back("aio-zygote");
    }
    return arguments;
}

#endif

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (std::string& text : texts) {
        pointers.push_back(text.data());
    }
    pointers.push_back(nullptr);
    return pointers;
}

std::vector<std::string> environment_with(const std::string& extra) {
    std::vector<std::string> variables;
    for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
        variables.emplace_back(*variable);
    }
    variables.push_back(extra);
    return variables;
}

} // namespace aio::detail
