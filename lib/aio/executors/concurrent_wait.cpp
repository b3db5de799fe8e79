#include <aio/executors/concurrent_wait.hpp>

#include <utility>

namespace aio::detail {

/// Where the ends arrive, from any thread.
class ConcurrentWatch::Inbox {
public:
    void add(std::size_t index) noexcept {
        {
            const std::lock_guard lock(mutex_);
            ended_[count_++] = index;
        }
        arrived_.notify_one();
    }
    [[nodiscard]] std::optional<std::size_t> take(std::size_t number, std::optional<TimePoint> deadline) {
        std::unique_lock lock(mutex_);
        const auto is_there = [&] { return count_ > number; };
        if (!deadline)
            arrived_.wait(lock, is_there);
        else if (!arrived_.wait_until(lock, *deadline, is_there))
            return std::nullopt;
        return ended_[number];
    }
    explicit Inbox(std::size_t size) : ended_(size) {}

private:
    std::mutex mutex_;
    std::condition_variable arrived_;
    /// Has room for all from the beginning, because callbacks must not fail.
    std::vector<std::size_t> ended_;
    std::size_t count_ = 0;
};

/// Listens to one future.
class ConcurrentWatch::Ear final : public ConcurrentCallback {
public:
    Ear(std::shared_ptr<Inbox> inbox, std::size_t index) : inbox_(std::move(inbox)), index_(index) {}
    void on_completed() noexcept override { inbox_->add(index_); }

private:
    std::shared_ptr<Inbox> inbox_;
    std::size_t index_;
};

ConcurrentWatch::ConcurrentWatch(std::vector<std::shared_ptr<ConcurrentState>> states)
    : inbox_(std::make_shared<Inbox>(states.size())) {
    std::set<const ConcurrentState*> known;
    ears_.reserve(states.size());
    for (std::size_t i = 0; i < states.size(); ++i)
        if (known.insert(states[i].get()).second)
            ears_.push_back(Listening(std::move(states[i]), std::make_shared<Ear>(inbox_, i)));
    for (const Listening& listening : ears_) listening.state->add_callback(listening.ear);
}

ConcurrentWatch::~ConcurrentWatch() {
    for (const Listening& listening : ears_) listening.state->remove_callback(*listening.ear);
}

std::optional<std::size_t> ConcurrentWatch::next(std::optional<TimePoint> deadline) {
    const auto index = inbox_->take(given_, deadline);
    if (index) ++given_;
    return index;
}

} // namespace aio::detail
