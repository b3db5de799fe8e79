#pragma once

/// How long a test waits for what must happen: far longer than it takes, so that only what never happens
/// fails.

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace patience {

inline constexpr std::chrono::seconds limit{60};

/// Something that one thread lets happen and others wait for.
class Gate {
public:
    void open() {
        // Told under the lock, because whoever hears of it may destroy this.
        const std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    /// True when it has been opened in time.
    bool wait() {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, limit, [&] { return open_; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool open_ = false;
};

/// Counts arrivals, which others wait for.
class Counter {
public:
    void add() {
        const std::lock_guard lock(mutex_);
        ++count_;
        changed_.notify_all();
    }
    bool wait_for(int count) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, limit, [&] { return count_ >= count; });
    }
    int count() {
        const std::lock_guard lock(mutex_);
        return count_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int count_ = 0;
};

/// Asks again and again until `condition` holds; false if it never does. For what nobody reports: a process
/// that disappears.
template <class Condition>
bool until(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

} // namespace patience
