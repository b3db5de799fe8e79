#include <aio/structure/exception_text.hpp>

#include <cstddef>
#include <exception>
#include <optional>

#include <aio/core/error_context.hpp>
#include <aio/structure/exception_group.hpp>

namespace aio::detail {
namespace {

/// The limits of Python's tracebacks.
constexpr std::size_t widest = 15;
constexpr std::size_t deepest = 10;

/// What an exception was thrown because of, if it says so; null if not. Also for types that are no
/// `std::exception`: whatever `std::throw_with_nested` threw has the cause as a base.
std::exception_ptr cause_of(const std::exception_ptr& error) noexcept {
    try {
        std::rethrow_exception(error);
    } catch (const std::nested_exception& nested) {
        return nested.nested_ptr();
    } catch (...) {
        return nullptr;
    }
}

/// Adds lines to a text.
class TreeWriter {
public:
    [[nodiscard]] std::string take() && { return std::move(text_); }

    void group(const ExceptionGroup& group, std::size_t level) {
        const std::size_t count = group.exceptions().size();
        text_ += group.message() + " (" + std::to_string(count) +
                 (count == 1 ? " sub-exception)" : " sub-exceptions)");
        if (level == deepest) {
            line(level);
            text_ += "...";
            return;
        }
        for (std::size_t i = 0; i < count; ++i) {
            line(level);
            if (i == widest) {
                text_ += "- ... and " + std::to_string(count - widest) + " more";
                return;
            }
            text_ += "- ";
            error(group.exceptions()[i], level + 1);
        }
    }

private:
    void error(const std::exception_ptr& error, std::size_t level) {
        if (const std::optional<ExceptionGroup> inner = as_group(error)) {
            text_ += "aio::ExceptionGroup: ";
            group(*inner, level);
        } else {
            indented(describe(error), level);
        }
        const std::exception_ptr cause = cause_of(error);
        if (!cause) return;
        line(level);
        text_ += "caused by ";
        if (level < deepest)
            this->error(cause, level + 1);
        else
            text_ += "...";
    }

    void line(std::size_t level) {
        text_ += '\n';
        text_.append(2 * (level + 1), ' ');
    }
    /// A message may have lines of its own.
    void indented(const std::string& text, std::size_t level) {
        for (const char c : text) {
            if (c == '\n')
                line(level);
            else
                text_ += c;
        }
    }
    std::string text_;
};

} // namespace

std::string describe_tree(const ExceptionGroup& group) {
    TreeWriter writer;
    writer.group(group, 0);
    return std::move(writer).take();
}

} // namespace aio::detail
