#include <aio/executors/interpreters/lua_watch.hpp>

#include <algorithm>
#include <cstring>

#include <lua.hpp>

namespace aio::detail {
namespace {

/// Often enough to stop at once, for a person; too rarely to be felt by the script.
constexpr int steps_between_looks = 20'000;
/// For scripts whose steps are limited.
constexpr int steps_between_counts = 1'000;

} // namespace

LuaWatch& LuaWatch::of(lua_State* lua) noexcept {
    LuaWatch* watch = nullptr;
    std::memcpy(&watch, lua_getextraspace(lua), sizeof watch);
    return *watch;
}

void LuaWatch::attach(lua_State* lua) {
    // Each of the state's coroutines gets a copy of both, the pointer and the hook.
    LuaWatch* const self = this;
    std::memcpy(lua_getextraspace(lua), &self, sizeof self);
    interval_ = steps_between_looks;
    lua_sethook(lua, &look, LUA_MASKCOUNT, interval_);
    used_ = static_cast<std::size_t>(lua_gc(lua, LUA_GCCOUNT)) * 1024 +
            static_cast<std::size_t>(lua_gc(lua, LUA_GCCOUNTB));
    allocate_ = lua_getallocf(lua, &allocator_);
    lua_setallocf(lua, &allocate, this);
}

void LuaWatch::begin(lua_State* lua, const ScriptRun& run) {
    run_ = &run;
    trip_ = Trip::none;
    denied_ = false;
    memory_limit_ = run.limits.memory;
    steps_left_ = run.limits.instructions;
    interval_ = steps_between_looks;
    if (steps_left_ != 0)
        interval_ = static_cast<int>(std::min<std::uint64_t>(steps_between_counts, steps_left_));
    lua_sethook(lua, &look, LUA_MASKCOUNT, interval_);
}

void LuaWatch::end() noexcept {
    run_ = nullptr;
    memory_limit_ = 0;
}

const char* LuaWatch::reason() const noexcept {
    switch (trip_) {
    case Trip::stopped: return "stopped: the call was cancelled, or its pool is to end";
    case Trip::instructions: return "the limit of instructions is reached";
    case Trip::memory: return "the limit of memory is reached";
    case Trip::none: break;
    }
    return "";
}

bool LuaWatch::note_out_of_memory() noexcept {
    if (!denied_) return false;
    trip_ = Trip::memory;
    return true;
}

void LuaWatch::charge(std::uint64_t steps) noexcept {
    if (run_ == nullptr || run_->limits.instructions == 0) return;
    if (steps_left_ <= steps && trip_ == Trip::none) trip_ = Trip::instructions;
    steps_left_ -= std::min(steps, steps_left_);
}

void LuaWatch::check(lua_State* lua) {
    if (run_ != nullptr && trip_ == Trip::none && run_->stop.stop_requested()) trip_ = Trip::stopped;
    if (trip_ == Trip::none) return;
    // A script that catches the error meets the next one at its next step.
    lua_sethook(lua, &look, LUA_MASKCOUNT, 1);
    luaL_error(lua, "%s", reason());
}

void LuaWatch::look(lua_State* lua, lua_Debug*) {
    LuaWatch& watch = of(lua);
    watch.charge(static_cast<std::uint64_t>(lua_gethookcount(lua)));
    watch.check(lua);
    // A coroutine from an earlier call counts as was right then.
    if (lua_gethookcount(lua) != watch.interval_) lua_sethook(lua, &look, LUA_MASKCOUNT, watch.interval_);
}

void LuaWatch::charge_coroutine(lua_State* lua) {
    LuaWatch& watch = of(lua);
    watch.charge(static_cast<std::uint64_t>(watch.interval_));
    watch.check(lua);
}

void* LuaWatch::allocate(void* watch, void* block, std::size_t old_size, std::size_t size) noexcept {
    auto& self = *static_cast<LuaWatch*>(watch);
    // Of a new block Lua tells the kind there.
    const std::size_t held = block != nullptr ? old_size : 0;
    if (size > held && self.memory_limit_ != 0 && self.used_ - held + size > self.memory_limit_) {
        self.denied_ = true;
        return nullptr;
    }
    void* const result = self.allocate_(self.allocator_, block, old_size, size);
    if (result != nullptr || size == 0) self.used_ = self.used_ - held + size;
    return result;
}

} // namespace aio::detail
