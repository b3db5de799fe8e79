#include <aio/structure/runner.hpp>

#include <chrono>
#include <csignal>
#include <exception>
#include <optional>
#include <thread>
#include <vector>

#include <aio/core/error_context.hpp>
#include <aio/core/running_loop.hpp>
#include <aio/structure/ensure_future.hpp>
#include <aio/uv/loop.hpp>
#include <aio/uv/signal.hpp>
#include <aio/workers/process_start.hpp>

namespace aio {
namespace {

/// Static initialisation happens on the main thread, unless the library is loaded later.
const std::thread::id main_thread = std::this_thread::get_id();

/// Turns Ctrl-C into a cancellation of the main task, and a second one into `KeyboardInterrupt`.
class InterruptHandler {
public:
    InterruptHandler(EventLoop& loop, AnyTask main) : loop_(loop), main_(std::move(main)) {
        if (std::this_thread::get_id() != main_thread || !uv::signal_is_default(SIGINT)) return;
        signal_.emplace(loop.bindings());
        signal_->start(SIGINT, uv::bind<&InterruptHandler::on_interrupt>(*this));
        // That the user may lose patience is no reason to wait for ever.
        loop_.count_background_handle(1);
    }
    ~InterruptHandler() {
        if (signal_) loop_.count_background_handle(-1);
    }
    InterruptHandler(const InterruptHandler&) = delete;
    InterruptHandler& operator=(const InterruptHandler&) = delete;

    /// Whether the main task was asked to end because of Ctrl-C.
    [[nodiscard]] bool interrupted() const noexcept { return interrupts_ > 0; }

    void on_interrupt() noexcept {
        // A handler of the program's own takes over.
        if (loop_.has_signal_handler(SIGINT)) return;
        ++interrupts_;
        if (interrupts_ == 1 && !main_.done())
            main_.cancel();
        else
            loop_.state().escaped = std::make_exception_ptr(KeyboardInterrupt());
    }

private:
    EventLoop& loop_;
    AnyTask main_;
    std::optional<uv::Signal> signal_;
    unsigned interrupts_ = 0;
};

Coro<> join_all(std::vector<AnyTask> tasks) {
    for (const AnyTask& task : tasks) co_await detail::until_done(task.state());
}

void cancel_all_tasks(EventLoop& loop) {
    const std::vector<AnyTask> tasks = loop.all_tasks();
    if (tasks.empty()) return;
    for (AnyTask task : tasks) task.cancel();
    loop.run_until_complete(join_all(tasks));
    for (const AnyTask& task : tasks) {
        if (task.cancelled()) continue;
        const std::exception_ptr error = task.exception();
        if (!error) continue;
        ErrorContext context;
        context.message = "unhandled exception during run() shutdown";
        context.exception = error;
        task.task().report(context);
    }
}

} // namespace

Runner::Runner(RunOptions options) : options_(std::move(options)) { detail::prepare_processes(); }

Runner::~Runner() {
    try {
        close();
    } catch (...) {
        ErrorContext context;
        context.message = "Exception while closing a Runner";
        context.exception = std::current_exception();
        report_to_stderr(context);
    }
}

EventLoop& Runner::get_loop() {
    if (closed_) throw RuntimeError("Runner is closed");
    if (!loop_) {
        loop_ = options_.make_loop();
        context_ = copy_context();
    }
    return *loop_;
}

void Runner::prepare() {
    if (detail::running_loop_state() != nullptr)
        throw RuntimeError("Runner.run() cannot be called from a running event loop");
    static_cast<void>(get_loop());
}

void Runner::run_task(const AnyTask& main) {
    InterruptHandler handler(*loop_, main);
    loop_->run_until_done(main.state());
    if (handler.interrupted() && main.cancelled() && main.uncancel() == 0) throw KeyboardInterrupt();
}

void Runner::close() {
    if (closed_) return;
    closed_ = true;
    if (!loop_) return;
    // Whatever a step throws, the loop is closed in the end.
    std::exception_ptr error;
    const auto attempt = [&](auto step) {
        try {
            step();
        } catch (...) {
            if (!error) error = std::current_exception();
        }
    };
    attempt([&] { cancel_all_tasks(*loop_); });
    attempt([&] { loop_->run_until_complete(loop_->shutdown_asyncgens()); });
    attempt([&] { loop_->run_until_complete(loop_->shutdown_default_executor(std::chrono::seconds(300))); });
    loop_->close();
    loop_.reset();
    if (error) std::rethrow_exception(error);
}

} // namespace aio
