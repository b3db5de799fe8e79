#pragma once

#include <stop_token>

namespace ingest {

/// Tells work in another thread to end when its task no longer waits for it: a call that runs is not
/// interrupted by a cancellation.
class StopAtEnd {
public:
    StopAtEnd() = default;
    StopAtEnd(const StopAtEnd&) = delete;
    StopAtEnd& operator=(const StopAtEnd&) = delete;
    ~StopAtEnd() { source_.request_stop(); }

    [[nodiscard]] std::stop_token token() const { return source_.get_token(); }

private:
    std::stop_source source_;
};

} // namespace ingest
