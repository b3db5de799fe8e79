#pragma once

/// `SubprocessProtocol`: a child process as callbacks (`asyncio.SubprocessProtocol`).
///
///     const auto options = aio::SubprocessOptions().stdout_to(aio::subprocess::PIPE);
///     auto [transport, protocol] = co_await aio::subprocess_exec(make_reader, options, "date");
///
/// All that is said of `Protocol` holds. The callbacks come in this order: `connection_made`; for each pipe
/// what comes from it, and `pipe_connection_lost`; `process_exited` once, perhaps before the last of those;
/// and when the process has ended and all pipes are closed, `connection_lost`. `create_subprocess_exec` is
/// the same for coroutines.

#include <concepts>
#include <csignal>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <aio/io/process_state.hpp>
#include <aio/io/protocol.hpp>
#include <aio/io/protocol_factory.hpp>
#include <aio/io/subprocess_options.hpp>
#include <aio/io/transport.hpp>
#include <aio/io/transport_and_protocol.hpp>
#include <aio/io/transport_core.hpp>

namespace aio {

class SubprocessTransport;

/// Is told of a child process. Pipes have the numbers that they have in the child: 0 is its input, 1 its
/// output, 2 its errors; 0 is closed when the process has ended. `pause_writing` and `resume_writing` are
/// about its input. What `pipe_data_received` throws closes that pipe.
class SubprocessProtocol : public BaseProtocol {
public:
    /// The process runs. The transport is valid until `connection_lost` has returned.
    virtual void connection_made(SubprocessTransport& transport);
    /// The process has written to its output or errors; the bytes are gone when this returns.
    virtual void pipe_data_received(int fd, std::span<const std::byte> data);
    /// A pipe is closed, by whichever side: null, or what it has broken with.
    virtual void pipe_connection_lost(int fd, std::exception_ptr error);
    /// The process has ended: `get_returncode` tells how.
    virtual void process_exited();

protected:
    SubprocessProtocol() = default;
};

/// A child process and its pipes. It belongs to its loop until `connection_lost` has been called; closing the
/// loop kills a process that still runs.
class SubprocessTransport final : private detail::TransportCore {
public:
    [[nodiscard]] int get_pid() const noexcept { return pid_; }
    /// How the process ended: its exit code, or the negative number of the signal that ended it. Nothing
    /// while it runs, or while the loop has not noticed its end.
    [[nodiscard]] std::optional<int> get_returncode() const noexcept { return returncode_; }
    /// The transport of a pipe, to write to 0, or to pause reading from 1 and 2; null if there is no such
    /// pipe.
    [[nodiscard]] Transport* get_pipe_transport(int fd) const noexcept;

    /// Sends a signal. Throws `std::system_error`: no_such_process once the process has ended.
    void send_signal(int signum);
    /// Asks it to end (SIGTERM); ends it (SIGKILL).
    void terminate() { send_signal(SIGTERM); }
    void kill();
    /// Closes the pipes, and kills the process if it still runs. `connection_lost` comes when it has ended.
    void close() noexcept;
    using TransportCore::is_closing;

    SubprocessTransport(const SubprocessTransport&) = delete;
    SubprocessTransport& operator=(const SubprocessTransport&) = delete;

    /// For the library: starts a process in the running loop.
    [[nodiscard]] static detail::Ref<SubprocessTransport> start(std::vector<std::string> arguments,
                                                                const SubprocessOptions& options,
                                                                SubprocessProtocol& protocol,
                                                                std::unique_ptr<SubprocessProtocol> owned);
    using TransportCore::made;

private:
    friend detail::Ref<SubprocessTransport>;

    /// One of the pipes, and the protocol of its transport.
    class Pipe final : public Protocol {
    public:
        Pipe(SubprocessTransport& owner, int fd, Stream stream);
        void data_received(std::span<const std::byte> data) override;
        void connection_lost(std::exception_ptr error) override;
        void pause_writing() override;
        void resume_writing() override;

        [[nodiscard]] int fd() const noexcept { return fd_; }
        [[nodiscard]] Transport& transport() const noexcept { return *transport_; }

    private:
        SubprocessTransport& owner_;
        int fd_;
        detail::Ref<Transport> transport_;
    };

    SubprocessTransport(EventLoop& loop, std::vector<std::string> arguments,
                        const SubprocessOptions& options);
    ~SubprocessTransport() override;

    // TransportCore
    void tell_made() override;
    void do_io() noexcept override;
    void drop_below() noexcept override;
    void close_below() noexcept override { process_.reset(); }
    [[nodiscard]] std::size_t queued() const noexcept override { return 0; }
    void protocol_changed(BaseProtocol* protocol) noexcept override;

    void on_exit() noexcept;

    detail::ProcessOwner process_;
    int pid_ = 0;
    std::optional<int> returncode_;
    SubprocessProtocol* protocol_ = nullptr;
    std::vector<std::unique_ptr<Pipe>> pipes_;
    std::size_t open_pipes_ = 0;
    bool exit_told_ = false;
};

namespace detail {

template <class F>
concept SubprocessProtocolFactory = ProtocolFactory<F, SubprocessProtocol>;

template <class F>
Coro<TransportAndProtocol<SubprocessTransport, ProtocolOf<F>>>
begin_subprocess(F factory, std::vector<std::string> arguments, SubprocessOptions options) {
    MadeProtocol<ProtocolOf<F>> made = make_protocol(factory);
    const Ref<SubprocessTransport> transport =
        SubprocessTransport::start(std::move(arguments), options, made.protocol(), made.take());
    co_await until_made(transport);
    co_return TransportAndProtocol<SubprocessTransport, ProtocolOf<F>>(transport, made.protocol());
}

[[nodiscard]] std::vector<std::string> shell_command(std::string command);

} // namespace detail

/// Starts a program with a protocol; the factory is as for `create_connection`, and the rest as for
/// `create_subprocess_exec` (other than in asyncio, streams that nothing is said of are the program's own).
/// Returns when `connection_made` has been called. Cancelling before that closes the transport, which kills
/// the process.
template <class F>
    requires detail::SubprocessProtocolFactory<F>
[[nodiscard]] Coro<TransportAndProtocol<SubprocessTransport, detail::ProtocolOf<F>>>
subprocess_exec(F factory, SubprocessOptions options, std::vector<std::string> arguments) {
    return detail::begin_subprocess(std::move(factory), std::move(arguments), std::move(options));
}
template <class F, class... Args>
    requires detail::SubprocessProtocolFactory<F> &&
             (sizeof...(Args) > 0 && (std::convertible_to<Args, std::string> && ...))
[[nodiscard]] Coro<TransportAndProtocol<SubprocessTransport, detail::ProtocolOf<F>>> subprocess_exec(
    F factory, SubprocessOptions options, Args&&... arguments) {
    std::vector<std::string> all;
    all.reserve(sizeof...(Args));
    (all.emplace_back(std::forward<Args>(arguments)), ...);
    return detail::begin_subprocess(std::move(factory), std::move(all), std::move(options));
}
/// Has the system's shell run a command line. Whoever puts text of others into it must quote that.
template <class F>
    requires detail::SubprocessProtocolFactory<F>
[[nodiscard]] Coro<TransportAndProtocol<SubprocessTransport, detail::ProtocolOf<F>>>
subprocess_shell(F factory, std::string command, SubprocessOptions options = SubprocessOptions()) {
    return detail::begin_subprocess(std::move(factory), detail::shell_command(std::move(command)),
                                    std::move(options));
}

} // namespace aio
