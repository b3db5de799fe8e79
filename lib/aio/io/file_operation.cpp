#include <aio/io/file_operation.hpp>

#include <aio/core/errors.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/core/task_state.hpp>
#include <aio/io/null_character.hpp>
#include <aio/uv/error.hpp>

namespace aio::detail {

void FileJob::start(LoopState& loop, FileSuspension& waiter) {
    loop_ = Ref<LoopState>(&loop);
    begin(loop.require_loop().bindings());
    waiter_ = &waiter;
}

void FileJob::start_alone(std::unique_ptr<FileJob> job, LoopState& loop) noexcept {
    try {
        job->loop_ = Ref<LoopState>(&loop);
        job->begin(loop.require_loop().bindings());
        static_cast<void>(job.release());
    } catch (...) {
        // It is destroyed with what it holds.
    }
}

void FileJob::check() const {
    if (status_ < 0) uv::throw_error(status_, what_);
}

void FileJob::on_done(uv::Completion& self, int status) noexcept {
    auto& job = static_cast<FileJob&>(self);
    job.status_ = status;
    if (FileSuspension* const waiter = std::exchange(job.waiter_, nullptr)) {
        waiter->finish();
        return;
    }
    job.drop_result();
    delete &job;
}

FileSuspension::~FileSuspension() {
    // A thread may be at work: the job goes on, with what is its own.
    if (pending() && job_) job_.release()->orphan();
}

std::string FileSuspension::description() const { return job_ ? job_->what() : "a file operation"; }

void FileSuspension::start() {
    try {
        if (!job_) throw RuntimeError("this file operation has been awaited already (or moved from)");
        job_->start(loop(), *this);
    } catch (...) {
        withdraw();
        throw;
    }
}

void FileSuspension::finish() noexcept {
    if (!cancel_message_) {
        wake();
        return;
    }
    job_->drop_result();
    wake_cancelled();
}

bool FileSuspension::on_cancel(const std::string& message) noexcept {
    // Of several cancellations the first is the one that is told.
    if (cancel_message_) return true;
    if (job_ && !job_->cancel()) {
        cancel_message_ = message;
        return true;
    }
    // It ends by itself, on a following turn of the loop.
    if (job_) job_.release()->orphan();
    return wake_cancelled();
}

void FileSuspension::throw_if_cancelled() {
    if (cancel_message_) {
        static_cast<TaskState&>(task()).settle_pending_cancel();
        throw CancelledError(*cancel_message_);
    }
    Suspension::throw_if_cancelled();
}

std::string path_text(const std::filesystem::path& path) {
    const auto text = path.u8string();
    return without_null({text.begin(), text.end()}, "path");
}

} // namespace aio::detail
