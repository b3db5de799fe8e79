#pragma once

/// The three points of a loop's turn where code can run: idle, prepare (before the poll), check (directly
/// after the poll).
///
/// An active idle handle also makes the next poll return at once, which is how a layer above says that it has
/// more to do. None of the three keeps the loop alive except `Idle` while it is started.

#include <aio/uv/completion.hpp>

namespace aio::uv {

class Loop;

/// Runs its callback directly before each poll while started. Does not keep the loop alive.
class Prepare {
public:
    Prepare(Loop& loop, Callback callback);
    ~Prepare();
    Prepare(const Prepare&) = delete;
    Prepare& operator=(const Prepare&) = delete;
    void start() noexcept;
    void stop() noexcept;

private:
    void* block_;
};

/// Runs its callback directly after each poll while started. Does not keep the loop alive.
class Check {
public:
    Check(Loop& loop, Callback callback);
    ~Check();
    Check(const Check&) = delete;
    Check& operator=(const Check&) = delete;
    void start() noexcept;
    void stop() noexcept;

private:
    void* block_;
};

/// While started, polls do not wait. Has no callback: it is used for that effect alone.
class Idle {
public:
    explicit Idle(Loop& loop);
    ~Idle();
    Idle(const Idle&) = delete;
    Idle& operator=(const Idle&) = delete;
    void start() noexcept;
    void stop() noexcept;

private:
    void* block_;
};

} // namespace aio::uv
