#include <aio/io/stream_state.hpp>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include <aio/io/stream_awaiters.hpp>
#include <aio/uv/error.hpp>

namespace aio::detail {

StreamState::StreamState(LoopState& loop, uv::Stream& handle) noexcept : loop_(&loop), handle_(&handle) {
    loop.resources.push_back(*this);
}

StreamState::~StreamState() = default;

std::span<std::byte> StreamState::room(std::span<std::byte> shared) noexcept {
    if (read_ended_) return {};
    if (reader_ == nullptr || !reader_->hungry())
        return shared.first(std::min(shared.size(), read_ahead_limit - read_ahead_.size()));
    return reader_->memory().size() >= direct_read_size ? reader_->memory() : shared;
}

void StreamState::received(std::span<const std::byte> data) noexcept {
    if (reader_ != nullptr && reader_->hungry()) {
        ReadAwaiter* const reader = std::exchange(reader_, nullptr);
        const std::size_t count = std::min(data.size(), reader->memory().size());
        if (data.data() != reader->memory().data()) std::memcpy(reader->memory().data(), data.data(), count);
        reader->finish(count);
        data = data.subspan(count);
    }
    if (data.empty()) return;
    try {
        read_ahead_.append(data);
    } catch (const std::bad_alloc&) {
        // Bytes are lost, so the stream is of no further use; what was read before them can still be taken.
        ended(uv::status::out_of_memory);
    }
}

void StreamState::ended(int status) noexcept {
    read_ended_ = true;
    read_status_ = status;
    if (reader_ != nullptr && reader_->hungry()) std::exchange(reader_, nullptr)->fail(status);
}

void StreamState::on_written(uv::Completion& done, int status) noexcept {
    StreamState& self = static_cast<WriteDone&>(done).state;
    if (WriteAwaiter* const writer = std::exchange(self.writer_, nullptr)) writer->finish(status);
}

void StreamState::on_shut_down(uv::Completion& done, int status) noexcept {
    StreamState& self = static_cast<ShutdownDone&>(done).state;
    if (ShutdownAwaiter* const waiter = std::exchange(self.shutdown_waiter_, nullptr)) waiter->finish(status);
}

void StreamState::check_open() const {
    if (!is_open()) uv::throw_error(uv::status::closed, "use of a stream that is closed");
}

void StreamState::wake_all_closed() noexcept {
    if (linked()) unlink();
    if (ReadAwaiter* const reader = std::exchange(reader_, nullptr)) reader->fail(uv::status::canceled);
    if (WriteAwaiter* const writer = std::exchange(writer_, nullptr)) writer->finish(uv::status::canceled);
    if (ShutdownAwaiter* const waiter = std::exchange(shutdown_waiter_, nullptr))
        waiter->finish(uv::status::canceled);
}

void StreamState::close() noexcept {
    handle_->close();
    wake_all_closed();
}

void StreamState::abort() noexcept {
    handle_->abort();
    wake_all_closed();
}

} // namespace aio::detail
