#pragma once

/// Not installed: the memory behind every handle of the bindings.
///
/// libuv needs a handle's memory until its close callback has run, which is a turn of the loop after
/// `uv_close`. So a handle never lives in the C++ object that represents it (nor in a coroutine frame): it
/// lives in a block of its own, the object holds a pointer, and its destructor closes the handle and leaves
/// the block to the close callback. Destruction needs no await and can happen inside any callback.

#include <new>
#include <utility>

#include <uv.h>

#include <aio/uv/completion.hpp>
#include <aio/uv/error.hpp>

namespace aio::uv::detail {

/// A block whose `uv_handle` is followed by the wrapper's own state. `State` must be destructible without
/// touching libuv.
template <class UvHandle, class State>
struct HandleBlock {
    UvHandle handle{};
    State state{};

    uv_handle_t* base() noexcept { return reinterpret_cast<uv_handle_t*>(&handle); }

    static HandleBlock& of(UvHandle* h) noexcept { return *static_cast<HandleBlock*>(h->data); }

    /// Makes the block and initialises its handle with `init(&handle)`. A failed init means there is nothing
    /// to close.
    template <class Init>
    static HandleBlock* create(Init init, const char* what) {
        auto* block = new HandleBlock;
        const int status = init(&block->handle);
        if (status < 0) {
            delete block;
            throw_error(status, what);
        }
        block->handle.data = block;
        return block;
    }

    /// Closes the handle; the block is freed by the close callback. The owner must not touch it again.
    void close() noexcept {
        uv_close(base(), [](uv_handle_t* h) noexcept { delete static_cast<HandleBlock*>(h->data); });
    }
};

/// For handles whose only state is one callback.
struct CallbackState {
    Callback callback{};
};

} // namespace aio::uv::detail
