#include <aio/io/process_state.hpp>

#include <csignal>
#include <utility>

#include <aio/core/errors.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/io/file_operation.hpp>
#include <aio/io/null_character.hpp>
#include <aio/uv/error.hpp>

namespace aio::detail {
namespace {

uv::Stdio stdio_for(const Redirect& redirect, int number, uv::Pipe* end) {
    switch (redirect.kind()) {
    case Redirect::Kind::null: return {};
    case Redirect::Kind::inherit: return uv::Stdio::inherit(number);
    case Redirect::Kind::descriptor:
        if (redirect.number() < 0)
            throw ValueError("a process cannot be given descriptor " + std::to_string(redirect.number()));
        return uv::Stdio::inherit(redirect.number());
    case Redirect::Kind::pipe: return number == 0 ? uv::Stdio::read_from(*end) : uv::Stdio::write_to(*end);
    case Redirect::Kind::standard_output: break;
    }
    if (number != 2) throw ValueError("only the error stream of a process can go where its output goes");
    return uv::Stdio::same_as(1);
}

[[noreturn]] void throw_gone() {
    uv::throw_error(uv::status::canceled, "wait for a process whose object has gone, or its loop");
}

} // namespace

bool ProcessWait::await_ready() const { return process_->returncode() || process_->is_lost(); }

void ProcessWait::start() {
    if (&loop() != process_->loop_.get()) {
        withdraw();
        throw RuntimeError("wait: this process belongs to another loop");
    }
    process_->waiters_.push_back(*this);
}

int ProcessWait::await_resume() {
    if (!waited()) returncode_ = process_->returncode();
    throw_if_cancelled();
    if (!returncode_) throw_gone();
    return *returncode_;
}

std::string ProcessWait::description() const {
    return "the end of process " + std::to_string(process_->pid()) + " (" + process_->program() + ")";
}

ProcessState::ProcessState(EventLoop& loop, std::vector<std::string> arguments,
                           const SubprocessOptions& options)
    : Completion(&on_exit), loop_(&loop.state()) {
    if (arguments.empty()) throw ValueError("create_subprocess_exec: no program is named");
    for (const std::string& argument : arguments) refuse_null(argument, "argument");
    program_ = arguments[0];
    const Redirect redirects[3] = {options.stdin_from(), options.stdout_to(), options.stderr_to()};
    std::vector<uv::Stdio> stdio;
    for (int number = 0; number < 3; ++number) {
        const Redirect& redirect = redirects[number];
        uv::Pipe* end = nullptr;
        if (redirect.kind() == Redirect::Kind::pipe) {
            stream(number) = PipeStream(loop);
            stream(number)->state().set_name(stream_name(number));
            end = &stream(number)->pipe();
        }
        stdio.push_back(stdio_for(redirect, number, end));
    }
    uv::ProcessOptions native(std::move(arguments));
    native.stdio(std::move(stdio)).detached(options.start_new_session());
    if (!options.cwd().empty()) native.directory(path_text(options.cwd()));
    if (auto environment = options.environment()) {
        for (const std::string& variable : *environment) refuse_null(variable, "environment variable");
        native.environment(std::move(*environment));
    }
    process_ = std::make_unique<uv::Process>(loop.bindings(), native, static_cast<uv::Completion&>(*this));
    pid_ = process_->pid();
    loop_->resources.push_back(*this);
}

void ProcessState::check_owned() const {
    if (!owned_) throw_gone();
}

std::string ProcessState::stream_name(int number) const {
    static constexpr const char* names[] = {"the input of ", "the output of ", "the errors of "};
    return names[number] + program_;
}

ProcessState::~ProcessState() { let_go(); }

ProcessOwner start_process(EventLoop& loop, std::vector<std::string> arguments,
                           const SubprocessOptions& options) {
    Ref<ProcessState> state(new ProcessState(loop, std::move(arguments), options));
    state->retain();
    return ProcessOwner(state.get());
}

void ProcessState::release_owned() noexcept {
    const Ref<ProcessState> self(this);
    release();
    owned_ = false;
    observer_ = {};
    let_go();
    for (std::optional<PipeStream>& stream : streams_)
        if (stream) stream->close();
}

void ProcessState::loop_closing() noexcept { let_go(); }

void ProcessState::let_go() noexcept {
    if (process_ != nullptr && !returncode_ && !detached_) static_cast<void>(process_->kill(uv::kill_signal));
    process_.reset();
    while (ProcessWait* const waiter = waiters_.pop_front()) waiter->finish(std::nullopt);
}

void ProcessState::on_exit(uv::Completion& completion, int) noexcept {
    auto& self = static_cast<ProcessState&>(completion);
    const int signum = self.process_->term_signal();
    self.returncode_ = signum != 0 ? -signum : static_cast<int>(self.process_->exit_code());
    self.process_.reset();
    while (ProcessWait* const waiter = self.waiters_.pop_front()) waiter->finish(self.returncode_);
    if (self.observer_) self.observer_();
}

void ProcessState::send_signal(int signum) {
    const int status = process_ == nullptr ? uv::status::no_such_process : process_->kill(signum);
    uv::check(status, "send signal " + std::to_string(signum) + " to process " + std::to_string(pid_) + " (" +
                          program_ + ")");
}

} // namespace aio::detail
