#include <aio/uv/tree_removal.hpp>

#include <new>
#include <utility>

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

void TreeRemovalRequest::start(Loop& loop, std::shared_ptr<TreeRemoval> removal, std::size_t entries,
                               Completion& done) {
    removal_ = std::move(removal);
    entries_ = entries;
    done_ = &done;
    Work::start(loop);
}

void TreeRemovalRequest::run(Work& self) noexcept {
    auto& request = static_cast<TreeRemovalRequest&>(self);
    request.more_ = request.removal_->step(request.entries_);
}

void TreeRemovalRequest::end(Work& self, int status) noexcept {
    (*static_cast<TreeRemovalRequest&>(self).done_)(status);
}

} // namespace aio::uv
