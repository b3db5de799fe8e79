#include <aio/uv/environment.hpp>

#include <cstdlib>
#include <utility>

#include <uv.h>

#include <aio/uv/error.hpp>

namespace aio::uv {

std::map<std::string, std::string> environment() {
    uv_env_item_t* items = nullptr;
    int count = 0;
    check(uv_os_environ(&items, &count), "read the environment");
    std::map<std::string, std::string> all;
    for (int i = 0; i < count; ++i) all.insert_or_assign(items[i].name, items[i].value);
    uv_os_free_environ(items, count);
    return all;
}

std::vector<std::string> shell_arguments(std::string command) {
    std::vector<std::string> arguments;
#if defined(_WIN32)
    const char* const shell = std::getenv("COMSPEC");
    arguments.emplace_back(shell != nullptr ? shell : "cmd.exe");
    arguments.emplace_back("/c");
#else
    arguments.emplace_back("/bin/sh");
    arguments.emplace_back("-c");
#endif
    arguments.push_back(std::move(command));
    return arguments;
}

} // namespace aio::uv
