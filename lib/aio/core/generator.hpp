#pragma once

/// `Generator<T>`: a coroutine that gives many values one by one and awaits nothing (a generator in Python,
/// `std::generator` in C++23).
///
///     aio::Generator<std::string> lines(std::string path) {
///         std::ifstream file(path);
///         for (std::string line; std::getline(file, line);) co_yield line;
///     }
///
///     for (std::string& line : lines("notes.txt")) ...
///
/// It is a range that can be gone through once, and needs no loop. `ProcessPoolExecutor::stream` takes
/// functions that return one. For a body that awaits there is `AsyncGenerator`.

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <iterator>
#include <optional>
#include <type_traits>
#include <utility>

namespace aio {

/// Move-only. Dropping it destroys the body where it stands. The body runs in the thread that asks for items.
/// Parameters are kept as for any coroutine: those that are references must outlive the generator.
template <class T>
class [[nodiscard("a Generator does nothing until it is gone through")]] Generator {
    static_assert(std::is_object_v<T> && !std::is_const_v<T>, "a Generator gives objects");

public:
    class promise_type;
    using value_type = T;

    class Iterator {
    public:
        using value_type = T;
        using difference_type = std::ptrdiff_t;
        using iterator_concept = std::input_iterator_tag;

        Iterator() noexcept = default;
        explicit Iterator(std::coroutine_handle<promise_type> body) noexcept : body_(body) {}
        [[nodiscard]] T& operator*() const noexcept { return body_.promise().item(); }
        /// Runs the body to its next `co_yield`. Throws what it throws; the generator has ended then.
        Iterator& operator++() {
            body_.promise().resume(body_);
            return *this;
        }
        void operator++(int) { ++*this; }
        [[nodiscard]] friend bool operator==(const Iterator& at, std::default_sentinel_t) noexcept {
            return at.body_.done();
        }

    private:
        std::coroutine_handle<promise_type> body_;
    };

    Generator(Generator&& other) noexcept : body_(std::exchange(other.body_, nullptr)) {}
    Generator& operator=(Generator&& other) noexcept {
        Generator(std::move(other)).swap(*this);
        return *this;
    }
    ~Generator() {
        if (body_) body_.destroy();
    }

    /// Runs the body to its first `co_yield`: to be called once. Throws what the body throws.
    [[nodiscard]] Iterator begin() {
        body_.promise().resume(body_);
        return Iterator(body_);
    }
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

    void swap(Generator& other) noexcept { std::swap(body_, other.body_); }

private:
    explicit Generator(std::coroutine_handle<promise_type> body) noexcept : body_(body) {}
    std::coroutine_handle<promise_type> body_;
};

/// For the compiler.
template <class T>
class Generator<T>::promise_type {
public:
    [[nodiscard]] Generator get_return_object() noexcept {
        return Generator(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
    [[nodiscard]] std::suspend_always final_suspend() const noexcept { return {}; }
    template <class U = T>
        requires std::constructible_from<T, U>
    std::suspend_always yield_value(U&& value) {
        item_.emplace(std::forward<U>(value));
        return {};
    }
    void return_void() const noexcept {}
    void unhandled_exception() noexcept { error_ = std::current_exception(); }
    /// It awaits nothing.
    template <class Awaitable>
    void await_transform(Awaitable&&) = delete;

    void resume(std::coroutine_handle<promise_type> body) {
        item_.reset();
        body.resume();
        if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
    }
    [[nodiscard]] T& item() noexcept { return *item_; }

private:
    std::optional<T> item_;
    std::exception_ptr error_;
};

} // namespace aio

/// Refuses generators that take a `T&&`: it would dangle before the body starts.
template <class T, class... Args>
struct std::coroutine_traits<aio::Generator<T>, Args...> {
    static_assert((!std::is_rvalue_reference_v<Args> && ...),
                  "a coroutine must not take an rvalue reference: the object it names is gone when the body "
                  "runs; take it by value");
    using promise_type = typename aio::Generator<T>::promise_type;
};
