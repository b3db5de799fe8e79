#include <aio/executors/process_stream_core.hpp>

#include <algorithm>

#include <aio/core/errors.hpp>

namespace aio::detail {

bool StreamClose::await_ready() {
    stream_->check_here();
    stream_->close();
    return !stream_->has_call();
}

void StreamClose::link() noexcept { stream_->add_closer(*this); }

StreamCore::StreamCore(EventLoop& loop, const ProcessCallOptions& options)
    : loop_(&loop.state()),
      credit_items_(std::max<std::uint64_t>(1, options.settings().buffersize / 2)),
      credit_bytes_(std::max<std::uint64_t>(1, options.settings().buffer_bytes / 2)) {}

void StreamCore::check_here() const {
    if (&get_running_loop().state() != &*loop_)
        throw RuntimeError("a ProcessStream is read in another event loop than it was opened in");
}

void StreamCore::note_taken(std::uint64_t bytes) noexcept {
    ++taken_items_;
    taken_bytes_ += bytes;
    if (ended_ || (taken_items_ < credit_items_ && taken_bytes_ < credit_bytes_)) return;
    if (const auto host = host_.lock()) host->give_credit(id_, taken_items_, taken_bytes_);
    taken_items_ = 0;
    taken_bytes_ = 0;
}

void StreamCore::close() noexcept {
    const Ref<StreamCore> keep(this);
    ended_ = true;
    error_ = nullptr;
    drop_items();
    stop_call();
    serve_waiters();
}

void StreamCore::fail(std::exception_ptr error) noexcept {
    if (ended_) return;
    const Ref<StreamCore> keep(this);
    ended_ = true;
    error_ = std::move(error);
    stop_call();
    serve_waiters();
}

void StreamCore::end_call(std::exception_ptr error) noexcept {
    const Ref<StreamCore> keep(this);
    call_ended_ = true;
    if (!ended_) {
        ended_ = true;
        error_ = std::move(error);
        serve_waiters();
    }
    while (StreamClose* const wait = closers_.front()) wait->end();
}

void StreamCore::stop_call() noexcept {
    if (call_ended_) return;
    if (const auto host = host_.lock()) host->stop_stream(id_);
}

} // namespace aio::detail
