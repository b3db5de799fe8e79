#pragma once
// The socket between the pool's process and its zygote: records of fixed size, some with file descriptors
// attached. A stream socket and not SOCK_SEQPACKET, which macOS does not have; records are put together again
// from what arrives.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <type_traits>
#include <utility>
#include <vector>

#include <aio/uv/descriptor.hpp>

namespace aio::detail {

/// Flags of a worker that is asked for.
inline constexpr std::int32_t worker_initializes = 1; ///< waits for an INITIALIZE frame before it is ready
inline constexpr std::int32_t worker_captures = 2;    ///< writes its output and errors to files
inline constexpr std::int32_t worker_spawns = 4;      ///< is this program, executed once more
inline constexpr std::int32_t worker_shares = 8;      ///< gets a socket for shared memory
inline constexpr std::int32_t worker_marks = 16;      ///< gets the memory of its CallMarks

enum class RecordKind : std::uint32_t {
    nonce = 1, ///< starter to exec'ed zygote, before all others: proves that the environment marker is meant
               ///< for it
    ready,     ///< zygote: serving; pid
    refused,   ///< zygote: cannot serve because it has `status` threads; it exits
    fork,    ///< client: start a worker for request_id as the flags in status say; attached: task pipe's read
             ///< end, result pipe's write end, with `worker_shares` a socket for shared memory, with
             ///< `worker_captures` files for its output and errors, with `worker_marks` that memory
    started, ///< zygote: the worker of request_id; pid or error; attached: its pidfd where there is such a
             ///< thing
    kill,    ///< client: send `status` as a signal to the process group of worker pid
    exited,  ///< zygote: worker pid has ended; wait status and resource usage
};

struct ControlRecord {
    static constexpr std::uint32_t expected_magic = 0x7A4F4941;

    std::uint32_t magic = expected_magic;
    RecordKind kind = RecordKind::ready;
    std::uint64_t request_id = 0; ///< also the nonce
    std::int64_t pid = 0;
    std::int32_t error = 0;
    std::int32_t status = 0;
    std::uint64_t max_payload = 0;
    std::int64_t user_microseconds = 0;
    std::int64_t system_microseconds = 0;
    std::int64_t max_resident_bytes = 0;
};
static_assert(sizeof(ControlRecord) == 64 && std::is_trivially_copyable_v<ControlRecord>);

/// A record as it arrived, with the descriptors attached to it. There are fewer than were sent when this
/// process has no room for them.
class ControlMessage {
public:
    ControlMessage(const ControlRecord& message_record, std::vector<uv::Descriptor> attached) noexcept
        : record(message_record), descriptors(std::move(attached)) {}

    ControlRecord record;
    std::vector<uv::Descriptor> descriptors;
};

/// One end. Never blocks: what cannot be sent at once is queued, descriptors with it. Not thread-safe.
class ControlSocket {
public:
    /// Makes the socket non-blocking. Throws std::system_error.
    explicit ControlSocket(uv::Descriptor socket);

    [[nodiscard]] int descriptor() const noexcept { return socket_.get(); }

    /// Sends the record, or queues it until `flush`. The descriptors are closed here once sent. Once the
    /// other end is gone nothing is sent, and `receive` reports it.
    void send(const ControlRecord& record, std::vector<uv::Descriptor> descriptors = {});

    /// True while something is queued: call `flush` when the socket is writable.
    [[nodiscard]] bool has_queued() const noexcept { return !queue_.empty(); }
    void flush();

    /// Takes all that has arrived. Returns false when the other end is closed or sent something that is no
    /// record.
    [[nodiscard]] bool receive(std::vector<ControlMessage>& messages);

private:
    struct Outgoing {
        ControlRecord record;
        std::vector<uv::Descriptor> descriptors;
        std::size_t sent = 0;
    };

    enum class Progress { done, blocked, broken };
    Progress send_some(Outgoing& outgoing);
    Progress receive_some();

    uv::Descriptor socket_;
    std::deque<Outgoing> queue_;
    bool broken_ = false;
    ControlRecord incoming_;
    std::size_t received_ = 0;
    std::vector<uv::Descriptor> incoming_descriptors_;
};

} // namespace aio::detail
