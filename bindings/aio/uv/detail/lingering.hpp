#pragma once

/// Not installed: handles that outlive their owner for a while.
///
/// A stream is closed while the last bytes it accepted are still on their way; a process is let go before it
/// has ended. Their blocks stay until that is over and then close by themselves. The loop knows them, because
/// a loop that is destroyed first must close them at once.

#include <aio/uv/loop.hpp>

namespace aio::uv::detail {

/// Base of a block that may linger.
struct Lingering {
    using CloseNow = void (*)(Lingering& self) noexcept;

    explicit Lingering(CloseNow function) noexcept : close_now(function) {}
    Lingering(const Lingering&) = delete;
    Lingering& operator=(const Lingering&) = delete;

    [[nodiscard]] bool lingering() const noexcept { return loop_ != nullptr; }

    void linger(Loop& loop) noexcept {
        loop_ = &loop;
        next_ = loop.lingering_;
        if (next_ != nullptr) next_->previous_ = this;
        loop.lingering_ = this;
    }

    void stop_lingering() noexcept {
        if (loop_ == nullptr) return;
        (previous_ != nullptr ? previous_->next_ : loop_->lingering_) = next_;
        if (next_ != nullptr) next_->previous_ = previous_;
        previous_ = next_ = nullptr;
        loop_ = nullptr;
    }

    /// Closes the handle without waiting for what it lingers for.
    const CloseNow close_now;

protected:
    ~Lingering() = default;

private:
    Loop* loop_ = nullptr;
    Lingering* previous_ = nullptr;
    Lingering* next_ = nullptr;
};

} // namespace aio::uv::detail
