#pragma once

/// `ExceptionGroup`: several exceptions thrown together (`ExceptionGroup` in Python, PEP 654).
///
///     try {
///         co_await aio::with_task_group(body);
///     } catch (const aio::ExceptionGroup& group) {
///         group.handle([](const aio::TimeoutError&) { ++timeouts; },
///                      [](const std::system_error& e) { log(e.code().message()); });
///     }
///
/// What a task group throws when children fail: none of their errors is lost. Groups nest, as groups of tasks
/// do. `handle` is Python's `except*`: every error goes to the handler that takes its type, and what no
/// handler takes is thrown on; it cannot be forgotten. `split` and `subgroup` give the parts as groups, to be
/// kept and looked at later: `co_await` is not allowed where `handle` is called, in a `catch` block.
///
/// Errors means those at the ends of the tree. Groups in groups are its structure: they are searched, and
/// kept in the parts, but are themselves no errors that anything is asked about. The errors need not be
/// `std::exception`s: `CancelledError` and `BaseError` are found as well.

#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <aio/structure/exception_handlers.hpp>

namespace aio {

class ExceptionGroupSplit;

/// An exception that carries others, in the order in which they happened. Copies share them, so that copying
/// never throws; immutable.
class ExceptionGroup : public std::exception {
public:
    /// Throws `ValueError` if there are no exceptions, or one of them is null.
    ExceptionGroup(std::string message, std::vector<std::exception_ptr> exceptions);
    /// There is no move: a group that has been moved from would be an exception without content.
    ExceptionGroup(const ExceptionGroup&) noexcept = default;
    ExceptionGroup& operator=(const ExceptionGroup&) noexcept = default;
    ~ExceptionGroup() override = default;

    /// The message and the number of exceptions, and below it the whole tree: a line for each with its type
    /// and text, and for each cause (`std::nested_exception`) that it was thrown with. Of large groups the
    /// first 15 of each, 10 levels deep, as Python's tracebacks show. Made when first asked for, by whatever
    /// thread.
    [[nodiscard]] const char* what() const noexcept override;
    [[nodiscard]] const std::string& message() const noexcept;
    /// The members, groups among them.
    [[nodiscard]] const std::vector<std::exception_ptr>& exceptions() const noexcept;
    /// All errors of the tree in order, without the groups.
    [[nodiscard]] std::vector<std::exception_ptr> errors() const;

    /// Hands each error, in order, to the first of the handlers that takes it, as `catch` clauses would. What
    /// a handler takes is said by its parameter: `const E&` for exceptions of type `E` and those derived from
    /// it, `std::exception_ptr` for all. Errors that none takes are thrown at the end, as a group with the
    /// structure and the messages of this one.
    ///
    /// A handler that says `throw;` leaves its error among those. If handlers throw other errors, the rest is
    /// handled all the same, and at the end a group of theirs is thrown, with the group of what was not taken
    /// as its last member. A `CancelledError` or `BaseError` that a handler throws anew passes at once,
    /// alone.
    template <class... Handlers>
    void handle(Handlers&&... handlers) const;
    /// With one handler, for all errors of type `E`; for callables whose parameter does not say it.
    template <class E, class Handler>
    void handle(Handler&& handler) const;

    /// The errors that are of one of the types `Es`, and the others, each as a group with the structure and
    /// the messages of this one.
    template <class... Es>
    [[nodiscard]] ExceptionGroupSplit split() const;
    /// The errors for which `predicate(error)`, given the `std::exception_ptr`, is true, and the others.
    template <std::predicate<const std::exception_ptr&> Predicate>
    [[nodiscard]] ExceptionGroupSplit split(Predicate&& predicate) const;

    /// Only the errors of these types; none if there are none.
    template <class... Es>
    [[nodiscard]] std::optional<ExceptionGroup> subgroup() const;
    template <std::predicate<const std::exception_ptr&> Predicate>
    [[nodiscard]] std::optional<ExceptionGroup> subgroup(Predicate&& predicate) const;

private:
    class Content;
    /// A predicate without its type.
    class Selector {
    public:
        template <class Predicate>
        explicit Selector(Predicate& predicate) noexcept
            : object_(&predicate), call_([](void* object, const std::exception_ptr& error) -> bool {
                  return (*static_cast<Predicate*>(object))(error);
              }) {}
        bool operator()(const std::exception_ptr& error) const { return call_(object_, error); }

    private:
        void* object_;
        bool (*call_)(void*, const std::exception_ptr&);
    };

    [[nodiscard]] ExceptionGroupSplit split_by(const Selector& selector) const;
    void collect_errors(std::vector<std::exception_ptr>& errors) const;
    void throw_rest(std::vector<std::exception_ptr> thrown, const std::optional<ExceptionGroup>& rest) const;

    std::shared_ptr<const Content> content_;
};

/// What `ExceptionGroup::split` gives: two groups, of which at least one is there.
class ExceptionGroupSplit {
public:
    ExceptionGroupSplit() = default;
    std::optional<ExceptionGroup> matching;
    std::optional<ExceptionGroup> rest;
};

template <class... Handlers>
void ExceptionGroup::handle(Handlers&&... handlers) const {
    static_assert(sizeof...(Handlers) > 0, "handle needs a handler");
    std::vector<std::exception_ptr> thrown;
    auto handled = [&](const std::exception_ptr& error) {
        try {
            return (detail::offer_error<detail::HandledType<Handlers>>(error, handlers) || ...);
        } catch (...) {
            return detail::keep_thrown(error, thrown);
        }
    };
    const ExceptionGroupSplit parts = split_by(Selector(handled));
    throw_rest(std::move(thrown), parts.rest);
}

template <class E, class Handler>
void ExceptionGroup::handle(Handler&& handler) const {
    handle([&](const E& error) { std::invoke(handler, error); });
}

template <class... Es>
ExceptionGroupSplit ExceptionGroup::split() const {
    static_assert(sizeof...(Es) > 0, "split needs a type or a predicate");
    static_assert((!std::derived_from<Es, ExceptionGroup> && ...),
                  "the types are those of the errors in the group; groups are only their structure");
    auto is_one = [](const std::exception_ptr& error) { return (detail::is_error<Es>(error) || ...); };
    return split_by(Selector(is_one));
}

template <std::predicate<const std::exception_ptr&> Predicate>
ExceptionGroupSplit ExceptionGroup::split(Predicate&& predicate) const {
    auto selected = [&](const std::exception_ptr& error) -> bool { return std::invoke(predicate, error); };
    return split_by(Selector(selected));
}

template <class... Es>
std::optional<ExceptionGroup> ExceptionGroup::subgroup() const {
    return split<Es...>().matching;
}

template <std::predicate<const std::exception_ptr&> Predicate>
std::optional<ExceptionGroup> ExceptionGroup::subgroup(Predicate&& predicate) const {
    return split(std::forward<Predicate>(predicate)).matching;
}

namespace detail {

/// The group that an exception is, or none.
[[nodiscard]] std::optional<ExceptionGroup> as_group(const std::exception_ptr& error);

/// How control flow treats an exception.
enum class ExceptionKind { none, cancelled, base, ordinary };
[[nodiscard]] ExceptionKind kind_of(const std::exception_ptr& error) noexcept;

} // namespace detail
} // namespace aio
