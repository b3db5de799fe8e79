#pragma once

/// A client of a Redis server: many commands under way on one connection, which is made again when it is
/// lost.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <aio/aio.hpp>

#include "resp.hpp"

namespace redis {

/// The connection went while the command was under way: nobody knows whether it was carried out.
class ConnectionLost : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Where the server is.
struct Address {
    std::string host = "127.0.0.1";
    std::uint16_t port = 6379;
    /// Its Unix domain socket, instead.
    std::optional<std::string> path;
};

/// What is said on one channel.
class Messages {
public:
    explicit Messages(std::size_t most) : queue(static_cast<int>(most)) {}
    aio::Queue<std::string> queue;
    /// How many were dropped because nobody took them in time: a connection that waits for one reader would
    /// keep everybody's answers.
    std::size_t dropped = 0;
};

class Client {
public:
    /// `on_loss` is called with the reason each time when the connection is lost or cannot be made.
    explicit Client(Address address, std::function<void(const std::string&)> on_loss = nullptr)
        : address_(std::move(address)), on_loss_(std::move(on_loss)) {}

    /// Keeps the connection up, and carries commands and answers, until it is cancelled. To be run as a task.
    [[nodiscard]] aio::Coro<> run();

    /// Sends a command behind those that were sent before; commands that are not yet sent go together.
    /// Without a connection it waits for the next one. Its future gets the answer, an error of the server
    /// included, or `ConnectionLost`. Cancelling it drops the answer and disturbs no other.
    template <class... Words>
    [[nodiscard]] aio::Future<Value> command(const Words&... words) {
        return send(std::vector<std::string>{std::string(words)...});
    }

    /// What comes on a channel from now on, also after the connection was lost, but not what was said
    /// meanwhile.
    [[nodiscard]] std::shared_ptr<Messages> subscribe(const std::string& channel, std::size_t most = 1000);

    [[nodiscard]] bool connected() const noexcept { return connected_; }
    /// How often the connection has been made.
    [[nodiscard]] unsigned connections() const noexcept { return connections_; }

private:
    [[nodiscard]] aio::Future<Value> send(const std::vector<std::string>& words);
    [[nodiscard]] aio::Coro<> converse(aio::StreamConnection connection);
    [[nodiscard]] aio::Coro<> send_commands(aio::StreamWriter& writer);
    [[nodiscard]] aio::Coro<> take_answers(aio::StreamReader& reader);
    void take_push(const Value& push);
    void lose(const std::string& reason);

    Address address_;
    std::function<void(const std::string&)> on_loss_;
    /// Commands that have not been sent, and whose answers have not come: `unsent_` of `waiting_` are the
    /// last ones.
    std::string outgoing_;
    std::deque<aio::Future<Value>> waiting_;
    std::size_t unsent_ = 0;
    aio::Event has_outgoing_;
    std::map<std::string, std::shared_ptr<Messages>> channels_;
    bool connected_ = false;
    unsigned connections_ = 0;
};

} // namespace redis
