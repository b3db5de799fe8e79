#include <aio/sync/event.hpp>

namespace aio {

void Event::set() {
    binding_.check_here();
    set_ = true;
    waiters_.release_all();
}

} // namespace aio
