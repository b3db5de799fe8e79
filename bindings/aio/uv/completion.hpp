#pragma once

/// How a libuv request or handle tells its owner that something happened.
///
/// A plain struct with a function pointer: whoever starts an operation derives from it (or embeds one), keeps
/// it alive until it has been called, and gets back to its own type with a `static_cast`. No allocation, no
/// virtual table, no `std::function`.

namespace aio::uv {

/// Called exactly once for each operation started with it, on the loop's thread, never from inside the call
/// that started it. `status` is 0 or a negative libuv error (see `error_code`). The function must not throw:
/// there is a C frame above it.
struct Completion {
    using Function = void (*)(Completion& self, int status) noexcept;

    explicit Completion(Function f) noexcept : function(f) {}
    void operator()(int status) noexcept { function(*this, status); }

    Function function;
};

/// A callback that may come many times: `function(context)`.
struct Callback {
    using Function = void (*)(void* context) noexcept;

    constexpr Callback() noexcept = default;
    constexpr Callback(Function f, void* c) noexcept : function(f), context(c) {}
    void operator()() const noexcept { function(context); }
    explicit operator bool() const noexcept { return function != nullptr; }

    Function function = nullptr;
    void* context = nullptr;
};

/// Makes a `Callback` out of a member function: `bind<&EventLoop::on_wake>(*this)`.
template <auto Member, class Class>
constexpr Callback bind(Class& object) noexcept {
    return Callback([](void* context) noexcept { (static_cast<Class*>(context)->*Member)(); }, &object);
}

} // namespace aio::uv
