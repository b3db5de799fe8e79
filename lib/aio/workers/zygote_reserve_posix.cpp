#include <aio/workers/zygote_reserve_posix.hpp>

#include <unistd.h>

#include <utility>

#include <aio/core/errors.hpp>
#include <aio/workers/zygote_posix.hpp>

namespace aio::detail {
namespace {

/// More than this are not kept: each is a process.
constexpr std::size_t most_idle_zygotes = 2;

} // namespace

ZygoteReserve& ZygoteReserve::instance() {
    static ZygoteReserve reserve;
    return reserve;
}

void ZygoteReserve::forget_inherited() {
    const int self = ::getpid();
    if (owner_ == self) return;
    owner_ = self;
    started_ = false;
    idle_.clear();
}

void ZygoteReserve::fork_early() {
    {
        const std::lock_guard lock(mutex_);
        forget_inherited();
        if (started_) return;
    }
    try {
        // Not under the lock: the zygote and its workers would inherit it, and could not run loops of their
        // own.
        auto zygote = std::make_unique<ZygoteClient>(start_zygote_by_fork());
        const std::lock_guard lock(mutex_);
        started_ = true;
        idle_.push_back(std::move(zygote));
    } catch (const RuntimeError&) {
        // There are threads already.
    }
}

std::unique_ptr<ZygoteClient> ZygoteReserve::take_idle() {
    const std::lock_guard lock(mutex_);
    forget_inherited();
    started_ = true;
    while (!idle_.empty()) {
        std::unique_ptr<ZygoteClient> zygote = std::move(idle_.back());
        idle_.pop_back();
        bool alive = true;
        for (const ZygoteEvent& event : zygote->read_events())
            if (std::holds_alternative<ZygoteClosed>(event)) alive = false;
        if (alive) return zygote;
    }
    return nullptr;
}

std::unique_ptr<ZygoteClient> ZygoteReserve::take() {
    if (std::unique_ptr<ZygoteClient> zygote = take_idle()) return zygote;
    try {
        return std::make_unique<ZygoteClient>(start_zygote_by_fork());
    } catch (const RuntimeError&) {
        return std::make_unique<ZygoteClient>(start_zygote_by_exec());
    }
}

void ZygoteReserve::give_back(std::unique_ptr<ZygoteClient> zygote) {
    const std::lock_guard lock(mutex_);
    forget_inherited();
    if (idle_.size() < most_idle_zygotes) idle_.push_back(std::move(zygote));
}

} // namespace aio::detail
