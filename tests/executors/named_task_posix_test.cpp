#include "executors/plugin_path.hpp"
#include "process_help_posix.hpp"

#include <aio/workers/named_task.hpp>

#include <doctest/doctest.h>

#include <dlfcn.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct Point {
    int x = 0;
    int y = 0;
    bool operator==(const Point&) const = default;
};

/// In a worker: loads the plugin, and leaves it loaded.
bool load(std::string path) {
    if (::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) == nullptr) throw std::runtime_error(::dlerror());
    return true;
}

template <class T>
aio::Coro<std::string> error_of(aio::Future<T> future) {
    std::string text = "nothing";
    try {
        static_cast<void>(co_await future);
    } catch (const std::exception& error) {
        text = error.what();
    }
    co_return text;
}

} // namespace

TEST_CASE("named task: a function of a plugin that only the worker has loaded") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        const auto mirror = aio::named_task<std::vector<Point>(std::vector<Point>, int)>("plugin.mirror");
        const std::vector<Point> points(1, Point{1, 5});

        const std::string before = co_await error_of(loop.run_in_executor(pool, mirror, points, 10));
        CHECK(before.find("no task is registered as 'plugin.mirror'") == 0);

        const std::string path = plugin_path;
        const bool loaded = co_await loop.run_in_executor(pool, load, path);
        CHECK(loaded);
        const std::vector<Point> mirrored = co_await loop.run_in_executor(pool, mirror, points, 10);
        CHECK(mirrored == std::vector<Point>{Point{9, 5}});

        const auto pid = aio::named_task<int()>("plugin.pid");
        const int worker = co_await loop.run_in_executor(pool, pid);
        CHECK(pool.worker_pids() == std::vector<int>{worker});
        CHECK_THROWS_AS(static_cast<void>(pid()), aio::RuntimeError);
    }));
}

TEST_CASE("named task: errors of the task and of the call come back by the future") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        const std::string path = plugin_path;
        co_await loop.run_in_executor(pool, load, path);

        const auto fail = aio::named_task<int(std::string)>("plugin.fail");
        auto future = loop.run_in_executor(pool, fail, "why");
        bool right_type = false;
        try {
            co_await future;
        } catch (const std::out_of_range& error) {
            right_type = error.what() == std::string("why");
        }
        CHECK(right_type);

        const auto wrong = aio::named_task<int(double)>("plugin.fail");
        const std::string text = co_await error_of(loop.run_in_executor(pool, wrong, 1.5));
        CHECK(text.find("the task 'plugin.fail', registered at ") == 0);
        CHECK(text.find("named_task_plugin.cpp:") != std::string::npos);
        CHECK(text.find("is called as int (double)") != std::string::npos);
    }));
}

TEST_CASE("named task: a plugin that is unloaded takes its names along") {
    const auto pid = aio::named_task<int()>("plugin.pid");
    void* const plugin = ::dlopen(plugin_path, RTLD_NOW | RTLD_LOCAL);
    REQUIRE(plugin != nullptr);
    CHECK(pid() == ::getpid());
    ::dlclose(plugin);
    // Some systems keep what has been loaded once.
    if (::dlopen(plugin_path, RTLD_NOW | RTLD_NOLOAD) == nullptr)
        CHECK_THROWS_AS(static_cast<void>(pid()), aio::RuntimeError);
}
