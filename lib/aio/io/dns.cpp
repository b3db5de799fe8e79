#include <aio/io/dns.hpp>

#include <memory>
#include <new>

#include <aio/core/event_loop.hpp>
#include <aio/io/null_character.hpp>
#include <aio/uv/error.hpp>

namespace aio {

bool GaiError::unknown_name() const noexcept {
    return code() == uv::error_code(uv::status::name_unknown) ||
           code() == uv::error_code(uv::status::name_without_address);
}

bool GaiError::temporary() const noexcept { return code() == uv::error_code(uv::status::name_try_again); }

namespace detail {

/// A lookup that libuv has. It lives until libuv has finished it, whoever still wants to know.
class PendingLookup : public uv::Completion {
public:
    PendingLookup(const PendingLookup&) = delete;
    PendingLookup& operator=(const PendingLookup&) = delete;
    virtual ~PendingLookup() = default;

    /// Nobody wants to know any more.
    void abandon() noexcept {
        waiter = nullptr;
        cancel();
    }

    LookupWait* waiter = nullptr;

protected:
    PendingLookup() noexcept : Completion(&on_done) {}

private:
    virtual void cancel() noexcept = 0;
    static void on_done(uv::Completion& self, int status) noexcept {
        const std::unique_ptr<PendingLookup> lookup(&static_cast<PendingLookup&>(self));
        if (lookup->waiter != nullptr) lookup->waiter->ended(status);
    }
};

namespace {

template <class Lookup>
class PendingLookupOf final : public PendingLookup {
public:
    PendingLookupOf() = default;
    Lookup native;

private:
    void cancel() noexcept override { native.cancel(); }
};

/// Starts a lookup, which then belongs to libuv.
template <class Lookup, class... Args>
PendingLookup* start_lookup(LoopState& loop, const Args&... arguments) {
    auto lookup = std::make_unique<PendingLookupOf<Lookup>>();
    lookup->native.start(loop.require_loop().bindings(), arguments..., *lookup);
    return lookup.release();
}

template <class Lookup>
auto results_of(const PendingLookup& lookup) {
    return static_cast<const PendingLookupOf<Lookup>&>(lookup).native.results();
}

} // namespace

LookupWait::~LookupWait() {
    if (lookup_ != nullptr) lookup_->abandon();
}

void LookupWait::start() {
    try {
        lookup_ = begin(loop());
    } catch (...) {
        withdraw();
        throw;
    }
    lookup_->waiter = this;
}

bool LookupWait::on_cancel(const std::string&) noexcept {
    std::exchange(lookup_, nullptr)->abandon();
    return wake_cancelled();
}

void LookupWait::ended(int status) noexcept {
    const PendingLookup* const lookup = std::exchange(lookup_, nullptr);
    status_ = status;
    if (status == 0) {
        try {
            take(*lookup);
        } catch (const std::bad_alloc&) {
            status_ = uv::status::out_of_memory;
        }
    }
    wake();
}

void LookupWait::require_result() {
    throw_if_cancelled();
    if (status_ < 0) throw GaiError(uv::error_code(status_), what_);
}

AddressWait::AddressWait(const std::string& host, const std::string& service, const LookupOptions& options)
    : LookupWait("resolve \"" + host + "\"" + (service.empty() ? "" : ", service \"" + service + "\"")),
      host_(without_null(host, "host name")),
      service_(without_null(service, "service name")),
      options_(options) {}

PendingLookup* AddressWait::begin(LoopState& loop) {
    return start_lookup<uv::AddressLookup>(loop, host_, service_, options_);
}

void AddressWait::take(const PendingLookup& lookup) { results_ = results_of<uv::AddressLookup>(lookup); }

NameWait::NameWait(const Address& address, const NameOptions& options)
    : LookupWait("get the name of " + address.to_string()), address_(address), options_(options) {}

PendingLookup* NameWait::begin(LoopState& loop) {
    return start_lookup<uv::NameLookup>(loop, address_, options_);
}

void NameWait::take(const PendingLookup& lookup) { results_ = results_of<uv::NameLookup>(lookup); }

} // namespace detail

AddressOperation getaddrinfo(std::string host, std::uint16_t port, const LookupOptions& options) {
    return AddressOperation(std::move(host), std::to_string(port), LookupOptions(options).numeric_service());
}

AddressOperation getaddrinfo(std::string host, std::string service, const LookupOptions& options) {
    return AddressOperation(std::move(host), std::move(service), options);
}

NameOperation getnameinfo(const Address& address, const NameOptions& options) {
    return NameOperation(address, options);
}

} // namespace aio
