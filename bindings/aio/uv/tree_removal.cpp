#include <aio/uv/tree_removal.hpp>

#include <utility>

namespace aio::uv {

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
