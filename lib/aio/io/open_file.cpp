#include <aio/io/open_file.hpp>

#include <utility>

#include <aio/core/errors.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/core/running_loop.hpp>
#include <aio/io/file_call_private.hpp>
#include <aio/uv/file_at_once.hpp>
#include <aio/uv/fs.hpp>

namespace aio::detail {

OpenFile::OpenFile(LoopState& loop, uv::Descriptor descriptor, std::string name, bool append)
    : loop_(&loop), descriptor_(std::move(descriptor)), name_(std::move(name)), append_(append) {
    const std::optional<std::uint64_t> begin = uv::file_position_of(descriptor_.get());
    seekable_ = begin.has_value();
    position = begin.value_or(0);
    reads_at_once = seekable_;
}

OpenFile::~OpenFile() {
    if (!descriptor_.valid() || loop_->closed) return;
    try {
        const auto start = [number = descriptor_.get()](uv::CloseRequest& request, uv::Loop& to,
                                                        uv::Completion& done) {
            request.start(to, number, done);
        };
        auto job = file_job<uv::CloseRequest>(std::string(), start, no_result, false);
        static_cast<void>(descriptor_.release());
        FileJob::start_alone(std::move(job), *loop_);
    } catch (...) {
        // Out of memory: it is closed here.
    }
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
