#include <aio/workers/code_reference.hpp>

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>

#include <aio/core/errors.hpp>

namespace aio {
namespace {

const IMAGE_NT_HEADERS& headers_of(HMODULE module) noexcept {
    const auto* base = reinterpret_cast<const unsigned char*>(module);
    const auto* dos = reinterpret_cast<const IMAGE_DOS_HEADER*>(base);
    return *reinterpret_cast<const IMAGE_NT_HEADERS*>(base + dos->e_lfanew);
}

/// The linker's time stamp and the image's size tell builds apart.
std::uint64_t identity_of(HMODULE module) noexcept {
    const IMAGE_NT_HEADERS& headers = headers_of(module);
    return (std::uint64_t{headers.FileHeader.TimeDateStamp} << 32) | headers.OptionalHeader.SizeOfImage;
}

/// Whether what lies there in a module can be executed.
bool is_code(HMODULE module, std::uint64_t offset) noexcept {
    const IMAGE_NT_HEADERS& headers = headers_of(module);
    const IMAGE_SECTION_HEADER* section = IMAGE_FIRST_SECTION(&headers);
    for (unsigned i = 0; i < headers.FileHeader.NumberOfSections; ++i, ++section)
        if ((section->Characteristics & IMAGE_SCN_MEM_EXECUTE) != 0 && offset >= section->VirtualAddress &&
            offset - section->VirtualAddress < section->Misc.VirtualSize)
            return true;
    return false;
}

HMODULE module_of(AnyFunction function) noexcept {
    HMODULE module = nullptr;
    GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                       reinterpret_cast<LPCSTR>(function), &module);
    return module;
}

} // namespace

CodeReference reference_to(AnyFunction function) {
    if (function == nullptr) throw ValueError("a null function cannot be called in another process");
    const HMODULE module = module_of(function);
    if (module == nullptr)
        throw RuntimeError("the function lies in no loaded module: code made at run time cannot be sent");
    const std::uint64_t offset =
        reinterpret_cast<std::uintptr_t>(function) - reinterpret_cast<std::uintptr_t>(module);
    if (!is_code(module, offset))
        throw RuntimeError("the address is not in the code of its module, and cannot be called");
    return CodeReference(identity_of(module), offset);
}

AnyFunction resolve(CodeReference reference) {
    const HMODULE program = GetModuleHandleA(nullptr);
    if (identity_of(program) != reference.module_id())
        throw RuntimeError("the module of the function is not the program that runs here");
    if (!is_code(program, reference.offset()))
        throw RuntimeError("the function's offset is outside the code of this program");
    return reinterpret_cast<AnyFunction>(reinterpret_cast<std::uintptr_t>(program) + reference.offset());
}

} // namespace aio
