// Finds out which TCP ports of a host are open: many attempts at once, each with a limit of time.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <aio/aio.hpp>

#include "common/program.hpp"

namespace {

using samples::CommandLine;
using samples::UsageError;

const char* const usage =
    "usage: port_scan HOST PORTS [--at-once N] [--timeout S] [--banner]\n"
    "\n"
    "PORTS is a list of ports and ranges: 22,80,8000-8100\n"
    "\n"
    "  --at-once N   so many attempts at the same time (default: 200)\n"
    "  --timeout S   seconds for one of them (default: 1)\n"
    "  --banner      shows the first line that the server says by itself\n"
    "\n"
    "Exit code 0 if a port is open, 1 if none is, 130 after Ctrl-C, which shows what is known so far.\n";

class Port {
public:
    explicit Port(std::uint16_t n) noexcept : number(n) {}
    std::uint16_t number;
    /// Nothing: not known yet.
    std::optional<bool> open;
    std::string banner;
};

std::vector<Port> parse_ports(const std::string& list) {
    std::vector<Port> ports;
    for (std::size_t at = 0; at <= list.size();) {
        const std::size_t comma = std::min(list.find(',', at), list.size());
        const std::string range = list.substr(at, comma - at);
        const std::size_t dash = range.find('-');
        const int first = CommandLine::to_number("a port", range.substr(0, dash), 1, 65535);
        const int last = dash == std::string::npos
                             ? first
                             : CommandLine::to_number("a port", range.substr(dash + 1), first, 65535);
        for (int port = first; port <= last; ++port) ports.emplace_back(static_cast<std::uint16_t>(port));
        at = comma + 1;
    }
    return ports;
}

struct Scan {
    std::vector<aio::Address> addresses;
    std::vector<Port> ports;
    std::chrono::duration<double> timeout{1};
    bool banners = false;
};

/// Text that a terminal can be shown.
std::string printable(std::string text) {
    text = text.substr(0, text.find_first_of("\r\n")).substr(0, 100);
    std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; }, '?');
    return text;
}

aio::Coro<> connect(const Scan& scan, Port& port) {
    const aio::Address address(scan.addresses.front().ip(), port.number);
    aio::TcpStream stream = co_await aio::TcpStream::connect(address);
    port.open = true;
    if (!scan.banners) co_return;
    aio::StreamConnection connection(std::move(stream));
    port.banner = printable(co_await connection.reader.read(1000));
}

aio::Coro<> look_at(const Scan& scan, Port& port, aio::Semaphore& room) {
    try {
        co_await aio::wait_for(connect(scan, port), scan.timeout);
    } catch (const std::system_error& error) {
        // That says nothing about the port.
        if (error.code() == std::errc::too_many_files_open ||
            error.code() == std::errc::too_many_files_open_in_system)
            throw std::runtime_error("too few descriptors: choose a smaller number for --at-once");
        if (!port.open) port.open = false;
    } catch (const aio::TimeoutError&) {
        // Nobody answers; or it is open, and says nothing by itself.
        if (!port.open) port.open = false;
    }
    room.release();
}

aio::Coro<> look_at_all(Scan& scan, int at_once) {
    aio::Semaphore room(at_once);
    co_await aio::with_task_group([&](aio::TaskGroup& group) -> aio::Coro<> {
        for (Port& port : scan.ports) {
            co_await room.acquire();
            group.create_task(look_at(scan, port, room));
        }
    });
}

aio::Coro<int> amain(CommandLine line) {
    const int at_once = line.number("--at-once", 200, 1, 10'000);
    Scan scan;
    scan.timeout = std::chrono::duration<double>(line.number("--timeout", 1.0, 0.001, 1e6));
    scan.banners = line.flag("--banner");
    const std::vector<std::string> rest = line.rest(2, 2);
    scan.ports = parse_ports(rest[1]);
    const std::vector<aio::AddressInfo> found =
        co_await aio::getaddrinfo(rest[0], 0, aio::LookupOptions().socket_type(aio::SocketType::stream));
    for (const aio::AddressInfo& info : found) scan.addresses.push_back(info.address());
    if (scan.addresses.empty()) throw UsageError(rest[0] + " has no address");

    bool stopped = false;
    try {
        co_await look_at_all(scan, at_once);
    } catch (const aio::CancelledError&) {
        stopped = true;
    }
    std::size_t open = 0;
    std::size_t known = 0;
    for (const Port& port : scan.ports) {
        known += port.open ? 1U : 0U;
        if (!port.open.value_or(false)) continue;
        ++open;
        std::printf("%5u open%s%s\n", port.number, port.banner.empty() ? "" : "  ", port.banner.c_str());
    }
    std::printf("%zu of %zu ports open, %zu looked at\n", open, scan.ports.size(), known);
    if (stopped) co_return samples::interrupted;
    co_return open > 0 ? samples::success : samples::failure;
}

} // namespace

int main(int argc, char** argv) { return samples::main_of(amain, argc, argv, usage); }
