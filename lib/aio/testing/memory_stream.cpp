#include <aio/testing/memory_stream.hpp>

#include <algorithm>
#include <memory>

#include <aio/core/errors.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/testing/memory_link.hpp>
#include <aio/uv/error.hpp>

namespace aio::testing {
namespace {

/// Sets what goes wrong, and has a reader that waits hear of it.
void set_fault(detail::MemoryStreamState& state, detail::Fault& fault, std::errc error, std::size_t after) {
    if (!state.is_open()) uv::throw_error(uv::status::closed, "make a closed stream fail");
    if (error == std::errc())
        throw ValueError("MemoryStream: what a stream is to fail with must be an error");
    fault.status = uv::status_of(error);
    fault.left = after;
    state.touch();
}

} // namespace

MemoryStreamOptions& MemoryStreamOptions::chunk_sizes(std::vector<std::size_t> sizes) {
    if (std::find(sizes.begin(), sizes.end(), std::size_t(0)) != sizes.end())
        throw ValueError("MemoryStreamOptions: a chunk must have at least one byte");
    chunk_sizes_ = std::move(sizes);
    return *this;
}

MemoryStream::MemoryStream(std::unique_ptr<detail::MemoryStreamState> state) noexcept
    : Stream(std::move(state)) {}

detail::MemoryStreamState& MemoryStream::memory() const {
    return static_cast<detail::MemoryStreamState&>(state());
}

std::pair<MemoryStream, MemoryStream> MemoryStream::pair(const MemoryStreamOptions& options) {
    return pair(get_running_loop(), options);
}

std::pair<MemoryStream, MemoryStream> MemoryStream::pair(EventLoop& loop,
                                                         const MemoryStreamOptions& options) {
    aio::detail::LoopState& state = loop.state();
    state.check_open();
    const aio::detail::Ref<detail::MemoryLink> link(new detail::MemoryLink(state, options));
    auto first = std::make_unique<detail::MemoryStreamState>(state, link, 0);
    auto second = std::make_unique<detail::MemoryStreamState>(state, link, 1);
    return {MemoryStream(std::move(first)), MemoryStream(std::move(second))};
}

void MemoryStream::fail_reads(std::errc error, std::size_t after_bytes) {
    set_fault(memory(), memory().incoming().read_fault, error, after_bytes);
}

void MemoryStream::fail_writes(std::errc error, std::size_t after_bytes) {
    set_fault(memory(), memory().outgoing().write_fault, error, after_bytes);
}

} // namespace aio::testing
