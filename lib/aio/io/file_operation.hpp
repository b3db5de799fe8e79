#pragma once

/// `FileOperation<R>`: what every function on files returns, until it is awaited.
///
/// A file operation runs in a thread of libuv's work queue. All that the thread touches (paths, bytes)
/// belongs to the operation, never to the caller, so a task that goes away leaves nothing dangling.
///
/// Cancelling a task that waits for one takes the operation out of the queue if no thread has begun it: it
/// has not happened then. One that has begun cannot be stopped; the task waits for its end, so that nothing
/// goes on behind its back, and then gets its `CancelledError`. What the operation gave (an open file) is
/// dropped.

#include <coroutine>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <aio/core/frame_pool.hpp>
#include <aio/core/loop_state.hpp>
#include <aio/core/ref.hpp>
#include <aio/core/suspension.hpp>
#include <aio/uv/completion.hpp>

namespace aio {

namespace uv {
class Loop;
}

namespace detail {

class FileSuspension;

/// One operation with all its data. Owned by whoever waits, and by itself once nobody does.
class FileJob : public PoolAllocated, public uv::Completion {
public:
    FileJob(const FileJob&) = delete;
    FileJob& operator=(const FileJob&) = delete;
    virtual ~FileJob() = default;

    /// Queues it. Throws `std::system_error` if the loop refuses.
    void start(LoopState& loop, FileSuspension& waiter);
    /// Nobody waits any more: it deletes itself at its end.
    void orphan() noexcept { waiter_ = nullptr; }
    /// Takes it out of the queue; false if a thread has begun it. It still ends, with an error.
    virtual bool cancel() noexcept = 0;
    /// What it does, and to what: "open /etc/passwd".
    [[nodiscard]] const std::string& what() const noexcept { return what_; }
    /// Drops what it gave, if it gave something that nobody has taken.
    virtual void drop_result() noexcept = 0;

    /// Queues one that nobody waits for. If the loop refuses it does not happen.
    static void start_alone(std::unique_ptr<FileJob> job, LoopState& loop) noexcept;

protected:
    explicit FileJob(std::string what) : Completion(&on_done), what_(std::move(what)) {}
    virtual void begin(uv::Loop& loop) = 0;
    /// To be called before the result is made. True: it succeeded, and this is the first call.
    [[nodiscard]] bool first_taking() noexcept { return !std::exchange(taken_, true) && status_ >= 0; }
    /// Throws what it ended with.
    void check() const;
    /// The loop in which it was started.
    [[nodiscard]] LoopState& loop() const noexcept { return *loop_; }

private:
    static void on_done(uv::Completion& self, int status) noexcept;

    std::string what_;
    Ref<LoopState> loop_;
    FileSuspension* waiter_ = nullptr;
    int status_ = 0;
    bool taken_ = false;
};

/// One that gives an `R`.
template <class R>
class FileJobOf : public FileJob {
public:
    /// The result; throws `std::system_error` that says what was tried. To be called once.
    R take() {
        if (!this->first_taking()) this->check();
        return result();
    }
    void drop_result() noexcept override {
        if (!this->first_taking()) return;
        try {
            static_cast<void>(result());
        } catch (...) {
            // Nobody wants it.
        }
    }

protected:
    using FileJob::FileJob;
    virtual R result() = 0;
};

/// Waits for a job.
class FileSuspension : public Suspension {
public:
    [[nodiscard]] std::string description() const override;
    /// The job has ended.
    void finish() noexcept;

protected:
    explicit FileSuspension(std::unique_ptr<FileJob> job) noexcept : job_(std::move(job)) {}
    ~FileSuspension();

    /// To be called from `await_suspend`, after `suspend`.
    void start();
    bool on_cancel(const std::string& message) noexcept override;
    /// To be called first in `await_resume`.
    void throw_if_cancelled();

    std::unique_ptr<FileJob> job_;

private:
    /// The message of the first cancellation, if it has to wait for a thread.
    std::optional<std::string> cancel_message_;
};

template <class R>
class FileAwaiter final : public FileSuspension {
public:
    explicit FileAwaiter(std::unique_ptr<FileJobOf<R>> job) noexcept : FileSuspension(std::move(job)) {}
    ~FileAwaiter() {
        // The loop may have been closed before the task could take the result.
        if (job_ && waited() && !pending()) job_->drop_result();
    }
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        suspend(caller);
        start();
    }
    R await_resume() {
        throw_if_cancelled();
        return static_cast<FileJobOf<R>&>(*job_).take();
    }
};

/// The path as libuv wants it: in UTF-8. Throws `ValueError` for one with a null character in it, at which
/// the system would take it to end.
[[nodiscard]] std::string path_text(const std::filesystem::path& path);

} // namespace detail

/// An operation that has not begun: `co_await` runs it, once, and gives the result. Throws
/// `std::system_error` that names the operation and the path. Move-only; dropped unawaited, nothing happens.
template <class R>
class [[nodiscard("a file operation does nothing until it is awaited")]] FileOperation {
public:
    explicit FileOperation(std::unique_ptr<detail::FileJobOf<R>> job) noexcept : job_(std::move(job)) {}
    detail::FileAwaiter<R> operator co_await() && noexcept { return detail::FileAwaiter<R>(std::move(job_)); }

private:
    std::unique_ptr<detail::FileJobOf<R>> job_;
};

} // namespace aio
