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

/// The linker's time stamp and the image's size tell builds apart.
std::uint64_t identity_of(HMODULE module) noexcept {
    const auto* base = reinterpret_cast<const unsigned char*>(module);
    const auto* dos = reinterpret_cast<const IMAGE_DOS_HEADER*>(base);
    const auto* nt = reinterpret_cast<const IMAGE_NT_HEADERS*>(base + dos->e_lfanew);
    return (std::uint64_t{nt->FileHeader.TimeDateStamp} << 32) | nt->OptionalHeader.SizeOfImage;
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
    if (module == nullptr) throw RuntimeError("the function lies in no loaded module: code made at run time cannot be sent");
    return CodeReference(identity_of(module), reinterpret_cast<std::uintptr_t>(function) - reinterpret_cast<std::uintptr_t>(module));
}

AnyFunction resolve(CodeReference reference) {
    const HMODULE program = GetModuleHandleA(nullptr);
    if (identity_of(program) != reference.module_id())
        throw RuntimeError("the module of the function is not the program that runs here");
    return reinterpret_cast<AnyFunction>(reinterpret_cast<std::uintptr_t>(program) + reference.offset());
}

} // namespace aio
