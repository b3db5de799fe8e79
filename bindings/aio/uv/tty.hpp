#pragma once

/// Terminals.

#include <cstdint>

#include <aio/uv/stream.hpp>

namespace aio::uv {

class Loop;

/// How a terminal treats what is typed.
enum class TerminalMode : std::uint8_t {
    /// Whole lines, which can be edited and are shown.
    normal,
    /// Each key at once, not shown; Ctrl-C is a byte.
    raw
};

/// Whether a descriptor is a terminal.
[[nodiscard]] bool is_terminal(int fd) noexcept;

/// Puts the terminal that was last set to another mode back to how it was. Safe in a signal handler.
void restore_terminal() noexcept;

/// A terminal stream.
class Tty final : public Stream {
public:
    /// The terminal of a descriptor, which stays the caller's where the system can open the terminal once
    /// more: reading and writing it does not block then until this is closed. Throws `std::system_error` if
    /// it is none.
    Tty(Loop& loop, int fd);

    /// Closing puts it back. Throws `std::system_error`.
    void set_mode(TerminalMode mode);
    /// Columns and rows.
    struct Size {
        int columns = 0;
        int rows = 0;
    };
    [[nodiscard]] Size size() const;

private:
    Tty(Loop& loop, int fd, bool blocked);
};

} // namespace aio::uv
