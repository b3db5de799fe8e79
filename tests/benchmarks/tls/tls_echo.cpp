/// TLS echo: CPU time of the server's thread for each round trip, of a coroutine on `TlsStream` beside a loop
/// of SSL_read and SSL_write on a blocking socket, which is the least that OpenSSL can do it for. The client,
/// also OpenSSL's, has a thread of its own. The two take turns, and each sample is compared with its
/// neighbour.
///
///     benchmark_tls_echo [samples]

#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <aio/core/event_loop.hpp>
#include <aio/io/pipe_stream.hpp>
#include <aio/io/tls_stream.hpp>

#include "benchmarks/measure.hpp"
#include "io/tls_help.hpp"

namespace {

using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using Connection = std::unique_ptr<SSL, decltype(&SSL_free)>;

constexpr std::size_t buffer_size = std::size_t{64} << 10;

void require(bool right) {
    if (!right) throw std::runtime_error("OpenSSL has failed");
}

/// Sends so many messages of one size, each when the one before has come back.
void run_client(SSL_CTX* context, int socket, std::size_t size, long count) {
    const Connection ssl(SSL_new(context), &SSL_free);
    SSL_set_fd(ssl.get(), socket);
    require(SSL_connect(ssl.get()) == 1);
    std::vector<char> message(size, 'x');
    for (long i = 0; i < count; ++i) {
        std::size_t written = 0;
        require(SSL_write_ex(ssl.get(), message.data(), size, &written) == 1);
        for (std::size_t got = 0; got < size;) {
            std::size_t piece = 0;
            require(SSL_read_ex(ssl.get(), message.data(), size - got, &piece) == 1);
            got += piece;
        }
    }
    SSL_shutdown(ssl.get());
    close(socket);
}

double serve_raw(SSL_CTX* context, int socket) {
    const Connection ssl(SSL_new(context), &SSL_free);
    SSL_set_fd(ssl.get(), socket);
    require(SSL_accept(ssl.get()) == 1);
    std::vector<char> memory(buffer_size);
    const double began = measure::cpu_seconds();
    std::size_t count = 0;
    while (SSL_read_ex(ssl.get(), memory.data(), memory.size(), &count) == 1)
        require(SSL_write_ex(ssl.get(), memory.data(), count, &count) == 1);
    const double took = measure::cpu_seconds() - began;
    close(socket);
    return took;
}

aio::Coro<double> serve(int socket, aio::TlsContext context) {
    aio::PipeStream plain(aio::get_running_loop(), aio::uv::Descriptor(socket));
    aio::TlsStream stream = co_await aio::TlsStream::server(std::move(plain), std::move(context));
    std::vector<std::byte> memory(buffer_size);
    const double began = measure::cpu_seconds();
    while (const std::size_t count = co_await stream.read_some(memory))
        co_await stream.write_all(std::span(memory).first(count));
    co_return measure::cpu_seconds() - began;
}

class Comparison {
public:
    Comparison()
        : client_(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free),
          raw_(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free),
          context_(io_test::server_context()) {
        io_test::example().use_in(raw_.get());
    }

    void run(std::size_t size, long count, int samples) {
        std::vector<double> raw;
        std::vector<double> own;
        std::vector<double> ratios;
        for (int i = 0; i < samples; ++i) {
            raw.push_back(sample(size, count, [&](int socket) { return serve_raw(raw_.get(), socket); }));
            own.push_back(sample(size, count, [&](int socket) {
                aio::EventLoop loop;
                return loop.run_until_complete(serve(socket, context_));
            }));
            ratios.push_back(own.back() / raw.back());
        }
        std::printf("TLS echo %6zu bytes  OpenSSL %8.0f ns CPU   aiouv %8.0f ns CPU per round trip   %.3f\n",
                    size, measure::median(raw), measure::median(own), measure::median(ratios));
    }

private:
    template <class Serve>
    double sample(std::size_t size, long count, Serve serve_one) {
        int ends[2];
        require(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
        std::thread client([&] { run_client(client_.get(), ends[0], size, count); });
        const double took = serve_one(ends[1]);
        client.join();
        return took * 1e9 / static_cast<double>(count);
    }

    Context client_;
    Context raw_;
    aio::TlsContext context_;
};

} // namespace

int main(int argc, char** argv) {
    const int samples = argc > 1 ? std::atoi(argv[1]) : 11;
    Comparison comparison;
    comparison.run(64, 5000, samples);
    comparison.run(16384, 2000, samples);
    // More would not fit into the socket, and the two that block would wait for each other.
    comparison.run(65536, 500, samples);
}
