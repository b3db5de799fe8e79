#pragma once
// CodeReference: the address of a function, in a form that means the same function in another process of the
// same build.
//
// Address space randomisation moves whole modules (the program and its shared libraries) but nothing inside
// them, so a function is named by its module and its offset there. The module is named by the build-id that
// the linker gave it, so a reference can never resolve into a different build. No registration, no names,
// works for lambdas and templates, and is indifferent to identical code folding.

#include <cstdint>

namespace aio {

/// Any function, with its type forgotten; cast it back to its true type before calling it.
using AnyFunction = void (*)();

/// A function's module and its offset there. Plain numbers: may be sent and stored, but only within one
/// build.
class CodeReference {
public:
    constexpr CodeReference() noexcept = default;
    constexpr CodeReference(std::uint64_t module_id, std::uint64_t offset) noexcept
        : module_id_(module_id), offset_(offset) {}

    [[nodiscard]] constexpr std::uint64_t module_id() const noexcept { return module_id_; }
    [[nodiscard]] constexpr std::uint64_t offset() const noexcept { return offset_; }

    constexpr bool operator==(const CodeReference&) const noexcept = default;

private:
    std::uint64_t module_id_ = 0;
    std::uint64_t offset_ = 0;
};

/// The reference of `function`. Throws ValueError for null, and RuntimeError when the address lies in no
/// executable segment of a loaded module (code made at run time). Thread-safe; fast after the first call,
/// which lists the modules.
[[nodiscard]] CodeReference reference_to(AnyFunction function);

template <class Result, class... Args>
[[nodiscard]] CodeReference reference_to(Result (*function)(Args...)) {
    return reference_to(reinterpret_cast<AnyFunction>(function));
}

template <class Result, class... Args>
[[nodiscard]] CodeReference reference_to(Result (*function)(Args...) noexcept) {
    return reference_to(reinterpret_cast<AnyFunction>(function));
}

/// The function in this process. Throws RuntimeError when its module is not loaded here (for example a plugin
/// that was opened after the worker had started) or the offset is outside the module's executable segments.
/// Thread-safe.
[[nodiscard]] AnyFunction resolve(CodeReference reference);

} // namespace aio
