/// Very many calls, and a worker killed now and then: the memory of this process and of its zygote, its
/// descriptors and its processes stay as they are. The environment says how many calls:
///
///     AIO_SOAK=1000000 soak      with ten thousand kills; the default is 20000 calls and 200 kills
///
/// Prints a line per tenth. Exits with 1 if a call has a wrong end, or something has grown.

#include "support/sanitizer.hpp"

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/executors/process_pool.hpp>
#include <aio/executors/run_in_executor.hpp>
#include <aio/structure/run.hpp>
#include <aio/workers/process_start.hpp>
#include <aio/workers/shared_buffer.hpp>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>

namespace {

using namespace std::chrono_literals;

/// A sanitizer keeps what was freed for a while, and what it knows of it for ever.
constexpr bool memory_tells = !sanitizer::any;

constexpr std::size_t workers = 2;
constexpr std::size_t most_waiting = 64;
constexpr std::size_t calls_per_kill = 100;
/// What an allocator may take more at one time than at another.
constexpr long tolerated_growth_kib = 2048;
/// Shared memory is kept for further use up to here, and no more descriptors than that are for it.
constexpr std::size_t idle_limit = std::size_t{1} << 20;
constexpr std::size_t idle_descriptors = 16;

long square(long x) { return x * x; }
long refuse(long x) { throw std::domain_error(std::to_string(x)); }
std::string repeat(const std::string& text) { return text; }
long first_of(aio::SharedBuffer numbers) { return numbers.span<long>()[0]; }

long resident_kib(const std::string& process) {
    std::ifstream file("/proc/" + process + "/statm");
    long all = 0;
    long resident = 0;
    file >> all >> resident;
    return resident * (::sysconf(_SC_PAGESIZE) / 1024);
}

/// The children of a process, dead ones too.
std::set<int> children_of(int parent) {
    std::set<int> children;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
        const std::string name = entry.path().filename();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        std::ifstream file(entry.path() / "stat");
        std::string line;
        std::getline(file, line);
        const auto close = line.rfind(')');
        if (close == std::string::npos || close + 4 > line.size()) continue;
        if (std::stoi(line.substr(close + 4)) == parent) children.insert(std::stoi(name));
    }
    return children;
}

/// What must not grow.
class Footprint {
public:
    Footprint() {
        for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
            ++descriptors;
        own_kib = resident_kib("self");
        for (const int zygote : children_of(::getpid())) {
            zygote_kib += resident_kib(std::to_string(zygote));
            processes += 1 + children_of(zygote).size();
        }
        shared_bytes = aio::SharedBuffer::idle_bytes();
    }
    /// Not more than that, but for what is kept for further use.
    [[nodiscard]] bool is_within(const Footprint& other, std::size_t kept_descriptors) const {
        const bool memory = !memory_tells || (own_kib <= other.own_kib + tolerated_growth_kib &&
                                              zygote_kib <= other.zygote_kib + tolerated_growth_kib);
        return memory && descriptors <= other.descriptors + kept_descriptors &&
               processes <= other.processes && shared_bytes <= idle_limit;
    }
    [[nodiscard]] bool shares_nothing() const { return shared_bytes == 0; }
    void print(const std::string& when) const {
        std::printf("%-6s %6ld KiB, zygote %6ld KiB, %zu descriptors, %zu processes, %zu KiB shared\n",
                    when.c_str(), own_kib, zygote_kib, descriptors, processes, shared_bytes / 1024);
        std::fflush(stdout);
    }

private:
    long own_kib = 0;
    long zygote_kib = 0;
    std::size_t descriptors = 0;
    std::size_t processes = 0;
    std::size_t shared_bytes = 0;
};

class Soak {
public:
    explicit Soak(std::size_t calls) : calls_(calls) {}

    /// True if all calls have ended as they should, and nothing has grown.
    aio::Coro<bool> run() {
        // The first tenth is for what is made once and used again.
        bool flat = true;
        std::optional<Footprint> warm;
        for (std::size_t tenth = 0; tenth < 10; ++tenth) {
            co_await run_tenth(tenth);
            co_await let_rest();
            const Footprint now;
            now.print(std::to_string(10 * (tenth + 1)) + " %");
            if (!warm) warm = now;
            flat = flat && now.is_within(*warm, idle_descriptors);
        }
        const auto statistics = pool_.statistics();
        std::printf("%zu calls, %zu kills: %zu lost, %zu repeated, %zu wrong\n", made_, kills_, lost_,
                    static_cast<std::size_t>(statistics.retried), wrong_);
        if (!flat) std::puts("it has grown");
        pool_.shutdown(false);
        co_await pool_.wait_closed();
        co_return flat&& wrong_ == 0 && lost_ <= kills_;
    }

private:
    /// One call of some kind, whose end is checked in the order of submission.
    class Pending {
    public:
        std::size_t number = 0;
        aio::Future<long> value;
        aio::Future<std::string> text;
    };

