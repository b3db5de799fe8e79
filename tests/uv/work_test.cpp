#include <aio/uv/work.hpp>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <uv.h>

#include <aio/uv/loop.hpp>
#include <aio/uv/step_request.hpp>

#include "run_until.hpp"

namespace uv = aio::uv;

namespace {

struct Gate {
    std::mutex mutex;
    std::condition_variable changed;
    bool open = false;
    void wait() {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return open; });
    }
    void release() {
        const std::lock_guard lock(mutex);
        open = true;
        changed.notify_all();
    }
};

struct Job : uv::Work {
    explicit Job(Gate* g = nullptr)
        : Work([](Work& self) noexcept { static_cast<Job&>(self).run(); },
               [](Work& self, int s) noexcept { static_cast<Job&>(self).finish(s); }),
          gate(g) {}
    void run() noexcept {
        if (gate != nullptr) gate->wait();
        thread = std::this_thread::get_id();
    }
    void finish(int s) noexcept {
        status = s;
        done = true;
        done_thread = std::this_thread::get_id();
    }
    Gate* gate;
    std::thread::id thread;
    std::thread::id done_thread;
    int status = 1;
    bool done = false;
};

std::vector<std::unique_ptr<Job>> occupy_all_threads(uv::Loop& loop, Gate& gate) {
    std::vector<std::unique_ptr<Job>> blockers;
    for (unsigned i = 0; i < uv::configure_work_threads(4); ++i) {
        blockers.push_back(std::make_unique<Job>(&gate));
        blockers.back()->start(loop);
    }
    return blockers;
}

/// A long job that is never done.
struct Endless {
    bool step() noexcept { return true; }
};

} // namespace

TEST_CASE("uv work: the job runs on another thread, its completion on the loop's") {
    uv::Loop loop;
    Job job;
    job.start(loop);
    loop.run();
    CHECK(job.done);
    CHECK(job.status == 0);
    CHECK(job.thread != std::this_thread::get_id());
    CHECK(job.done_thread == std::this_thread::get_id());
    CHECK(!job.cancel());
}

TEST_CASE("uv work: a job that has not started can be cancelled and still completes, with ECANCELED") {
    uv::Loop loop;
    Gate gate;
    const std::vector<std::unique_ptr<Job>> blockers = occupy_all_threads(loop, gate);
    Job queued;
    queued.start(loop);
    CHECK(queued.cancel());
    gate.release();
    loop.run();
    CHECK(queued.done);
    CHECK(queued.status == UV_ECANCELED);
    CHECK(queued.thread == std::thread::id());
    for (const auto& blocker : blockers) CHECK(blocker->status == 0);
}

TEST_CASE(
    "uv step request: a step tells whether there is more; one that is cancelled lets its job go at once") {
    uv::Loop loop;
    uv_test::Noted done;
    uv::StepRequest<Endless> step;
    step.start(loop, std::make_shared<Endless>(), done);
    loop.run();
    CHECK(done.calls == 1);
    CHECK(done.status == 0);
    CHECK(step.more());

    Gate gate;
    const std::vector<std::unique_ptr<Job>> blockers = occupy_all_threads(loop, gate);
    auto job = std::make_shared<Endless>();
    const std::weak_ptr<Endless> watched = job;
    uv_test::Noted cancelled;
    uv::StepRequest<Endless> queued;
    queued.start(loop, std::move(job), cancelled);
    CHECK(queued.cancel());
    CHECK(watched.expired());
    gate.release();
    loop.run();
    CHECK(cancelled.calls == 1);
    CHECK(cancelled.status == UV_ECANCELED);
}
