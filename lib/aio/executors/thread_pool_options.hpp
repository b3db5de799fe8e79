#pragma once

/// The options of a `ThreadPoolExecutor`.

#include <functional>
#include <string>
#include <type_traits>
#include <utility>

#include <aio/core/errors.hpp>

namespace aio {

/// Chained setters: `ThreadPoolOptions().max_workers(4).thread_name_prefix("parse")`.
class ThreadPoolOptions {
public:
    ThreadPoolOptions() = default;

    /// At most so many threads; by default the processors plus 4, but 32 at most. Throws `ValueError` unless
    /// it is positive.
    ThreadPoolOptions& max_workers(int count) {
        if (count <= 0) throw ValueError("max_workers must be greater than 0, not " + std::to_string(count));
        max_workers_ = count;
        return *this;
    }
    /// Threads are named `prefix`_N, as far as the system shows names; reports give the whole name.
    ThreadPoolOptions& thread_name_prefix(std::string prefix) {
        thread_name_prefix_ = std::move(prefix);
        return *this;
    }
    /// Each thread calls `function(arguments...)` first, with copies that all threads read. If it throws, the
    /// pool is broken: that is printed to stderr, and queued and later calls fail with `BrokenThreadPool`.
    template <class F, class... Args>
    ThreadPoolOptions& initializer(F function, Args... arguments) {
        if constexpr (sizeof...(Args) == 0) {
            initializer_ = std::move(function);
        } else {
            static_assert(
                std::is_invocable_v<const F&, const Args&...>,
                "the initializer cannot be called with these arguments, which are kept for all threads and "
                "passed as const");
            initializer_ = [function = std::move(function), ... arguments = std::move(arguments)] {
                std::invoke(function, arguments...);
            };
        }
        return *this;
    }

private:
    friend class ThreadPoolExecutor;
    /// 0 for the default.
    int max_workers_ = 0;
    std::string thread_name_prefix_;
    std::function<void()> initializer_;
};

} // namespace aio
