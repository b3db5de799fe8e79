#pragma once

/// What the loop runs next: a FIFO of tasks and callbacks, linked through the items themselves.

#include <cstddef>
#include <string>

namespace aio::detail {

class ReadyItem;

/// The link of a `ReadyItem`, for the queue alone.
class ReadyLink {
    friend class ReadyQueue;
    ReadyItem* next_ = nullptr;
};

/// Something that can be queued to run on the loop's thread. It is in the queue at most once at a time.
class ReadyItem : public ReadyLink {
public:
    /// Runs the item; it has left the queue already and may be destroyed by this. Does not throw: what user
    /// code throws is stored or reported.
    virtual void run() noexcept = 0;
    /// Called instead of `run` when the loop is closed with the item still queued.
    virtual void drop() noexcept = 0;
    /// What it is, for messages.
    [[nodiscard]] virtual std::string label() const { return "a callback"; }

protected:
    ReadyItem() = default;
    ~ReadyItem() = default;
};

/// The queue. Pushing is two stores.
class ReadyQueue {
public:
    ReadyQueue() = default;
    ReadyQueue(const ReadyQueue&) = delete;
    ReadyQueue& operator=(const ReadyQueue&) = delete;

    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    void push(ReadyItem& item) noexcept {
        item.next_ = nullptr;
        if (first_ == nullptr)
            first_ = &item;
        else
            last_->next_ = &item;
        last_ = &item;
        ++size_;
    }

    ReadyItem* pop() noexcept {
        ReadyItem* item = first_;
        if (item != nullptr) {
            first_ = item->next_;
            --size_;
        }
        return item;
    }

private:
    ReadyItem* first_ = nullptr;
    ReadyItem* last_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace aio::detail
