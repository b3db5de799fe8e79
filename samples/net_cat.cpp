// Connects to a server, sends it what comes on the standard input, and prints what it answers: over TCP, a
// Unix domain socket or TLS, from the start or after a word.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include <aio/aio.hpp>

#include "common/output.hpp"
#include "common/program.hpp"

namespace {

const char* const usage =
    "usage: net_cat [-N] HOST PORT | net_cat [-N] --unix PATH\n"
    "\n"
    "  -N               ends the sending direction at the end of the input\n"
    "  --tls            speaks TLS; the certificate has to be for HOST\n"
    "  --starttls LINE  sends LINE, waits for a line, and then goes over to TLS\n"
    "  --trust FILE     trusts the certificates of this file, too\n"
    "  --name NAME      the certificate has to be for NAME\n"
    "  --cert FILE --key FILE [--password P]   what to show if the server asks for a certificate\n";

/// The standard input, whatever it is.
class Input {
public:
    explicit Input(aio::EventLoop& loop) {
        if (aio::is_terminal(0)) {
            stream_.emplace(aio::TerminalStream(loop, 0));
            return;
        }
        aio::uv::Descriptor descriptor(0);
        if (aio::uv::kind_of(descriptor) == aio::uv::DescriptorKind::other)
            file_.emplace(loop, std::move(descriptor), "the standard input");
        else
            stream_.emplace(aio::PipeStream(loop, std::move(descriptor)));
    }
    aio::Coro<std::size_t> read(std::span<std::byte> memory) {
        if (stream_) co_return co_await stream_->read_some(memory);
        co_return co_await file_->read_some(memory);
    }

private:
    std::optional<aio::Stream> stream_;
    std::optional<aio::File> file_;
};

aio::Coro<> send_input(aio::StreamWriter& writer, bool ends) {
    Input input(aio::get_running_loop());
    std::array<std::byte, 65536> memory;
    for (;;) {
        const std::size_t count = co_await input.read(memory);
        if (count == 0) break;
        co_await writer.write_all(std::span(memory).first(count));
    }
    if (ends) writer.write_eof();
}

/// Both directions at once, until the server ends its own.
aio::Coro<> talk(aio::StreamReader reader, aio::StreamWriter writer, bool ends) {
    co_await aio::with_task_group([&](aio::TaskGroup& group) -> aio::Coro<> {
        aio::Task<> sending = group.create_task(send_input(writer, ends));
        for (;;) {
            const std::string data = co_await reader.read(65536);
            if (data.empty()) break;
            samples::write_out(std::as_bytes(std::span(data)));
        }
        sending.cancel();
    });
    writer.close();
    co_await writer.wait_closed();
}

/// Where to connect to, and how.
struct Target {
    std::optional<std::string> path;
    std::string host;
    std::uint16_t port = 0;
    aio::ConnectOptions options;
    std::optional<std::string> first_line;
    std::optional<std::string> name;
};

aio::Coro<aio::StreamConnection> open(const Target& target) {
    if (target.path) co_return co_await aio::open_unix_connection(*target.path, target.options);
    co_return co_await aio::open_connection(target.host, target.port, target.options);
}

#if AIO_HAVE_TLS
aio::TlsContext take_context(samples::CommandLine& line) {
    aio::TlsContext context = aio::TlsContext::client();
    if (const std::optional<std::string> file = line.value("--trust")) context.trust_file(*file);
    const std::optional<std::string> chain = line.value("--cert");
    const std::optional<std::string> key = line.value("--key");
    const std::optional<std::string> password = line.value("--password");
    if (chain.has_value() != key.has_value()) throw samples::UsageError("--cert and --key belong together");
    if (chain) context.certificate_files(*chain, *key, password.value_or(""));
    return context;
}

/// The word after which both sides speak TLS.
aio::Coro<aio::StreamConnection> turn(aio::StreamConnection plain, const Target& target,
                                      aio::TlsContext context) {
    co_await plain.writer.write_all(*target.first_line + "\r\n");
    const std::string answer = co_await plain.reader.readline();
    std::fputs(answer.c_str(), stdout);
    co_return co_await aio::start_tls(std::move(plain), std::move(context),
                                      target.name.value_or(target.host));
}
#endif

aio::Coro<int> amain(samples::CommandLine line) {
    Target target;
    const bool ends = line.flag("-N");
    target.path = line.value("--unix");
    target.first_line = line.value("--starttls");
    target.name = line.value("--name");
    const bool encrypted = line.flag("--tls");
#if AIO_HAVE_TLS
    const aio::TlsContext context = take_context(line);
    if (encrypted) target.options.tls(context).server_hostname(target.name.value_or(""));
#else
    if (encrypted || target.first_line) throw samples::UsageError("this program was built without TLS");
#endif
    const std::size_t count = target.path ? 0 : 2;
    const std::vector<std::string> rest = line.rest(count, count);
    if (!target.path) {
        target.host = rest[0];
        target.port = samples::CommandLine::to_number<std::uint16_t>("the port", rest[1], 1, 65535);
    }
    aio::StreamConnection connection = co_await open(target);
#if AIO_HAVE_TLS
    if (target.first_line) connection = co_await turn(std::move(connection), target, context);
#endif
    co_await talk(std::move(connection.reader), std::move(connection.writer), ends);
    co_return samples::success;
}

} // namespace

int main(int argc, char** argv) { return samples::main_of(amain, argc, argv, usage); }
