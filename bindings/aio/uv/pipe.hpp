#pragma once

/// A pipe: an anonymous one by its descriptor, or a Unix domain socket. On Windows a named pipe takes the
/// place of the latter, and of a socket pair two TCP sockets.

#include <cstdint>
#include <string>
#include <string_view>

#include <aio/uv/descriptor.hpp>
#include <aio/uv/stream.hpp>

namespace aio::uv {

class Loop;

/// A pipe stream.
class Pipe final : public Stream {
public:
    /// Not connected: for `connect`, or to be connected to a child's standard stream by `Process`.
    explicit Pipe(Loop& loop);
    /// Adopts one end of a pipe, a Unix domain socket or a device that gives characters, and sets it to
    /// non-blocking. Throws `std::system_error` if it is none of these or a device that the system cannot
    /// watch; the descriptor is closed then.
    Pipe(Loop& loop, Descriptor end);

    /// Connects to the Unix domain socket (or Windows named pipe) `path`. `done` is told 0 or why not. Throws
    /// `std::system_error` when the path is too long.
    void connect(std::string_view path, Completion& done);

    /// The path that this end of a Unix domain socket, or the other one, is bound to: empty for one that has
    /// no name. Throws `std::system_error` when there cannot be one.
    [[nodiscard]] std::string local_path() const;
    [[nodiscard]] std::string peer_path() const;
};

/// The two ends of a new anonymous pipe, closed on exec and none of the standard descriptors.
struct PipeEnds {
    PipeEnds(Descriptor r, Descriptor w) noexcept : read(std::move(r)), write(std::move(w)) {}
    Descriptor read;
    Descriptor write;
};

/// Makes an anonymous pipe, both ends blocking (on Windows they are made for `Pipe`, and of no use to the C
/// runtime). Throws `std::system_error`.
[[nodiscard]] PipeEnds make_pipe();

/// What children have of a pipe.
enum class PipeToChild : std::uint8_t { child_reads, child_writes, between_children };

/// Makes an anonymous pipe of which a child gets an end, or two get one each. To tell which matters on
/// Windows alone, where an end is made either for `Pipe` or for the C runtime of a child. Throws
/// `std::system_error`.
[[nodiscard]] PipeEnds make_pipe_to_child(PipeToChild use);

/// Makes a pair of connected Unix domain stream sockets, both blocking. On Windows they are TCP sockets,
/// which `Poll` and `Pipe` take all the same. Throws `std::system_error`.
[[nodiscard]] PipeEnds make_socket_pair();

} // namespace aio::uv
