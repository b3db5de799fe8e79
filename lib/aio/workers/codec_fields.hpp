#pragma once
// Codec of classes that list their fields: for what is no plain struct because it has private parts, bases or
// constructors.
//
//     class Account : public Entity {
//     public:
//         Account() = default;
//         ...
//     private:
//         friend aio::CodecAccess;
//         std::string owner_;
//         std::int64_t cents_ = 0;
//         static constexpr auto aio_fields = std::tuple(&Account::id, &Account::owner_, &Account::cents_);
//     };
//
// The list says what is sent, in its order; it may contain accessible members of base classes. A field that
// it leaves out arrives as the default constructor made it.

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

#include <aio/workers/codec_access.hpp>
#include <aio/workers/codec_product.hpp>

namespace aio {

namespace detail {

template <class Pointer>
struct MemberOf;
template <class Member, class T>
struct MemberOf<Member T::*> {
    using Type = Member;
    using Class = T;
};

template <class Fields>
struct FieldList;
template <class... Pointers>
struct FieldList<std::tuple<Pointers...>> {
    static_assert((std::is_member_object_pointer_v<Pointers> && ...),
                  "aio_fields must be a std::tuple of pointers to data members");
    using Parts = TypeList<typename MemberOf<Pointers>::Type...>;
    /// A list in which nothing is T's own is its base's list, and would lose what T adds.
    template <class T>
    static constexpr bool is_of = (std::is_same_v<typename MemberOf<Pointers>::Class, T> || ...);
};

template <class T>
using FieldsOf = FieldList<decltype(CodecAccess::fields<T>())>;

} // namespace detail

/// Classes with an `aio_fields`: a tuple of pointers to members, or a static constexpr function that returns
/// one. At least one must be a member of T itself: a list inherited from a base class does not count. To be
/// read back T needs a default constructor, and fields that can be assigned to.
template <detail::FieldListed T>
struct Codec<T> {
    using Parts = typename detail::FieldsOf<T>::Parts;
    static constexpr std::size_t min_size = detail::min_size_of_all(Parts{});
    static constexpr std::uint64_t shape = detail::hash_text("product");

    static void encode(ByteWriter& out, const T& value)
        requires(detail::FieldsOf<T>::template is_of<T>)
    {
        std::apply([&](auto... fields) { (aio::encode(out, value.*fields), ...); }, CodecAccess::fields<T>());
    }

    static T decode(ByteReader& in)
        requires(detail::FieldsOf<T>::template is_of<T> && CodecAccess::can_make<T>())
    {
        T value = CodecAccess::make<T>();
        std::apply([&](auto... fields) { (decode_field(in, value.*fields), ...); }, CodecAccess::fields<T>());
        return value;
    }

private:
    template <class Field>
    static void decode_field(ByteReader& in, Field& field) {
        field = aio::decode<Field>(in);
    }
};

} // namespace aio
