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
            for (int i = 0; i < 2 * options_.jobs; ++i) workers.create_task(take_files());
            co_return;
        });
        progress.cancel();
    });
}

aio::Coro<> Pipeline::take_files() {
    for (std::size_t i = state_.take(); i < state_.files().size(); i = state_.take()) {
        const Fate fate = co_await ingest_file(state_.files()[i]);
        state_.settle(i, fate);
    }
}

aio::Coro<Fate> Pipeline::ingest_file(const std::string& path) {
    try {
        const std::optional<FileCounts> counts = co_await read_and_parse(path);
        if (!counts) co_return Fate::binary;
        const Candidate candidate{path, counts->lines, counts->tokens, counts->bytes};
        const bool kept = co_await filter_.keep(candidate);
        if (!kept) co_return Fate::rejected;
        state_.totals.add(*counts);
        co_return Fate::counted;
    } catch (const Unreadable& error) {
        console_.message("skipped: " + printable(path) + ": " + error.what());
        co_return Fate::unreadable;
    } catch (const aio::WorkerCrashed& error) {
        console_.message("lost: " + printable(path) + ": " + error.what());
        co_return Fate::lost;
    }
}

aio::Coro<std::optional<FileCounts>> Pipeline::read_and_parse(const std::string& path) {
    aio::EventLoop& loop = aio::get_running_loop();
    FileCounts counts;
    for (bool is_last = false; !is_last;) {
        Piece piece = co_await loop.run_in_executor(readers_, read_piece, path, counts.bytes);
        if (piece.is_binary) co_return std::nullopt;
        is_last = piece.is_last;
        const std::size_t size = piece.text.size();
        state_.bytes_read += size;
        Parsed parsed =
            co_await loop.run_in_executor(parsers_, parse, std::move(piece.text), counts.checksum);
        counts.add(size, std::move(parsed));
    }
    co_return counts;
}

aio::Coro<> Pipeline::show_progress() {
    for (;;) {
        console_.show(state_);
        co_await aio::sleep(100ms);
    }
}

} // namespace ingest
