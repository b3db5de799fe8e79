#include <aio/io/tls_stream.hpp>

#include <aio/core/errors.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/io/tls_engine_private.hpp>
#include <aio/io/tls_state_private.hpp>
#include <aio/uv/error.hpp>

namespace aio {
namespace detail {

/// Takes streams apart.
class TlsMaker {
public:
    static std::unique_ptr<TlsState> begin(Stream& below, const TlsContext& context, const std::string& host,
                                           Duration patience, TlsState::HandshakeEnd end) {
        StreamState& state = below.state();
        if (&state.loop() != running_loop_state())
            throw RuntimeError("TLS: the stream belongs to another loop than the running one");
        if (!state.is_open())
            std::rethrow_exception(state.error_of(uv::status::closed, "TLS handshake with"));
        if (patience <= Duration::zero())
            throw ValueError("the time-out of a TLS handshake must be positive");
        TlsEngine engine(TlsAccess::settings(context), host);
        auto made = std::make_unique<TlsState>(std::move(below.state_), std::move(engine), std::move(end));
        made->begin(patience);
        return made;
    }
};

namespace {

Coro<TlsStream> shake_hands(Stream below, TlsContext context, std::string host, Duration patience) {
    Future<> done = get_running_loop().create_future<>();
    const auto tell = [done](const std::exception_ptr& error) mutable {
        if (done.done()) return;
        if (error)
            done.set_exception(error);
        else
            done.set_result();
    };
    std::unique_ptr<TlsState> state = TlsMaker::begin(below, context, host, patience, tell);
    co_await done;
    co_return TlsStream(std::move(state));
}

void require_side(const TlsContext& context, bool server) {
    if (context.is_server() != server)
        throw ValueError(server ? "a server's TLS needs a context made by TlsContext::server"
                                : "a client's TLS needs a context made by TlsContext::client");
}

} // namespace

TlsStream begin_server_tls(Stream below, const TlsContext& context, Duration handshake_timeout,
                           std::function<void(std::exception_ptr)> end) {
    return TlsStream(TlsMaker::begin(below, context, {}, handshake_timeout, std::move(end)));
}

} // namespace detail

Coro<TlsStream> TlsStream::client(Stream below, TlsContext context, std::string server_hostname,
                                  Duration handshake_timeout) {
    detail::require_side(context, false);
    return detail::shake_hands(std::move(below), std::move(context), std::move(server_hostname),
                               handshake_timeout);
}

Coro<TlsStream> TlsStream::server(Stream below, TlsContext context, Duration handshake_timeout) {
    detail::require_side(context, true);
    return detail::shake_hands(std::move(below), std::move(context), {}, handshake_timeout);
}

const TlsInfo& TlsStream::tls_info() const { return *state().tls_info(); }

Coro<StreamConnection> start_tls(StreamConnection connection, TlsContext context, std::string server_hostname,
                                 Duration handshake_timeout) {
    const std::size_t limit = connection.reader.limit();
    Stream below = connection.writer.detach("start_tls");
    TlsStream stream = co_await detail::shake_hands(std::move(below), std::move(context),
                                                    std::move(server_hostname), handshake_timeout);
    co_return StreamConnection(std::move(stream), limit);
}

} // namespace aio
