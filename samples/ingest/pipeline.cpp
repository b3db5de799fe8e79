#include "pipeline.hpp"

#include <chrono>
#include <utility>

#include "files.hpp"
#include "parse.hpp"
#include "stop_at_end.hpp"
#include "text.hpp"

using namespace std::chrono_literals;

namespace ingest {

Pipeline::Pipeline(const Options& options, Filter& filter, State& state, Console& console)
    : options_(options),
      filter_(filter),
      state_(state),
      console_(console),
      readers_(2 * options.jobs, "reader"),
      parsers_(options.jobs) {}

aio::Coro<> Pipeline::run() {
    co_await find_files();
    co_await ingest_files();
    state_.end();
    console_.clear();
}

aio::Coro<> Pipeline::find_files() {
    console_.status("looking for files ...");
    const StopAtEnd stop;
    Listing listing = co_await aio::to_thread(list_files, options_.path, stop.token());
    for (const Problem& problem : listing.problems)
        console_.message("skipped: " + printable(problem.path) + ": " + problem.reason);
    state_.unlisted = listing.problems.size();
    state_.begin(std::move(listing.files));
}

aio::Coro<> Pipeline::ingest_files() {
    // The outer group ends when the bar is told to, and the inner one when all files are done. If anything
    // fails, all of it ends.
    co_await aio::with_task_group([this](aio::TaskGroup& group) -> aio::Coro<> {
        aio::Task<> progress = group.create_task(show_progress());
        co_await aio::with_task_group([this](aio::TaskGroup& workers) -> aio::Coro<> {
            for (int i = 0; i < 2 * options_.jobs; ++i) workers.create_task(take_batches());
            co_return;
        });
        progress.cancel();
    });
}

aio::Coro<> Pipeline::take_batches() {
    for (Range batch = state_.take(); batch.size() > 0; batch = state_.take()) co_await ingest(batch);
}

aio::Coro<> Pipeline::ingest(Range batch) {
    aio::EventLoop& loop = aio::get_running_loop();
    std::vector<Piece> pieces =
        co_await loop.run_in_executor(readers_, read_files, paths_of(state_.files(), batch));
    Texts texts;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        Piece& piece = pieces[i];
        const std::size_t file = batch.begin + i;
        if (!piece.problem.empty())
            skip(file, piece.problem);
        else if (piece.is_binary)
            state_.settle(file, Fate::binary);
        else if (!piece.is_last)
            co_await ingest_in_pieces(file);
        else
            texts.add(file, std::move(piece.text));
    }
    if (!texts.files.empty()) co_await ingest_texts(std::move(texts));
}

aio::Coro<> Pipeline::ingest_texts(Texts texts) {
    try {
        co_await count(texts.files, std::move(texts.texts));
        co_return;
    } catch (const aio::WorkerCrashed& error) {
        if (texts.files.size() == 1) {
            lose(texts.files.front(), error);
            co_return;
        }
    }
    // One of them may be to blame, the others are not: each gets another chance, alone.
    for (const std::size_t file : texts.files) co_await ingest(Range(file, file + 1));
}

aio::Coro<> Pipeline::count(const std::vector<std::size_t>& files, std::vector<std::string> texts) {
    aio::EventLoop& loop = aio::get_running_loop();
    const Parsed parsed = co_await loop.run_in_executor(parsers_, parse, std::move(texts));
    std::vector<Candidate> candidates;
    for (std::size_t i = 0; i < files.size(); ++i)
        candidates.push_back(candidate(state_.files()[files[i]].path, parsed.texts[i]));
    const std::vector<bool> kept = co_await filter_.keep(candidates);
    state_.totals.add(parsed, kept);
    for (std::size_t i = 0; i < files.size(); ++i) {
        state_.bytes_read += parsed.texts[i].bytes;
        state_.settle(files[i], kept[i] ? Fate::counted : Fate::rejected);
    }
}

aio::Coro<> Pipeline::ingest_in_pieces(std::size_t file) {
    try {
        const std::string& path = state_.files()[file].path;
        const std::optional<FileCounts> counts = co_await count_pieces(path);
        if (!counts) {
            state_.settle(file, Fate::binary);
            co_return;
        }
        const std::vector<Candidate> candidates{candidate(path, counts->text())};
        const std::vector<bool> kept = co_await filter_.keep(candidates);
        if (kept.front()) state_.totals.add(*counts);
        state_.settle(file, kept.front() ? Fate::counted : Fate::rejected);
    } catch (const Unreadable& error) {
        skip(file, error.what());
    } catch (const aio::WorkerCrashed& error) {
        lose(file, error);
    }
}

aio::Coro<std::optional<FileCounts>> Pipeline::count_pieces(const std::string& path) {
    aio::EventLoop& loop = aio::get_running_loop();
    FileCounts counts;
    for (bool is_last = false; !is_last;) {
        Piece piece = co_await loop.run_in_executor(readers_, read_piece, path, counts.text().bytes);
        if (piece.is_binary) co_return std::nullopt;
        is_last = piece.is_last;
        const Parsed parsed = co_await loop.run_in_executor(parsers_, parse_part, std::move(piece.text),
                                                            counts.text().checksum);
        state_.bytes_read += parsed.texts.front().bytes;
        counts.add(parsed);
    }
    counts.finish();
    co_return counts;
}

void Pipeline::skip(std::size_t file, const std::string& reason) {
    console_.message("skipped: " + printable(state_.files()[file].path) + ": " + reason);
    state_.settle(file, Fate::unreadable);
}

void Pipeline::lose(std::size_t file, const aio::WorkerCrashed& error) {
    console_.message("lost: " + printable(state_.files()[file].path) + ": " + error.what());
    state_.settle(file, Fate::lost);
}

aio::Coro<> Pipeline::show_progress() {
    for (;;) {
        console_.show(state_);
        co_await aio::sleep(100ms);
    }
}

} // namespace ingest
