#include <aio/uv/dns.hpp>

#include <cstring>

#include <uv.h>

#include <aio/uv/detail/address_access.hpp>
#include <aio/uv/detail/work_queue.hpp>
#include <aio/uv/error.hpp>
#include <aio/uv/loop.hpp>

#if !defined(_WIN32)
#include <netdb.h>
#endif

namespace aio::uv {
namespace {

int native(AddressFamily family) noexcept {
    switch (family) {
    case AddressFamily::ipv4: return AF_INET;
    case AddressFamily::ipv6: return AF_INET6;
    default: return AF_UNSPEC;
    }
}

int native(SocketType type) noexcept {
    switch (type) {
    case SocketType::stream: return SOCK_STREAM;
    case SocketType::datagram: return SOCK_DGRAM;
    default: return 0;
    }
}

SocketType type_of(int native_type) noexcept {
    if (native_type == SOCK_STREAM) return SocketType::stream;
    return native_type == SOCK_DGRAM ? SocketType::datagram : SocketType::any;
}

const char* or_null(const std::string& text) noexcept { return text.empty() ? nullptr : text.c_str(); }

} // namespace

int LookupOptions::flags() const noexcept {
    int flags = 0;
    if (passive_) flags |= AI_PASSIVE;
    if (numeric_host_) flags |= AI_NUMERICHOST;
    if (numeric_service_) flags |= AI_NUMERICSERV;
    if (canonical_name_) flags |= AI_CANONNAME;
    if (only_configured_) flags |= AI_ADDRCONFIG;
    return flags;
}

int NameOptions::flags() const noexcept {
    int flags = 0;
    if (numeric_host_) flags |= NI_NUMERICHOST;
    if (numeric_service_) flags |= NI_NUMERICSERV;
    if (name_required_) flags |= NI_NAMEREQD;
    if (datagram_) flags |= NI_DGRAM;
    return flags;
}

struct AddressLookup::Request {
    uv_getaddrinfo_t native{};
    Completion* done = nullptr;
};

AddressLookup::AddressLookup() : request_(std::make_unique<Request>()) {}

AddressLookup::~AddressLookup() { uv_freeaddrinfo(request_->native.addrinfo); }

void AddressLookup::start(Loop& loop, const std::string& host, const std::string& service,
                          const LookupOptions& options, Completion& done) {
    detail::note_use_of_work_queue();
    addrinfo hints{};
    hints.ai_family = native(options.family());
    hints.ai_socktype = native(options.socket_type());
    hints.ai_protocol = options.protocol();
    hints.ai_flags = options.flags();
    request_->native.data = request_.get();
    request_->done = &done;
    const auto on_done = [](uv_getaddrinfo_t* request, int status, addrinfo*) noexcept {
        (*static_cast<Request*>(request->data)->done)(status);
    };
    check(uv_getaddrinfo(loop.native(), &request_->native, on_done, or_null(host), or_null(service), &hints),
          "resolve \"" + host + "\"");
}

bool AddressLookup::cancel() noexcept {
    return uv_cancel(reinterpret_cast<uv_req_t*>(&request_->native)) == 0;
}

std::vector<AddressInfo> AddressLookup::results() const {
    std::vector<AddressInfo> results;
    for (const addrinfo* info = request_->native.addrinfo; info != nullptr; info = info->ai_next) {
        if (info->ai_family != AF_INET && info->ai_family != AF_INET6) continue;
        sockaddr_storage storage{};
        std::memcpy(&storage, info->ai_addr, static_cast<std::size_t>(info->ai_addrlen));
        results.emplace_back(AddressAccess::from(storage), type_of(info->ai_socktype), info->ai_protocol,
                             info->ai_canonname != nullptr ? info->ai_canonname : "");
    }
    return results;
}

struct NameLookup::Request {
    uv_getnameinfo_t native{};
    Completion* done = nullptr;
};

NameLookup::NameLookup() : request_(std::make_unique<Request>()) {}

NameLookup::~NameLookup() = default;

void NameLookup::start(Loop& loop, const Address& address, const NameOptions& options, Completion& done) {
    detail::note_use_of_work_queue();
    const sockaddr_storage storage = AddressAccess::to(address);
    request_->native.data = request_.get();
    request_->done = &done;
    const auto on_done = [](uv_getnameinfo_t* request, int status, const char*, const char*) noexcept {
        (*static_cast<Request*>(request->data)->done)(status);
    };
    check(uv_getnameinfo(loop.native(), &request_->native, on_done,
                         reinterpret_cast<const sockaddr*>(&storage), options.flags()),
          "get the name of " + address.to_string());
}

bool NameLookup::cancel() noexcept { return uv_cancel(reinterpret_cast<uv_req_t*>(&request_->native)) == 0; }

NameInfo NameLookup::results() const { return NameInfo(request_->native.host, request_->native.service); }

} // namespace aio::uv
