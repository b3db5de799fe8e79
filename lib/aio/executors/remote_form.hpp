#pragma once

/// Calls that can run in another process.

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include <aio/core/errors.hpp>
#include <aio/executors/concurrent_state.hpp>
#include <aio/workers/buffer_link.hpp>
#include <aio/workers/call_marks.hpp>
#include <aio/workers/remote_call.hpp>

namespace aio::detail {

/// Who can stop calls that run elsewhere. Thread-safe.
class RemoteHost {
public:
    virtual void stop_call(std::uint64_t id) noexcept = 0;
    // For calls that emit items, in their host's thread.
    /// The reader has taken so many items, of so many bytes together.
    virtual void give_credit(std::uint64_t id, std::uint64_t items, std::uint64_t bytes) noexcept = 0;
    /// Nobody wants further items.
    virtual void stop_stream(std::uint64_t id) noexcept = 0;

protected:
    RemoteHost() = default;
    ~RemoteHost() = default;
};

/// The side of a call that takes what it emits while it runs. In the thread of its host.
class StreamForm {
public:
    /// False when items need not be decoded any more.
    [[nodiscard]] virtual bool wants_items() const noexcept = 0;
    /// Takes the next item, with the shared buffers that came by `buffers`. `size` is what its reader gives
    /// back as credit. Throws what the codec throws.
    virtual void take_item(std::span<const std::byte> item, BufferLink& buffers, std::uint64_t size) = 0;
    /// An item has come and could not be taken.
    virtual void fail_stream(std::exception_ptr error) noexcept = 0;

protected:
    StreamForm() = default;
    StreamForm(const StreamForm&) = delete;
    StreamForm& operator=(const StreamForm&) = delete;
    ~StreamForm() = default;
};

/// The side of a call that a process pool needs.
class RemoteForm {
public:
    /// Writes the call, for `execute_call` in the worker, and lets go of the callable and the arguments.
    /// Throws what the codec throws.
    virtual void encode(ByteWriter& out) = 0;
    /// Stores the result that came back, with the shared buffers that came by `buffers`, and tells the
    /// callbacks; drops it if the future is done. Throws what the codec throws, and the call is then still to
    /// be completed.
    virtual void complete(std::span<const std::byte> result, BufferLink& buffers) = 0;
    /// Null for a call that emits nothing.
    [[nodiscard]] virtual StreamForm* stream_form() noexcept { return nullptr; }
    /// Says who runs it, and as which number: before anybody else knows of the call.
    void set_host(std::weak_ptr<RemoteHost> host, std::uint64_t id) noexcept {
        host_ = std::move(host);
        id_ = id;
    }
    /// It waits in a worker, as the one with that number in `marks`; null: no more. While its state is
    /// pending and locked.
    void wait_at(std::shared_ptr<CallMarks> marks, std::uint64_t number) noexcept {
        marks_ = std::move(marks);
        number_ = number;
    }

protected:
    RemoteForm() = default;
    [[nodiscard]] const std::weak_ptr<RemoteHost>& host() const noexcept { return host_; }
    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
    void stop_at_host() noexcept {
        if (const auto host = host_.lock()) host->stop_call(id_);
    }
    /// While its state is pending and locked: false if a worker has begun it.
    [[nodiscard]] bool withdraw_at_worker() noexcept { return !marks_ || marks_->withdraw(number_, id_); }
    RemoteForm(const RemoteForm&) = delete;
    RemoteForm& operator=(const RemoteForm&) = delete;
    ~RemoteForm() = default;

private:
    std::weak_ptr<RemoteHost> host_;
    std::uint64_t id_ = 0;
    std::shared_ptr<CallMarks> marks_;
    std::uint64_t number_ = 0;
};

/// Completes the future `state` by the result that came back.
template <class Value, class State>
void complete_call(State& state, std::span<const std::byte> result, BufferLink& buffers) {
    if constexpr (std::is_void_v<Value>) {
        decode_result<void>(result, &buffers);
        state.set_value_unless_done({});
    } else {
        state.set_value_unless_done(decode_result<Value>(result, &buffers));
    }
}

/// A call that runs here as well as there.
template <class F, class... Args>
class RemoteCallOf final : public CallOf<F, Args...>, public RemoteForm {
public:
    using CallOf<F, Args...>::CallOf;
    using typename CallOf<F, Args...>::Value;

    [[nodiscard]] RemoteForm* remote_form() noexcept override { return this; }
    void request_stop() noexcept override { stop_at_host(); }

    void encode(ByteWriter& out) override {
        std::apply([&](const Args&... arguments) { encode_call(out, this->function(), arguments...); },
                   this->arguments());
        this->release();
    }
    void complete(std::span<const std::byte> result, BufferLink& buffers) override {
        complete_call<Value>(*this, result, buffers);
    }

private:
    bool withdraw() noexcept override { return withdraw_at_worker(); }
};

/// A call that is encoded before `submit` returns, and so needs no copy of what it is given by reference.
/// `F` and `Args` are as they are forwarded.
template <class F, class... Args>
class RemoteOnlyCall final : public ConcurrentStateOf<CallValue<F, Args...>>, public Call, public RemoteForm {
public:
    using Value = CallValue<F, Args...>;

    explicit RemoteOnlyCall(F&& function, Args&&... arguments)
        : given_(std::in_place, std::forward<F>(function), std::forward<Args>(arguments)...) {}

    [[nodiscard]] ConcurrentState& state() noexcept override { return *this; }
    [[nodiscard]] RemoteForm* remote_form() noexcept override { return this; }
    [[nodiscard]] const std::type_info& type() const noexcept override {
        return typeid(typename CallableIdentity<std::decay_t<F>>::Type);
    }
    void request_stop() noexcept override { stop_at_host(); }
    void release() noexcept override { given_.reset(); }
    /// Never comes here: its executor sends it away.
    void execute() noexcept override {
        this->store_exception_unless_done(
            std::make_exception_ptr(RuntimeError("this call can only run in another process")));
    }

    void encode(ByteWriter& out) override {
        std::apply(
            [&](const auto& function, const auto&... arguments) { encode_call(out, function, arguments...); },
            *given_);
        release();
    }
    void complete(std::span<const std::byte> result, BufferLink& buffers) override {
        complete_call<Value>(*this, result, buffers);
    }

private:
    bool withdraw() noexcept override { return withdraw_at_worker(); }

    std::optional<std::tuple<F, Args...>> given_;
};

/// Whether `function(arguments...)` can run in another process and gives the same type there.
template <class F, class... Args>
inline constexpr bool runs_remotely = [] {
    if constexpr (Transferable<F, Args...> && std::is_invocable_v<std::decay_t<F>&, std::decay_t<Args>...>)
        return std::is_same_v<call_result_t<F, Args...>, CallValue<F, Args...>>;
    else
        return false;
}();

/// The call object for a call that might go anywhere.
template <class F, class... Args>
using CallFor =
    std::conditional_t<runs_remotely<F, Args...>, RemoteCallOf<std::decay_t<F>, std::decay_t<Args>...>,
                       CallOf<std::decay_t<F>, std::decay_t<Args>...>>;

} // namespace aio::detail
