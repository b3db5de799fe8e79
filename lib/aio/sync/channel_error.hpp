#pragma once

/// What sending to a channel that nobody listens to throws.

#include <memory>
#include <stdexcept>
#include <utility>

namespace aio {

/// The channel takes no more values: it was closed, or there is no receiver left.
class ChannelClosed : public std::runtime_error {
public:
    ChannelClosed() : std::runtime_error("the channel is closed: nobody will receive what is sent") {}
};

/// The same from `send`, which owns the value: it is given back here.
template <class T>
class SendError final : public ChannelClosed {
public:
    /// Shared, because exceptions are copied, and perhaps one has many owners.
    explicit SendError(T&& value) : value_(std::make_shared<T>(std::move(value))) {}

    /// The value that was not sent. Move it out, or leave it: `T x = std::move(error.value());`
    [[nodiscard]] T& value() const noexcept { return *value_; }

private:
    std::shared_ptr<T> value_;
};

} // namespace aio
