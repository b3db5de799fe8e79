#pragma once

/// What the user sees on stderr meanwhile: a progress bar if that is a terminal, a plain line now and then
/// otherwise; and messages.

#include <chrono>
#include <string>

#include "state.hpp"

namespace ingest {

class Console {
public:
    Console();

    /// Prints a line, above the bar.
    void message(const std::string& text);
    /// Shows how far it is; to be called often.
    void show(const State& state);
    /// Says what is going on while there is no bar; only on a terminal.
    void status(const std::string& text);
    /// Removes the bar.
    void clear();

private:
    void draw(const std::string& line);

    bool is_terminal_;
    bool is_drawn_ = false;
    std::chrono::steady_clock::time_point next_line_;
};

} // namespace ingest
