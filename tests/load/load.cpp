/// Many connections, at once or one after the other.
///
///     load held [COUNT]           so many at once (default 1000): what each of them takes of a server's memory, for a
///                                 server of libuv alone, one of `TcpStream`s, and one of readers and writers
///     load churn [COUNT [RATE]]   so many one after the other (default 2000), RATE a second (default 1000): the memory
///                                 and the descriptors of both sides stay as they are
///
/// The server is a process of its own. Exits with 1 if something was lost or has grown, and with 77, which
/// means skipped, if this process may not have so many descriptors. Linux only: it looks into /proc.

#include "raw_server.hpp"
#include "support/sanitizer.hpp"

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/io/open_connection.hpp>
#include <aio/io/server.hpp>
#include <aio/io/tcp_listener.hpp>
#include <aio/structure/run.hpp>

#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// A sanitizer keeps what was freed for a while, and what it knows of it for ever.
constexpr bool memory_tells = !sanitizer::any;

/// What an allocator may take more at one time than at another.
constexpr long tolerated_growth_kib = 1024;
/// More than this a connection of the server with readers and writers must not take; it is more than twice of
/// what it does.
constexpr long most_bytes_per_connection = 8192;

void require(bool condition, const std::string& what) {
    if (!condition) throw std::runtime_error(what);
}

/// Of another process, or of this one ("self").
class Footprint {
public:
    explicit Footprint(const std::string& process) {
        std::ifstream file("/proc/" + process + "/statm");
        long all = 0;
        file >> all >> resident_kib;
        resident_kib *= ::sysconf(_SC_PAGESIZE) / 1024;
        for ([[maybe_unused]] const auto& entry :
             std::filesystem::directory_iterator("/proc/" + process + "/fd"))
            ++descriptors;
    }
    long resident_kib = 0;
    long descriptors = 0;
};

/// A server in a process of its own, which ends with this object.
class ServerProcess {
public:
    /// `serve` is called there, with a descriptor to which it writes its ports as a line.
    explicit ServerProcess(const std::function<void(int)>& serve) {
        std::array<int, 2> pipe{};
        require(::pipe(pipe.data()) == 0, "there is no pipe");
        pid_ = ::fork();
        require(pid_ >= 0, "there is no other process");
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::close(pipe[0]);
            serve(pipe[1]);
            ::_exit(1);
        }
        ::close(pipe[1]);
        std::string line;
        char byte = 0;
        while (::read(pipe[0], &byte, 1) == 1 && byte != '\n') line += byte;
        ::close(pipe[0]);
        std::istringstream numbers(line);
        for (int port = 0; numbers >> port;) ports.push_back(static_cast<std::uint16_t>(port));
        require(!ports.empty(), "the server does not begin");
    }
    ~ServerProcess() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    ServerProcess(const ServerProcess&) = delete;
    ServerProcess& operator=(const ServerProcess&) = delete;

    [[nodiscard]] Footprint footprint() const { return Footprint(std::to_string(pid_)); }
    /// Waits until it has so many descriptors.
    void settle(long descriptors) const {
        const auto deadline = Clock::now() + 60s;
        while (footprint().descriptors != descriptors) {
            require(Clock::now() < deadline, "the server has " + std::to_string(footprint().descriptors) +
                                                 " descriptors instead of " + std::to_string(descriptors));
            std::this_thread::sleep_for(1ms);
        }
    }

    std::vector<std::uint16_t> ports;

private:
    pid_t pid_ = 0;
};

// ---- The servers ----

aio::Coro<> echo_bytes(aio::TcpStream stream) {
    std::array<std::byte, 64> memory;
    while (const std::size_t count = co_await stream.read_some(memory))
        co_await stream.write_all(std::span(memory).first(count));
}

aio::Coro<int> serve_streams(int report) {
    aio::TcpListener listener(aio::Address("127.0.0.1", 0), aio::ListenOptions().backlog(1024));
    require(::dprintf(report, "%d\n", listener.local_address().port()) > 0, "no report");
    ::close(report);
    for (;;) {
        aio::TcpStream stream = co_await listener.accept();
        aio::create_task(echo_bytes(std::move(stream)));
    }
}

