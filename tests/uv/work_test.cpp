#include <aio/uv/work.hpp>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <uv.h>

#include <aio/uv/loop.hpp>

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
    std::vector<std::unique_ptr<Job>> blockers;
    for (unsigned i = 0; i < uv::configure_work_threads(4); ++i) {
        blockers.push_back(std::make_unique<Job>(&gate));
        blockers.back()->start(loop);
    }
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
