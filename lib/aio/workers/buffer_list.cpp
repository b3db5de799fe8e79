#include <aio/workers/buffer_list.hpp>

#include <algorithm>

#include <aio/workers/codec_error.hpp>

namespace aio::detail {

bool BufferList::attach(const SlabRef& slab) {
    // In a worker that has a pool of its own: what its pool has sent cannot be sent on.
    if (slab->slab().descriptor() < 0) return false;
    if (slabs_.empty() || slabs_.back() != slab) slabs_.push_back(slab);
    return true;
}

SlabRef BufferList::find(std::uint64_t id) const noexcept {
    const auto found = std::find_if(slabs_.begin(), slabs_.end(),
                                    [id](const SlabRef& lease) { return lease->slab().id() == id; });
    return found == slabs_.end() ? nullptr : *found;
}

SlabRef BufferList::resolve(std::uint64_t id) {
    if (SlabRef found = find(id)) return found;
    for (const auto& [missing, reason] : missing_)
        if (missing == id) std::rethrow_exception(reason);
    throw DecodeError("a worker process refers to shared memory that it has not been given");
}

} // namespace aio::detail
