#include <aio/workers/loaded_modules_posix.hpp>

#include <aio/workers/codec_shape.hpp>

#include <cstddef>
#include <cstring>
#include <string_view>
#include <utility>

#ifdef __APPLE__
#include <mach-o/dyld.h>
#include <mach-o/loader.h>
#else
#include <elf.h>
#include <link.h>
#endif

namespace aio::detail {

bool LoadedModule::is_code(std::uintptr_t address) const noexcept {
    for (const AddressRange& range : executable) {
        if (range.contains(address)) {
            return true;
        }
    }
    return false;
}

#ifdef __APPLE__

std::uint64_t module_generation() { return _dyld_image_count(); }

std::vector<LoadedModule> list_modules() {
    std::vector<LoadedModule> modules;
    for (std::uint32_t i = 0; i < _dyld_image_count(); ++i) {
        const auto* header = reinterpret_cast<const mach_header_64*>(_dyld_get_image_header(i));
        if (header == nullptr || header->magic != MH_MAGIC_64) {
            continue;
        }
        const auto slide = static_cast<std::uintptr_t>(_dyld_get_image_vmaddr_slide(i));
        LoadedModule module;
        module.base = slide;
        module.id = hash_text(_dyld_get_image_name(i));
        const auto* command = reinterpret_cast<const load_command*>(header + 1);
        for (std::uint32_t c = 0; c < header->ncmds; ++c) {
            if (command->cmd == LC_UUID) {
                const auto* uuid = reinterpret_cast<const uuid_command*>(command);
                module.id = hash_text({reinterpret_cast<const char*>(uuid->uuid), sizeof uuid->uuid});
            } else if (command->cmd == LC_SEGMENT_64) {
                const auto* segment = reinterpret_cast<const segment_command_64*>(command);
                if ((segment->initprot & VM_PROT_EXECUTE) != 0) {
                    const auto begin = static_cast<std::uintptr_t>(segment->vmaddr) + slide;
                    module.executable.push_back(
                        {begin, begin + static_cast<std::uintptr_t>(segment->vmsize)});
                }
            }
            command = reinterpret_cast<const load_command*>(reinterpret_cast<const char*>(command) +
                                                            command->cmdsize);
        }
        modules.push_back(std::move(module));
    }
    return modules;
}

#else

namespace {

constexpr std::size_t align_up(std::size_t value, std::size_t alignment) noexcept {
    return (value + alignment - 1) / alignment * alignment;
}

/// The build-id in one note segment, or an empty view.
std::string_view find_build_id(const char* notes, std::size_t size, std::size_t alignment) noexcept {
    alignment = alignment == 8 ? 8 : 4;
    std::size_t at = 0;
    while (size - at >= sizeof(ElfW(Nhdr))) {
        ElfW(Nhdr) header;
        std::memcpy(&header, notes + at, sizeof header);
        const std::size_t name_at = at + sizeof header;
        const std::size_t text_at = align_up(name_at + header.n_namesz, alignment);
        const std::size_t next_at = align_up(text_at + header.n_descsz, alignment);
        if (text_at > size || header.n_descsz > size - text_at) {
            break;
        }
        if (header.n_type == NT_GNU_BUILD_ID && header.n_namesz == 4 &&
            std::memcmp(notes + name_at, "GNU", 4) == 0) {
            return {notes + text_at, header.n_descsz};
        }
        if (next_at >= size) {
            break;
        }
        at = next_at;
    }
    return {};
}

std::string_view file_name(const char* path) noexcept {
    const std::string_view whole = path == nullptr ? "" : path;
    return whole.substr(whole.find_last_of('/') + 1);
}

/// The build-id if there is one; otherwise the layout of the segments and the name of the file, which differ
/// between builds often enough to notice.
std::uint64_t identify(const dl_phdr_info& info) {
    for (std::size_t i = 0; i < info.dlpi_phnum; ++i) {
        const auto& segment = info.dlpi_phdr[i];
        if (segment.p_type == PT_NOTE) {
            const auto* notes = reinterpret_cast<const char*>(info.dlpi_addr + segment.p_vaddr);
            const std::string_view build_id = find_build_id(notes, segment.p_memsz, segment.p_align);
            if (!build_id.empty()) {
                return hash_text(build_id);
            }
        }
    }
    const std::string_view headers(reinterpret_cast<const char*>(info.dlpi_phdr),
                                   info.dlpi_phnum * sizeof info.dlpi_phdr[0]);
    return hash_text(file_name(info.dlpi_name), hash_text(headers));
}

int add_module(dl_phdr_info* info, std::size_t, void* context) {
    auto& modules = *static_cast<std::vector<LoadedModule>*>(context);
    LoadedModule module;
    module.base = info->dlpi_addr;
    module.id = identify(*info);
    for (std::size_t i = 0; i < info->dlpi_phnum; ++i) {
        const auto& segment = info->dlpi_phdr[i];
        if (segment.p_type == PT_LOAD && (segment.p_flags & PF_X) != 0) {
            const std::uintptr_t begin = info->dlpi_addr + segment.p_vaddr;
            module.executable.push_back({begin, begin + segment.p_memsz});
        }
    }
    modules.push_back(std::move(module));
    return 0;
}

int read_generation(dl_phdr_info* info, std::size_t, void* context) {
    *static_cast<std::uint64_t*>(context) = info->dlpi_adds + info->dlpi_subs;
    return 1;
}

} // namespace

std::uint64_t module_generation() {
    std::uint64_t generation = 0;
    dl_iterate_phdr(read_generation, &generation);
    return generation;
}

std::vector<LoadedModule> list_modules() {
    std::vector<LoadedModule> modules;
    dl_iterate_phdr(add_module, &modules);
    return modules;
}

#endif

} // namespace aio::detail
