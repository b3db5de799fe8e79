#pragma once

/// Names and addresses, by way of the system's resolver on libuv's work queue.
///
/// Each lookup is an object that owns the request and what the resolver reads and writes: start it, keep it
/// alive until its completion has been called, then ask it for the result. A resolver that has begun cannot
/// be stopped; it may take many seconds when no name server answers.

#include <memory>
#include <string>
#include <vector>

#include <aio/uv/address.hpp>
#include <aio/uv/completion.hpp>

namespace aio::uv {

class Loop;

enum class AddressFamily { any, ipv4, ipv6 };
enum class SocketType { any, stream, datagram };

/// What `getaddrinfo` is asked for beyond the name.
class LookupOptions {
public:
    /// Only addresses of this family.
    LookupOptions& family(AddressFamily f) noexcept { return family_ = f, *this; }
    /// Only addresses for this type of socket; otherwise each comes once for every type, on Windows once,
    /// with the type `any`.
    LookupOptions& socket_type(SocketType t) noexcept { return type_ = t, *this; }
    /// Only this protocol, by its IP number; 0 for any.
    LookupOptions& protocol(int number) noexcept { return protocol_ = number, *this; }
    /// Without a host name: addresses to listen on instead of to connect to.
    LookupOptions& passive(bool on = true) noexcept { return passive_ = on, *this; }
    /// The host is an address in figures: nothing is asked from anybody.
    LookupOptions& numeric_host(bool on = true) noexcept { return numeric_host_ = on, *this; }
    /// The service is a port in figures.
    LookupOptions& numeric_service(bool on = true) noexcept { return numeric_service_ = on, *this; }
    /// Asks for the host's canonical name, which the first result has.
    LookupOptions& canonical_name(bool on = true) noexcept { return canonical_name_ = on, *this; }
    /// Only families of which this machine has an address itself, loopback aside.
    LookupOptions& only_configured(bool on = true) noexcept { return only_configured_ = on, *this; }

    LookupOptions() noexcept = default;
    [[nodiscard]] AddressFamily family() const noexcept { return family_; }
    [[nodiscard]] SocketType socket_type() const noexcept { return type_; }
    [[nodiscard]] int protocol() const noexcept { return protocol_; }
    /// The flags as the resolver wants them.
    [[nodiscard]] int flags() const noexcept;

private:
    AddressFamily family_ = AddressFamily::any;
    SocketType type_ = SocketType::any;
    int protocol_ = 0;
    bool passive_ = false;
    bool numeric_host_ = false;
    bool numeric_service_ = false;
    bool canonical_name_ = false;
    bool only_configured_ = false;
};

/// One of the places that a name stands for.
class AddressInfo {
public:
    AddressInfo(const Address& a, SocketType t, int p, std::string name)
        : address_(a), type_(t), protocol_(p), canonical_name_(std::move(name)) {}

    [[nodiscard]] const Address& address() const noexcept { return address_; }
    [[nodiscard]] SocketType socket_type() const noexcept { return type_; }
    /// The protocol's IP number, such as 6 for TCP; on Windows 0 unless it was asked for.
    [[nodiscard]] int protocol() const noexcept { return protocol_; }
    /// Empty unless it was asked for, and except in the first result.
    [[nodiscard]] const std::string& canonical_name() const noexcept { return canonical_name_; }

private:
    Address address_;
    SocketType type_;
    int protocol_;
    std::string canonical_name_;
};

/// From a host and a service to addresses.
class AddressLookup {
public:
    AddressLookup();
    ~AddressLookup();
    AddressLookup(const AddressLookup&) = delete;
    AddressLookup& operator=(const AddressLookup&) = delete;

    /// Starts it; an empty host or service means none, and one of them must be given. Throws
    /// `std::system_error` if it cannot be started; `done` is not called then.
    void start(Loop& loop, const std::string& host, const std::string& service, const LookupOptions& options,
               Completion& done);
    /// Takes a lookup that no thread has begun out of the queue: true, and the completion comes with
    /// ECANCELED.
    bool cancel() noexcept;
    /// What was found, in the order in which the system recommends to try, once the completion has told
    /// success. Families other than IP are left out.
    [[nodiscard]] std::vector<AddressInfo> results() const;

private:
    struct Request;
    std::unique_ptr<Request> request_;
};

/// What `getnameinfo` is asked for.
class NameOptions {
public:
    /// The host as an address in figures: nothing is asked from anybody.
    NameOptions& numeric_host(bool on = true) noexcept { return numeric_host_ = on, *this; }
    /// The port in figures.
    NameOptions& numeric_service(bool on = true) noexcept { return numeric_service_ = on, *this; }
    /// An address without a name is an error, instead of being given in figures.
    NameOptions& name_required(bool on = true) noexcept { return name_required_ = on, *this; }
    /// The name of the UDP service, where it differs from that of TCP.
    NameOptions& datagram(bool on = true) noexcept { return datagram_ = on, *this; }

    NameOptions() noexcept = default;
    [[nodiscard]] int flags() const noexcept;

private:
    bool numeric_host_ = false;
    bool numeric_service_ = false;
    bool name_required_ = false;
    bool datagram_ = false;
};

/// What an address is called.
class NameInfo {
public:
    NameInfo() = default;
    NameInfo(std::string h, std::string s) : host_(std::move(h)), service_(std::move(s)) {}
    [[nodiscard]] const std::string& host() const noexcept { return host_; }
    [[nodiscard]] const std::string& service() const noexcept { return service_; }
    friend bool operator==(const NameInfo& a, const NameInfo& b) = default;

private:
    std::string host_;
    std::string service_;
};

/// From an address to names.
class NameLookup {
public:
    NameLookup();
    ~NameLookup();
    NameLookup(const NameLookup&) = delete;
    NameLookup& operator=(const NameLookup&) = delete;

    /// As for `AddressLookup`.
    void start(Loop& loop, const Address& address, const NameOptions& options, Completion& done);
    bool cancel() noexcept;
    [[nodiscard]] NameInfo results() const;

private:
    struct Request;
    std::unique_ptr<Request> request_;
};

} // namespace aio::uv
