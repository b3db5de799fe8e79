/// TCP echo, 64 bytes, both ends on one loop in one thread: CPU time per round trip of a coroutine server on
/// `TcpStream` and of a `Protocol`, beside a tuned server in plain libuv and one in libuv's usual style. The
/// variants take turns, and each sample of aiouv is compared with that of its neighbour.
///
///     benchmark_echo [samples] [round trips per sample]
///     benchmark_echo VARIANT CONNECTIONS ROUND_TRIPS    (one variant alone, to be traced: tuned, aiouv,
///     protocol, plain)
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <aio/core/event_loop.hpp>
#include <aio/io/create_connection.hpp>
#include <aio/io/tcp_stream.hpp>

#include "benchmarks/measure.hpp"
#include "raw.hpp"

namespace {

aio::Coro<> serve(aio::TcpStream stream) {
    std::array<std::byte, 1024> memory;
    while (const std::size_t count = co_await stream.read_some(memory))
        co_await stream.write_all(std::span(memory).first(count));
}

/// A server of aiouv: its loop, which the clients share.
class LoopEcho {
public:
    LoopEcho(const LoopEcho&) = delete;
    LoopEcho& operator=(const LoopEcho&) = delete;

    void run(long round_trips) {
        clients_->start(round_trips, [](void* self) { static_cast<LoopEcho*>(self)->loop_.stop(); }, this);
        loop_.run_forever();
    }

protected:
    LoopEcho() = default;
    ~LoopEcho() = default;

    aio::EventLoop loop_;
    std::unique_ptr<echo::Clients> clients_;
};

class CoroutineEcho : public LoopEcho {
public:
    explicit CoroutineEcho(int connections) {
        std::vector<int> client_sockets;
        for (int i = 0; i < connections; ++i) {
            const echo::Connection pair = echo::connect_pair();
            client_sockets.push_back(pair.client);
            servers_.push_back(
                loop_.create_task(serve(aio::TcpStream(loop_, aio::uv::Descriptor(pair.server)))));
        }
        clients_ = std::make_unique<echo::Clients>(loop_.native(), client_sockets);
    }
    ~CoroutineEcho() {
        clients_.reset();
        for (auto& server : servers_) loop_.run_until_complete(server);
    }

private:
    std::vector<aio::Task<>> servers_;
};

class EchoProtocol final : public aio::Protocol {
public:
    void connection_made(aio::Transport& transport) override { transport_ = &transport; }
    void data_received(std::span<const std::byte> data) override { transport_->write(data); }

private:
    aio::Transport* transport_ = nullptr;
};

class ProtocolEcho : public LoopEcho {
public:
    explicit ProtocolEcho(int connections) {
        const auto make = [] { return std::make_unique<EchoProtocol>(); };
        std::vector<int> client_sockets;
        for (int i = 0; i < connections; ++i) {
            const echo::Connection pair = echo::connect_pair();
            client_sockets.push_back(pair.client);
            loop_.run_until_complete(aio::connect_accepted_socket(make, aio::uv::Descriptor(pair.server)));
        }
        clients_ = std::make_unique<echo::Clients>(loop_.native(), client_sockets);
    }
    ~ProtocolEcho() { clients_.reset(); }
};

class Variant {
public:
    Variant(const char* name, std::function<void(long)> run) : name_(name), run_(std::move(run)) {}
    void sample(long round_trips) {
        const double before = measure::cpu_seconds();
        run_(round_trips);
        samples_.push_back((measure::cpu_seconds() - before) * 1e9 / static_cast<double>(round_trips));
    }
    const char* name() const { return name_; }
    const std::vector<double>& samples() const { return samples_; }
    double ratio_to(const Variant& other) const {
        std::vector<double> ratios;
        for (std::size_t i = 0; i < samples_.size(); ++i) ratios.push_back(samples_[i] / other.samples_[i]);
        return measure::median(ratios);
    }
    void forget() { samples_.clear(); }

private:
    const char* name_;
    std::function<void(long)> run_;
    std::vector<double> samples_;
};

void compare(int connections, int samples, long round_trips) {
    echo::RawEcho tuned(echo::ServerStyle::tuned, connections);
    echo::RawEcho plain(echo::ServerStyle::plain, connections);
    CoroutineEcho coroutines(connections);
    ProtocolEcho protocols(connections);
    std::vector<Variant> variants;
    variants.emplace_back("libuv, tuned", [&](long n) { tuned.run(n); });
    variants.emplace_back("aiouv", [&](long n) { coroutines.run(n); });
    variants.emplace_back("protocol", [&](long n) { protocols.run(n); });
    variants.emplace_back("libuv, plain", [&](long n) { plain.run(n); });
    for (Variant& variant : variants) {
        variant.sample(round_trips);
        variant.forget();
    }
    for (int i = 0; i < samples; ++i)
        for (std::size_t turn = 0; turn < variants.size(); ++turn)
            variants[(static_cast<std::size_t>(i) + turn) % variants.size()].sample(round_trips);
    for (const Variant& variant : variants)
        std::printf("echo %2d connections  %-13s %8.0f ns CPU per round trip   %.3f of tuned\n", connections,
                    variant.name(), measure::median(variant.samples()), variant.ratio_to(variants[0]));
}

void run_alone(const std::string& name, int connections, long round_trips) {
    if (name == "aiouv") {
        CoroutineEcho coroutines(connections);
        coroutines.run(round_trips);
    } else if (name == "protocol") {
        ProtocolEcho protocols(connections);
        protocols.run(round_trips);
    } else {
        echo::RawEcho raw(name == "plain" ? echo::ServerStyle::plain : echo::ServerStyle::tuned, connections);
        raw.run(round_trips);
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc == 4) {
        run_alone(argv[1], std::atoi(argv[2]), std::atol(argv[3]));
        return 0;
    }
    const int samples = argc > 1 ? std::atoi(argv[1]) : 31;
    const long round_trips = argc > 2 ? std::atol(argv[2]) : 10000;
    for (const int connections : {1, 64}) compare(connections, samples, round_trips);
}
