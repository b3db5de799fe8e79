#pragma once

/// A terminal without a screen.

#include <fcntl.h>
#include <stdlib.h>
#include <termios.h>

#include <doctest/doctest.h>

#include <aio/uv/descriptor.hpp>

namespace io_test {

/// What a person would type is written to `keyboard`, and what he would see is read there.
class PseudoTerminal {
public:
    PseudoTerminal() : keyboard(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
        REQUIRE(::grantpt(keyboard.get()) == 0);
        REQUIRE(::unlockpt(keyboard.get()) == 0);
        terminal = aio::uv::Descriptor(::open(::ptsname(keyboard.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
        REQUIRE(terminal.valid());
    }
    [[nodiscard]] bool in_lines() const {
        termios settings{};
        REQUIRE(::tcgetattr(terminal.get(), &settings) == 0);
        return (settings.c_lflag & ICANON) != 0;
    }
    aio::uv::Descriptor keyboard;
    aio::uv::Descriptor terminal;
};

} // namespace io_test
