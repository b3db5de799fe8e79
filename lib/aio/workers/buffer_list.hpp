#pragma once
/// BufferList: the buffers that one call takes to its worker and brings back, as the pool sees them.

#include <cstdint>
#include <exception>
#include <utility>
#include <vector>

#include <aio/workers/buffer_link.hpp>
#include <aio/workers/slab.hpp>

namespace aio::detail {

/// Holds on to the memory for as long as the call is under way. A reference in the call's result is good only
/// for what is in here.
class BufferList final : public BufferLink {
public:
    BufferList() = default;
    BufferList(BufferList&&) noexcept = default;
    BufferList& operator=(BufferList&&) noexcept = default;

    [[nodiscard]] bool attach(const SlabRef& slab) override;
    [[nodiscard]] SlabRef resolve(std::uint64_t id) override;

    void add(SlabRef slab) { slabs_.push_back(std::move(slab)); }
    /// The worker refers to a slab that could not be taken in.
    void add_missing(std::uint64_t id, std::exception_ptr reason) {
        missing_.emplace_back(id, std::move(reason));
    }
    /// Null when it is not in the list.
    [[nodiscard]] SlabRef find(std::uint64_t id) const noexcept;
    [[nodiscard]] const std::vector<SlabRef>& slabs() const noexcept { return slabs_; }

private:
    std::vector<SlabRef> slabs_;
    std::vector<std::pair<std::uint64_t, std::exception_ptr>> missing_;
};

} // namespace aio::detail
