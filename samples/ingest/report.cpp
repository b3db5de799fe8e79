#include "report.hpp"

#include <cinttypes>
#include <cstdint>
#include <cstdio>

#include "text.hpp"

namespace ingest {
namespace {

void print_number(const char* name, std::uint64_t number) {
    std::printf("%-12s %14" PRIu64 "\n", name, number);
}

} // namespace

void print_table(const State& state, const Options& options) {
    const Totals& totals = state.totals;
    print_number("files", totals.files());
    std::printf("%-12s %14" PRIu64 "  (%s)\n", "bytes", totals.bytes(), human_size(totals.bytes()).c_str());
    print_number("lines", totals.lines());
    print_number("tokens", totals.tokens());
    print_number("identifiers", totals.identifiers().size());
    for (const auto& [name, count] : totals.identifiers().top(options.top))
        std::printf("  %10" PRIu64 "  %.*s\n", count, static_cast<int>(name.size()), name.data());
    std::printf("%-12s %016" PRIx64 "\n", "checksum", totals.checksum());
    print_number("filtered out", state.number(Fate::rejected));
    const std::size_t unreadable = state.number(Fate::unreadable) + state.unlisted;
    const std::size_t binary = state.number(Fate::binary);
    std::printf("%-12s %14zu  (%zu binary, %zu unreadable)\n", "skipped", binary + unreadable, binary,
                unreadable);
    print_number("lost", state.number(Fate::lost));
    const double seconds = state.elapsed().count();
    const double rate = seconds > 0 ? static_cast<double>(state.bytes_read) / seconds : 0;
    std::printf("%-12s %12.2f s  (%s/s)\n", "time", seconds,
                human_size(static_cast<std::uint64_t>(rate)).c_str());
    std::fflush(stdout);
}

bool print_comparison(const State& state, const OneThread& one) {
    const double all = state.elapsed().count();
    const double alone = one.elapsed.count();
    std::printf("%-12s %12.2f s  (%.2f times as long)\n", "one thread", alone, all > 0 ? alone / all : 1);
    const bool agree = one.totals == state.totals;
    std::printf("%-12s %14s\n", "totals", agree ? "agree" : "DIFFER: have files been changed meanwhile?");
    std::fflush(stdout);
    return agree;
}

} // namespace ingest
