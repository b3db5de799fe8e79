#include <aio/io/transport_core.hpp>

#include <aio/core/error_context.hpp>
#include <aio/core/event_loop.hpp>

namespace aio::detail {
namespace {

/// As in asyncio: one write that comes too late is nothing to speak of.
constexpr unsigned writes_dropped_before_report = 5;

void report(LoopState& loop, std::string message, std::exception_ptr error) noexcept {
    ErrorContext context;
    context.message = std::move(message);
    context.exception = std::move(error);
    loop.report(context);
}

} // namespace

TransportCore::TransportCore(EventLoop& loop) : loop_(&loop.state()), context_(copy_context()) {
    loop_->check_open();
}

void TransportCore::begin(BaseProtocol& protocol, std::unique_ptr<BaseProtocol> owned) {
    replace_protocol(protocol, std::move(owned));
    loop_->resources.push_back(*this);
    holds_itself_ = true;
    retain();
    made_item_.push();
}

void TransportCore::replace_protocol(BaseProtocol& protocol, std::unique_ptr<BaseProtocol> owned) {
    if (owned) owned_.reserve(owned_.size() + 1);
    if (!lost_) {
        attach(protocol);
        if (protocol_ != nullptr && protocol_ != &protocol) detach(*protocol_);
        protocol_ = &protocol;
        protocol_changed(&protocol);
    }
    if (owned) owned_.push_back(std::move(owned));
}

void TransportCore::drop_protocols() noexcept {
    closing_ = ending_ = lost_ = true;
    if (BaseProtocol* const protocol = std::exchange(protocol_, nullptr)) detach(*protocol);
    owned_.clear();
}

Future<> TransportCore::made() {
    waiter_ = loop_->require_loop().create_future<>();
    return waiter_;
}

void TransportCore::end(std::exception_ptr error) noexcept {
    if (ending_) return;
    closing_ = ending_ = true;
    error_ = std::move(error);
    lost_item_.push();
}

void TransportCore::force_close(std::exception_ptr error) noexcept {
    if (ending_) return;
    closing_ = true;
    drop_below();
    end(std::move(error));
}

void TransportCore::run_made() noexcept {
    if (made_ || lost_) return;
    made_ = true;
    const ContextScope scope(context_);
    if (protocol_ != nullptr)
        call_mildly("Exception in callback protocol.connection_made()", [this] { tell_made(); });
    if (waiter_ && !waiter_.done()) waiter_.set_result();
    waiter_ = Future<>();
    // Whoever waits for the connection has it before anything else comes.
    queue_io();
}

void TransportCore::run_io() noexcept {
    if (!made_ || ending_) return;
    const ContextScope scope(context_);
    do_io();
}

void TransportCore::run_lost() noexcept {
    if (lost_) return;
    run_made();
    lost_ = true;
    const ContextScope scope(context_);
    if (protocol_ != nullptr) {
        call_mildly("Exception in callback protocol.connection_lost()",
                    [this] { protocol_->connection_lost(std::exchange(error_, nullptr)); });
    }
    close_below();
    finish();
}

void TransportCore::finish() noexcept {
    LoopResource::unlink();
    if (BaseProtocol* const protocol = std::exchange(protocol_, nullptr)) {
        detach(*protocol);
        protocol_changed(nullptr);
    }
    finished();
    if (std::exchange(holds_itself_, false)) release();
}

void TransportCore::loop_closing() noexcept {
    closing_ = ending_ = lost_ = true;
    drop_below();
    waiter_ = Future<>();
    finish();
}

void TransportCore::protocol_gone() noexcept {
    protocol_ = nullptr;
    protocol_changed(nullptr);
    force_close(nullptr);
}

void TransportCore::callback_failed(const char* message, bool fatal) noexcept {
    try {
        throw;
    } catch (const BaseError&) {
        loop_->report_current_exception(message);
    } catch (...) {
        report(*loop_, message, std::current_exception());
        if (fatal) force_close(std::current_exception());
    }
}

void TransportCore::check_high(std::size_t queued) noexcept {
    if (writing_paused_ || queued <= high_ || protocol_ == nullptr) return;
    writing_paused_ = true;
    call_mildly("protocol.pause_writing() failed", [this] { protocol_->pause_writing(); });
}

void TransportCore::check_low(std::size_t queued) noexcept {
    if (!writing_paused_ || queued > low_ || protocol_ == nullptr) return;
    writing_paused_ = false;
    call_mildly("protocol.resume_writing() failed", [this] { protocol_->resume_writing(); });
}

void TransportCore::set_write_buffer_limits(std::optional<std::size_t> high, std::optional<std::size_t> low) {
    const WriteBufferLimits limits = WriteBufferLimits::of(high, low);
    high_ = limits.high();
    low_ = limits.low();
    if (!ending_) check_high(queued());
}

void TransportCore::write_dropped(const std::string& where) noexcept {
    if (dropped_writes_ == writes_dropped_before_report) return;
    if (++dropped_writes_ < writes_dropped_before_report) return;
    try {
        report(*loop_, "a protocol goes on writing to " + where + ", which is closed", nullptr);
    } catch (const std::bad_alloc&) {
        return;
    }
}

} // namespace aio::detail
