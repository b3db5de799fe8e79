#include <aio/uv/stream.hpp>

#include <cstdint>

#include <aio/uv/detail/buffer.hpp>
#include <aio/uv/detail/stream_block.hpp>

namespace aio::uv {
namespace {

using detail::buffer;

int try_write_buffers(detail::StreamBlock& block, const uv_buf_t* buffers, unsigned count) noexcept {
    if (block.write_error < 0) return block.write_error;
    if (block.writing) return 0;
    const int written = uv_try_write(&block.handle.stream, buffers, count);
    if (written >= 0) return written;
    if (written == UV_EAGAIN) return 0;
    return block.write_error = written;
}

} // namespace

void Stream::set_reader(StreamReader& reader) noexcept { block_->reader = &reader; }

int Stream::start_reading() noexcept { return block_->start_reading(); }

int Stream::try_write(std::span<const std::byte> data) noexcept {
    const uv_buf_t buf = buffer(data);
    return try_write_buffers(*block_, &buf, 1);
}

int Stream::try_write(std::span<const std::byte> first, std::span<const std::byte> second) noexcept {
    if (first.size() > detail::most_at_once) return try_write(first);
    const uv_buf_t buffers[2] = {buffer(first), buffer(second)};
    return try_write_buffers(*block_, buffers, 2);
}

int Stream::queue(std::span<const std::byte> data) { return block_->queue(data); }

int Stream::write(std::span<const std::byte> data, Completion& done) noexcept {
    return block_->write(data, done);
}

std::size_t Stream::write_queue_size() const noexcept { return block_->unsent(); }

int Stream::shutdown(Completion& done) noexcept { return block_->shutdown(done); }

EndOfWriting Stream::end_of_writing() const noexcept { return block_->end_of_writing(); }

void Stream::set_write_observer(Callback progress) noexcept { block_->write_observer = progress; }

int Stream::write_error() const noexcept { return block_->write_error; }

void Stream::close() noexcept {
    if (detail::StreamBlock* const block = std::exchange(block_, nullptr)) block->close_gently();
}

void Stream::abort() noexcept {
    if (detail::StreamBlock* const block = std::exchange(block_, nullptr)) block->close();
}

int Stream::descriptor() const noexcept {
    uv_os_fd_t fd;
    if (block_ == nullptr || uv_fileno(&block_->handle.base, &fd) != 0) return -1;
#if defined(_WIN32)
    return static_cast<int>(reinterpret_cast<std::intptr_t>(fd));
#else
    return fd;
#endif
}

} // namespace aio::uv
