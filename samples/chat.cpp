// A chat for nc: what one says, all others read; whoever reads too slowly misses something, and is told how
// much.

#include <chrono>
#include <cstdio>
#include <list>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include <aio/aio.hpp>

#include "common/program.hpp"
#include "common/serve.hpp"

namespace {

const char* const usage =
    "usage: chat [--host H] [--port P | --unix PATH] [--tls CHAIN.pem --key KEY.pem] [--queue N] [--strict]\n"
    "\n"
    "Listens on 127.0.0.1, port 7778, unless something else is said. The first line that a client sends is\n"
    "its name.\n"
    "\n"
    "  --queue N   lines that may wait for a client (default: 100); then\n"
    "              lines are left out for it, and it is told how many\n"
    "  --strict    the client is disconnected instead\n";

/// All clients share a line; it is copied for none of them.
using Line = std::shared_ptr<const std::string>;

/// What a terminal would take for a command is none.
std::string printable(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    for (char& c : text)
        if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) c = '?';
    return text;
}

class Client {
public:
    Client(std::string n, int most, aio::StreamWriter& w) : name(std::move(n)), lines(most), writer(w) {}
    std::string name;
    aio::Queue<Line> lines;
    /// Left out since it was told last.
    std::size_t missed = 0;
    aio::StreamWriter& writer;
};

class Room {
public:
    Room(int most, bool strict) noexcept : most_(most), strict_(strict) {}

    /// Talks with one client until it goes.
    aio::Coro<> serve(aio::StreamReader reader, aio::StreamWriter writer) {
        try {
            co_await writer.write_all("your name?\n");
            std::string name = printable(co_await reader.readline());
            if (name.empty()) co_return;
            co_await talk(std::move(name), reader, writer);
        } catch (const std::system_error&) {
            // It is gone.
        } catch (const aio::ValueError&) {
            writer.abort(); // a line without end
        }
    }

private:
    aio::Coro<> talk(std::string name, aio::StreamReader& reader, aio::StreamWriter& writer) {
        const auto place = clients_.emplace(clients_.end(), name, most_, writer);
        say("* " + name + " is here\n", nullptr);
        aio::Task<> writing = aio::create_task(write_lines(*place, writer));
        std::exception_ptr error;
        try {
            for (;;) {
                const std::string line = co_await reader.readline();
                if (line.empty()) break;
                say(name + ": " + printable(line) + "\n", &*place);
            }
        } catch (...) {
            error = std::current_exception();
        }
        // Nothing is written to it any more, and nobody speaks to it.
        writing.cancel();
        const std::exception_ptr ignored = co_await end_of(std::move(writing));
        clients_.erase(place);
        say("* " + name + " has left\n", nullptr);
        if (error) std::rethrow_exception(error);
    }

    static aio::Coro<std::exception_ptr> end_of(aio::Task<> task) {
        try {
            co_await std::move(task);
        } catch (...) {
            co_return std::current_exception();
        }
        co_return nullptr;
    }

    /// Never waits: one who reads slowly must not keep the others from reading.
    void say(const std::string& text, const Client* speaker) {
        const Line line = std::make_shared<const std::string>(text);
        for (Client& client : clients_) {
            if (&client == speaker) continue;
            if (!client.lines.full())
                client.lines.put_nowait(line);
            else if (strict_)
                client.writer.abort(); // its reader, and so its handler, ends
            else
                ++client.missed;
        }
    }

    aio::Coro<> write_lines(Client& client, aio::StreamWriter& writer) {
        for (;;) {
            const Line line = co_await client.lines.get();
            std::string text = *line;
            if (client.missed > 0)
                text += "* you have missed " + std::to_string(std::exchange(client.missed, 0)) + " lines\n";
            co_await writer.write_all(text);
        }
    }

    int most_;
    bool strict_;
    std::list<Client> clients_;
};

aio::Coro<int> amain(samples::CommandLine line) {
    samples::Endpoint endpoint = samples::take_endpoint(line, 7778);
    const int most = line.number("--queue", 100, 1, 1'000'000);
    Room room(most, line.flag("--strict"));
    static_cast<void>(line.rest(0, 0));
    const auto handler = [&room](aio::StreamReader reader, aio::StreamWriter writer) {
        return room.serve(std::move(reader), std::move(writer));
    };
    aio::Server server = co_await samples::listen(handler, std::move(endpoint));
    co_await samples::serve(std::move(server), std::chrono::seconds(0));
    co_return samples::success;
}

} // namespace

int main(int argc, char** argv) { return samples::main_of(amain, argc, argv, usage); }
