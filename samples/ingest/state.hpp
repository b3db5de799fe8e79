#pragma once

/// What is known about a run, from the first file found to the last one counted.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "files.hpp"
#include "totals.hpp"

namespace ingest {

/// What became of a file.
enum class Fate : unsigned char { waiting, counted, rejected, binary, unreadable, lost };

/// Belongs to the loop's thread: the tasks share it without a lock.
class State {
public:
    using Clock = std::chrono::steady_clock;

    /// The files are known; the time counts from now.
    void begin(std::vector<File> files) {
        files_ = std::move(files);
        fates_.assign(files_.size(), Fate::waiting);
        started_ = Clock::now();
    }
    /// Gives files that nobody has been given before; none when there are no more.
    [[nodiscard]] Range take() {
        const Range batch = batch_at(files_, taken_);
        taken_ = batch.end;
        return batch;
    }
    /// A file is done.
    void settle(std::size_t index, Fate fate) {
        fates_[index] = fate;
        ++numbers_[static_cast<std::size_t>(fate)];
        ++settled_;
    }
    /// All files are done, or no more will be.
    void end() {
        totals.finish();
        if (started_ != Clock::time_point()) elapsed_ = Clock::now() - started_;
    }

    [[nodiscard]] const std::vector<File>& files() const { return files_; }
    [[nodiscard]] Fate fate(std::size_t index) const { return fates_[index]; }
    [[nodiscard]] std::size_t number(Fate fate) const { return numbers_[static_cast<std::size_t>(fate)]; }
    [[nodiscard]] std::size_t settled() const { return settled_; }
    /// Between `begin` and `end`.
    [[nodiscard]] std::chrono::duration<double> elapsed() const { return elapsed_; }

    Totals totals;
    /// Of files and parts of files, also of those that are not counted in the end.
    std::uint64_t bytes_read = 0;
    /// What was found, but is neither a file nor a directory that could be read.
    std::size_t unlisted = 0;

private:
    std::vector<File> files_;
    std::vector<Fate> fates_;
    std::array<std::size_t, 6> numbers_{};
    std::size_t taken_ = 0;
    std::size_t settled_ = 0;
    Clock::time_point started_;
    std::chrono::duration<double> elapsed_{};
};

} // namespace ingest
