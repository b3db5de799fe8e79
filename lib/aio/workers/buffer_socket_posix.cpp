#include <aio/workers/buffer_socket.hpp>

#include <aio/workers/frame.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <type_traits>

namespace aio::detail {

namespace {

/// Systems limit how many descriptors one message carries.
constexpr std::size_t most_notes = 64;

struct WireHeader {
    static constexpr std::uint32_t expected_magic = 0x624F4941;
    std::uint32_t magic = expected_magic;
    std::uint32_t count = 0;
};

struct WireNote {
    std::uint32_t kind;
    std::uint32_t padding;
    std::uint64_t id;
    std::uint64_t capacity;
};
static_assert(sizeof(WireNote) == 24 && std::is_trivially_copyable_v<WireNote>);

struct WireMessage {
    WireHeader header;
    std::array<WireNote, most_notes> notes;
};
static_assert(sizeof(WireMessage) == sizeof(WireHeader) + most_notes * sizeof(WireNote));

struct alignas(cmsghdr) AncillaryBuffer {
    std::array<char, CMSG_SPACE(most_notes * sizeof(int))> bytes{};
};

#ifdef MSG_NOSIGNAL
constexpr int send_flags = MSG_DONTWAIT | MSG_NOSIGNAL;
#else
constexpr int send_flags = MSG_DONTWAIT;
#endif
#ifdef MSG_CMSG_CLOEXEC
constexpr int receive_flags = MSG_DONTWAIT | MSG_CMSG_CLOEXEC;
#else
constexpr int receive_flags = MSG_DONTWAIT;
#endif

/// Once a message is begun it has to be finished.
constexpr int rest_patience = 10'000;

bool would_block(int error) noexcept { return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS; }

[[noreturn]] void throw_errno(int error) {
    throw std::system_error(error, std::generic_category(),
                            "cannot send shared memory between pool and worker process");
}

bool wait_writable(int socket, int patience) noexcept {
    pollfd polled{socket, POLLOUT, 0};
    int result = 0;
    do {
        result = ::poll(&polled, 1, patience);
    } while (result < 0 && errno == EINTR);
    return result == 1;
}

void attach(msghdr& message, AncillaryBuffer& buffer, std::span<const int> descriptors) {
    message.msg_control = buffer.bytes.data();
    message.msg_controllen =
        static_cast<decltype(message.msg_controllen)>(CMSG_SPACE(descriptors.size_bytes()));
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = static_cast<decltype(header->cmsg_len)>(CMSG_LEN(descriptors.size_bytes()));
    std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
}

void send_all(int socket, std::span<const std::byte> bytes, std::span<const int> descriptors, int patience) {
    while (!bytes.empty()) {
        iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        AncillaryBuffer ancillary;
        if (!descriptors.empty()) attach(message, ancillary, descriptors);
        const ssize_t sent = ::sendmsg(socket, &message, send_flags);
        if (sent >= 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(sent));
            descriptors = {};
            patience = rest_patience;
        } else if (errno != EINTR) {
            const int error = errno;
            if (!would_block(error) || patience == 0 || !wait_writable(socket, patience)) throw_errno(error);
        }
    }
}

} // namespace

std::size_t BufferSocket::send(std::span<const BufferNote> notes, int patience) {
    const std::size_t count = std::min(notes.size(), most_notes);
    WireMessage message;
    message.header.count = static_cast<std::uint32_t>(count);
    std::array<int, most_notes> descriptors;
    std::size_t attached = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const BufferNote& note = notes[i];
        message.notes[i] = WireNote{static_cast<std::uint32_t>(note.kind), 0, note.id, note.capacity};
        if (note.kind == BufferNoteKind::memory) descriptors[attached++] = note.memory;
    }
    const auto bytes = std::as_bytes(std::span(&message, 1));
    send_all(socket_.get(), bytes.first(sizeof(WireHeader) + count * sizeof(WireNote)),
             std::span(descriptors).first(attached), patience);
    return count;
}

bool BufferSocket::receive(std::vector<ReceivedNote>& notes) {
    // Never reads beyond the message at hand, so descriptors cannot end up with the wrong one.
    for (;;) {
        std::size_t size = sizeof(WireHeader);
        if (incoming_.size() >= size) {
            WireHeader header;
            std::memcpy(&header, incoming_.data(), sizeof header);
            if (header.magic != WireHeader::expected_magic || header.count == 0 || header.count > most_notes)
                throw ProtocolError("the other process sent something else than notes about shared memory");
            size += header.count * sizeof(WireNote);
            if (incoming_.size() == size) {
                take_message(notes);
                continue;
            }
        }
        const Progress progress = receive_some(size - incoming_.size());
        if (progress != Progress::some) return progress == Progress::none;
    }
}

BufferSocket::Progress BufferSocket::receive_some(std::size_t wanted) {
    std::array<std::byte, sizeof(WireMessage)> buffer;
    iovec part{buffer.data(), wanted};
    AncillaryBuffer ancillary;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = ancillary.bytes.data();
    message.msg_controllen = ancillary.bytes.size();
    ssize_t received = -1;
    do {
        received = ::recvmsg(socket_.get(), &message, receive_flags);
    } while (received < 0 && errno == EINTR);
    if (received <= 0) return received < 0 && would_block(errno) ? Progress::none : Progress::end;
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int number = -1;
            std::memcpy(&number, CMSG_DATA(header) + i * sizeof number, sizeof number);
#ifndef MSG_CMSG_CLOEXEC
            ::fcntl(number, F_SETFD, FD_CLOEXEC);
#endif
            attached_.emplace_back(number);
        }
    }
    incoming_.insert(incoming_.end(), buffer.begin(), buffer.begin() + received);
    return Progress::some;
}

void BufferSocket::take_message(std::vector<ReceivedNote>& notes) {
    for (std::size_t at = sizeof(WireHeader); at < incoming_.size(); at += sizeof(WireNote)) {
        WireNote wire;
        std::memcpy(&wire, incoming_.data() + at, sizeof wire);
        if (wire.kind < static_cast<std::uint32_t>(BufferNoteKind::memory) ||
            wire.kind > static_cast<std::uint32_t>(BufferNoteKind::missing))
            throw ProtocolError("the other process sent a note of kind " + std::to_string(wire.kind) +
                                " about shared memory");
        const auto kind = static_cast<BufferNoteKind>(wire.kind);
        uv::Descriptor memory;
        if (kind == BufferNoteKind::memory && !attached_.empty()) {
            memory = std::move(attached_.front());
            attached_.pop_front();
        }
        notes.emplace_back(BufferNote(kind, wire.id, static_cast<std::size_t>(wire.capacity)),
                           std::move(memory));
    }
    incoming_.clear();
    attached_.clear();
}

} // namespace aio::detail
