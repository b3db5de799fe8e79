#include <aio/io/file.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

#include <aio/core/event_loop.hpp>
#include <aio/core/running_loop.hpp>
#include <aio/io/file_call_private.hpp>
#include <aio/uv/error.hpp>
#include <aio/uv/file_at_once.hpp>

namespace aio {
namespace {

using detail::file_job;
using detail::file_operation;
using detail::OpenFile;
using detail::Ref;

/// How much one trip to a thread carries at most.
constexpr std::size_t piece_size = std::size_t(1) << 20;
/// How much is copied out of the page cache at most while the loop waits.
constexpr std::size_t most_at_once = std::size_t(1) << 18;

/// An operation on an open file that gives what `finish` makes of the request.
template <class Request, class Start, class Finish>
auto operation_on(const Ref<OpenFile>& file, const char* what, Start start, Finish finish) {
    file->check_here(what);
    auto start_on_file = [file, start = std::move(start)](Request& request, uv::Loop& loop,
                                                          uv::Completion& done) mutable {
        start(request, loop, file->descriptor(), done);
    };
    return file_operation<Request>(what + (" " + file->name()), std::move(start_on_file), std::move(finish));
}

/// Writes one piece; gives how many bytes were written, and moves the position on by them, if it is at that
/// that it wrote.
FileOperation<std::size_t> write_piece(const Ref<OpenFile>& file, std::span<const std::byte> data,
                                       std::optional<std::uint64_t> offset) {
    const std::uint64_t position = file->position();
    // At the position that the system keeps, if others may move it: that is one step then. So what is written
    // at an offset leaves that position alone, also if it goes to the end.
    std::int64_t at = uv::file_position;
    const bool takes_offset = !file->append() || (offset && uv::appends_at_offset);
    if (file->seekable() && takes_offset && (offset || !file->is_shared()))
        at = static_cast<std::int64_t>(offset.value_or(position));
    // What goes to the end takes the system's position along, even if it was not written at that.
    std::optional<std::uint64_t> back;
    if (offset && at == uv::file_position && file->is_shared()) back = position;
    std::vector<std::byte> piece(data.begin(), data.end());
    auto start = [piece = std::move(piece), at](uv::WriteRequest& request, uv::Loop& loop, int number,
                                                uv::Completion& done) mutable {
        request.start(loop, number, std::move(piece), at, done);
    };
    auto finish = [file, at, back, position, moves = !offset](uv::WriteRequest& request) {
        if (back) file->move_to(*back);
        if (moves) {
            if (at == uv::file_position && file->seekable())
                file->follow_system();
            else
                file->move_to(position + request.written());
        }
        return request.written();
    };
    return operation_on<uv::WriteRequest>(file, "write", std::move(start), std::move(finish));
}

Coro<> write_pieces(Ref<OpenFile> file, std::span<const std::byte> data,
                    std::optional<std::uint64_t> offset) {
    if (offset && !file->seekable()) throw ValueError("write_at: " + file->name() + " has no positions");
    OpenFile::PositionUse use;
    if (!offset) use.begin(*file, "write_all");
    if (offset) file->check_range("write_at", *offset, data.size());
    if (!offset && !file->append()) file->check_range("write_all", file->position(), data.size());
    while (!data.empty()) {
        FileOperation<std::size_t> piece =
            write_piece(file, data.first(std::min(data.size(), piece_size)), offset);
        const std::size_t count = co_await std::move(piece);
        data = data.subspan(count);
        if (offset) *offset += count;
    }
}

FileOperation<void> sync_file(const Ref<OpenFile>& file, bool data_only) {
    auto start = [data_only](uv::SyncRequest& request, uv::Loop& loop, int number, uv::Completion& done) {
        request.start(loop, number, data_only, done);
    };
    return operation_on<uv::SyncRequest>(file, "sync", start, detail::no_result);
}

FileOperation<FileStatus> status_of(const Ref<OpenFile>& file) {
    auto start = [](uv::StatRequest& request, uv::Loop& loop, int number, uv::Completion& done) {
        request.start(loop, number, done);
    };
    auto finish = [](uv::StatRequest& request) { return request.status(); };
    return operation_on<uv::StatRequest>(file, "stat", start, finish);
}

} // namespace

namespace detail {

bool FileReadAwaiter::await_ready() {
    file_->check_here("read");
    if (memory_.empty()) {
        count_ = 0;
        return true;
    }
    if (offset_ && !file_->seekable()) throw ValueError("read_at: " + file_->name() + " has no positions");
    if (!offset_) use_.begin(*file_, "read_some");
    at_ = offset_ ? *offset_ : file_->position();
    file_->check_range(offset_ ? "read_at" : "read_some", at_, memory_.size());
    if (file_->reads_at_once) {
        const uv::ReadAtOnce read =
            uv::read_at_once(file_->descriptor(), memory_.first(std::min(memory_.size(), most_at_once)), at_);
        if (read.result() == uv::AtOnce::done) {
            count_ = read.count();
            // Giving way has to be open to cancellation. The position has not been moved by then.
            return file_->loop().take_immediate();
        }
        if (read.result() == uv::AtOnce::unsupported) file_->reads_at_once = false;
    }
    make_job();
    return false;
}

void FileReadAwaiter::make_job() {
    const std::size_t size = std::min(memory_.size(), piece_size);
    const std::int64_t at = file_->seekable() ? static_cast<std::int64_t>(at_) : uv::file_position;
    auto start = [file = file_, size, at](uv::ReadRequest& request, uv::Loop& loop, uv::Completion& done) {
        request.start(loop, file->descriptor(), size, at, done);
    };
    auto finish = [](uv::ReadRequest& request) { return request.data(); };
    job_ = file_job<uv::ReadRequest>("read " + file_->name(), std::move(start), finish);
}

std::size_t FileReadAwaiter::await_resume() {
    throw_if_cancelled();
    if (job_) {
        const std::span<const std::byte> data =
            static_cast<FileJobOf<std::span<const std::byte>>&>(*job_).take();
        if (!data.empty()) std::memcpy(memory_.data(), data.data(), data.size());
        count_ = data.size();
    }
    if (!offset_ && *count_ > 0) file_->move_to(at_ + *count_);
    use_.end();
    return *count_;
}

} // namespace detail

FileOperation<File> File::open(const std::filesystem::path& path, const OpenMode& mode) {
    std::string text = detail::path_text(path);
    if (mode.truncates() && !mode.writes())
        throw ValueError("open " + text + ": what is only read cannot be truncated");
    auto start = [text, mode](uv::OpenRequest& request, uv::Loop& native, uv::Completion& done) {
        request.start(native, text, mode, done);
    };
    auto finish = [text, append = mode.appends()](uv::OpenRequest& request, detail::LoopState& loop) {
        return File(Ref<OpenFile>(new OpenFile(loop, uv::Descriptor(request.file()), text, append)));
    };
    return file_operation<uv::OpenRequest>("open " + text, std::move(start), std::move(finish));
}

File::File(EventLoop& loop, uv::Descriptor descriptor, std::string name, bool append)
    : state_(new OpenFile(loop.state(), std::move(descriptor), std::move(name), append)) {
    state_->share();
}

const Ref<OpenFile>& File::state() const {
    if (!state_) uv::throw_error(uv::status::closed, "use of a file that has been moved from");
    if (!state_->is_open()) uv::throw_error(uv::status::closed, "use of " + state_->name() + " after close");
    return state_;
}

Coro<std::vector<std::byte>> File::read_all() {
    // The coroutine must not depend on where this object is moved to.
    return [](Ref<OpenFile> file) -> Coro<std::vector<std::byte>> {
        std::vector<std::byte> all;
        // One byte more than expected, so that the end shows without another read.
        const FileStatus status = co_await status_of(file);
        const std::uint64_t position = file->position();
        const std::uint64_t expected = status.size() > position ? status.size() - position : 0;
        all.resize(static_cast<std::size_t>(expected) + 1);
        std::size_t size = 0;
        for (;;) {
            if (size == all.size()) all.resize(std::max<std::size_t>(2 * size, 4096));
            detail::FileReadOperation read(file, std::span(all).subspan(size), std::nullopt);
            const std::size_t count = co_await read;
            if (count == 0) break;
            size += count;
        }
        all.resize(size);
        co_return all;
    }(state());
}

Coro<> File::write_all(std::span<const std::byte> data) { return write_pieces(state(), data, std::nullopt); }

Coro<> File::write_at(std::span<const std::byte> data, std::uint64_t offset) {
    return write_pieces(state(), data, offset);
}

void File::seek(std::uint64_t position) {
    OpenFile& file = *state();
    if (!file.seekable()) throw ValueError("seek: " + file.name() + " has no positions");
    OpenFile::PositionUse use;
    use.begin(file, "seek");
    file.check_range("seek", position, 0);
    file.seek(position);
}

int File::descriptor() const {
    state()->share();
    return state_->descriptor();
}

FileOperation<FileStatus> File::status() { return status_of(state()); }

FileOperation<std::uint64_t> File::size() {
    auto start = [](uv::StatRequest& request, uv::Loop& loop, int number, uv::Completion& done) {
        request.start(loop, number, done);
    };
    auto finish = [](uv::StatRequest& request) { return request.status().size(); };
    return operation_on<uv::StatRequest>(state(), "stat", start, finish);
}

FileOperation<void> File::truncate(std::uint64_t size) {
    auto start = [size](uv::TruncateRequest& request, uv::Loop& loop, int number, uv::Completion& done) {
        request.start(loop, number, static_cast<std::int64_t>(size), done);
    };
    return operation_on<uv::TruncateRequest>(state(), "truncate", start, detail::no_result);
}

FileOperation<void> File::sync() { return sync_file(state(), false); }
FileOperation<void> File::sync_data() { return sync_file(state(), true); }

Coro<> File::close() {
    uv::Descriptor descriptor;
    std::string name;
    if (is_open()) {
        state_->check_here("close");
        if (state_->references() > 1)
            throw RuntimeError("close: an operation on " + state_->name() + " has not ended yet");
        name = state_->name();
        descriptor = state_->take_descriptor();
    }
    return [](uv::Descriptor number, std::string text) -> Coro<> {
        if (!number.valid()) co_return;
        // It closes with the operation, should the loop refuse that, which cannot be taken out of the queue.
        auto start = [number = std::move(number)](uv::CloseRequest& request, uv::Loop& loop,
                                                  uv::Completion& done) mutable {
            request.start(loop, std::move(number), done);
        };
        FileOperation<void> operation =
            file_operation<uv::CloseRequest>("close " + text, std::move(start), detail::no_result, false);
        co_await std::move(operation);
    }(std::move(descriptor), std::move(name));
}

} // namespace aio
