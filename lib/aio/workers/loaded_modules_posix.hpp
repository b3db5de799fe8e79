#pragma once
// The modules loaded into this process (the program and its shared libraries), each with an identity that is
// the same in every process of the same build. Used by code references.

#include <cstdint>
#include <vector>

namespace aio::detail {

/// Addresses [begin, end).
struct AddressRange {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;

    [[nodiscard]] bool contains(std::uintptr_t address) const noexcept {
        return address >= begin && address < end;
    }
};

struct LoadedModule {
    std::uint64_t id = 0;
    std::uintptr_t base = 0;
    std::vector<AddressRange> executable;

    [[nodiscard]] bool is_code(std::uintptr_t address) const noexcept;
};

/// A number that changes whenever a module is loaded or unloaded.
[[nodiscard]] std::uint64_t module_generation();

/// Lists the modules as they are now.
[[nodiscard]] std::vector<LoadedModule> list_modules();

} // namespace aio::detail
