#pragma once

/// A call on its way through a process pool.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <aio/core/clock.hpp>
#include <aio/executors/concurrent_state.hpp>
#include <aio/executors/process_call_options.hpp>
#include <aio/executors/progress_relay.hpp>
#include <aio/workers/buffer_list.hpp>
#include <aio/workers/byte_writer.hpp>
#include <aio/workers/worker_orders.hpp>

namespace aio::detail {

/// What only calls with options have.
class CallPlan {
public:
    explicit CallPlan(CallSettings call_settings) : settings(std::move(call_settings)) {
        if (settings.on_progress) progress = std::make_shared<ProgressRelay>(std::move(settings.on_progress));
    }

    /// Whether the worker has to know of it.
    [[nodiscard]] bool has_orders() const noexcept {
        return settings.retries > 0 || settings.memory_limit > 0 || settings.cpu_limit.count() > 0 ||
               settings.record.has_value() || streams;
    }
    [[nodiscard]] WorkerOrders orders() const {
        WorkerOrders orders;
        orders.attempt = static_cast<std::uint32_t>(crashes.size()) + 1;
        orders.cpu_microseconds = settings.cpu_limit.count();
        orders.memory_bytes = settings.memory_limit;
        orders.measure = settings.record.has_value() ? 1 : 0;
        orders.stream_items = streams ? settings.buffersize : 0;
        orders.stream_bytes = streams ? settings.buffer_bytes : 0;
        return orders;
    }

    CallSettings settings;
    /// It emits items.
    bool streams = false;
    /// Null if nobody listens.
    std::shared_ptr<ProgressRelay> progress;
    /// The workers that have died of it.
    std::vector<WorkerEnd> crashes;
};

/// A call together with the frames that carry it.
class PoolEntry {
public:
    /// All that a worker is given ahead fits into a pipe, whatever else is in it.
    static constexpr std::size_t most_ahead_bytes = 1024;

    PoolEntry() = default;

    /// Starts the frames; the one of the call is still to be written.
    void begin(std::uint64_t call_id, std::unique_ptr<CallPlan> call_plan);
    /// Writes into the frames how often it has been begun.
    void renew_orders();
    /// It does not wait in a worker any more.
    void leave_marks() noexcept;
    /// Whether a worker can be given it while it has another one: it is small, and nothing but its own result
    /// comes of it.
    [[nodiscard]] bool can_be_ahead() const noexcept {
        return !plan && buffers.slabs().empty() && frame.size() <= most_ahead_bytes;
    }

    std::shared_ptr<Call> call;
    ByteWriter frame;
    /// Where in it the frame of the call itself begins.
    std::size_t call_start = 0;
    /// The shared memory that the call refers to, and in the end also that of its result.
    BufferList buffers;
    std::uint64_t id = 0;
    /// Its place among those of its priority, by when it came into the queue.
    std::uint64_t turn = 0;
    /// Where its mark is among those of the worker that it has been sent to (see call_marks.hpp).
    std::uint64_t number = 0;
    /// When it came into the queue, if priorities rise with time.
    TimePoint queued_at{};
    std::unique_ptr<CallPlan> plan;
    /// Its result is not wanted any more, though it has begun unnoticed: it is to be stopped when the answer
    /// of the call before it has been heard.
    bool stop_wanted = false;
    /// How many workers have died before they had received the whole of it.
    unsigned failed_deliveries = 0;
};

} // namespace aio::detail
