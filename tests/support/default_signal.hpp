#pragma once

#include <csignal>

namespace test_support {

/// Gives a signal its default action for a scope. The test framework handles SIGINT and SIGTERM itself while
/// a test runs.
class DefaultSignal {
public:
    explicit DefaultSignal(int signum) : signum_(signum), previous_(std::signal(signum, SIG_DFL)) {}
    ~DefaultSignal() { std::signal(signum_, previous_); }
    DefaultSignal(const DefaultSignal&) = delete;
    DefaultSignal& operator=(const DefaultSignal&) = delete;

private:
    int signum_;
    void (*previous_)(int);
};

} // namespace test_support
