#pragma once
// Small things that zygote and worker do to their own process.

#include <csignal>
#include <cstddef>

namespace aio::detail {

/// Blocks all signals while it lives, then restores the mask as it was. Forking inside it gives a child that
/// no signal reaches before it has set itself up.
class SignalsBlocked {
public:
    SignalsBlocked() noexcept;
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;
    ~SignalsBlocked();

private:
    sigset_t previous_;
};

void block_all_signals() noexcept;
void unblock_all_signals() noexcept;

/// Gives every signal its default effect.
void reset_signal_handlers() noexcept;

/// The name that ps and top show. At most 15 characters; does nothing where the system cannot.
void set_process_name(const char* name) noexcept;

/// Asks the system to kill this process when its parent dies. False when `parent` is dead already. Where the
/// system cannot do that, only checks.
[[nodiscard]] bool die_with_parent(int parent) noexcept;

/// How many threads this process has; 0 where that cannot be found out.
[[nodiscard]] std::size_t count_threads();

/// How many threads a process may have and still be forked: one, and the one that ThreadSanitizer adds.
[[nodiscard]] std::size_t forkable_threads() noexcept;

} // namespace aio::detail
