#pragma once
// Which of the three ways a class is sent in when it has no codec of its own: by the fields it lists, by its
// `serialize`, or, as a plain struct, field by field. In this order: the first that it offers counts.

#include <type_traits>

#include <aio/workers/aggregate_fields.hpp>
#include <aio/workers/codec_access.hpp>

namespace aio {

class EncodingArchive;
class DecodingArchive;

namespace detail {

template <class T>
consteval bool has_serialize() {
    if constexpr (!std::is_class_v<T>) {
        return false;
    } else {
        return (CodecAccess::can_serialize<T, EncodingArchive>() &&
                CodecAccess::can_serialize<T, DecodingArchive>()) ||
               (CodecAccess::can_serialize_version<T, EncodingArchive>() &&
                CodecAccess::can_serialize_version<T, DecodingArchive>());
    }
}

/// See <aio/workers/codec_fields.hpp>.
template <class T>
concept FieldListed = CodecAccess::has_fields<T>();

/// See <aio/workers/codec_serialize.hpp>.
template <class T>
concept SelfSerialized = !FieldListed<T> && has_serialize<T>();

/// See <aio/workers/codec_product.hpp>.
template <class T>
concept PlainStruct = !FieldListed<T> && !has_serialize<T>() && FieldwiseAggregate<T>;

} // namespace detail
} // namespace aio
