#include <aio/sync/loop_binding.hpp>

#include <string>

#include <aio/core/errors.hpp>

namespace aio::detail {

void LoopBinding::throw_other_loop() const {
    throw RuntimeError("this " + std::string(owner_) +
                       " is bound to a different event loop: the first one in which a task waited for it");
}

} // namespace aio::detail
