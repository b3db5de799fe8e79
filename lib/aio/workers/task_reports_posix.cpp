#include <aio/workers/task_reports_posix.hpp>

#include <poll.h>

#include <new>
#include <utility>

#include <aio/workers/codec.hpp>
#include <aio/workers/descriptors_posix.hpp>
#include <aio/workers/frame.hpp>

namespace aio::detail {
namespace {

// A pipe that is writable takes at least this much at once (POSIX), so that a report fits.
static_assert(sizeof(FrameHeader) + Progress::max_text + 64 <= 4096);

bool has_room(int pipe) noexcept {
    pollfd polled{pipe, POLLOUT, 0};
    return ::poll(&polled, 1, 0) > 0;
}

/// Not in the middle of a character.
void shorten(std::string& text) {
    if (text.size() <= Progress::max_text) return;
    std::size_t end = Progress::max_text;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    text.resize(end);
}

} // namespace

TaskReports::~TaskReports() {
    const std::lock_guard lock(mutex_);
    send_kept();
}

void TaskReports::report(Progress progress) {
    shorten(progress.text);
    const std::lock_guard lock(mutex_);
    kept_ = std::move(progress);
    if (has_room(pipe_)) send_kept();
}

bool TaskReports::send(std::span<const std::byte> frames) noexcept {
    const std::lock_guard lock(mutex_);
    send_kept();
    return write_all(pipe_, frames);
}

void TaskReports::send_kept() noexcept {
    if (!kept_) return;
    try {
        ByteWriter out;
        const std::size_t start = begin_frame(out);
        encode(out, *kept_);
        finish_frame(out, start, FrameType::progress, id_);
        // A pool that is gone is noticed by what has to arrive.
        static_cast<void>(write_all(pipe_, out.bytes()));
    } catch (const std::bad_alloc&) {
        // News that are not told.
    }
    kept_.reset();
}

} // namespace aio::detail
