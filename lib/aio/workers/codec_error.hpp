#pragma once
// The two errors of the codec. Both name what was wrong and never leave a half-decoded value behind.

#include <stdexcept>

namespace aio {

/// Received bytes are no valid encoding of the expected type: cut off, out of range, too deep, or with bytes
/// left over. The bytes come from another process, so this is an ordinary error and never undefined
/// behaviour.
class DecodeError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A value cannot be sent although its type can: too many elements, nested too deeply, a valueless variant,
/// an error code whose category has no name known to both sides.
class EncodeError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

} // namespace aio
