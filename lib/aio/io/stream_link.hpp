#pragma once

/// What a `StreamReader` and a `StreamWriter` share: one connection, from its making to its end.

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <aio/core/intrusive_list.hpp>
#include <aio/core/ref.hpp>
#include <aio/io/stream.hpp>
#include <aio/io/stream_errors.hpp>
#include <aio/sync/loop_binding.hpp>
#include <aio/sync/wait_queue.hpp>

namespace aio::detail {

class StreamLink;

/// Is told when a connection has ended: a server.
class LinkOwner {
public:
    virtual void link_closed(StreamLink& link) noexcept = 0;

protected:
    LinkOwner() = default;
    ~LinkOwner() = default;
};

/// The connection, its water marks and who waits for them.
class StreamLink final : public RefCounted, public ListNode {
public:
    /// Takes the stream over and begins to read. Throws `ValueError` if the limit is 0.
    StreamLink(Stream stream, std::size_t limit);
    ~StreamLink() override;
    /// Throws `ValueError` if that can be no limit of a reader.
    static void check_limit(std::size_t limit);

    [[nodiscard]] StreamState& state() const noexcept { return *state_; }
    [[nodiscard]] std::size_t limit() const noexcept { return limit_; }
    void set_owner(LinkOwner* owner) noexcept { owner_ = owner; }

    /// No more bytes are in the buffer, and none will come. A connection that has broken has no end: who asks
    /// this before each read is to hear of the error.
    [[nodiscard]] bool at_eof() const noexcept {
        return state_->read_ended_ && state_->read_status_ == 0 && state_->read_ahead_.empty();
    }

    void write(std::span<const std::byte> data);
    void write_eof();
    /// Throws what keeps `what` from being done: the stream is closed, its write direction shut down, or
    /// another loop runs here.
    void check_writable(const char* what) const;
    /// Ends the connection once everything queued has been sent.
    void close() noexcept;
    void abort() noexcept { end(0, true); }
    [[nodiscard]] bool closing() const noexcept { return closing_; }
    [[nodiscard]] bool closed() const noexcept { return closed_; }
    /// Something has gone wrong for good, whether it has been closed or not.
    [[nodiscard]] bool broken() const noexcept { return failure() < 0; }
    /// Nothing more happens to it. What was written before `close` is still sent to a peer that cannot be
    /// read any more.
    [[nodiscard]] bool over() const noexcept { return closed_ || (!closing_ && broken()); }

    /// Takes the stream out, for another kind of connection on it; nothing else may be asked of this then.
    /// Throws `RuntimeError` if somebody waits in it, and what has become of a connection that is lost.
    /// `what` is for the text.
    [[nodiscard]] Stream detach(const char* what);
    /// The same, in whatever state the connection is; nobody waits in it.
    [[nodiscard]] Stream take_stream() noexcept;

    void set_marks(std::optional<std::size_t> high, std::optional<std::size_t> low);
    [[nodiscard]] std::size_t high() const noexcept { return high_; }
    [[nodiscard]] std::size_t low() const noexcept { return low_; }
    [[nodiscard]] std::size_t queued() const noexcept {
        return state_->is_open() ? state_->write_queue_size() : 0;
    }

    /// Whether a writer has to wait.
    [[nodiscard]] bool paused() noexcept;
    /// Throws what has become of the connection, for `drain` and `wait_closed`.
    void throw_if_lost(const char* what) const;
    void throw_if_failed(const char* what) const;
    [[nodiscard]] WaitQueue& drainers() noexcept { return drainers_; }
    [[nodiscard]] WaitQueue& closers() noexcept { return closers_; }

    [[nodiscard]] std::optional<uv::Address> peer_address() const { return state_->peer_address(); }

private:
    /// Holds a connection that nobody else holds any more and that has bytes to send, until they have gone or
    /// the loop closes. It lets go from the loop: whoever tells of the end may be in the midst of the stream.
    class Flushing final : public LoopResource, private ReadyItem {
    public:
        void begin(StreamLink& link);
        void end() noexcept;

    private:
        void let_go() noexcept { const Ref<StreamLink> last = std::move(link_); }
        void run() noexcept override { let_go(); }
        void drop() noexcept override { let_go(); }
        void loop_closing() noexcept override { let_go(); }
        [[nodiscard]] std::string label() const override { return "the end of a connection"; }
        Ref<StreamLink> link_;
    };

    void on_progress() noexcept;
    void end(int status, bool dropping) noexcept;
    void tell_owner() noexcept;
    /// What has broken it: what whoever reads is told, if there is that, because a write is often told less.
    [[nodiscard]] int failure() const noexcept;

    std::unique_ptr<StreamState> state_;
    std::size_t limit_;
    std::size_t high_ = uv::Stream::default_high_water;
    std::size_t low_ = uv::Stream::default_high_water / 4;
    LinkOwner* owner_ = nullptr;
    /// What the connection has broken with.
    int status_ = 0;
    Flushing flushing_;
    bool paused_ = false;
    bool closing_ = false;
    bool closed_ = false;
    LoopBinding binding_{"StreamWriter"};
    WaitQueue drainers_{binding_};
    WaitQueue closers_{binding_};
};

/// `drain`.
class DrainWait final : public Waiter {
public:
    explicit DrainWait(const Ref<StreamLink>& link) noexcept : Waiter("StreamWriter.drain"), link_(link) {}
    ~DrainWait() { leave(); }
    [[nodiscard]] bool await_ready();
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        wait_in(link_->drainers(), caller);
        if (link_->paused()) return;
        leave();
        gave_way_ = true;
        yield();
    }
    void await_resume();

private:
    Ref<StreamLink> link_;
    /// It had nothing to wait for but its turn.
    bool gave_way_ = false;
};

/// `wait_closed`.
class ClosedWait final : public Waiter {
public:
    explicit ClosedWait(const Ref<StreamLink>& link) noexcept
        : Waiter("StreamWriter.wait_closed"), link_(link) {}
    ~ClosedWait() { leave(); }
    [[nodiscard]] bool await_ready() const noexcept { return link_->over(); }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        wait_in(link_->closers(), caller);
    }
    void await_resume() {
        if (waited()) settle();
        link_->throw_if_failed("wait_closed");
    }

private:
    Ref<StreamLink> link_;
};

/// What they are made of, until it is awaited. It holds what is waited for.
template <class Awaiter, class Owner>
class [[nodiscard("nothing happens until this is awaited")]] LinkOperationOf {
public:
    explicit LinkOperationOf(Ref<Owner> owner) noexcept : owner_(std::move(owner)) {}
    Awaiter operator co_await() const noexcept { return Awaiter(owner_); }

private:
    Ref<Owner> owner_;
};
template <class Awaiter>
using LinkOperation = LinkOperationOf<Awaiter, StreamLink>;

} // namespace aio::detail
