#include "console.hpp"

#include <algorithm>
#include <cstdio>

#ifdef _WIN32
#include <io.h>
#else
#include <unistd.h>
#endif

#include "text.hpp"

namespace ingest {
namespace {

constexpr auto between_lines = std::chrono::seconds(1);
constexpr std::size_t bar_width = 30;

bool stderr_is_terminal() {
#ifdef _WIN32
    return _isatty(_fileno(stderr)) != 0;
#else
    return isatty(STDERR_FILENO) != 0;
#endif
}

/// One call for each line, so that nothing of another process gets in between.
void write(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stderr); }

} // namespace

Console::Console()
    : is_terminal_(stderr_is_terminal()), next_line_(std::chrono::steady_clock::now() + between_lines) {}

void Console::message(const std::string& text) {
    clear();
    write("ingest: " + text + "\n");
}

void Console::show(const State& state) {
    const std::size_t done = state.settled();
    const std::size_t all = state.files().size();
    const std::string text =
        std::to_string(done) + " of " + std::to_string(all) + " files, " + human_size(state.bytes_read);
    if (is_terminal_) {
        const std::size_t filled = all == 0 ? 0 : done * bar_width / all;
        draw("[" + std::string(filled, '#') + std::string(bar_width - filled, '.') + "] " + text);
        return;
    }
    const auto now = std::chrono::steady_clock::now();
    if (now < next_line_) return;
    next_line_ = now + between_lines;
    message(text);
}

void Console::status(const std::string& text) {
    if (is_terminal_) draw(text);
}

void Console::clear() {
    if (is_drawn_) write("\r\x1b[K");
    is_drawn_ = false;
}

void Console::draw(const std::string& line) {
    write("\r" + line + "\x1b[K");
    is_drawn_ = true;
}

} // namespace ingest
