#pragma once

/// The awaiters of `StreamReader`.

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <aio/io/buffered_read.hpp>
#include <aio/io/separator_search.hpp>
#include <aio/io/stream_errors.hpp>

namespace aio::detail {

/// `read(n)`.
class ReadUpTo final : public BufferedRead {
public:
    ReadUpTo(StreamState& stream, std::size_t most) noexcept
        : BufferedRead(stream, "StreamReader.read"), most_(most) {}
    std::string await_resume() {
        settle();
        return std::move(result_);
    }

private:
    bool wants_nothing() const noexcept override { return most_ == 0; }
    bool enough() override { return !buffer().empty(); }
    void take() override { result_ = take_text(std::min(most_, buffer().size())); }
    std::size_t most_;
    std::string result_;
};

/// `read()`.
class ReadToEnd final : public BufferedRead {
public:
    explicit ReadToEnd(StreamState& stream) noexcept : BufferedRead(stream, "StreamReader.read") {}
    std::string await_resume() {
        settle();
        return std::move(result_);
    }

private:
    bool enough() override { return false; }
    void take() override { result_ = take_text(buffer().size()); }
    std::string result_;
};

/// `read_into`. The caller's memory is written to only when the read has not been cancelled.
class ReadInto final : public BufferedRead {
public:
    ReadInto(StreamState& stream, std::span<std::byte> memory) noexcept
        : BufferedRead(stream, "StreamReader.read_into"), memory_(memory) {}
    std::size_t await_resume() {
        settle();
        return count_;
    }

private:
    bool wants_nothing() const noexcept override { return memory_.empty(); }
    bool enough() override { return !buffer().empty(); }
    void take() override {
        if (!buffer().empty()) count_ = buffer().take(memory_);
    }
    std::span<std::byte> memory_;
    std::size_t count_ = 0;
};

/// `readexactly`.
class ReadExactly final : public BufferedRead {
public:
    ReadExactly(StreamState& stream, std::size_t count) noexcept
        : BufferedRead(stream, "StreamReader.readexactly"), count_(count) {}
    std::string await_resume() {
        settle();
        return std::move(result_);
    }

private:
    bool wants_nothing() const noexcept override { return count_ == 0; }
    bool enough() override { return buffer().size() >= count_; }
    void take() override {
        if (buffer().size() < count_) throw IncompleteReadError(take_text(buffer().size()), count_);
        result_ = take_text(count_);
    }
    std::size_t count_;
    std::string result_;
};

/// What `readuntil`, `readline` and `next` have in common.
class SeparatedRead : public BufferedRead {
protected:
    SeparatedRead(StreamState& stream, const char* what, SeparatorSearch search, std::size_t limit)
        : BufferedRead(stream, what), search_(std::move(search)), limit_(limit) {}
    ~SeparatedRead() = default;

    /// Takes what ends with a separator; throws `IncompleteReadError` or `LimitOverrunError`.
    [[nodiscard]] std::string take_separated();
    /// The same as a line: what has come before the end of the stream is one as well, and of one that is too
    /// long nothing is left in the stream but what comes after it. Throws `ValueError` then.
    [[nodiscard]] std::string take_line();

private:
    bool enough() override;
    [[nodiscard]] std::string_view text() const noexcept {
        return {reinterpret_cast<const char*>(buffer().data().data()), buffer().size()};
    }
    SeparatorSearch search_;
    std::size_t limit_;
    bool found_ = false;
};

/// `readuntil`.
class ReadUntil final : public SeparatedRead {
public:
    ReadUntil(StreamState& stream, SeparatorSearch search, std::size_t limit)
        : SeparatedRead(stream, "StreamReader.readuntil", std::move(search), limit) {}
    std::string await_resume() {
        settle();
        return std::move(result_);
    }

private:
    void take() override { result_ = take_separated(); }
    std::string result_;
};

/// `readline`.
class ReadLine final : public SeparatedRead {
public:
    ReadLine(StreamState& stream, std::size_t limit)
        : SeparatedRead(stream, "StreamReader.readline", SeparatorSearch("\n"), limit) {}
    std::string await_resume() {
        settle();
        return std::move(result_);
    }

private:
    void take() override { result_ = take_line(); }
    std::string result_;
};

/// `next`.
class NextLine final : public SeparatedRead {
public:
    NextLine(StreamState& stream, std::size_t limit)
        : SeparatedRead(stream, "StreamReader.next", SeparatorSearch("\n"), limit) {}
    std::optional<std::string> await_resume() {
        settle();
        return std::move(result_);
    }

private:
    void take() override {
        std::string line = take_line();
        if (!line.empty()) result_ = std::move(line);
    }
    std::optional<std::string> result_;
};

/// What the functions of `StreamReader` return, until it is awaited: an awaiter's arguments.
template <class Awaiter, class... Args>
class [[nodiscard("nothing happens until this is awaited")]] ReadCall {
public:
    explicit ReadCall(StreamState& stream, Args... arguments)
        : stream_(&stream), arguments_(std::move(arguments)...) {}
    Awaiter operator co_await() const {
        return std::apply([this](const Args&... arguments) { return Awaiter(*stream_, arguments...); },
                          arguments_);
    }

private:
    StreamState* stream_;
    std::tuple<Args...> arguments_;
};

} // namespace aio::detail
