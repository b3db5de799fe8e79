#pragma once

/// The libraries that scripts have.

struct lua_State;

namespace aio::detail {

/// Opens Lua's libraries, but for `package` and, except for `traceback`, `debug`; gives `print` a form for
/// many threads, and `os.exit` none. A function to be called by Lua: under `lua_pcall`, without arguments.
int open_lua_libraries(lua_State* lua);

} // namespace aio::detail
