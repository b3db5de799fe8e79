#pragma once

/// What is shown while it runs: on a terminal a picture that changes in its place, else a line a second.

#include <cstdint>
#include <string>

#include "figures.hpp"
#include "options.hpp"

namespace pool_torture {

class Display {
public:
    explicit Display(const Options& options);

    /// Whether it is worth to show something several times a second.
    [[nodiscard]] bool is_live() const { return live_; }
    void show(const Figures& figures);
    /// Takes the picture away.
    void clear();

private:
    [[nodiscard]] std::string picture(const Figures& figures, double rate) const;

    const Options& options_;
    const bool live_;
    int lines_ = 0;
    double last_time_ = 0;
    std::uint64_t last_right_ = 0;
};

/// The figures of the whole run, and the verdict.
void print_summary(const Figures& figures);

} // namespace pool_torture
