#pragma once

/// The call behind a `ProcessStream`.

#include <exception>
#include <memory>
#include <optional>
#include <tuple>
#include <typeinfo>
#include <utility>

#include <aio/core/errors.hpp>
#include <aio/executors/process_stream_core.hpp>
#include <aio/executors/stream_task.hpp>

namespace aio::detail {

/// Stands in the pool's queue as every call; what is emitted goes to the stream, and in the end how it has
/// ended. `Task` is a `StreamTask`, `Args` are as they are forwarded. On the loop's thread only.
template <class Task, class... Args>
class StreamCall final : public ConcurrentStateOf<void>,
                         public Call,
                         public RemoteForm,
                         public StreamForm,
                         public ConcurrentCallback {
public:
    using Item = typename Task::Item;

    StreamCall(Ref<StreamOf<Item>> stream, Task task, Args&&... arguments)
        : stream_(std::move(stream)),
          task_(std::move(task)),
          given_(std::in_place, std::forward<Args>(arguments)...) {}

    using RemoteForm::host;
    using RemoteForm::id;

    [[nodiscard]] ConcurrentState& state() noexcept override { return *this; }
    [[nodiscard]] RemoteForm* remote_form() noexcept override { return this; }
    [[nodiscard]] StreamForm* stream_form() noexcept override { return this; }
    [[nodiscard]] const std::type_info& type() const noexcept override { return typeid(Task); }
    void release() noexcept override { given_.reset(); }
    /// Never comes here: its executor sends it away.
    void execute() noexcept override {
        this->store_exception_unless_done(
            std::make_exception_ptr(RuntimeError("this call can only run in another process")));
    }

    void encode(ByteWriter& out) override {
        std::apply([&](const auto&... arguments) { encode_call(out, task_, arguments...); }, *given_);
        release();
    }
    void complete(std::span<const std::byte> result, BufferLink& buffers) override {
        complete_call<void>(*this, result, buffers);
    }

    [[nodiscard]] bool wants_items() const noexcept override { return stream_->open(); }
    void take_item(std::span<const std::byte> item, BufferLink& buffers, std::uint64_t size) override {
        stream_->add(decode_all<Item>(item, &buffers), size);
    }
    void fail_stream(std::exception_ptr error) noexcept override { stream_->fail(std::move(error)); }

private:
    void on_completed() noexcept override {
        std::exception_ptr error;
        try {
            this->require_result();
        } catch (...) {
            error = std::current_exception();
        }
        stream_->end_call(std::move(error));
    }

    Ref<StreamOf<Item>> stream_;
    Task task_;
    std::optional<std::tuple<Args...>> given_;
};

} // namespace aio::detail
