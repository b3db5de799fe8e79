#pragma once

/// The state behind `Process`, and who waits for its end.

#include <coroutine>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <aio/core/intrusive_list.hpp>
#include <aio/core/loop_resource.hpp>
#include <aio/core/loop_state.hpp>
#include <aio/core/ref.hpp>
#include <aio/core/suspension.hpp>
#include <aio/io/pipe_stream.hpp>
#include <aio/io/subprocess_options.hpp>
#include <aio/uv/completion.hpp>
#include <aio/uv/process.hpp>

namespace aio::detail {

class ProcessState;

/// `wait`. Cancelling it unlinks it; the process runs on.
class ProcessWait final : public Suspension, public ListNode {
public:
    explicit ProcessWait(ProcessState& process) noexcept : process_(&process) {}
    [[nodiscard]] bool await_ready() const;
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        suspend(caller);
        start();
    }
    int await_resume();
    [[nodiscard]] std::string description() const override;

    /// The process has ended; or its object is gone, and nobody will know.
    void finish(std::optional<int> returncode) noexcept {
        returncode_ = returncode;
        wake();
    }

private:
    void start();
    bool on_cancel(const std::string&) noexcept override {
        unlink();
        return wake_cancelled();
    }

    ProcessState* process_;
    std::optional<int> returncode_;
};

/// Lives as long as the `Process`.
class ProcessState final : public LoopResource, private uv::Completion {
public:
    ProcessState(EventLoop& loop, std::vector<std::string> arguments, const SubprocessOptions& options);
    ~ProcessState();
    ProcessState(const ProcessState&) = delete;
    ProcessState& operator=(const ProcessState&) = delete;

    [[nodiscard]] LoopState& loop() const noexcept { return *loop_; }
    [[nodiscard]] int pid() const noexcept { return pid_; }
    [[nodiscard]] const std::string& program() const noexcept { return program_; }
    [[nodiscard]] std::optional<int> returncode() const noexcept { return returncode_; }
    [[nodiscard]] std::optional<PipeStream>& stream(int number) noexcept {
        return streams_[static_cast<std::size_t>(number)];
    }
    void send_signal(int signum);
    /// Is called, below libuv, when the process has ended.
    void set_observer(uv::Callback exited) noexcept { observer_ = exited; }
    /// The process may outlive this.
    void detach() noexcept { detached_ = true; }

    // LoopResource
    void loop_closing() noexcept override;

private:
    friend ProcessWait;
    static void on_exit(uv::Completion& self, int) noexcept;
    void let_go() noexcept;

    Ref<LoopState> loop_;
    std::string program_;
    std::unique_ptr<uv::Process> process_;
    std::optional<PipeStream> streams_[3];
    IntrusiveList<ProcessWait> waiters_;
    uv::Callback observer_;
    std::optional<int> returncode_;
    int pid_ = 0;
    bool detached_ = false;
};

/// What `wait` returns, until it is awaited.
class ProcessWaitOperation {
public:
    explicit ProcessWaitOperation(ProcessState& process) noexcept : process_(&process) {}
    ProcessWait operator co_await() const noexcept { return ProcessWait(*process_); }

private:
    ProcessState* process_;
};

} // namespace aio::detail
