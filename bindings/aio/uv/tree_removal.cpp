#include <aio/uv/tree_removal.hpp>

#include <new>

#include <uv.h>

namespace aio::uv {

bool TreeRemoval::step(std::size_t entries) noexcept {
    if (!levels_) return false;
    try {
        while (entries-- > 0) {
            if (advance()) continue;
            levels_.reset();
            return false;
        }
        return true;
    } catch (const std::bad_alloc&) {
        levels_.reset();
        status_ = UV_ENOMEM;
        return false;
    }
}

} // namespace aio::uv
