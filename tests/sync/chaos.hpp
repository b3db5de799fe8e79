#pragma once

/// Random interleavings and random cancellations, the same ones for the same seed.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <aio/core/errors.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/structure/timeout.hpp>

#include "sync_help.hpp"

namespace aio::test {

/// The tasks of one scenario, what is done to them, and what was found to be wrong.
class Chaos {
public:
    explicit Chaos(unsigned seed) : random_(seed) {}

    /// A number from 0 to `bound - 1`; the same on every platform.
    int pick(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }
    bool one_in(int n) { return pick(n) == 0; }

    void expect(bool condition, const char* what) {
        if (!condition) violations.emplace_back(what);
    }

    /// Starts a task that repeats `step()`, sometimes under a time limit, until it has done so `count` times
    /// or the scenario is winding down. It takes cancellations and timeouts as they come and goes on; some
    /// end it.
    template <class Step>
    void start(Step step, int count) {
        tasks.push_back(create_task(repeat<Step>(*this, std::move(step), count)));
    }

    /// Lets the tasks run while some are cancelled and some run out of time.
    Coro<> rage(int steps) {
        for (int i = 0; i < steps; ++i) {
            co_await rounds(1 + pick(2));
            if (one_in(2)) tasks.at(static_cast<std::size_t>(pick(static_cast<int>(tasks.size())))).cancel();
            if (!limits_.empty() && one_in(2)) {
                Timeout& limit =
                    *limits_.at(static_cast<std::size_t>(pick(static_cast<int>(limits_.size()))));
                if (!limit.expired()) limit.reschedule(limit.get_loop().time());
            }
        }
        winding_down = true;
    }

    /// Waits until every task has ended or waits for something that only others can bring about.
    Coro<> settle() { co_await rounds(60); }

    /// How many tasks wait for this.
    [[nodiscard]] std::size_t waiting_for(const std::string& what) const {
        const auto waits = [&](const Task<>& task) { return !task.done() && waits_for(task) == what; };
        return static_cast<std::size_t>(std::count_if(tasks.begin(), tasks.end(), waits));
    }

    /// Sees that all tasks end by themselves.
    Coro<> join(const char* scenario) {
        for (int i = 0; i < 100 && !all_done(); ++i) co_await rounds(10);
        for (Task<>& task : tasks) {
            if (task.done()) {
                if (!task.cancelled() && task.exception()) std::rethrow_exception(task.exception());
                continue;
            }
            violations.push_back(std::string(scenario) + ": a task hangs in " + waits_for(task));
            task.cancel();
        }
        co_await settle();
    }

    std::vector<Task<>> tasks;
    std::vector<std::string> violations;
    bool winding_down = false;

private:
    [[nodiscard]] bool all_done() const {
        return std::all_of(tasks.begin(), tasks.end(), [](const Task<>& task) { return task.done(); });
    }

    template <class Step>
    static Coro<> repeat(Chaos& self, Step step, int count) {
        for (int i = 0; i < count && !self.winding_down; ++i) {
            bool cancelled = false;
            try {
                co_await rounds(self.pick(3));
                if (self.one_in(3))
                    co_await self.limited(step);
                else
                    co_await step();
            } catch (const CancelledError&) {
                cancelled = true;
            } catch (const TimeoutError&) {
            }
            if (cancelled && self.one_in(10)) break;
        }
    }

    template <class Step>
    Coro<> limited(Step& step) {
        const auto body = [this, &step](Timeout& limit) -> Coro<> {
            limits_.push_back(&limit);
            std::exception_ptr error;
            try {
                co_await step();
            } catch (...) {
                error = std::current_exception();
            }
            limits_.erase(std::find(limits_.begin(), limits_.end(), &limit));
            if (error) std::rethrow_exception(error);
        };
        if (one_in(4))
            co_await with_timeout(std::chrono::seconds(0), body);
        else
            co_await with_timeout(std::nullopt, body);
    }

    std::mt19937 random_;
    /// The time limits that are open.
    std::vector<Timeout*> limits_;
};

/// Says so when a scope ends, however it does.
template <class F>
class AtEnd {
public:
    explicit AtEnd(F f) : f_(std::move(f)) {}
    AtEnd(const AtEnd&) = delete;
    AtEnd& operator=(const AtEnd&) = delete;
    ~AtEnd() { f_(); }

private:
    F f_;
};

} // namespace aio::test
