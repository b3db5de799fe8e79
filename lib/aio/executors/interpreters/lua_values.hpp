#pragma once

/// Values onto the stack of a Lua state, and from there. Not installed: the only headers that know Lua are
/// this kind.

#include <aio/executors/interpreters/value_reader.hpp>
#include <aio/executors/interpreters/value_writer.hpp>

struct lua_State;

namespace aio::detail {

/// Pushes the next value of `in`. Raises Lua errors (memory, stack), so it must run under `lua_pcall`.
void push_lua_value(lua_State* lua, ValueReader& in);

/// Writes the value at `index`, counted from the bottom. Raises no Lua error. Throws `ConversionError` for
/// what cannot leave an interpreter: functions, userdata, threads, tables that contain themselves or are
/// nested too deep, keys that are neither string nor integer, tables without end. Metatables are not asked.
/// After an exception more than before may be on the stack.
void write_lua_value(lua_State* lua, int index, ValueWriter& out);

} // namespace aio::detail
