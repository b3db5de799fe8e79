#pragma once

/// What the transports have in common: who owns what, and in which order a protocol is called.

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <aio/core/context.hpp>
#include <aio/core/errors.hpp>
#include <aio/core/future.hpp>
#include <aio/core/loop_resource.hpp>
#include <aio/core/loop_state.hpp>
#include <aio/core/ready_queue.hpp>
#include <aio/core/ref.hpp>
#include <aio/io/protocol.hpp>
#include <aio/io/write_buffer_limits.hpp>
#include <aio/uv/stream.hpp>

namespace aio {

class EventLoop;

namespace detail {

/// A transport without what carries its bytes. It holds itself from `begin` until the protocol has been told
/// that the connection is lost, or the loop is closed; so do the items of it that are queued.
class TransportCore : public RefCounted, private LoopResource, private ProtocolUser {
public:
    /// Whether it is closed, or about to be.
    [[nodiscard]] bool is_closing() const noexcept { return closing_; }
    [[nodiscard]] WriteBufferLimits get_write_buffer_limits() const noexcept {
        return WriteBufferLimits(low_, high_);
    }
    void set_write_buffer_limits(std::optional<std::size_t> high, std::optional<std::size_t> low);

    /// Done when `connection_made` has returned. To be asked for before that.
    [[nodiscard]] Future<> made();

protected:
    explicit TransportCore(EventLoop& loop);
    ~TransportCore() override = default;

    /// Queues `connection_made`. Throws `RuntimeError` if the protocol belongs to another transport.
    void begin(BaseProtocol& protocol, std::unique_ptr<BaseProtocol> owned);
    /// The same for a protocol that takes the place of the present one.
    void replace_protocol(BaseProtocol& protocol, std::unique_ptr<BaseProtocol> owned);
    /// Lets go of the protocols; the derived destructor begins with this, while everything can still be
    /// asked.
    void drop_protocols() noexcept;
    [[nodiscard]] LoopState& loop() const noexcept { return *loop_; }

    /// Has `do_io` called. From anywhere, also from callbacks below libuv.
    void queue_io() noexcept { io_.push(); }
    /// No more is taken or given, but what is queued may still go.
    void set_closing() noexcept { closing_ = true; }
    /// Queues `connection_lost`. Does nothing the second time.
    void end(std::exception_ptr error) noexcept;
    [[nodiscard]] bool ending() const noexcept { return ending_; }
    /// Drops what is queued, and ends.
    void force_close(std::exception_ptr error) noexcept;

    /// Pauses the protocol if so much is too much; the other way round.
    void check_high(std::size_t queued) noexcept;
    void check_low(std::size_t queued) noexcept;
    [[nodiscard]] bool writing_paused() const noexcept { return writing_paused_; }
    /// Something was written that goes nowhere: reported when it happens again and again.
    void write_dropped(const std::string& where) noexcept;

    /// Calls the protocol. An exception loses the connection, and is reported.
    template <class F>
    void call(const char* message, F&& function) noexcept {
        try {
            function();
        } catch (...) {
            callback_failed(message, true);
        }
    }
    /// The same, but the connection goes on.
    template <class F>
    void call_mildly(const char* message, F&& function) noexcept {
        try {
            function();
        } catch (...) {
            callback_failed(message, false);
        }
    }

    virtual void tell_made() = 0;
    /// Does what has come up since: called in the transport's context, between `connection_made` and
    /// `connection_lost`.
    virtual void do_io() noexcept = 0;
    /// Closes what is below; drops what is queued there.
    virtual void drop_below() noexcept = 0;
    virtual void close_below() noexcept = 0;
    /// Bytes that wait to be sent.
    [[nodiscard]] virtual std::size_t queued() const noexcept = 0;
    /// There is another protocol now, or null.
    virtual void protocol_changed(BaseProtocol* protocol) noexcept = 0;
    /// Nothing more will happen.
    virtual void finished() noexcept {}

private:
    /// A part of the work as an item of the ready queue.
    template <void (TransportCore::*Member)() noexcept>
    class Item final : public ReadyItem {
    public:
        explicit Item(TransportCore& owner) noexcept : owner_(owner) {}
        void push() noexcept {
            if (queued_ || owner_.loop_->closed) return;
            queued_ = true;
            owner_.retain();
            owner_.loop_->ready.push(*this);
        }
        void run() noexcept override {
            queued_ = false;
            const Ref<TransportCore> keep(&owner_);
            owner_.release();
            (owner_.*Member)();
        }
        void drop() noexcept override {
            queued_ = false;
            owner_.release();
        }
        [[nodiscard]] std::string label() const override { return "a callback of a protocol"; }

    private:
        TransportCore& owner_;
        bool queued_ = false;
    };

    void run_made() noexcept;
    void run_io() noexcept;
    void run_lost() noexcept;
    void finish() noexcept;
    void callback_failed(const char* message, bool fatal) noexcept;
    void loop_closing() noexcept override;
    void protocol_gone() noexcept override;

    Ref<LoopState> loop_;
    Context context_;
    BaseProtocol* protocol_ = nullptr;
    /// The protocols that are this transport's: the present one, and those it has replaced.
    std::vector<std::unique_ptr<BaseProtocol>> owned_;
    Future<> waiter_;
    std::exception_ptr error_;
    Item<&TransportCore::run_made> made_item_{*this};
    Item<&TransportCore::run_io> io_{*this};
    Item<&TransportCore::run_lost> lost_item_{*this};
    std::size_t high_ = uv::Stream::default_high_water;
    std::size_t low_ = uv::Stream::default_high_water / 4;
    unsigned dropped_writes_ = 0;
    bool writing_paused_ = false;
    bool made_ = false;
    bool closing_ = false;
    bool ending_ = false;
    bool lost_ = false;
    bool holds_itself_ = false;
};

} // namespace detail
} // namespace aio