    aio::Coro<> run_tenth(std::size_t tenth) {
        const std::size_t end = (tenth + 1) * calls_ / 10;
        while (made_ < end || !pending_.empty()) {
            while (made_ < end && pending_.size() < most_waiting) submit(made_++);
            Pending next = std::move(pending_.front());
            pending_.pop_front();
            co_await check(std::move(next));
        }
    }

    void submit(std::size_t number) {
        auto& loop = aio::get_running_loop();
        const auto x = static_cast<long>(number);
        Pending next;
        next.number = number;
        if (number % 1000 == 999) {
            next.text = loop.run_in_executor(pool_, repeat, std::string(300'000, 'x'));
        } else if (number % 100 == 98) {
            aio::SharedBuffer numbers(sizeof(long));
            numbers.span<long>()[0] = x * x;
            next.value = loop.run_in_executor(pool_, first_of, numbers);
        } else if (number % 100 == 97) {
            next.value = loop.run_in_executor(pool_, refuse, x);
        } else if (number % 10 == 6) {
            next.value =
                loop.run_in_executor(pool_, aio::ProcessCallOptions().retries(3).timeout(60s), square, x);
        } else {
            next.value = loop.run_in_executor(pool_, square, x);
        }
        pending_.push_back(std::move(next));
        if (number % calls_per_kill == calls_per_kill - 1) kill_one();
    }

    void kill_one() {
        const auto pids = pool_.worker_pids();
        if (pids.empty()) return;
        if (::kill(pids[random_() % pids.size()], SIGKILL) == 0) ++kills_;
    }

    aio::Coro<> check(Pending pending) {
        const auto x = static_cast<long>(pending.number);
        const bool refused = pending.number % 100 == 97;
        bool right = false;
        try {
            if (pending.number % 1000 == 999) {
                const std::string text = co_await pending.text;
                right = text == std::string(300'000, 'x');
            } else {
                const long value = co_await pending.value;
                right = value == x * x && !refused;
            }
        } catch (const aio::WorkerCrashed& error) {
            ++lost_;
            right = error.exit().signal == SIGKILL;
        } catch (const std::domain_error& error) {
            right = refused && error.what() == std::to_string(x);
        } catch (const std::exception& error) {
            std::printf("call %zu: %s\n", pending.number, error.what());
        }
        if (!right) ++wrong_;
    }

    /// Until the killed workers are collected and all others are there and idle.
    aio::Coro<> let_rest() {
        for (;;) {
            const auto statistics = pool_.statistics();
            if (statistics.idle == workers) co_return;
            // Each of them needs a call to be started for.
            std::vector<aio::Future<long>> calls;
            for (std::size_t i = 0; i < workers; ++i)
                calls.push_back(aio::get_running_loop().run_in_executor(pool_, square, 2L));
            for (auto& call : calls) {
                try {
                    static_cast<void>(co_await call);
                } catch (const aio::WorkerCrashed&) {
                    ++lost_;
                }
            }
            co_await aio::sleep(1ms);
        }
    }

    const std::size_t calls_;
    aio::ProcessPoolExecutor pool_{static_cast<int>(workers)};
    std::deque<Pending> pending_;
    std::minstd_rand random_{5};
    std::size_t made_ = 0;
    std::size_t kills_ = 0;
    std::size_t lost_ = 0;
    std::size_t wrong_ = 0;
};

/// With its pool gone.
aio::Coro<bool> soak(std::size_t calls) {
    Soak soak(calls);
    const bool good = co_await soak.run();
    co_return good;
}

aio::Coro<int> amain(std::size_t calls) {
    aio::SharedBuffer::set_idle_limit(idle_limit);
    bool good = co_await soak(1000);
    aio::SharedBuffer::set_idle_limit(0);
    const Footprint before;
    aio::SharedBuffer::set_idle_limit(idle_limit);
    const bool soaked = co_await soak(calls);
    good = soaked && good;
    aio::SharedBuffer::set_idle_limit(0);
    const Footprint after;
    before.print("before");
    after.print("after");
    const bool nothing_left = after.is_within(before, 0) && after.shares_nothing();
    if (!nothing_left) std::puts("something is left");
    co_return good&& nothing_left ? 0 : 1;
}

} // namespace

int main() {
    aio::worker_entry();
    const char* const text = std::getenv("AIO_SOAK");
    const std::size_t calls = text == nullptr ? 20'000 : std::strtoull(text, nullptr, 10);
    return aio::run(amain(std::max<std::size_t>(calls, 1000)));
}
