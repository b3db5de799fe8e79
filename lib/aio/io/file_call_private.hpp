#pragma once

/// Not installed: makes file operations out of a request of the bindings and two functions.

#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <aio/core/loop_state.hpp>
#include <aio/io/file_operation.hpp>
#include <aio/uv/completion.hpp>
#include <aio/uv/loop.hpp>

namespace aio::detail {

template <class Finish, class Request>
decltype(auto) finish_file_call(Finish& finish, Request& request, LoopState& loop) {
    if constexpr (std::is_invocable_v<Finish&, Request&, LoopState&>)
        return finish(request, loop);
    else
        return finish(request);
}

template <class Finish, class Request>
using FileCallResult =
    decltype(finish_file_call(std::declval<Finish&>(), std::declval<Request&>(), std::declval<LoopState&>()));

/// `start(request, loop, completion)` starts it; `finish(request)`, or `finish(request, loop)`, makes the
/// result of one that succeeded. Both own what they need.
template <class Request, class Start, class Finish>
class FileCall final : public FileJobOf<FileCallResult<Finish, Request>> {
    using Result = FileCallResult<Finish, Request>;

public:
    FileCall(std::string what, Start start, Finish finish, bool can_be_cancelled)
        : FileJobOf<Result>(std::move(what)),
          start_(std::move(start)),
          finish_(std::move(finish)),
          can_be_cancelled_(can_be_cancelled) {}

    bool cancel() noexcept override {
        if (!can_be_cancelled_ || !request_.cancel()) return false;
        // No thread will ever use what they hold.
        start_.reset();
        finish_.reset();
        return true;
    }

private:
    Result result() override { return finish_file_call(*finish_, request_, this->loop()); }
    void begin(uv::Loop& loop) override { (*start_)(request_, loop, static_cast<uv::Completion&>(*this)); }

    std::optional<Start> start_;
    std::optional<Finish> finish_;
    // Destroyed first.
    Request request_;
    bool can_be_cancelled_;
};

template <class Request, class Start, class Finish>
auto file_job(std::string what, Start start, Finish finish, bool can_be_cancelled = true) {
    using Result = FileCallResult<Finish, Request>;
    return std::unique_ptr<FileJobOf<Result>>(std::make_unique<FileCall<Request, Start, Finish>>(
        std::move(what), std::move(start), std::move(finish), can_be_cancelled));
}

template <class Request, class Start, class Finish>
auto file_operation(std::string what, Start start, Finish finish, bool can_be_cancelled = true) {
    using Result = FileCallResult<Finish, Request>;
    return FileOperation<Result>(
        file_job<Request>(std::move(what), std::move(start), std::move(finish), can_be_cancelled));
}

/// For operations that give nothing.
inline constexpr auto no_result = [](auto&) {};

} // namespace aio::detail
