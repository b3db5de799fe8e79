#include <aio/workers/call_marks.hpp>

#include <string>
#include <utility>

#include <aio/workers/frame.hpp>

namespace aio::detail {
namespace {

/// A page of the largest size in use, so that it is a multiple of every other.
constexpr std::size_t marks_bytes = std::size_t{64} << 10;

enum class Step : std::uint64_t { offered = 0, begun = 1, withdrawn = 2 };

/// The calls of a pool are numbered from 1, so no mark is 0.
constexpr std::uint64_t mark(std::uint64_t call, Step step) noexcept {
    return call << 2 | static_cast<std::uint64_t>(step);
}

} // namespace

CallMarks::CallMarks() : slab_(Slab::make(0, marks_bytes, "aio-calls")) {}

CallMarks::CallMarks(uv::Descriptor memory) : slab_(Slab::map(0, marks_bytes, std::move(memory))) {
    slab_->close_descriptor();
}

CallMarks::Mark& CallMarks::mark_of(std::uint64_t number) const noexcept {
    // The memory came as zeros, which is what such numbers are at first.
    return reinterpret_cast<Mark*>(slab_->data())[number % places];
}

void CallMarks::offer(std::uint64_t number, std::uint64_t call) noexcept {
    mark_of(number).store(mark(call, Step::offered));
}

bool CallMarks::withdraw(std::uint64_t number, std::uint64_t call) noexcept {
    if (!slab_->mapped_here()) return false;
    std::uint64_t seen = mark(call, Step::offered);
    return mark_of(number).compare_exchange_strong(seen, mark(call, Step::withdrawn)) ||
           seen == mark(call, Step::withdrawn);
}

bool CallMarks::begin(std::uint64_t number, std::uint64_t call) {
    std::uint64_t seen = mark(call, Step::offered);
    if (mark_of(number).compare_exchange_strong(seen, mark(call, Step::begun))) return true;
    if (seen == mark(call, Step::withdrawn)) return false;
    throw ProtocolError("the mark of call " + std::to_string(call) + " has been overwritten");
}

} // namespace aio::detail
