#pragma once

/// Readiness of a descriptor that libuv does not own: a socket of another library, a control socket.

namespace aio::uv {

class Loop;

/// What can be watched for, or has happened; a set of bits.
enum class PollEvents : unsigned { none = 0, readable = 1, writable = 2, disconnected = 4, prioritized = 8 };

constexpr PollEvents operator|(PollEvents a, PollEvents b) noexcept {
    return static_cast<PollEvents>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
/// Whether the two sets have an event in common.
constexpr bool operator&(PollEvents a, PollEvents b) noexcept {
    return (static_cast<unsigned>(a) & static_cast<unsigned>(b)) != 0;
}

/// Tells when a descriptor is ready, also to tell an error. Level-triggered: the callback comes again in each
/// turn of the loop until the reason is gone. The descriptor stays the caller's and must stay open until this
/// object is stopped or destroyed; no other handle of the same loop may watch it.
class Poll {
public:
    /// `status` is 0, or a negative libuv error, after which watching has stopped.
    struct Handler {
        using Function = void (*)(void* context, int status, PollEvents events) noexcept;
        constexpr Handler() noexcept = default;
        constexpr Handler(Function f, void* c) noexcept : function(f), context(c) {}
        Function function = nullptr;
        void* context = nullptr;
    };

    /// Sets the descriptor to non-blocking. Throws `std::system_error` if it cannot be watched (a regular
    /// file cannot, and on Windows nothing but a socket).
    Poll(Loop& loop, int fd, Handler handler);
    ~Poll();
    Poll(const Poll&) = delete;
    Poll& operator=(const Poll&) = delete;

    /// Watches for these events; replaces an earlier start. Throws `std::system_error`.
    void start(PollEvents events);
    void stop() noexcept;
    [[nodiscard]] bool active() const noexcept;
    /// Whether this handle keeps the loop alive while started; it does when made.
    void keep_alive(bool yes) noexcept;

private:
    void* block_;
};

/// A handler out of a member function `void (int status, PollEvents)`: `bind_poll<&Class::on_event>(*this)`.
template <auto Member, class Class>
constexpr Poll::Handler bind_poll(Class& object) noexcept {
    return Poll::Handler(
        [](void* context, int status, PollEvents events) noexcept {
            (static_cast<Class*>(context)->*Member)(status, events);
        },
        &object);
}

} // namespace aio::uv
