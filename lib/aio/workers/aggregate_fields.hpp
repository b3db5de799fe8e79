#pragma once
// Reads the fields of a plain struct without any registration: how many there are, of which types, and a
// visitor over them. This is how the codec sends aggregates. Works for aggregates of up to 32 fields without
// base classes; C arrays as fields are refused (use std::array), because brace elision makes them look like
// several fields.
//
// The number of fields is found by asking with how many initialisers `T{...}` is well-formed, each being a
// probe that converts to anything. The probe's conversion is const-qualified on purpose: for types like
// std::optional that can also be constructed *from* the probe, the constructor is then the better match and
// nothing is ambiguous.

#include <concepts>
#include <cstddef>
#include <exception>
#include <type_traits>
#include <utility>

namespace aio::detail {

template <class... Ts>
struct TypeList {};

inline constexpr std::size_t max_aggregate_fields = 32;
inline constexpr std::size_t no_field_count = static_cast<std::size_t>(-1);

/// Converts to any type but the aggregate itself. Never run; defined because a constexpr constructor that
/// takes the probe is instantiated even where nothing is evaluated.
template <class T>
struct FieldProbe {
    template <class U>
        requires(!std::same_as<std::remove_cv_t<U>, T>)
    operator U() const { // NOLINT: implicit by purpose
        std::terminate();
    }
};

/// Converts to the base classes of T alone.
template <class T>
struct BaseProbe {
    template <class U>
        requires(std::is_class_v<U> && std::is_base_of_v<U, T> && !std::same_as<std::remove_cv_t<U>, T>)
    operator U() const { // NOLINT: implicit by purpose
        std::terminate();
    }
};

template <class T, std::size_t>
using FieldProbeAt = FieldProbe<T>;

template <class T, std::size_t... I>
consteval bool initialised_by(std::index_sequence<I...>) {
    return requires { T{FieldProbeAt<T, I>{}...}; };
}

template <class T, std::size_t... Before, std::size_t... After>
consteval bool takes_empty_list(std::index_sequence<Before...>, std::index_sequence<After...>) {
    return requires { T{FieldProbeAt<T, Before>{}..., {}, FieldProbeAt<T, After>{}...}; };
}

template <class T, std::size_t... Before, std::size_t... After>
consteval bool takes_pair_list(std::index_sequence<Before...>, std::index_sequence<After...>) {
    return requires {
        T{FieldProbeAt<T, Before>{}..., {FieldProbe<T>{}, FieldProbe<T>{}}, FieldProbeAt<T, After>{}...};
    };
}

template <class T, std::size_t Before, std::size_t... Afters>
consteval bool takes_pair_list_before_fewer(std::index_sequence<Afters...>) {
    using BeforeIt = std::make_index_sequence<Before>;
    return (takes_pair_list<T>(BeforeIt{}, std::make_index_sequence<Afters>{}) || ...);
}

/// False for the first initialiser that goes into a C array. A braced list in its place stands for the whole
/// array, so that fewer initialisers can follow than for a field of its own.
template <class T, std::size_t Count, std::size_t Position>
consteval bool is_whole_field() {
    using Before = std::make_index_sequence<Position>;
    using After = std::make_index_sequence<Count - Position - 1>;
    return takes_empty_list<T>(Before{}, After{}) || takes_pair_list<T>(Before{}, After{}) ||
           !takes_pair_list_before_fewer<T, Position>(After{});
}

template <class T, std::size_t Count, std::size_t... I>
consteval bool all_whole_fields(std::index_sequence<I...>) {
    return (is_whole_field<T, Count, I>() && ...);
}

template <class T, std::size_t Count = 0, bool Found = false>
consteval std::size_t count_initialisers() {
    if constexpr (Count > max_aggregate_fields + 1) {
        return no_field_count;
    } else if constexpr (initialised_by<T>(std::make_index_sequence<Count>{})) {
        return count_initialisers<T, Count + 1, true>();
    } else if constexpr (Found) {
        return Count - 1;
    } else {
        return count_initialisers<T, Count + 1, false>();
    }
}

/// The number of fields of T, or `no_field_count` when T is no aggregate that this header can take apart.
template <class T>
consteval std::size_t count_fields() {
    if constexpr (!std::is_aggregate_v<T> || std::is_array_v<T> || std::is_union_v<T>) {
        return no_field_count;
    } else if constexpr (requires { T{BaseProbe<T>{}}; }) {
        return no_field_count;
    } else {
        constexpr std::size_t count = count_initialisers<T>();
        if constexpr (count == no_field_count || count == 0) {
            return count;
        } else if constexpr (all_whole_fields<T, count>(std::make_index_sequence<count>{})) {
            return count;
        } else {
            return no_field_count;
        }
    }
}

template <class T>
concept FieldwiseAggregate = std::is_class_v<T> && (count_fields<T>() != no_field_count);

/// Calls `visitor.template operator()<Declared...>(field...)` with every field of `value` in order of
/// declaration. `Declared` are the types as written in the struct, made const; a reference field shows as a
/// reference.
template <FieldwiseAggregate T, class Visitor>
constexpr decltype(auto) visit_fields(const T& value, Visitor&& visitor) {
    // clang-format off: thirty-two times the same, best read as it stands.
    constexpr std::size_t count = count_fields<T>();
    if constexpr (count == 0) {
        return visitor.template operator()<>();
    } else if constexpr (count == 1) {
        const auto& [f1] = value;
        return visitor.template operator()<decltype(f1)>(f1);
    } else if constexpr (count == 2) {
        const auto& [f1, f2] = value;
        return visitor.template operator()<decltype(f1), decltype(f2)>(f1, f2);
    } else if constexpr (count == 3) {
        const auto& [f1, f2, f3] = value;
        return visitor.template operator()<decltype(f1), decltype(f2), decltype(f3)>(f1, f2, f3);
    } else if constexpr (count == 4) {
        const auto& [f1, f2, f3, f4] = value;
        return visitor.template operator()<decltype(f1), decltype(f2), decltype(f3), decltype(f4)>(f1, f2, f3,
            f4);
    } else if constexpr (count == 5) {
        const auto& [f1, f2, f3, f4, f5] = value;
        return visitor.template operator()<decltype(f1), decltype(f2), decltype(f3), decltype(f4),
            decltype(f5)>(f1, f2, f3, f4, f5);
    } else if constexpr (count == 6) {
        const auto& [f1, f2, f3, f4, f5, f6] = value;
        return visitor.template operator()<decltype(f1), decltype(f2), decltype(f3), decltype(f4),
            decltype(f5), decltype(f6)>(f1, f2, f3, f4, f5, f6);
    } else if constexpr (count == 7) {
        const auto& [f1, f2, f3, f4, f5, f6, f7] = value;
        return visitor.template operator()<decltype(f1), decltype(f2), decltype(f3), decltype(f4),
            decltype(f5), decltype(f6), decltype(f7)>(f1, f2, f3, f4, f5, f6, f7);
    } else if constexpr (count == 8) {
        const auto& [f1, f2, f3, f4, f5, f6, f7, f8] = value;
        return visitor.template operator()<decltype(f1), decltype(f2), decltype(f3), decltype(f4),
            decltype(f5), decltype(f6), decltype(f7), decltype(f8)>(f1, f2, f3, f4, f5, f6, f7, f8);
    } else if constexpr (count == 9) {
        const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9] = value;
        return visitor.template operator()<decltype(f1), decltype(f2), decltype(f3), decltype(f4),
            decltype(f5), decltype(f6), decltype(f7), decltype(f8), decltype(f9)>(f1, f2, f3, f4, f5, f6, f7,
            f8, f9);
    } else if constexpr (count == 10) {
        const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10] = value;
        return visitor.template operator()<decltype(f1), decltype(f2), decltype(f3), decltype(f4),
            decltype(f5), decltype(f6), decltype(f7), decltype(f8), decltype(f9), decltype(f10)>(f1, f2, f3,
            f4, f5, f6, f7, f8, f9, f10);
    } else if constexpr (count == 11) {
        const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11] = value;
        return visitor.template operator()<decltype(f1), decltype(f2), decltype(f3), decltype(f4),
            decltype(f5), decltype(f6), decltype(f7), decltype(f8), decltype(f9), decltype(f10),
            decltype(f11)>(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11);
    } else if constexpr (count == 12) {
        const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12] = value;
        return visitor.template operator()<decltype(f1), decltype(f2), decltype(f3), decltype(f4),
            decltype(f5), decltype(f6), decltype(f7), decltype(f8), decltype(f9), decltype(f10),
            decltype(f11), decltype(f12)>(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12);
    } else if constexpr (count == 13) {
        const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13] = value;
        return visitor.template operator()<decltype(f1), decltype(f2), decltype(f3), decltype(f4),
            decltype(f5), decltype(f6), decltype(f7), decltype(f8), decltype(f9), decltype(f10),
            decltype(f11), decltype(f12), decltype(f13)>(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12,
            f13);
    } else if constexpr (count == 14) {
        const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14] = value;
        return visitor.template operator()<decltype(f1), decltype(f2), decltype(f3), decltype(f4),
            decltype(f5), decltype(f6), decltype(f7), decltype(f8), decltype(f9), decltype(f10),
            decltype(f11), decltype(f12), decltype(f13), decltype(f14)>(f1, f2, f3, f4, f5, f6, f7, f8, f9,
            f10, f11, f12, f13, f14);
    } else if constexpr (count == 15) {
        const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15] = value;
        return visitor.template operator()<decltype(f1), decltype(f2), decltype(f3), decltype(f4),
            decltype(f5), decltype(f6), decltype(f7), decltype(f8), decltype(f9), decltype(f10),
            decltype(f11), decltype(f12), decltype(f13), decltype(f14), decltype(f15)>(f1, f2, f3, f4, f5, f6,
            f7, f8, f9, f10, f11, f12, f13, f14, f15);
    } else if constexpr (count == 16) {
        const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16] = value;
        return visitor.template operator()<decltype(f1), decltype(f2), decltype(f3), decltype(f4),
            decltype(f5), decltype(f6), decltype(f7), decltype(f8), decltype(f9), decltype(f10),
            decltype(f11), decltype(f12), decltype(f13), decltype(f14), decltype(f15), decltype(f16)>(f1, f2,
            f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16);
    } else if constexpr (count == 17) {
        const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17] = value;
        return visitor.template operator()<decltype(f1), decltype(f2), decltype(f3), decltype(f4),
            decltype(f5), decltype(f6), decltype(f7), decltype(f8), decltype(f9), decltype(f10),
            decltype(f11), decltype(f12), decltype(f13), decltype(f14), decltype(f15), decltype(f16),
            decltype(f17)>(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17);
    } else if constexpr (count == 18) {
        const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18] = value;
        return visitor.template operator()<decltype(f1), decltype(f2), decltype(f3), decltype(f4),
            decltype(f5), decltype(f6), decltype(f7), decltype(f8), decltype(f9), decltype(f10),
            decltype(f11), decltype(f12), decltype(f13), decltype(f14), decltype(f15), decltype(f16),
            decltype(f17), decltype(f18)>(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15,
            f16, f17, f18);
    } else if constexpr (count == 19) {
        const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18,
            f19] = value;
        return visitor.template operator()<decltype(f1), decltype(f2), decltype(f3), decltype(f4),
            decltype(f5), decltype(f6), decltype(f7), decltype(f8), decltype(f9), decltype(f10),
            decltype(f11), decltype(f12), decltype(f13), decltype(f14), decltype(f15), decltype(f16),
            decltype(f17), decltype(f18), decltype(f19)>(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12,
            f13, f14, f15, f16, f17, f18, f19);
    } else if constexpr (count == 20) {
        const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19,
            f20] = value;
        return visitor.template operator()<decltype(f1), decltype(f2), decltype(f3), decltype(f4),
            decltype(f5), decltype(f6), decltype(f7), decltype(f8), decltype(f9), decltype(f10),
            decltype(f11), decltype(f12), decltype(f13), decltype(f14), decltype(f15), decltype(f16),
            decltype(f17), decltype(f18), decltype(f19), decltype(f20)>(f1, f2, f3, f4, f5, f6, f7, f8, f9,
            f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20);
    } else if constexpr (count == 21) {
        const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19,
            f20, f21] = value;
        return visitor.template operator()<decltype(f1), decltype(f2), decltype(f3), decltype(f4),
            decltype(f5), decltype(f6), decltype(f7), decltype(f8), decltype(f9), decltype(f10),
            decltype(f11), decltype(f12), decltype(f13), decltype(f14), decltype(f15), decltype(f16),
            decltype(f17), decltype(f18), decltype(f19), decltype(f20), decltype(f21)>(f1, f2, f3, f4, f5, f6,
            f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20, f21);
    } else if constexpr (count == 22) {
        const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19,
            f20, f21, f22] = value;
        return visitor.template operator()<decltype(f1), decltype(f2), decltype(f3), decltype(f4),
            decltype(f5), decltype(f6), decltype(f7), decltype(f8), decltype(f9), decltype(f10),
            decltype(f11), decltype(f12), decltype(f13), decltype(f14), decltype(f15), decltype(f16),
            decltype(f17), decltype(f18), decltype(f19), decltype(f20), decltype(f21), decltype(f22)>(f1, f2,
            f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20, f21, f22);
    } else if constexpr (count == 23) {
        const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19,
            f20, f21, f22, f23] = value;
        return visitor.template operator()<decltype(f1), decltype(f2), decltype(f3), decltype(f4),
            decltype(f5), decltype(f6), decltype(f7), decltype(f8), decltype(f9), decltype(f10),
            decltype(f11), decltype(f12), decltype(f13), decltype(f14), decltype(f15), decltype(f16),
            decltype(f17), decltype(f18), decltype(f19), decltype(f20), decltype(f21), decltype(f22),
            decltype(f23)>(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18,
            f19, f20, f21, f22, f23);
    } else if constexpr (count == 24) {
        const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19,
            f20, f21, f22, f23, f24] = value;
        return visitor.template operator()<decltype(f1), decltype(f2), decltype(f3), decltype(f4),
            decltype(f5), decltype(f6), decltype(f7), decltype(f8), decltype(f9), decltype(f10),
            decltype(f11), decltype(f12), decltype(f13), decltype(f14), decltype(f15), decltype(f16),
            decltype(f17), decltype(f18), decltype(f19), decltype(f20), decltype(f21), decltype(f22),
            decltype(f23), decltype(f24)>(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15,
            f16, f17, f18, f19, f20, f21, f22, f23, f24);
    } else if constexpr (count == 25) {
        const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19,
            f20, f21, f22, f23, f24, f25] = value;
        return visitor.template operator()<decltype(f1), decltype(f2), decltype(f3), decltype(f4),
            decltype(f5), decltype(f6), decltype(f7), decltype(f8), decltype(f9), decltype(f10),
            decltype(f11), decltype(f12), decltype(f13), decltype(f14), decltype(f15), decltype(f16),
            decltype(f17), decltype(f18), decltype(f19), decltype(f20), decltype(f21), decltype(f22),
            decltype(f23), decltype(f24), decltype(f25)>(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12,
            f13, f14, f15, f16, f17, f18, f19, f20, f21, f22, f23, f24, f25);
    } else if constexpr (count == 26) {
        const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19,
            f20, f21, f22, f23, f24, f25, f26] = value;
        return visitor.template operator()<decltype(f1), decltype(f2), decltype(f3), decltype(f4),
            decltype(f5), decltype(f6), decltype(f7), decltype(f8), decltype(f9), decltype(f10),
            decltype(f11), decltype(f12), decltype(f13), decltype(f14), decltype(f15), decltype(f16),
            decltype(f17), decltype(f18), decltype(f19), decltype(f20), decltype(f21), decltype(f22),
            decltype(f23), decltype(f24), decltype(f25), decltype(f26)>(f1, f2, f3, f4, f5, f6, f7, f8, f9,
            f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20, f21, f22, f23, f24, f25, f26);
    } else if constexpr (count == 27) {
        const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19,
            f20, f21, f22, f23, f24, f25, f26, f27] = value;
        return visitor.template operator()<decltype(f1), decltype(f2), decltype(f3), decltype(f4),
            decltype(f5), decltype(f6), decltype(f7), decltype(f8), decltype(f9), decltype(f10),
            decltype(f11), decltype(f12), decltype(f13), decltype(f14), decltype(f15), decltype(f16),
            decltype(f17), decltype(f18), decltype(f19), decltype(f20), decltype(f21), decltype(f22),
            decltype(f23), decltype(f24), decltype(f25), decltype(f26), decltype(f27)>(f1, f2, f3, f4, f5, f6,
            f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20, f21, f22, f23, f24, f25, f26,
            f27);
    } else if constexpr (count == 28) {
        const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19,
            f20, f21, f22, f23, f24, f25, f26, f27, f28] = value;
        return visitor.template operator()<decltype(f1), decltype(f2), decltype(f3), decltype(f4),
            decltype(f5), decltype(f6), decltype(f7), decltype(f8), decltype(f9), decltype(f10),
            decltype(f11), decltype(f12), decltype(f13), decltype(f14), decltype(f15), decltype(f16),
            decltype(f17), decltype(f18), decltype(f19), decltype(f20), decltype(f21), decltype(f22),
            decltype(f23), decltype(f24), decltype(f25), decltype(f26), decltype(f27), decltype(f28)>(f1, f2,
            f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20, f21, f22, f23,
            f24, f25, f26, f27, f28);
    } else if constexpr (count == 29) {
        const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19,
            f20, f21, f22, f23, f24, f25, f26, f27, f28, f29] = value;
        return visitor.template operator()<decltype(f1), decltype(f2), decltype(f3), decltype(f4),
            decltype(f5), decltype(f6), decltype(f7), decltype(f8), decltype(f9), decltype(f10),
            decltype(f11), decltype(f12), decltype(f13), decltype(f14), decltype(f15), decltype(f16),
            decltype(f17), decltype(f18), decltype(f19), decltype(f20), decltype(f21), decltype(f22),
            decltype(f23), decltype(f24), decltype(f25), decltype(f26), decltype(f27), decltype(f28),
            decltype(f29)>(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18,
            f19, f20, f21, f22, f23, f24, f25, f26, f27, f28, f29);
    } else if constexpr (count == 30) {
        const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19,
            f20, f21, f22, f23, f24, f25, f26, f27, f28, f29, f30] = value;
        return visitor.template operator()<decltype(f1), decltype(f2), decltype(f3), decltype(f4),
            decltype(f5), decltype(f6), decltype(f7), decltype(f8), decltype(f9), decltype(f10),
            decltype(f11), decltype(f12), decltype(f13), decltype(f14), decltype(f15), decltype(f16),
            decltype(f17), decltype(f18), decltype(f19), decltype(f20), decltype(f21), decltype(f22),
            decltype(f23), decltype(f24), decltype(f25), decltype(f26), decltype(f27), decltype(f28),
            decltype(f29), decltype(f30)>(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15,
            f16, f17, f18, f19, f20, f21, f22, f23, f24, f25, f26, f27, f28, f29, f30);
    } else if constexpr (count == 31) {
        const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19,
            f20, f21, f22, f23, f24, f25, f26, f27, f28, f29, f30, f31] = value;
        return visitor.template operator()<decltype(f1), decltype(f2), decltype(f3), decltype(f4),
            decltype(f5), decltype(f6), decltype(f7), decltype(f8), decltype(f9), decltype(f10),
            decltype(f11), decltype(f12), decltype(f13), decltype(f14), decltype(f15), decltype(f16),
            decltype(f17), decltype(f18), decltype(f19), decltype(f20), decltype(f21), decltype(f22),
            decltype(f23), decltype(f24), decltype(f25), decltype(f26), decltype(f27), decltype(f28),
            decltype(f29), decltype(f30), decltype(f31)>(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12,
            f13, f14, f15, f16, f17, f18, f19, f20, f21, f22, f23, f24, f25, f26, f27, f28, f29, f30, f31);
    } else if constexpr (count == 32) {
        const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19,
            f20, f21, f22, f23, f24, f25, f26, f27, f28, f29, f30, f31, f32] = value;
        return visitor.template operator()<decltype(f1), decltype(f2), decltype(f3), decltype(f4),
            decltype(f5), decltype(f6), decltype(f7), decltype(f8), decltype(f9), decltype(f10),
            decltype(f11), decltype(f12), decltype(f13), decltype(f14), decltype(f15), decltype(f16),
            decltype(f17), decltype(f18), decltype(f19), decltype(f20), decltype(f21), decltype(f22),
            decltype(f23), decltype(f24), decltype(f25), decltype(f26), decltype(f27), decltype(f28),
            decltype(f29), decltype(f30), decltype(f31), decltype(f32)>(f1, f2, f3, f4, f5, f6, f7, f8, f9,
            f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20, f21, f22, f23, f24, f25, f26, f27, f28,
            f29, f30, f31, f32);
    }
    // clang-format on
}

struct FieldTypeCollector {
    template <class... Fields>
    constexpr TypeList<std::remove_cv_t<Fields>...> operator()(const Fields&...) const {
        return {};
    }
};

/// TypeList of the declared field types of T, without const.
template <FieldwiseAggregate T>
using FieldTypes = decltype(visit_fields(std::declval<const T&>(), FieldTypeCollector{}));

} // namespace aio::detail
