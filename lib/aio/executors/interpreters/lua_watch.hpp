#pragma once

/// Watches the scripts of a Lua state: their steps, a request to stop, and the memory. Not for programs.

#include <cstddef>
#include <cstdint>

#include <aio/executors/interpreters/script_run.hpp>

struct lua_State;
struct lua_Debug;

namespace aio::detail {

/// Must outlive the state it is attached to, and stay where it is. Its hook runs in Lua's frames, which
/// errors leave by `longjmp`: see lua_interpreter.hpp.
class LuaWatch {
public:
    enum class Trip { none, stopped, instructions, memory };

    LuaWatch() = default;
    LuaWatch(const LuaWatch&) = delete;
    LuaWatch& operator=(const LuaWatch&) = delete;

    /// Once, to a new state.
    void attach(lua_State* lua);
    /// From here on scripts are held to `run`, which must live until `end`.
    void begin(lua_State* lua, const ScriptRun& run);
    void end() noexcept;

    /// Why scripts are to end.
    [[nodiscard]] Trip trip() const noexcept { return trip_; }
    [[nodiscard]] const char* reason() const noexcept;
    /// Lua has run out of memory: true, and a trip, if that was because of the limit.
    bool note_out_of_memory() noexcept;

    /// For the library's `coroutine.create`: a coroutine counts its steps for itself, from zero, so its first
    /// ones are charged when it is made. Raises an error when that is too much.
    static void charge_coroutine(lua_State* lua);

private:
    static LuaWatch& of(lua_State* lua) noexcept;
    static void* allocate(void* watch, void* block, std::size_t old_size, std::size_t size) noexcept;
    static void look(lua_State* lua, lua_Debug* activation);
    void charge(std::uint64_t steps) noexcept;
    void check(lua_State* lua);

    const ScriptRun* run_ = nullptr;
    std::uint64_t steps_left_ = 0;
    int interval_ = 0;
    Trip trip_ = Trip::none;

    void* (*allocate_)(void*, void*, std::size_t, std::size_t) = nullptr;
    void* allocator_ = nullptr;
    std::size_t used_ = 0;
    std::size_t memory_limit_ = 0;
    bool denied_ = false;
};

} // namespace aio::detail
