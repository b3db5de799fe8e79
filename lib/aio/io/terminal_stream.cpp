#include <aio/io/terminal_stream.hpp>

#include <cstdlib>
#include <memory>

#include <aio/core/event_loop.hpp>

namespace aio {

TerminalStream::TerminalStream(EventLoop& loop, int descriptor)
    : Stream(std::make_unique<detail::StreamStateOf<uv::Tty>>(loop.state(), loop.bindings(), descriptor)) {
    state().set_number(descriptor);
}

void TerminalStream::set_mode(TerminalMode mode) {
    // What a shell finds afterwards must be usable.
    static const bool registered = std::atexit([] { uv::restore_terminal(); }) == 0;
    static_cast<void>(registered);
    tty().set_mode(mode);
}

uv::Tty& TerminalStream::tty() const {
    state().check_open();
    return static_cast<detail::StreamStateOf<uv::Tty>&>(state()).own;
}

} // namespace aio
