#include <aio/io/subprocess_protocol.hpp>

#include <aio/core/event_loop.hpp>
#include <aio/io/pipe_stream.hpp>
#include <aio/uv/environment.hpp>
#include <aio/uv/error.hpp>
#include <aio/uv/process.hpp>

namespace aio {

void SubprocessProtocol::connection_made(SubprocessTransport&) {}
void SubprocessProtocol::pipe_data_received(int, std::span<const std::byte>) {}
void SubprocessProtocol::pipe_connection_lost(int, std::exception_ptr) {}
void SubprocessProtocol::process_exited() {}

std::vector<std::string> detail::shell_command(std::string command) {
    return uv::shell_arguments(std::move(command));
}

// ---- The pipes

SubprocessTransport::Pipe::Pipe(SubprocessTransport& owner, int fd, Stream stream)
    : owner_(owner), fd_(fd), transport_(Transport::start(std::move(stream), *this, nullptr)) {}

void SubprocessTransport::Pipe::data_received(std::span<const std::byte> data) {
    if (owner_.protocol_ != nullptr) owner_.protocol_->pipe_data_received(fd_, data);
}

void SubprocessTransport::Pipe::connection_lost(std::exception_ptr error) {
    --owner_.open_pipes_;
    owner_.queue_io();
    if (owner_.protocol_ != nullptr) owner_.protocol_->pipe_connection_lost(fd_, std::move(error));
}

void SubprocessTransport::Pipe::pause_writing() {
    if (owner_.protocol_ != nullptr) owner_.protocol_->pause_writing();
}

void SubprocessTransport::Pipe::resume_writing() {
    if (owner_.protocol_ != nullptr) owner_.protocol_->resume_writing();
}

// ---- The process

SubprocessTransport::SubprocessTransport(EventLoop& loop, std::vector<std::string> arguments,
                                         const SubprocessOptions& options)
    : TransportCore(loop),
      process_(detail::start_process(loop, std::move(arguments), options)),
      pid_(process_->pid()) {
    process_->set_observer(uv::bind<&SubprocessTransport::on_exit>(*this));
}

SubprocessTransport::~SubprocessTransport() { drop_protocols(); }

detail::Ref<SubprocessTransport> SubprocessTransport::start(std::vector<std::string> arguments,
                                                            const SubprocessOptions& options,
                                                            SubprocessProtocol& protocol,
                                                            std::unique_ptr<SubprocessProtocol> owned) {
    const detail::Ref<SubprocessTransport> transport(
        new SubprocessTransport(get_running_loop(), std::move(arguments), options));
    transport->begin(protocol, std::move(owned));
    // After that, so that nothing comes from them before `connection_made`.
    for (int fd = 0; fd < 3; ++fd) {
        std::optional<PipeStream>& stream = transport->process_->stream(fd);
        if (!stream) continue;
        transport->pipes_.push_back(std::make_unique<Pipe>(*transport, fd, std::move(*stream)));
        ++transport->open_pipes_;
    }
    return transport;
}

Transport* SubprocessTransport::get_pipe_transport(int fd) const noexcept {
    for (const auto& pipe : pipes_)
        if (pipe->fd() == fd) return &pipe->transport();
    return nullptr;
}

void SubprocessTransport::send_signal(int signum) {
    if (process_ == nullptr || returncode_)
        uv::throw_error(uv::status::no_such_process,
                        "send signal " + std::to_string(signum) + " to process " + std::to_string(pid_));
    process_->send_signal(signum);
}

void SubprocessTransport::kill() { send_signal(uv::kill_signal); }

/// Below libuv.
void SubprocessTransport::on_exit() noexcept {
    returncode_ = process_->returncode();
    queue_io();
}

void SubprocessTransport::do_io() noexcept {
    if (returncode_ && !std::exchange(exit_told_, true)) {
        // Of a pipe that is only written to nobody says that its reader has gone.
        if (Transport* const input = get_pipe_transport(0)) input->close();
        if (protocol_ != nullptr)
            call_mildly("Exception in callback protocol.process_exited()",
                        [this] { protocol_->process_exited(); });
    }
    if (exit_told_ && open_pipes_ == 0) end(nullptr);
}

void SubprocessTransport::close() noexcept {
    if (is_closing()) return;
    set_closing();
    for (const auto& pipe : pipes_) pipe->transport().close();
    if (returncode_ || process_ == nullptr) return;
    try {
        process_->send_signal(uv::kill_signal);
    } catch (const std::exception&) {
        // It has just ended.
        return;
    }
}

/// The process is killed with its state.
void SubprocessTransport::drop_below() noexcept {
    for (const auto& pipe : pipes_) pipe->transport().abort();
    process_.reset();
}

void SubprocessTransport::tell_made() { protocol_->connection_made(*this); }

void SubprocessTransport::protocol_changed(BaseProtocol* protocol) noexcept {
    // Only those come here that `start` has been given.
    protocol_ = static_cast<SubprocessProtocol*>(protocol);
}

} // namespace aio
