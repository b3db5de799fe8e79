#pragma once
// Codec of classes with a `serialize` member in the manner of cereal or Boost.Serialization, which are sent
// as they are; neither library is needed.
//
//     struct Track {
//         std::string title;
//         std::vector<Note> notes;
//         template <class Archive>
//         void serialize(Archive& archive) { archive(title, notes); }                        // cereal
//     };
//     struct Tempo {
//         int beats = 0;
//         template <class Archive>
//         void serialize(Archive& archive, unsigned version) { archive & beats; }            // Boost
//     };
//
// The archive takes everything the codec can send, C arrays of that, and the wrappers of the two libraries
// for named values and base classes (CEREAL_NVP, cereal::base_class, BOOST_SERIALIZATION_NVP; Boost's
// base_object is a reference already). It does not follow pointers and knows no object twice. Separate
// functions for saving and loading, and free ones, are not called: specialise aio::Codec for such a class.

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <aio/workers/codec_access.hpp>
#include <aio/workers/codec_base.hpp>
#include <aio/workers/codec_kinds.hpp>
#include <aio/workers/codec_scalar.hpp>
#include <aio/workers/codec_shape.hpp>

namespace aio {

namespace detail {

/// Names of the two libraries' wrappers, told by their members.
template <class T>
concept CerealNamed = requires(T& item) {
    item.name;
    item.value;
};
template <class T>
concept CerealBase = requires(T& item) { *item.base_ptr; };
template <class T>
concept BoostNamed = requires(T& item) {
    item.name();
    item.value();
};

template <class T, class Archive>
consteval void refuse_item() {
    static_assert(sizeof(T) == 0, "serialize gives the archive something that cannot be sent: give it values "
                                  "of encodable types, not pointers or views");
}

} // namespace detail

/// What `serialize` is given to write to.
class EncodingArchive {
public:
    using is_saving = std::true_type;
    using is_loading = std::false_type;

    explicit EncodingArchive(ByteWriter& out) noexcept : out_(out) {}

    template <class... Items>
    EncodingArchive& operator()(Items&&... items) {
        (put(items), ...);
        return *this;
    }
    template <class Item>
    EncodingArchive& operator&(Item&& item) {
        put(item);
        return *this;
    }
    template <class Item>
    EncodingArchive& operator<<(Item&& item) {
        put(item);
        return *this;
    }

private:
    template <class Item>
    void put(Item& item) {
        using T = std::remove_cv_t<Item>;
        if constexpr (std::is_array_v<T>) {
            for (auto& element : item) {
                put(element);
            }
        } else if constexpr (detail::SelfSerialized<T>) {
            const ByteWriter::Nesting nesting(out_);
            Codec<T>::encode(out_, item);
        } else if constexpr (Encodable<T>) {
            aio::encode(out_, item);
        } else if constexpr (detail::CerealNamed<Item>) {
            put(item.value);
        } else if constexpr (detail::CerealBase<Item>) {
            put(*item.base_ptr);
        } else if constexpr (detail::BoostNamed<Item>) {
            put(item.value());
        } else {
            detail::refuse_item<T, EncodingArchive>();
        }
    }

    ByteWriter& out_;
};

/// What `serialize` is given to read from.
class DecodingArchive {
public:
    using is_saving = std::false_type;
    using is_loading = std::true_type;

    explicit DecodingArchive(ByteReader& in) noexcept : in_(in) {}

    template <class... Items>
    DecodingArchive& operator()(Items&&... items) {
        (take(items), ...);
        return *this;
    }
    template <class Item>
    DecodingArchive& operator&(Item&& item) {
        take(item);
        return *this;
    }
    template <class Item>
    DecodingArchive& operator>>(Item&& item) {
        take(item);
        return *this;
    }

private:
    template <class Item>
    void take(Item& item) {
        if constexpr (std::is_array_v<Item>) {
            for (auto& element : item) {
                take(element);
            }
        } else if constexpr (detail::SelfSerialized<Item>) {
            // In its place: it may be a base class, of which there are no objects by themselves.
            const ByteReader::Nesting nesting(in_);
            Codec<Item>::decode_to(in_, item);
        } else if constexpr (Encodable<Item>) {
            item = aio::decode<Item>(in_);
        } else if constexpr (detail::CerealNamed<Item>) {
            take(item.value);
        } else if constexpr (detail::CerealBase<Item>) {
            take(*item.base_ptr);
        } else if constexpr (detail::BoostNamed<Item>) {
            take(item.value());
        } else {
            detail::refuse_item<Item, DecodingArchive>();
        }
    }

    ByteReader& in_;
};

/// Classes with a `serialize(archive)` or `serialize(archive, version)` of their own: one that comes from a
/// base class alone does not count. `version` is the class's `static constexpr unsigned aio_version`, or 0.
/// To be read back the class needs a default constructor. `serialize` must do the same whether it writes or
/// reads, and must not change the object when it writes. Its types are not known before it runs, so for
/// `schema_hash` the class is its size and its version.
template <detail::SelfSerialized T>
struct Codec<T> {
    static constexpr std::uint64_t shape = detail::hash_number(
        sizeof(T), detail::hash_number(CodecAccess::version<T>(), detail::hash_text("serialize")));

    static void encode(ByteWriter& out, const T& value)
        requires(CodecAccess::owns_serialize<T, EncodingArchive>())
    {
        const std::size_t start = out.size();
        EncodingArchive archive(out);
        // One function reads and writes, so it cannot be const; when it writes it changes nothing.
        CodecAccess::serialize(const_cast<T&>(value), archive);
        if (out.size() == start) {
            aio::encode(out, nullptr);
        }
    }

    static T decode(ByteReader& in)
        requires(CodecAccess::owns_serialize<T, DecodingArchive>() && CodecAccess::can_make<T>())
    {
        T value = CodecAccess::make<T>();
        decode_to(in, value);
        return value;
    }

    static void decode_to(ByteReader& in, T& value) {
        const std::size_t start = in.position();
        DecodingArchive archive(in);
        CodecAccess::serialize(value, archive);
        if (in.position() == start) {
            static_cast<void>(aio::decode<std::nullptr_t>(in));
        }
    }
};

} // namespace aio
