#pragma once

/// `getaddrinfo`, `getnameinfo`: from names to addresses and back (`loop.getaddrinfo` of asyncio).
///
///     for (const aio::AddressInfo& info : co_await aio::getaddrinfo("example.com", 80)) ...
///
/// The system's resolver does the work, on threads of libuv's work queue. `open_connection` and
/// `start_server` resolve their names themselves; this is for everything else.

#include <coroutine>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <aio/core/suspension.hpp>
#include <aio/uv/dns.hpp>

namespace aio {

using Address = uv::Address;
using AddressFamily = uv::AddressFamily;
using AddressInfo = uv::AddressInfo;
using LookupOptions = uv::LookupOptions;
using NameInfo = uv::NameInfo;
using NameOptions = uv::NameOptions;
using SocketType = uv::SocketType;

/// A name or an address could not be resolved (`socket.gaierror`). `what()` names it.
class GaiError : public std::system_error {
public:
    GaiError(std::error_code code, const std::string& what) : std::system_error(code, what) {}
    /// There is no such name: asking again is of no use.
    [[nodiscard]] bool unknown_name() const noexcept;
    /// No server has answered; it may later.
    [[nodiscard]] bool temporary() const noexcept;
};

namespace detail {

class PendingLookup;

/// Waits for a lookup. Cancelling it abandons the lookup: the resolver goes on if it has begun, and nobody
/// hears of its result.
class LookupWait : public Suspension {
public:
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        suspend(caller);
        start();
    }
    [[nodiscard]] std::string description() const override { return what_; }

    /// The lookup has ended.
    void ended(int status) noexcept;

protected:
    explicit LookupWait(std::string what) : what_(std::move(what)) {}
    ~LookupWait();
    /// For `await_resume`: throws what keeps the result from being returned.
    void require_result();

private:
    void start();
    bool on_cancel(const std::string&) noexcept override;
    [[nodiscard]] virtual PendingLookup* begin(LoopState& loop) = 0;
    virtual void take(const PendingLookup& lookup) = 0;

    std::string what_;
    /// Owns itself while libuv has it, and deletes itself when it has ended.
    PendingLookup* lookup_ = nullptr;
    int status_ = 0;
};

class AddressWait final : public LookupWait {
public:
    AddressWait(const std::string& host, const std::string& service, const LookupOptions& options);
    std::vector<AddressInfo> await_resume() {
        require_result();
        return std::move(results_);
    }

private:
    PendingLookup* begin(LoopState& loop) override;
    void take(const PendingLookup& lookup) override;
    std::string host_;
    std::string service_;
    LookupOptions options_;
    std::vector<AddressInfo> results_;
};

class NameWait final : public LookupWait {
public:
    NameWait(const Address& address, const NameOptions& options);
    NameInfo await_resume() {
        require_result();
        return std::move(results_);
    }

private:
    PendingLookup* begin(LoopState& loop) override;
    void take(const PendingLookup& lookup) override;
    Address address_;
    NameOptions options_;
    NameInfo results_;
};

} // namespace detail

/// What `getaddrinfo` returns, until it is awaited.
class [[nodiscard("nothing happens until this is awaited")]] AddressOperation {
public:
    AddressOperation(std::string host, std::string service, const LookupOptions& options)
        : host_(std::move(host)), service_(std::move(service)), options_(options) {}
    detail::AddressWait operator co_await() const { return detail::AddressWait(host_, service_, options_); }

private:
    std::string host_;
    std::string service_;
    LookupOptions options_;
};

/// What `getnameinfo` returns, until it is awaited.
class [[nodiscard("nothing happens until this is awaited")]] NameOperation {
public:
    NameOperation(const Address& address, const NameOptions& options) noexcept
        : address_(address), options_(options) {}
    detail::NameWait operator co_await() const { return detail::NameWait(address_, options_); }

private:
    Address address_;
    NameOptions options_;
};

/// The addresses of a host, in the order in which the system recommends to try them, with the port, or that
/// of a service such as "https". An empty host means the loopback addresses, or with `passive` those that
/// listen on all interfaces. Throws `GaiError`; `std::system_error` if the lookup cannot be started, as
/// without a host and a service; `ValueError` for a null character in them. Cancelling ends the wait at once;
/// a resolver that has begun goes on with its thread until it is through, and a loop that is closed meanwhile
/// waits for it.
[[nodiscard]] AddressOperation getaddrinfo(std::string host, std::uint16_t port,
                                           const LookupOptions& options = LookupOptions());
[[nodiscard]] AddressOperation getaddrinfo(std::string host, std::string service,
                                           const LookupOptions& options = LookupOptions());

/// The names of a host and a service; in figures where there is no name. Errors and cancellation as for
/// `getaddrinfo`.
[[nodiscard]] NameOperation getnameinfo(const Address& address, const NameOptions& options = NameOptions());

} // namespace aio
