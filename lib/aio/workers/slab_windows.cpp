#include <aio/workers/slab.hpp>

#include <aio/core/errors.hpp>

#include <new>
#include <string>
#include <system_error>

namespace aio::detail {

int current_process() noexcept { return 0; }

std::unique_ptr<Slab> Slab::make(std::uint64_t id, std::size_t capacity, const char*) {
    std::unique_ptr<std::byte[]> memory;
    try {
        memory = std::make_unique<std::byte[]>(capacity);
    } catch (const std::bad_alloc&) {
        throw std::system_error(std::make_error_code(std::errc::not_enough_memory),
                                "cannot make shared memory of " + std::to_string(capacity) + " bytes");
    }
    auto slab = std::make_unique<Slab>(id, memory.get(), capacity, uv::Descriptor());
    static_cast<void>(memory.release());
    return slab;
}

std::unique_ptr<Slab> Slab::map(std::uint64_t, std::size_t, uv::Descriptor) {
    throw RuntimeError("memory cannot be shared between processes on Windows");
}

Slab::Slab(std::uint64_t id, std::byte* data, std::size_t capacity, uv::Descriptor memory) noexcept
    : id_(id), data_(data), capacity_(capacity), memory_(std::move(memory)), process_(current_process()) {}

Slab::~Slab() { const std::unique_ptr<std::byte[]> memory(data_); }

bool Slab::mapped_here() const noexcept { return true; }

} // namespace aio::detail
