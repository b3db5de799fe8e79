#include "one_thread.hpp"

#include <functional>
#include <stop_token>
#include <utility>
#include <vector>

#include "files.hpp"
#include "stop_at_end.hpp"

namespace ingest {
namespace {

/// The files of `state`, but for those that were lost.
std::vector<File> files_of(const State& state) {
    std::vector<File> files;
    for (std::size_t i = 0; i < state.files().size(); ++i)
        if (state.fate(i) != Fate::lost) files.push_back(state.files()[i]);
    return files;
}

/// Does without the file if it is binary, or cannot be read.
void count_pieces(const std::string& path, Filter& filter, const std::stop_token& stop, Totals& totals) {
    FileCounts counts;
    try {
        for (bool is_last = false; !is_last && !stop.stop_requested();) {
            const Piece piece = read_piece(path, counts.text().bytes);
            if (piece.is_binary) return;
            is_last = piece.is_last;
            counts.add(parse_part(piece.text, counts.text().checksum));
        }
    } catch (const Unreadable&) {
        return;
    }
    counts.finish();
    if (filter.keep_each({candidate(path, counts.text())}).front()) totals.add(counts);
}

void count_batch(const std::vector<std::string>& paths, Filter& filter, const std::stop_token& stop,
                 Totals& totals) {
    std::vector<Piece> pieces = read_files(paths);
    std::vector<std::string> texts;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        if (pieces[i].is_binary || !pieces[i].problem.empty()) continue;
        if (!pieces[i].is_last) {
            count_pieces(paths[i], filter, stop, totals);
            continue;
        }
        texts.push_back(std::move(pieces[i].text));
        names.push_back(paths[i]);
    }
    const Parsed parsed = parse(texts);
    std::vector<Candidate> candidates;
    for (std::size_t i = 0; i < names.size(); ++i) candidates.push_back(candidate(names[i], parsed.texts[i]));
    totals.add(parsed, filter.keep_each(candidates));
}

OneThread count_all(const State& state, Filter& filter, const std::stop_token& stop) {
    const auto start = State::Clock::now();
    OneThread result;
    const std::vector<File> files = files_of(state);
    for (Range batch = batch_at(files, 0); batch.size() > 0 && !stop.stop_requested();
         batch = batch_at(files, batch.end))
        count_batch(paths_of(files, batch), filter, stop, result.totals);
    result.totals.finish();
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
