#pragma once

/// Calls that can run in another process.

#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

#include <aio/executors/concurrent_state.hpp>
#include <aio/workers/buffer_link.hpp>
#include <aio/workers/remote_call.hpp>

namespace aio::detail {

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

protected:
    RemoteForm() = default;
    RemoteForm(const RemoteForm&) = delete;
    RemoteForm& operator=(const RemoteForm&) = delete;
    ~RemoteForm() = default;
};

/// A call that runs here as well as there.
template <class F, class... Args>
class RemoteCallOf final : public CallOf<F, Args...>, public RemoteForm {
public:
    using CallOf<F, Args...>::CallOf;
    using typename CallOf<F, Args...>::Value;

    [[nodiscard]] RemoteForm* remote_form() noexcept override { return this; }

    void encode(ByteWriter& out) override {
        std::apply([&](const Args&... arguments) { encode_call(out, this->function(), arguments...); },
                   this->arguments());
        this->release();
    }
    void complete(std::span<const std::byte> result, BufferLink& buffers) override {
        if constexpr (std::is_void_v<Value>) {
            decode_result<void>(result, &buffers);
            this->set_value_unless_done({});
        } else {
            this->set_value_unless_done(decode_result<Value>(result, &buffers));
        }
    }
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
