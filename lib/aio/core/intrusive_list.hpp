#pragma once

/// A doubly linked list whose links live in its elements: insertion and removal allocate nothing and cannot
/// fail.

namespace aio::detail {

/// Base of elements of an `IntrusiveList`. An element is in at most one list and leaves it when destroyed.
class ListNode {
public:
    ListNode() noexcept = default;
    ListNode(const ListNode&) = delete;
    ListNode& operator=(const ListNode&) = delete;

    [[nodiscard]] bool linked() const noexcept { return next_ != this; }
    void unlink() noexcept {
        previous_->next_ = next_;
        next_->previous_ = previous_;
        previous_ = next_ = this;
    }

protected:
    ~ListNode() { unlink(); }

private:
    template <class>
    friend class IntrusiveList;
    ListNode* previous_ = this;
    ListNode* next_ = this;
};

/// FIFO list of `T`, which derives from `ListNode`. Does not own its elements.
template <class T>
class IntrusiveList {
public:
    [[nodiscard]] bool empty() const noexcept { return !head_.linked(); }
    [[nodiscard]] T* front() const noexcept { return empty() ? nullptr : static_cast<T*>(head_.next_); }
    [[nodiscard]] T* back() const noexcept { return empty() ? nullptr : static_cast<T*>(head_.previous_); }

    void push_back(T& element) noexcept {
        ListNode& node = element;
        node.previous_ = head_.previous_;
        node.next_ = &head_;
        head_.previous_->next_ = &node;
        head_.previous_ = &node;
    }

    T* pop_front() noexcept {
        T* element = front();
        if (element != nullptr) static_cast<ListNode*>(element)->unlink();
        return element;
    }

    /// Moves all elements of `other`, in their order, behind those of this list.
    void take_all(IntrusiveList& other) noexcept {
        while (T* element = other.pop_front()) push_back(*element);
    }

    /// Calls `visit(element)` for each element; `visit` must not change the list.
    template <class Visit>
    void for_each(Visit visit) const {
        for (ListNode* node = head_.next_; node != static_cast<const ListNode*>(&head_); node = node->next_)
            visit(*static_cast<T*>(node));
    }

private:
    struct Head : ListNode {};
    Head head_;
};

} // namespace aio::detail
