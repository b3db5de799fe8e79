#pragma once

/// `Emit<T>`: how a function that runs in a worker process gives many items, one by one.
///
///     void read_rows(aio::Emit<Row> emit, std::string path) {
///         std::ifstream file(path);
///         for (std::string line; std::getline(file, line);) emit(parse(line));
///     }
///
///     auto rows = pool.stream(read_rows, path);                           // <aio/executors/process_stream.hpp>
///     while (std::optional<Row> row = co_await rows.next()) ...
///
/// It is the first parameter of the function and none of the arguments that travel.

#include <optional>
#include <utility>

#include <aio/workers/byte_writer.hpp>
#include <aio/workers/codec_base.hpp>

namespace aio {
namespace detail {

/// Where the items of a call go. Thread-safe: an item is begun by one thread at a time, the others wait.
class ItemSink {
public:
    /// Waits until there is room for one more, and gives what to write it to. Throws `CancelledError` if
    /// nobody wants it.
    [[nodiscard]] virtual ByteWriter& begin_item() = 0;
    /// Sends what has been written. When it throws, nothing has been sent, and it is still to be abandoned.
    virtual void send_item() = 0;
    /// After `begin_item`: lets the next one begin.
    virtual void end_item() noexcept = 0;

protected:
    ItemSink() = default;
    ItemSink(const ItemSink&) = delete;
    ItemSink& operator=(const ItemSink&) = delete;
    ~ItemSink() = default;
};

/// The sink of the call that this process runs as a worker. Throws `RuntimeError` if it has none.
[[nodiscard]] ItemSink& task_item_sink();

/// One item on its way.
class ItemWriter {
public:
    explicit ItemWriter(ItemSink& sink) : sink_(sink), out_(sink.begin_item()) {}
    ItemWriter(const ItemWriter&) = delete;
    ItemWriter& operator=(const ItemWriter&) = delete;
    ~ItemWriter() { sink_.end_item(); }

    [[nodiscard]] ByteWriter& out() const noexcept { return out_; }
    void send() { sink_.send_item(); }

private:
    ItemSink& sink_;
    ByteWriter& out_;
};

} // namespace detail

/// A handle; copies go to the same reader. Do not keep it beyond the call. Any thread of the call may use it.
template <class T>
class Emit {
    static_assert(Encodable<T>, "an item must be of a type that can be sent from another process: a number, "
                                "string, container or plain struct that owns its data");

public:
    using value_type = T;

    explicit Emit(detail::ItemSink& sink) noexcept : sink_(&sink) {}

    /// Sends one item, at once; it arrives even if the call fails afterwards. Blocks as long as the reader is
    /// behind by as much as its `buffersize` allows. Throws `CancelledError` when the call is to stop,
    /// because the reader has gone or the time is over: let it pass, it is not derived from
    /// `std::exception`. Throws what the codec throws, and `RuntimeError` for an item that is too large; the
    /// call may go on then.
    void operator()(const T& item) const {
        detail::ItemWriter writer(*sink_);
        encode(writer.out(), item);
        writer.send();
    }
    void operator()(T&& item) const {
        // Gone before it is sent: shared memory that nobody here holds on to can be used again.
        std::optional<T> given(std::move(item));
        detail::ItemWriter writer(*sink_);
        encode(writer.out(), *given);
        given.reset();
        writer.send();
    }

private:
    detail::ItemSink* sink_;
};

} // namespace aio