aio::Coro<> echo_lines(aio::StreamReader reader, aio::StreamWriter writer) {
    try {
        for (;;) {
            const std::string line = co_await reader.readline();
            if (line.empty()) co_return;
            co_await writer.write_all(line);
        }
    } catch (const std::system_error&) {
        // A client that goes without a word.
    }
}

/// Where the churn takes place: each address has its own ports, and a port that was closed is not used again
/// for a minute.
std::vector<std::string> addresses(int count) {
    std::vector<std::string> all;
    for (int i = 1; i <= count; ++i) all.push_back("127.0.0." + std::to_string(i));
    return all;
}
constexpr int churn_addresses = 8;

aio::Coro<int> serve_lines(int report, int count) {
    const aio::ServerOptions options = aio::ServerOptions().backlog(1024);
    aio::Server server = co_await aio::start_server(echo_lines, addresses(count), 0, options);
    std::string ports;
    for (const aio::ServerSocket& socket : server.sockets())
        ports += std::to_string(socket.address().value().port()) + ' ';
    require(::dprintf(report, "%s\n", ports.c_str()) > 0, "no report");
    ::close(report);
    co_await server.serve_forever();
    co_return 0;
}

// ---- Held ----

/// A connection of a client that has nothing to do with aiouv.
class PlainClient {
public:
    explicit PlainClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in name{};
        name.sin_family = AF_INET;
        name.sin_port = htons(port);
        name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        require(fd_.valid() &&
                    ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0,
                "a client could not connect");
    }
    void send() const { require(::send(fd_.get(), "x\n", 2, 0) == 2, "a client could not send"); }
    void receive() const {
        std::array<char, 8> memory{};
        std::size_t have = 0;
        while (have < 2) {
            const ssize_t count = ::recv(fd_.get(), memory.data() + have, memory.size() - have, 0);
            require(count > 0, "a connection was lost");
            have += static_cast<std::size_t>(count);
        }
        require(have == 2 && memory[0] == 'x', "a client got something else back");
    }

private:
    aio::uv::Descriptor fd_;
};

void talk_to_all(const std::vector<PlainClient>& clients) {
    for (const PlainClient& client : clients) client.send();
    for (const PlainClient& client : clients) client.receive();
}

std::vector<PlainClient> connect_all(const ServerProcess& server, std::size_t count) {
    std::vector<PlainClient> clients;
    clients.reserve(count);
    for (std::size_t i = 0; i < count; ++i) clients.emplace_back(server.ports.at(0));
    return clients;
}

/// How many descriptors the server has without any connection.
long idle_descriptors(const ServerProcess& server) {
    const PlainClient one(server.ports.at(0));
    one.send();
    one.receive();
    return server.footprint().descriptors - 1;
}

/// Gives the bytes that each connection takes.
long hold(const char* name, std::size_t count, const std::function<void(int)>& serve) {
    const auto started = Clock::now();
    const ServerProcess server(serve);
    const long idle = idle_descriptors(server);
    // What is made once is not counted.
    talk_to_all(connect_all(server, 50));
    server.settle(idle);
    const Footprint before = server.footprint();
    std::vector<PlainClient> clients = connect_all(server, count);
    talk_to_all(clients);
    const Footprint held = server.footprint();
    require(held.descriptors == idle + static_cast<long>(count), "not all connections are there");
    talk_to_all(clients);
    clients.clear();
    server.settle(idle);
    talk_to_all(connect_all(server, 1));
    const long each = (held.resident_kib - before.resident_kib) * 1024 / static_cast<long>(count);
    const std::chrono::duration<double> took = Clock::now() - started;
    std::printf("%-28s %6zu connections, %6ld bytes each, %.1f s\n", name, count, each, took.count());
    std::fflush(stdout);
    return each;
}

bool held(std::size_t count) {
    hold("libuv alone", count, load::serve_raw);
    hold("TcpStream", count, [](int report) { aio::run(serve_streams(report)); });
    const long each = hold("start_server", count, [](int report) { aio::run(serve_lines(report, 1)); });
    return !memory_tells || each <= most_bytes_per_connection;
}

// ---- Churn ----

class Churn {
public:
    Churn(const ServerProcess& server, std::size_t count, std::size_t rate)
        : server_(server), count_(count), rate_(rate) {}

