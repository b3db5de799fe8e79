#include "one_thread.hpp"

#include <functional>
#include <stop_token>
#include <utility>
#include <vector>

#include "files.hpp"
#include "stop_at_end.hpp"

namespace ingest {
namespace {

/// Files for which the filter has not been asked yet.
class Batch {
public:
    explicit Batch(Filter& filter) : filter_(filter) {}

    void add(const std::string& path, FileCounts counts) {
        candidates_.push_back(Candidate{path, counts.lines, counts.tokens, counts.bytes});
        counts_.push_back(std::move(counts));
    }
    [[nodiscard]] bool is_full() const { return counts_.size() == 256; }
    /// Asks, and adds what it keeps.
    void settle(Totals& totals) {
        const std::vector<bool> kept = filter_.keep_each(candidates_);
        for (std::size_t i = 0; i < counts_.size(); ++i)
            if (kept[i]) totals.add(counts_[i]);
        candidates_.clear();
        counts_.clear();
    }

private:
    Filter& filter_;
    std::vector<Candidate> candidates_;
    std::vector<FileCounts> counts_;
};

/// False if it is binary.
bool count_file(const std::string& path, const std::stop_token& stop, FileCounts& counts) {
    for (bool is_last = false; !is_last && !stop.stop_requested();) {
        const Piece piece = read_piece(path, counts.bytes);
        if (piece.is_binary) return false;
        is_last = piece.is_last;
        counts.add(piece.text.size(), parse(piece.text, counts.checksum));
    }
    return true;
}

OneThread count_all(const State& state, Filter& filter, const std::stop_token& stop) {
    const auto start = State::Clock::now();
    OneThread result;
    Batch batch(filter);
    for (std::size_t i = 0; i < state.files().size() && !stop.stop_requested(); ++i) {
        if (state.fate(i) == Fate::lost) continue;
        try {
            FileCounts counts;
            if (!count_file(state.files()[i], stop, counts)) continue;
            batch.add(state.files()[i], std::move(counts));
        } catch (const Unreadable&) {
            continue;
        }
        if (batch.is_full()) batch.settle(result.totals);
    }
    batch.settle(result.totals);
    result.elapsed = State::Clock::now() - start;
    return result;
}

} // namespace

aio::Coro<OneThread> on_one_thread(const State& state, Filter& filter) {
    // The thread refers to what belongs to others, so it must end before this does. Locals go in reverse: the
    // last one tells it to hurry, and the pool then waits for it.
    aio::ThreadPoolExecutor thread(1, "one-thread");
    const StopAtEnd stop;
    OneThread result = co_await aio::get_running_loop().run_in_executor(thread, count_all, std::cref(state),
                                                                        std::ref(filter), stop.token());
    co_return result;
}

} // namespace ingest
