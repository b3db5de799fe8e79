#include <aio/structure/exception_group.hpp>

#include <mutex>

#include <aio/core/errors.hpp>
#include <aio/structure/exception_text.hpp>

namespace aio {

/// What copies of a group share.
class ExceptionGroup::Content {
public:
    Content(std::string text, std::vector<std::exception_ptr> errors)
        : message(std::move(text)), exceptions(std::move(errors)) {}
    std::string message;
    std::vector<std::exception_ptr> exceptions;
    mutable std::once_flag described;
    mutable std::string description;
};

ExceptionGroup::ExceptionGroup(std::string message, std::vector<std::exception_ptr> exceptions) {
    if (exceptions.empty()) throw ValueError("an ExceptionGroup needs at least one exception");
    for (const std::exception_ptr& error : exceptions)
        if (!error) throw ValueError("an ExceptionGroup cannot hold a null exception");
    content_ = std::make_shared<const Content>(std::move(message), std::move(exceptions));
}

const char* ExceptionGroup::what() const noexcept {
    const Content& content = *content_;
    std::call_once(content.described, [&]() noexcept {
        try {
            content.description = detail::describe_tree(*this);
        } catch (...) {
            // No memory for that: the message is there already.
        }
    });
    return content.description.empty() ? content.message.c_str() : content.description.c_str();
}

const std::string& ExceptionGroup::message() const noexcept { return content_->message; }

const std::vector<std::exception_ptr>& ExceptionGroup::exceptions() const noexcept {
    return content_->exceptions;
}

std::optional<ExceptionGroup> detail::as_group(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const ExceptionGroup& group) {
        return group;
    } catch (...) {
        return std::nullopt;
    }
}

std::vector<std::exception_ptr> ExceptionGroup::errors() const {
    std::vector<std::exception_ptr> errors;
    collect_errors(errors);
    return errors;
}

void ExceptionGroup::collect_errors(std::vector<std::exception_ptr>& errors) const {
    for (const std::exception_ptr& error : exceptions()) {
        // The way down is not taken inside of a catch block, where every level would keep an exception.
        if (const std::optional<ExceptionGroup> inner = detail::as_group(error))
            inner->collect_errors(errors);
        else
            errors.push_back(error);
    }
}

ExceptionGroupSplit ExceptionGroup::split_by(const Selector& selector) const {
    std::vector<std::exception_ptr> matching;
    std::vector<std::exception_ptr> rest;
    for (const std::exception_ptr& error : exceptions()) {
        const std::optional<ExceptionGroup> inner = detail::as_group(error);
        if (!inner) {
            (selector(error) ? matching : rest).push_back(error);
            continue;
        }
        const ExceptionGroupSplit parts = inner->split_by(selector);
        // A group that falls on one side stays the object it was, with its cause if it has one.
        if (!parts.rest)
            matching.push_back(error);
        else if (!parts.matching)
            rest.push_back(error);
        else {
            matching.push_back(std::make_exception_ptr(*parts.matching));
            rest.push_back(std::make_exception_ptr(*parts.rest));
        }
    }
    ExceptionGroupSplit split;
    if (rest.empty())
        split.matching = *this;
    else if (matching.empty())
        split.rest = *this;
    else {
        split.matching.emplace(message(), std::move(matching));
        split.rest.emplace(message(), std::move(rest));
    }
    return split;
}

void ExceptionGroup::throw_rest(std::vector<std::exception_ptr> thrown,
                                const std::optional<ExceptionGroup>& rest) const {
    if (thrown.empty()) {
        if (rest) throw *rest;
        return;
    }
    if (rest) thrown.push_back(std::make_exception_ptr(*rest));
    throw ExceptionGroup("errors while handling: " + message(), std::move(thrown));
}

bool detail::keep_thrown(const std::exception_ptr& error, std::vector<std::exception_ptr>& thrown) {
    const std::exception_ptr current = std::current_exception();
    if (current == error) return false;
    const ExceptionKind kind = kind_of(current);
    if (kind == ExceptionKind::cancelled || kind == ExceptionKind::base) std::rethrow_exception(current);
    thrown.push_back(current);
    return true;
}

detail::ExceptionKind detail::kind_of(const std::exception_ptr& error) noexcept {
    if (!error) return ExceptionKind::none;
    try {
        std::rethrow_exception(error);
    } catch (const CancelledError&) {
        return ExceptionKind::cancelled;
    } catch (const BaseError&) {
        return ExceptionKind::base;
    } catch (...) {
        return ExceptionKind::ordinary;
    }
}

} // namespace aio