    aio::Coro<bool> run() {
        const auto started = Clock::now();
        bool flat = true;
        std::vector<Footprint> warm;
        for (std::size_t tenth = 0; tenth < 10; ++tenth) {
            co_await run_tenth();
            // The server closes its side a moment later.
            server_.settle(idle_);
            const Footprint own("self");
            const Footprint theirs = server_.footprint();
            std::printf("%3zu %%: client %6ld KiB, %ld descriptors; server %6ld KiB, %ld descriptors\n",
                        10 * (tenth + 1), own.resident_kib, own.descriptors, theirs.resident_kib,
                        theirs.descriptors);
            std::fflush(stdout);
            // The first tenth is for what is made once and used again.
            if (tenth == 0) warm = {own, theirs};
            flat = flat && is_within(own, warm[0]) && is_within(theirs, warm[1]);
        }
        const std::chrono::duration<double> took = Clock::now() - started;
        std::printf("%zu connections, %.0f a second, %zu of them wrong\n", made_,
                    static_cast<double>(made_) / took.count(), wrong_);
        if (!flat) std::puts("it has grown");
        co_return flat&& wrong_ == 0 && made_ == count_;
    }

private:
    static bool is_within(const Footprint& now, const Footprint& before) {
        return now.descriptors <= before.descriptors &&
               (!memory_tells || now.resident_kib <= before.resident_kib + tolerated_growth_kib);
    }

    aio::Coro<> visit(std::size_t number) {
        const std::size_t which = number % server_.ports.size();
        const std::string host = "127.0.0." + std::to_string(which + 1);
        const std::string line = std::to_string(number) + "\n";
        try {
            aio::StreamConnection connection = co_await aio::open_connection(host, server_.ports[which]);
            co_await connection.writer.write_all(line);
            const std::string back = co_await connection.reader.readline();
            if (back != line) ++wrong_;
            // Some wait for the other side's end, some do not, and some break off.
            if (number % 3 == 0) {
                connection.writer.write_eof();
                static_cast<void>(co_await connection.reader.read());
            } else if (number % 3 == 1) {
                connection.writer.abort();
            }
        } catch (const std::exception& error) {
            std::puts(error.what());
            ++wrong_;
        }
        --under_way_;
    }

    aio::Coro<> run_tenth() {
        for (std::size_t i = 0; i < count_ / 10; ++i) {
            // A few hundredths of a second's worth at a time.
            while (under_way_ >= 200 || Clock::now() < next_) co_await aio::sleep(1ms);
            next_ = std::max(next_ + std::chrono::nanoseconds(1s) / static_cast<long>(rate_),
                             Clock::now() - std::chrono::nanoseconds(100ms));
            ++under_way_;
            aio::create_task(visit(made_++));
        }
        while (under_way_ > 0) co_await aio::sleep(1ms);
    }

    const ServerProcess& server_;
    std::size_t count_;
    std::size_t rate_;
    long idle_ = idle_descriptors(server_);
    Clock::time_point next_ = Clock::now();
    std::size_t under_way_ = 0;
    std::size_t made_ = 0;
    std::size_t wrong_ = 0;
};

bool churn(std::size_t count, std::size_t rate) {
    const ServerProcess server([](int report) { aio::run(serve_lines(report, churn_addresses)); });
    Churn clients(server, count, rate);
    return aio::run(clients.run());
}

/// As many descriptors as this process may have.
rlim_t raise_limit() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_max;
}

int run_mode(const std::string& mode, std::size_t count, std::size_t rate) {
    if (mode == "churn") return churn(count, rate) ? 0 : 1;
    const rlim_t most = raise_limit();
    if (most < count + 100) {
        std::printf("skipped: this process may have %llu descriptors, and needs one for each connection\n",
                    static_cast<unsigned long long>(most));
        return 77;
    }
    return held(count) ? 0 : 1;
}

} // namespace

int main(int count, char** arguments) {
    const std::string mode = count > 1 ? arguments[1] : "";
    if (mode != "held" && mode != "churn") {
        std::fputs("usage: load held [COUNT] | load churn [COUNT [RATE]]\n", stderr);
        return 2;
    }
    const auto number = [&](int index, std::size_t otherwise) {
        return count > index ? static_cast<std::size_t>(std::atol(arguments[index])) : otherwise;
    };
    try {
        return run_mode(mode, number(2, mode == "held" ? 1000 : 2000), number(3, 1000));
    } catch (const std::exception& error) {
        std::printf("%s\n", error.what());
        return 1;
    }
}
