#pragma once

/// What a server knows of connections that are no streams with readers and writers: transports.

#include <aio/core/intrusive_list.hpp>

namespace aio::detail {

class ServedConnection;

/// A server. It tells a connection when it goes.
class ConnectionOwner {
public:
    /// The connection is closed.
    virtual void connection_closed(ServedConnection& connection) noexcept = 0;

protected:
    ConnectionOwner() = default;
    ~ConnectionOwner() = default;
};

/// One connection.
class ServedConnection : public ListNode {
public:
    virtual void close_served() noexcept = 0;
    virtual void abort_served() noexcept = 0;
    void set_owner(ConnectionOwner* owner) noexcept { owner_ = owner; }

protected:
    ServedConnection() = default;
    ~ServedConnection() = default;
    /// To be called when it is closed, once.
    void leave_owner() noexcept {
        if (ConnectionOwner* const owner = owner_) {
            owner_ = nullptr;
            owner->connection_closed(*this);
        }
    }

private:
    ConnectionOwner* owner_ = nullptr;
};

} // namespace aio::detail
