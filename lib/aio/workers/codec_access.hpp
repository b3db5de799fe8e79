#pragma once
// CodecAccess: how the codec reaches what a class says about itself, `aio_fields` and `serialize`, and its
// default constructor. A class that keeps them private makes it a friend: `friend aio::CodecAccess;`.

#include <cstddef>
#include <tuple>
#include <type_traits>

namespace aio {

/// For the library. Everything here is static.
class CodecAccess {
public:
    /// Whether T, or one of its bases, has an `aio_fields`.
    template <class T>
    static consteval bool has_fields() {
        if constexpr (std::is_class_v<T>) {
            return requires { T::aio_fields; };
        } else {
            return false;
        }
    }

    /// The member pointers of T; `aio_fields` may also be a function that returns them.
    template <class T>
    static constexpr auto fields() {
        if constexpr (requires { T::aio_fields(); }) {
            return T::aio_fields();
        } else {
            return T::aio_fields;
        }
    }

    template <class T, class Archive>
    static consteval bool can_serialize() {
        return requires(T& value, Archive& archive) { value.serialize(archive); };
    }
    template <class T, class Archive>
    static consteval bool can_serialize_version() {
        return requires(T& value, Archive& archive) { value.serialize(archive, 0U); };
    }

    /// False for a `serialize` that T has from a base class alone, and which so knows only that. Of overloads
    /// nothing can be said, and they count as T's own.
    template <class T, class Archive>
    static consteval bool owns_serialize() {
        if constexpr (requires { &T::template serialize<Archive>; }) {
            return is_member_of<T>(&T::template serialize<Archive>);
        } else {
            return true;
        }
    }

    template <class T, class Archive>
    static void serialize(T& value, Archive& archive) {
        if constexpr (can_serialize<T, Archive>()) {
            value.serialize(archive);
        } else {
            value.serialize(archive, version<T>());
        }
    }

    /// The `aio_version` of T, or 0.
    template <class T>
    static consteval unsigned version() {
        if constexpr (requires { T::aio_version; }) {
            return static_cast<unsigned>(T::aio_version);
        } else {
            return 0;
        }
    }

    template <class T>
    static consteval bool can_make() {
        return requires { T(); };
    }
    template <class T>
    static T make() {
        return T();
    }

private:
    template <class T, class Member, class Class>
    static consteval bool is_member_of(Member Class::*) {
        return std::is_same_v<T, Class>;
    }
};

} // namespace aio
