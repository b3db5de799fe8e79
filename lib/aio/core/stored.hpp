#pragma once

/// How results are kept: `void` as an empty value, a reference as a pointer, anything else as itself.

#include <memory>
#include <type_traits>
#include <utility>
#include <variant>

namespace aio::detail {

template <class T>
using Stored = std::conditional_t<
    std::is_void_v<T>, std::monostate,
    std::conditional_t<std::is_reference_v<T>, std::add_pointer_t<std::remove_reference_t<T>>,
                       std::remove_const_t<T>>>;

/// The argument that initialises a `Stored<T>` when a `U` is returned.
template <class T, class U>
using StoredInit =
    std::conditional_t<std::is_reference_v<T>, std::add_pointer_t<std::remove_reference_t<U>>, U&&>;

template <class T, class U>
constexpr StoredInit<T, U> wrap_stored(U&& value) noexcept {
    if constexpr (std::is_reference_v<T>)
        return std::addressof(value);
    else
        return std::forward<U>(value);
}

/// The result as the coroutine's caller sees it, moved out of its storage.
template <class T>
constexpr T unwrap_stored([[maybe_unused]] Stored<T>&& stored) {
    if constexpr (std::is_void_v<T>)
        return;
    else if constexpr (std::is_reference_v<T>)
        return static_cast<T>(*stored);
    else
        return std::move(stored);
}

/// The result as one of several readers sees it: a reference to what is stored.
template <class T>
using ResultView = std::conditional_t<std::is_void_v<T> || std::is_reference_v<T>, T,
                                      std::add_lvalue_reference_t<const Stored<T>>>;

template <class T>
constexpr ResultView<T> view_stored([[maybe_unused]] const Stored<T>& stored) {
    if constexpr (std::is_void_v<T>)
        return;
    else if constexpr (std::is_reference_v<T>)
        return static_cast<T>(*stored);
    else
        return stored;
}

} // namespace aio::detail
