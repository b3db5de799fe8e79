#pragma once

/// The state behind `Process`, and who waits for its end.

#include <coroutine>
#include <memory>
#include <optional>
#include <string>
#include <utility>
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
    explicit ProcessWait(Ref<ProcessState> process) noexcept : process_(std::move(process)) {}
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

    Ref<ProcessState> process_;
    std::optional<int> returncode_;
};

/// Ends with the `Process` that owns it, by `release_owned`; what is left of it then stays as long as
/// somebody waits for the process or works on its pipes.
class ProcessState final : public RefCounted, public LoopResource, private uv::Completion {
public:
    ProcessState(EventLoop& loop, std::vector<std::string> arguments, const SubprocessOptions& options);
    ~ProcessState() override;

    [[nodiscard]] LoopState& loop() const noexcept { return *loop_; }
    [[nodiscard]] int pid() const noexcept { return pid_; }
    [[nodiscard]] const std::string& program() const noexcept { return program_; }
    [[nodiscard]] std::optional<int> returncode() const noexcept { return returncode_; }
    /// Nobody will ever know how it ended.
    [[nodiscard]] bool is_lost() const noexcept { return process_ == nullptr && !returncode_; }
    [[nodiscard]] std::optional<PipeStream>& stream(int number) noexcept {
        return streams_[static_cast<std::size_t>(number)];
    }
    /// Throws `std::system_error` (operation_canceled) if the object that stood for the process has gone.
    void check_owned() const;
    /// Its name for messages: "the input of cat".
    [[nodiscard]] std::string stream_name(int number) const;
    void send_signal(int signum);
    /// Is called, below libuv, when the process has ended.
    void set_observer(uv::Callback exited) noexcept { observer_ = exited; }
    /// The process may outlive this.
    void detach() noexcept { detached_ = true; }
    /// The object that stood for the process has gone: so do the process, unless it is detached, and the
    /// pipes.
    void release_owned() noexcept;

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
    bool owned_ = true;
};

/// The one owner of a process.
struct ProcessRelease {
    void operator()(ProcessState* state) const noexcept { state->release_owned(); }
};
using ProcessOwner = std::unique_ptr<ProcessState, ProcessRelease>;

[[nodiscard]] ProcessOwner start_process(EventLoop& loop, std::vector<std::string> arguments,
                                         const SubprocessOptions& options);

/// What `wait` returns, until it is awaited.
class ProcessWaitOperation {
public:
    explicit ProcessWaitOperation(ProcessState& process) noexcept : process_(&process) {}
    ProcessWait operator co_await() const noexcept { return ProcessWait(process_); }

private:
    Ref<ProcessState> process_;
};

} // namespace aio::detail
