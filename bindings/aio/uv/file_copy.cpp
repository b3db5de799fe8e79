#include <aio/uv/file_copy.hpp>

namespace aio::uv {

Descriptor FileCopy::give_up() noexcept {
    Descriptor open = work_ ? work_->give_up() : Descriptor();
    work_.reset();
    return open;
}

bool FileCopy::step() noexcept {
    if (!work_) return false;
    const int status = work_->advance();
    if (status > 0) return true;
    work_.reset();
    status_ = status;
    return false;
}

} // namespace aio::uv
