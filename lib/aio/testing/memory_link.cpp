#include <aio/testing/memory_link.hpp>

#include <algorithm>
#include <new>
#include <utility>

#include <aio/uv/error.hpp>

namespace aio::testing::detail {

std::size_t MemoryLink::unsent(const MemoryPipe& pipe) const noexcept {
    return pipe.bytes.size() - std::min(pipe.bytes.size(), options_.capacity());
}

std::size_t MemoryLink::room(const MemoryPipe& pipe) const noexcept {
    // A reader that waits takes bytes from a writer's hand, however little is kept in between.
    const std::size_t capacity = std::max<std::size_t>(options_.capacity(), 1);
    return capacity - std::min(capacity, pipe.bytes.size());
}

std::size_t MemoryLink::accept(MemoryPipe& pipe, std::span<const std::byte> data, std::size_t limit) {
    const std::size_t count = std::min({data.size(), limit, pipe.write_fault.left});
    pipe.bytes.insert(pipe.bytes.end(), data.begin(), data.begin() + static_cast<std::ptrdiff_t>(count));
    if (pipe.write_fault.status < 0) pipe.write_fault.left -= count;
    return count;
}

void MemoryLink::close(std::size_t end, bool drop_unsent) noexcept {
    ends_[end] = nullptr;
    MemoryPipe& out = outgoing(end);
    out.borrowed = {};
    out.write_done = out.shutdown_done = nullptr;
    if (drop_unsent)
        out.bytes.erase(out.bytes.end() - static_cast<std::ptrdiff_t>(unsent(out)), out.bytes.end());
    out.ended = true;
    MemoryPipe& in = incoming(end);
    in.reader_closed = true;
    in.bytes.clear();
    touch();
}

void MemoryLink::touch() noexcept {
    if (queued_ || loop_->closed) return;
    queued_ = true;
    retain();
    loop_->ready.push(*this);
}

void MemoryLink::run() noexcept {
    queued_ = false;
    const Ref<MemoryLink> keep(this);
    release();
    for (std::size_t end = 0; end < 2; ++end) {
        deliver(end);
        settle_writes(1 - end);
    }
}

void MemoryLink::drop() noexcept {
    queued_ = false;
    release();
}

std::size_t MemoryLink::piece(const MemoryPipe& pipe) const noexcept {
    std::size_t size = std::min({pipe.bytes.size(), pipe.read_fault.left, uv::Loop::receive_buffer_size});
    if (!options_.chunk_sizes().empty())
        size =
            std::min(size, pipe.chunk_left != 0 ? pipe.chunk_left : options_.chunk_sizes()[pipe.next_chunk]);
    return size;
}

void MemoryLink::deliver(std::size_t end) noexcept {
    if (ends_[end] == nullptr || !ends_[end]->wants()) return;
    MemoryPipe& pipe = incoming(end);
    if (pipe.read_fault.left == 0) {
        ends_[end]->end(pipe.read_fault.status);
        return;
    }
    if (pipe.bytes.empty()) {
        if (pipe.ended) ends_[end]->end(0);
        return;
    }
    try {
        const std::size_t wanted = piece(pipe);
        std::vector<std::byte> shared(wanted);
        const std::span<std::byte> memory = ends_[end]->room_for(shared);
        const std::size_t count = std::min(wanted, memory.size());
        const auto last = pipe.bytes.begin() + static_cast<std::ptrdiff_t>(count);
        std::copy(pipe.bytes.begin(), last, memory.begin());
        pipe.bytes.erase(pipe.bytes.begin(), last);
        if (pipe.read_fault.status < 0) pipe.read_fault.left -= count;
        if (!options_.chunk_sizes().empty()) {
            const std::size_t whole =
                pipe.chunk_left != 0 ? pipe.chunk_left : options_.chunk_sizes()[pipe.next_chunk];
            pipe.chunk_left = whole - count;
            // What comes later is not part of a piece that has been waiting for it.
            if (pipe.bytes.empty()) pipe.chunk_left = 0;
            if (pipe.chunk_left == 0) pipe.next_chunk = (pipe.next_chunk + 1) % options_.chunk_sizes().size();
        }
        ends_[end]->bring(memory.first(count));
    } catch (const std::bad_alloc&) {
        ends_[end]->end(uv::status::out_of_memory);
    }
    if (ends_[end] != nullptr && ends_[end]->wants()) touch();
}

void MemoryLink::settle_writes(std::size_t end) noexcept {
    MemoryPipe& pipe = outgoing(end);
    if (pipe.reader_closed && ends_[end] != nullptr) {
        // Whoever has nothing left to send is not told: a system does not tell him either.
        const bool sending = pipe.known_unsent > 0 || pipe.write_done != nullptr;
        pipe.bytes.clear();
        if (sending && pipe.write_error == 0) pipe.write_error = uv::status::broken_pipe;
        if (pipe.write_done != nullptr) pipe.write_result = pipe.write_error;
        pipe.borrowed = {};
    }
    try {
        pipe.borrowed = pipe.borrowed.subspan(accept(pipe, pipe.borrowed, room(pipe)));
    } catch (const std::bad_alloc&) {
        pipe.write_result = pipe.write_error = uv::status::out_of_memory;
        pipe.borrowed = {};
    }
    if (pipe.write_done != nullptr && pipe.borrowed.empty())
        (*std::exchange(pipe.write_done, nullptr))(std::exchange(pipe.write_result, 0));
    if (pipe.shutdown_done != nullptr && pipe.write_done == nullptr &&
        (unsent(pipe) == 0 || pipe.write_error < 0)) {
        pipe.ended = true;
        (*std::exchange(pipe.shutdown_done, nullptr))(pipe.write_error);
    }
    if (!pipe.bytes.empty() || pipe.ended) {
        const std::size_t reader = 1 - end;
        if (ends_[reader] != nullptr && ends_[reader]->wants()) touch();
    }
    const std::size_t before = std::exchange(pipe.known_unsent, unsent(pipe) + pipe.borrowed.size());
    if (ends_[end] != nullptr && (pipe.known_unsent < before || pipe.write_error < 0))
        ends_[end]->progressed();
}

MemoryStreamState::MemoryStreamState(LoopState& loop, Ref<MemoryLink> link, std::size_t end) noexcept
    : StreamState(loop), link_(std::move(link)), end_(end) {
    link_->open(end_, *this);
    set_name("a memory stream");
}

std::size_t MemoryStreamState::write_queue_size() const noexcept {
    return link_->unsent(outgoing()) + outgoing().borrowed.size();
}

int MemoryStreamState::start_reading() noexcept {
    touch();
    return 0;
}

int MemoryStreamState::check_writable() noexcept {
    MemoryPipe& pipe = outgoing();
    if (pipe.write_error == 0) {
        if (pipe.reader_closed) pipe.write_error = uv::status::broken_pipe;
        if (pipe.write_fault.left == 0) pipe.write_error = pipe.write_fault.status;
    }
    return pipe.write_error;
}

int MemoryStreamState::try_write(std::span<const std::byte> data) noexcept {
    if (const int error = check_writable(); error < 0) return error;
    MemoryPipe& pipe = outgoing();
    if (pipe.write_done != nullptr) return 0;
    touch();
    try {
        return static_cast<int>(link_->accept(pipe, data, link_->room(pipe)));
    } catch (const std::bad_alloc&) {
        return pipe.write_error = uv::status::out_of_memory;
    }
}

int MemoryStreamState::queue(std::span<const std::byte> data) {
    if (const int error = check_writable(); error < 0) return error;
    MemoryPipe& pipe = outgoing();
    const std::size_t count = link_->accept(pipe, data, data.size());
    pipe.known_unsent = link_->unsent(pipe);
    touch();
    return count < data.size() ? check_writable() : 0;
}

int MemoryStreamState::write(std::span<const std::byte> data, uv::Completion& done) noexcept {
    if (const int error = check_writable(); error < 0) return error;
    MemoryPipe& pipe = outgoing();
    pipe.borrowed = data.first(std::min(data.size(), pipe.write_fault.left));
    if (pipe.borrowed.size() < data.size()) pipe.write_result = pipe.write_fault.status;
    pipe.write_done = &done;
    pipe.known_unsent = write_queue_size();
    touch();
    return 0;
}

int MemoryStreamState::shutdown(uv::Completion& done) noexcept {
    if (const int error = check_writable(); error < 0) return error;
    outgoing().shutdown_done = &done;
    touch();
    return 0;
}

void MemoryStreamState::leave(bool drop_unsent) noexcept {
    if (!std::exchange(open_, false)) return;
    link_->close(end_, drop_unsent);
}

} // namespace aio::testing::detail
