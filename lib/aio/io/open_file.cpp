#include <aio/io/open_file.hpp>

#include <limits>
#include <utility>

#include <aio/core/errors.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/core/running_loop.hpp>
#include <aio/io/file_call_private.hpp>
#include <aio/uv/error.hpp>
#include <aio/uv/file_at_once.hpp>
#include <aio/uv/fs.hpp>

namespace aio::detail {

OpenFile::OpenFile(LoopState& loop, uv::Descriptor descriptor, std::string name, bool append)
    : loop_(&loop), descriptor_(std::move(descriptor)), name_(std::move(name)), append_(append) {
    const std::optional<std::uint64_t> begin = uv::file_position_of(descriptor_.get());
    seekable_ = begin.has_value();
    position_ = begin.value_or(0);
    reads_at_once = seekable_;
}

OpenFile::~OpenFile() {
    if (!descriptor_.valid() || loop_->closed) return;
    try {
        // Should the loop refuse, the descriptor closes with the job.
        auto start = [descriptor = take_descriptor()](uv::CloseRequest& request, uv::Loop& to,
                                                      uv::Completion& done) mutable {
            request.start(to, std::move(descriptor), done);
        };
        FileJob::start_alone(file_job<uv::CloseRequest>(std::string(), std::move(start), no_result, false),
                             *loop_);
    } catch (...) {
        // Out of memory: it has been closed here.
    }
}

void OpenFile::share() noexcept {
    if (is_shared_ || !seekable_) return;
    static_cast<void>(move_shared(position_));
    is_shared_ = true;
}

std::uint64_t OpenFile::shared_position() const noexcept {
    return uv::file_position_of(descriptor_.get()).value_or(position_);
}

int OpenFile::move_shared(std::uint64_t position) const noexcept {
    return uv::move_file_position(descriptor_.get(), position);
}

void OpenFile::seek(std::uint64_t position) {
    // Also when the system's position is behind: it knows what there can be.
    uv::check(move_shared(position), "seek " + name_);
    position_ = position;
}

void OpenFile::check_range(const char* operation, std::uint64_t offset, std::uint64_t count) const {
    constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
    if (offset <= most && count <= most - offset) return;
    const std::string where = std::to_string(offset);
    throw ValueError(std::string(operation) + ": " + name_ +
                     (count == 0 ? " has no position " + where
                                 : " cannot have " + std::to_string(count) + " bytes at " + where));
}

void OpenFile::check_here(const char* operation) const {
    if (running_loop_state() != loop_.get())
        throw RuntimeError(std::string(operation) + ": the file " + name_ + " belongs to another loop");
}

void OpenFile::PositionUse::begin(OpenFile& file, const char* operation) {
    if (file.position_in_use_)
        throw RuntimeError(std::string(operation) + ": another task is using the position of " + file.name_);
    file.position_in_use_ = true;
    file_ = &file;
}

} // namespace aio::detail
