#include "client.hpp"

#include <algorithm>
#include <system_error>

namespace redis {
namespace {

aio::Coro<aio::StreamConnection> connect(Address address) {
    if (address.path) co_return co_await aio::open_unix_connection(*address.path);
    co_return co_await aio::open_connection(address.host, address.port);
}

constexpr std::chrono::milliseconds first_pause(20);
constexpr std::chrono::milliseconds longest_pause(2000);

} // namespace

aio::Future<Value> Client::send(const std::vector<std::string>& words) {
    append_command(outgoing_, words);
    aio::Future<Value> answer = aio::get_running_loop().create_future<Value>();
    waiting_.push_back(answer);
    ++unsent_;
    has_outgoing_.set();
    return answer;
}

std::shared_ptr<Messages> Client::subscribe(const std::string& channel, std::size_t most) {
    auto messages = std::make_shared<Messages>(most);
    channels_[channel] = messages;
    // A push is the answer. Without a connection, the next one begins with this.
    if (connected_) {
        append_command(outgoing_, {"SUBSCRIBE", channel});
        has_outgoing_.set();
    }
    return messages;
}

aio::Coro<> Client::run() {
    auto pause = first_pause;
    for (;;) {
        std::string reason;
        try {
            aio::StreamConnection connection = co_await connect(address_);
            pause = first_pause;
            co_await converse(std::move(connection));
            reason = "the server has closed the connection";
        } catch (const std::system_error& error) {
            reason = error.what();
        } catch (const ProtocolError& error) {
            reason = error.what();
        } catch (const aio::IncompleteReadError&) {
            reason = "the server has closed the connection";
        } catch (const aio::ExceptionGroup& group) {
            reason = group.what();
        }
        lose(reason);
        if (on_loss_) on_loss_(reason);
        co_await aio::sleep(pause);
        pause = std::min(2 * pause, longest_pause);
    }
}

/// Until the connection is lost. Whichever direction notices that ends the other.
aio::Coro<> Client::converse(aio::StreamConnection connection) {
    // Before everything else: pushes are told from answers from then on.
    std::string greeting;
    append_command(greeting, {"HELLO", "3"});
    for (const auto& [channel, messages] : channels_) append_command(greeting, {"SUBSCRIBE", channel});
    co_await connection.writer.write_all(greeting);
    const Value hello = co_await read_value(connection.reader);
    if (hello.kind == Value::Kind::error) throw ProtocolError(hello.text);
    connected_ = true;
    ++connections_;
    co_await aio::with_task_group([&](aio::TaskGroup& group) -> aio::Coro<> {
        group.create_task(send_commands(connection.writer));
        co_await take_answers(connection.reader);
    });
}

aio::Coro<> Client::send_commands(aio::StreamWriter& writer) {
    for (;;) {
        co_await has_outgoing_.wait();
        has_outgoing_.clear();
        // Commands that come while these are written are sent together next.
        const std::string commands = std::exchange(outgoing_, {});
        unsent_ = 0;
        co_await writer.write_all(commands);
    }
}

aio::Coro<> Client::take_answers(aio::StreamReader& reader) {
    for (;;) {
        Value value = co_await read_value(reader);
        if (value.kind == Value::Kind::push) {
            take_push(value);
            continue;
        }
        if (waiting_.size() <= unsent_) throw ProtocolError("an answer that nobody has asked for");
        aio::Future<Value> answer = std::move(waiting_.front());
        waiting_.pop_front();
        if (!answer.done()) answer.set_result(std::move(value));
    }
}

void Client::take_push(const Value& push) {
    if (push.items.size() != 3 || !push.items[0].is("message")) return;
    const auto channel = channels_.find(push.items[1].text);
    if (channel == channels_.end()) return;
    Messages& messages = *channel->second;
    if (messages.queue.full())
        ++messages.dropped;
    else
        messages.queue.put_nowait(push.items[2].text);
}

void Client::lose(const std::string& reason) {
    connected_ = false;
    // Those that were sent may have been carried out; the others are sent by the next connection.
    while (waiting_.size() > unsent_) {
        aio::Future<Value> answer = std::move(waiting_.front());
        waiting_.pop_front();
        if (!answer.done()) answer.set_exception(ConnectionLost("connection lost: " + reason));
    }
}

} // namespace redis
