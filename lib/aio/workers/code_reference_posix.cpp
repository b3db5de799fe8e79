#include <aio/workers/code_reference.hpp>

#include <aio/core/errors.hpp>
#include <aio/workers/loaded_modules_posix.hpp>

#include <cstdint>
#include <mutex>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>

namespace aio {

namespace {

std::string hexadecimal(std::uint64_t value) {
    std::ostringstream text;
    text << "0x" << std::hex << value;
    return text.str();
}

/// What the loader last said, and the functions looked up since. Everything is forgotten when a module comes
/// or goes: an address may then belong to another one.
class ModuleTable {
public:
    CodeReference find(std::uintptr_t address) {
        const std::scoped_lock lock(mutex_);
        refresh();
        if (const auto known = references_.find(address); known != references_.end()) {
            return known->second;
        }
        for (const detail::LoadedModule& module : modules_) {
            if (module.is_code(address)) {
                const CodeReference reference(module.id, address - module.base);
                references_.emplace(address, reference);
                return reference;
            }
        }
        throw RuntimeError(
            "the address " + hexadecimal(address) +
            " is in no executable segment of a loaded module and cannot be called in another process");
    }

    std::uintptr_t resolve(CodeReference reference) {
        const std::scoped_lock lock(mutex_);
        refresh();
        bool loaded = false;
        for (const detail::LoadedModule& module : modules_) {
            const std::uintptr_t address = module.base + static_cast<std::uintptr_t>(reference.offset());
            if (module.id == reference.module_id()) {
                loaded = true;
                if (module.is_code(address)) {
                    return address;
                }
            }
        }
        throw RuntimeError(
            loaded ? "offset " + hexadecimal(reference.offset()) + " of module " +
                         hexadecimal(reference.module_id()) + " is outside its executable segments"
                   : "the module " + hexadecimal(reference.module_id()) +
                         " of the function is not loaded in this process: load it before workers are "
                         "started, and run the same build everywhere");
    }

private:
    void refresh() {
        const std::uint64_t generation = detail::module_generation();
        if (modules_.empty() || generation != generation_) {
            references_.clear();
            modules_ = detail::list_modules();
            generation_ = generation;
        }
    }

    std::mutex mutex_;
    std::uint64_t generation_ = 0;
    std::vector<detail::LoadedModule> modules_;
    std::unordered_map<std::uintptr_t, CodeReference> references_;
};

ModuleTable& module_table() {
    static ModuleTable table;
    return table;
}

} // namespace

CodeReference reference_to(AnyFunction function) {
    if (function == nullptr) {
        throw ValueError("a null function pointer cannot be called in another process");
    }
    return module_table().find(reinterpret_cast<std::uintptr_t>(function));
}

AnyFunction resolve(CodeReference reference) {
    return reinterpret_cast<AnyFunction>(module_table().resolve(reference));
}

} // namespace aio
