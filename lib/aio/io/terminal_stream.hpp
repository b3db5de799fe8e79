#pragma once

/// `TerminalStream`: a terminal, as a stream of bytes.
///
///     aio::TerminalStream keys(loop, 0);
///     keys.set_mode(aio::TerminalMode::raw);
///     std::array<std::byte, 1> key;
///     co_await keys.read_some(key);
///
/// Whether there is a terminal says `is_terminal`. That the window changes its size says the signal SIGWINCH.

#include <aio/io/stream.hpp>
#include <aio/uv/tty.hpp>

namespace aio {

class EventLoop;
using uv::is_terminal;
using uv::TerminalMode;
/// Columns and rows.
using TerminalSize = uv::Tty::Size;

/// A terminal; move-only. One that is read is not written to by the same object on every system: make one for
/// descriptor 0 and one for descriptor 1.
class TerminalStream final : public Stream {
public:
    /// The terminal of a descriptor, which stays open for others. Throws `std::system_error` if it is none.
    TerminalStream(EventLoop& loop, int descriptor);

    /// Changes how keys are treated. The terminal is put back to how it was when the stream is closed, and
    /// when the program ends by `exit` or by returning from `main`; one that ends by a signal calls
    /// `restore_terminal` in its handler. Throws `std::system_error`.
    void set_mode(TerminalMode mode);
    /// Throws `std::system_error`.
    [[nodiscard]] TerminalSize size() const { return tty().size(); }

private:
    [[nodiscard]] uv::Tty& tty() const;
};

/// Puts the terminal whose mode was set back to how it was. Safe in a signal handler.
inline void restore_terminal() noexcept { uv::restore_terminal(); }

} // namespace aio
