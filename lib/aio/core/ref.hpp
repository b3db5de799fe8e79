#pragma once

/// Counted references to objects that live on one loop's thread.
///
/// Handles such as `Future` and `Task` share a state. The count is a plain integer, because nothing of a loop
/// is shared between threads: half the price of `shared_ptr` and no control block.

#include <cstdint>
#include <utility>

namespace aio::detail {

/// Base of objects held by `Ref`. Deleted through the virtual destructor when the last reference goes.
class RefCounted {
public:
    RefCounted() = default;
    RefCounted(const RefCounted&) = delete;
    RefCounted& operator=(const RefCounted&) = delete;

    void retain() noexcept { ++references_; }
    void release() noexcept {
        if (--references_ == 0) delete this;
    }
    [[nodiscard]] std::uint32_t references() const noexcept { return references_; }

protected:
    virtual ~RefCounted() = default;

private:
    std::uint32_t references_ = 0;
};

/// A pointer that keeps its `RefCounted` object alive.
template <class T>
class Ref {
public:
    Ref() noexcept = default;
    explicit Ref(T* object) noexcept : object_(object) {
        if (object_ != nullptr) object_->retain();
    }
    Ref(const Ref& other) noexcept : Ref(other.object_) {}
    Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    Ref& operator=(Ref other) noexcept {
        std::swap(object_, other.object_);
        return *this;
    }
    ~Ref() {
        if (object_ != nullptr) object_->release();
    }

    T* get() const noexcept { return object_; }
    T& operator*() const noexcept { return *object_; }
    T* operator->() const noexcept { return object_; }
    explicit operator bool() const noexcept { return object_ != nullptr; }
    friend bool operator==(const Ref& a, const Ref& b) noexcept { return a.object_ == b.object_; }

private:
    T* object_ = nullptr;
};

} // namespace aio::detail
