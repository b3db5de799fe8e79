// Counts what is in a tree of files: threads read them, processes parse them, Lua filters them.

#include <chrono>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <aio/aio.hpp>

#include "console.hpp"
#include "filter.hpp"
#include "one_thread.hpp"
#include "options.hpp"
#include "pipeline.hpp"
#include "report.hpp"
#include "state.hpp"
#include "text.hpp"

namespace ingest {
namespace {

enum ExitCode : int { success = 0, failure = 1, usage_error = 2, timed_out = 124, interrupted = 130 };

/// The first error in a group of errors: when one reader fails, the others often do for the same reason.
std::string explain(const aio::ExceptionGroup& group) {
    try {
        std::rethrow_exception(group.exceptions().front());
    } catch (const aio::ExceptionGroup& inner) {
        return explain(inner);
    } catch (const std::exception& error) {
        return error.what();
    } catch (...) {
        return "unknown error";
    }
}

/// One run after the arguments have been understood.
class Program {
public:
    explicit Program(const Options& options) : options_(options), filter_(options) {}

    aio::Coro<int> run() {
        // There is no co_await where exceptions are caught, and no need for one: all tasks have ended then.
        try {
            co_await filter_.check();
            std::optional<aio::TimePoint> deadline;
            if (options_.timeout)
                deadline = aio::get_running_loop().time() +
                           std::chrono::duration_cast<aio::Duration>(*options_.timeout);
            co_await aio::with_timeout_at(deadline, [this](aio::Timeout&) -> aio::Coro<> { return work(); });
            co_return totals_agree_ ? success : failure;
        } catch (const aio::TimeoutError&) {
            co_return cut_short("the time is up", timed_out);
        } catch (const aio::CancelledError&) {
            co_return cut_short("interrupted", interrupted);
        } catch (const aio::ExceptionGroup& group) {
            console_.message(explain(group));
            co_return failure;
        } catch (const std::system_error& error) {
            console_.message("cannot read '" + printable(options_.path) + "': " + error.code().message());
            co_return usage_error;
        } catch (const FilterError&) {
            throw;
        } catch (const std::exception& error) {
            console_.message(error.what());
            co_return failure;
        }
    }

private:
    aio::Coro<> work() {
        Pipeline pipeline(options_, filter_, state_, console_);
        co_await pipeline.run();
        print_table(state_, options_);
        is_done_ = true;
        console_.status("the same on one thread ...");
        const OneThread one = co_await on_one_thread(state_, filter_);
        console_.clear();
        totals_agree_ = print_comparison(state_, one);
    }

    /// Shows what there is, if it has not been shown.
    int cut_short(const std::string& why, int exit_code) {
        state_.end();
        const std::string done =
            std::to_string(state_.settled()) + " of " + std::to_string(state_.files().size());
        const std::string what =
            is_done_ ? " before it was done on one thread" : ": " + done + " files were done";
        console_.message(why + what);
        if (!is_done_) print_table(state_, options_);
        return exit_code;
    }

    const Options& options_;
    Console console_;
    State state_;
    Filter filter_;
    bool is_done_ = false;
    bool totals_agree_ = true;
};

aio::Coro<int> amain(std::vector<std::string> arguments) {
    std::string problem;
    try {
        const Options options = parse_arguments(arguments);
        if (options.help) {
            std::fputs(usage(), stdout);
            co_return success;
        }
        Program program(options);
        co_return co_await program.run();
    } catch (const UsageError& error) {
        problem = std::string(error.what()) + "\n\n" + usage();
    } catch (const FilterError& error) {
        problem = std::string(error.what()) + "\n";
    }
    std::fprintf(stderr, "ingest: %s", problem.c_str());
    co_return usage_error;
}

} // namespace
} // namespace ingest

int main(int argc, char** argv) {
    try {
        return aio::run(ingest::amain(std::vector<std::string>(argv + 1, argv + argc)));
    } catch (const aio::KeyboardInterrupt&) {
        return ingest::interrupted; // Ctrl-C for the second time
    }
}
