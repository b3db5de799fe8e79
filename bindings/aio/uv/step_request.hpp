#pragma once

/// Long jobs that are done in steps: between two of them others get the thread, and the job can be given up.

#include <memory>
#include <utility>

#include <aio/uv/completion.hpp>
#include <aio/uv/work.hpp>

namespace aio::uv {

class Loop;

/// Takes one step of a job in a thread of the work queue: `job->step()`, which says whether there is more to
/// do, and does not throw.
template <class LongJob>
class StepRequest final : private Work {
public:
    StepRequest() noexcept : Work(&run, &end) {}
    /// The completion's status tells only whether the step was taken; the job, whether it succeeded.
    void start(Loop& loop, std::shared_ptr<LongJob> job, Completion& done) {
        job_ = std::move(job);
        done_ = &done;
        Work::start(loop);
    }
    /// Takes a step that no thread has begun out of the queue: true, and the completion comes with ECANCELED.
    /// The job is let go at once: what it undoes when it goes must not come later.
    bool cancel() noexcept {
        if (!Work::cancel()) return false;
        job_.reset();
        return true;
    }
    /// Whether there is more to do.
    [[nodiscard]] bool more() const noexcept { return more_; }

private:
    static void run(Work& self) noexcept {
        auto& request = static_cast<StepRequest&>(self);
        request.more_ = request.job_->step();
    }
    static void end(Work& self, int status) noexcept { (*static_cast<StepRequest&>(self).done_)(status); }

    std::shared_ptr<LongJob> job_;
    Completion* done_ = nullptr;
    bool more_ = false;
};

} // namespace aio::uv
