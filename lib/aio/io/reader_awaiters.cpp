#include <aio/io/reader_awaiters.hpp>

#include <aio/core/errors.hpp>

namespace aio::detail {

bool SeparatedRead::enough() {
    found_ = search_.find_in(text());
    return found_ || search_.safe_prefix() > limit_;
}

std::string SeparatedRead::take_separated() {
    if (found_) {
        if (search_.match_begin() <= limit_) return take_text(search_.match_end());
        throw LimitOverrunError("Separator is found, but chunk is longer than limit", search_.match_begin());
    }
    if (search_.safe_prefix() > limit_)
        throw LimitOverrunError("Separator is not found, and chunk exceed the limit", search_.safe_prefix());
    throw IncompleteReadError(take_text(buffer().size()), std::nullopt);
}

std::string SeparatedRead::take_line() {
    try {
        return take_separated();
    } catch (const IncompleteReadError& error) {
        return error.partial();
    } catch (const LimitOverrunError& error) {
        buffer().consume(found_ ? search_.match_end() : buffer().size());
        throw ValueError(error.what());
    }
}

} // namespace aio::detail
