#pragma once

/// Whether a result can be handed to several readers as copies.
///
/// `std::copy_constructible` says yes for every container, also for one of move-only elements, whose copy
/// does not compile. Awaiting a future must know better: a result that cannot be copied is moved out, once.

#include <concepts>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>

namespace aio {

template <class T>
inline constexpr bool copyable_result = std::copy_constructible<T>;

namespace detail {

template <class T>
concept ContainerLike = requires {
    typename T::value_type;
    typename T::const_iterator;
} && !std::same_as<T, typename T::value_type>;

} // namespace detail

/// Whether results of type `T` are copied for those who await the same future. Specialise it to `false` for a
/// class of your own that has a container of move-only elements as a member, and does not delete its copy
/// constructor.
template <detail::ContainerLike T>
inline constexpr bool copyable_result<T> =
    std::copy_constructible<T> && copyable_result<typename T::value_type>;
template <class A, class B>
inline constexpr bool copyable_result<std::pair<A, B>> = copyable_result<A> && copyable_result<B>;
template <class... Ts>
inline constexpr bool copyable_result<std::tuple<Ts...>> = (copyable_result<Ts> && ...);
template <class... Ts>
inline constexpr bool copyable_result<std::variant<Ts...>> = (copyable_result<Ts> && ...);
template <class T>
inline constexpr bool copyable_result<std::optional<T>> = copyable_result<T>;

} // namespace aio
