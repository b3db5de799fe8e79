#include <aio/workers/control_socket_posix.hpp>

#include <aio/workers/descriptors_posix.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace aio::detail {

namespace {

constexpr std::size_t max_attached = 6;

struct alignas(cmsghdr) AncillaryBuffer {
    std::array<char, CMSG_SPACE(max_attached * sizeof(int))> bytes{};
};

#ifdef MSG_NOSIGNAL
constexpr int send_flags = MSG_NOSIGNAL;
#else
constexpr int send_flags = 0;
#endif
#ifdef MSG_CMSG_CLOEXEC
constexpr int receive_flags = MSG_CMSG_CLOEXEC;
#else
constexpr int receive_flags = 0;
#endif

void attach(msghdr& message, AncillaryBuffer& buffer, const std::vector<uv::Descriptor>& descriptors) {
    message.msg_control = buffer.bytes.data();
    message.msg_controllen =
        static_cast<decltype(message.msg_controllen)>(CMSG_SPACE(descriptors.size() * sizeof(int)));
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = static_cast<decltype(header->cmsg_len)>(CMSG_LEN(descriptors.size() * sizeof(int)));
    unsigned char* data = CMSG_DATA(header);
    for (const uv::Descriptor& fd : descriptors) {
        const int number = fd.get();
        std::memcpy(data, &number, sizeof number);
        data += sizeof number;
    }
}

void collect(msghdr& message, std::vector<uv::Descriptor>& descriptors) {
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int number = -1;
            std::memcpy(&number, CMSG_DATA(header) + i * sizeof number, sizeof number);
            descriptors.emplace_back(number);
#ifndef MSG_CMSG_CLOEXEC
            fcntl(number, F_SETFD, FD_CLOEXEC);
#endif
        }
    }
}

bool would_block(int error) noexcept { return error == EAGAIN || error == EWOULDBLOCK; }

} // namespace

ControlSocket::ControlSocket(uv::Descriptor socket) : socket_(std::move(socket)) {
    set_nonblocking(socket_.get());
#ifdef SO_NOSIGPIPE
    const int on = 1;
    setsockopt(socket_.get(), SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
}

void ControlSocket::send(const ControlRecord& record, std::vector<uv::Descriptor> descriptors) {
    if (broken_) {
        return;
    }
    queue_.push_back(Outgoing{record, std::move(descriptors)});
    flush();
}

void ControlSocket::flush() {
    while (!queue_.empty()) {
        const Progress progress = send_some(queue_.front());
        if (progress == Progress::blocked) {
            return;
        }
        if (progress == Progress::broken) {
            broken_ = true;
            queue_.clear();
            return;
        }
        if (queue_.front().sent == sizeof(ControlRecord)) {
            queue_.pop_front();
        }
    }
}

ControlSocket::Progress ControlSocket::send_some(Outgoing& outgoing) {
    iovec part{reinterpret_cast<char*>(&outgoing.record) + outgoing.sent,
               sizeof(ControlRecord) - outgoing.sent};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    AncillaryBuffer ancillary;
    if (!outgoing.descriptors.empty()) {
        attach(message, ancillary, outgoing.descriptors);
    }
    ssize_t sent = -1;
    do {
        sent = sendmsg(socket_.get(), &message, send_flags);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        return would_block(errno) ? Progress::blocked : Progress::broken;
    }
    outgoing.sent += static_cast<std::size_t>(sent);
    outgoing.descriptors.clear();
    return Progress::done;
}

bool ControlSocket::receive(std::vector<ControlMessage>& messages) {
    for (;;) {
        const Progress progress = receive_some();
        if (progress != Progress::done) {
            return progress == Progress::blocked;
        }
        if (received_ == sizeof(ControlRecord)) {
            if (incoming_.magic != ControlRecord::expected_magic) {
                return false;
            }
            received_ = 0;
            messages.emplace_back(incoming_, std::exchange(incoming_descriptors_, {}));
        }
    }
}

/// Never reads beyond the record at hand, so descriptors cannot end up with the wrong one.
ControlSocket::Progress ControlSocket::receive_some() {
    iovec part{reinterpret_cast<char*>(&incoming_) + received_, sizeof(ControlRecord) - received_};
    AncillaryBuffer ancillary;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = ancillary.bytes.data();
    message.msg_controllen = ancillary.bytes.size();
    ssize_t received = -1;
    do {
        received = recvmsg(socket_.get(), &message, receive_flags);
    } while (received < 0 && errno == EINTR);
    if (received < 0) {
        return would_block(errno) ? Progress::blocked : Progress::broken;
    }
    collect(message, incoming_descriptors_);
    received_ += static_cast<std::size_t>(received);
    return received == 0 ? Progress::broken : Progress::done;
}

} // namespace aio::detail
