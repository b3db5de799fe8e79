#include <aio/workers/slab.hpp>

#include <aio/workers/codec_error.hpp>
#include <aio/workers/descriptors_posix.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>
#include <system_error>

namespace aio::detail {

namespace {

[[noreturn]] void throw_errno(int error, std::size_t capacity) {
    throw std::system_error(error, std::generic_category(),
                            "cannot make shared memory of " + std::to_string(capacity) + " bytes");
}

#ifdef __linux__

#ifndef MFD_NOEXEC_SEAL
constexpr unsigned MFD_NOEXEC_SEAL = 8;
#endif

constexpr int size_seals = F_SEAL_SHRINK | F_SEAL_GROW;

uv::Descriptor make_nameless(const char* name) {
    // Kernels before 6.3 do not know the first form; later ones may insist on it.
    constexpr unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    uv::Descriptor memory(::memfd_create(name, flags | MFD_NOEXEC_SEAL));
    if (!memory.valid() && errno == EINVAL) memory = uv::Descriptor(::memfd_create(name, flags));
    return memory;
}

bool fix_size(int memory) { return ::fcntl(memory, F_ADD_SEALS, size_seals | F_SEAL_SEAL) == 0; }

bool has_fixed_size(int memory) {
    const int seals = ::fcntl(memory, F_GET_SEALS);
    return seals >= 0 && (seals & size_seals) == size_seals;
}

#else

uv::Descriptor make_nameless(const char*) {
    static constinit std::atomic<unsigned> count{0};
    for (;;) {
        const std::string name =
            "/aio-" + std::to_string(::getpid()) + "-" + std::to_string(count.fetch_add(1));
        uv::Descriptor memory(::shm_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600));
        if (!memory.valid() && errno == EEXIST) continue;
        // The name is gone before anybody can look for it.
        if (memory.valid()) ::shm_unlink(name.c_str());
        return memory;
    }
}

// There are no seals; the size of such an object can be set once, which has been done.
bool fix_size(int) { return true; }
bool has_fixed_size(int) { return true; }

#endif

std::byte* map_all(int memory, std::size_t capacity) {
    void* const data = ::mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    if (data == MAP_FAILED) throw_errno(errno, capacity);
    return static_cast<std::byte*>(data);
}

} // namespace

int current_process() noexcept { return ::getpid(); }

std::unique_ptr<Slab> Slab::make(std::uint64_t id, std::size_t capacity, const char* name) {
    uv::Descriptor memory = make_nameless(name);
    if (!memory.valid()) throw_errno(errno, capacity);
    memory = uv::above_standard(std::move(memory));
    if (::ftruncate(memory.get(), static_cast<off_t>(capacity)) != 0 || !fix_size(memory.get()))
        throw_errno(errno, capacity);
    std::byte* const data = map_all(memory.get(), capacity);
    return std::make_unique<Slab>(id, data, capacity, uv::Descriptor(memory.release()));
}

std::unique_ptr<Slab> Slab::map(std::uint64_t id, std::size_t capacity, uv::Descriptor memory) {
    struct stat status{};
    if (::fstat(memory.get(), &status) != 0) throw_errno(errno, capacity);
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    if (capacity == 0 || capacity % page != 0 || status.st_size < 0 ||
        static_cast<std::uint64_t>(status.st_size) < capacity || !has_fixed_size(memory.get()))
        throw DecodeError("another process sent shared memory that has not the " + std::to_string(capacity) +
                          " bytes announced, or can change its size");
    std::byte* const data = map_all(memory.get(), capacity);
    return std::make_unique<Slab>(id, data, capacity, std::move(memory));
}

Slab::Slab(std::uint64_t id, std::byte* data, std::size_t capacity, uv::Descriptor memory) noexcept
    : id_(id), data_(data), capacity_(capacity), memory_(std::move(memory)), process_(current_process()) {}

Slab::~Slab() {
    ::munmap(data_, capacity_);
    if (!mapped_here()) static_cast<void>(memory_.release());
}

bool Slab::mapped_here() const noexcept { return process_ == current_process(); }

} // namespace aio::detail
