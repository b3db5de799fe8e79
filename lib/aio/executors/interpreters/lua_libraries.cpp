#include <aio/executors/interpreters/lua_libraries.hpp>

#include <array>
#include <cstddef>
#include <cstdio>

#include <lua.hpp>

#include <aio/executors/interpreters/lua_watch.hpp>

namespace aio::detail {
namespace {

struct Library {
    const char* name;
    lua_CFunction open;
};

/// Writes its line by one call, so that the lines of several threads do not mix.
int print_line(lua_State* lua) {
    const int count = lua_gettop(lua);
    luaL_Buffer line;
    luaL_buffinit(lua, &line);
    for (int i = 1; i <= count; ++i) {
        if (i > 1) luaL_addlstring(&line, "\t", 1);
        luaL_tolstring(lua, i, nullptr);
        luaL_addvalue(&line);
    }
    luaL_addlstring(&line, "\n", 1);
    luaL_pushresult(&line);
    std::size_t size = 0;
    const char* text = lua_tolstring(lua, -1, &size);
    std::fwrite(text, 1, size, stdout);
    std::fflush(stdout);
    return 0;
}

/// Ends the call and not the program, whose other threads are at work.
int refuse_exit(lua_State* lua) {
    return luaL_error(
        lua, "os.exit is not available in an interpreter pool: return from the function, or raise an error");
}

/// The library's function, which is its upvalue, with a charge for what a new coroutine may do uncounted.
int make_coroutine(lua_State* lua) {
    LuaWatch::charge_coroutine(lua);
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_insert(lua, 1);
    lua_call(lua, lua_gettop(lua) - 1, LUA_MULTRET);
    return lua_gettop(lua);
}

} // namespace

int open_lua_libraries(lua_State* lua) {
    static constexpr std::array<Library, 8> libraries{{
        {"_G", luaopen_base},
        {LUA_COLIBNAME, luaopen_coroutine},
        {LUA_TABLIBNAME, luaopen_table},
        {LUA_IOLIBNAME, luaopen_io},
        {LUA_OSLIBNAME, luaopen_os},
        {LUA_STRLIBNAME, luaopen_string},
        {LUA_MATHLIBNAME, luaopen_math},
        {LUA_UTF8LIBNAME, luaopen_utf8},
    }};
    for (const Library& library : libraries) {
        luaL_requiref(lua, library.name, library.open, 1);
        lua_pop(lua, 1);
    }
    // Of the debug library only what error handlers use: its hooks belong to the pool.
    lua_createtable(lua, 0, 1);
    lua_pushcfunction(lua, luaopen_debug);
    lua_call(lua, 0, 1);
    lua_getfield(lua, -1, "traceback");
    lua_setfield(lua, -3, "traceback");
    lua_pop(lua, 1);
    lua_setglobal(lua, LUA_DBLIBNAME);

    lua_getglobal(lua, LUA_COLIBNAME);
    for (const char* const maker : {"create", "wrap"}) {
        lua_getfield(lua, -1, maker);
        lua_pushcclosure(lua, make_coroutine, 1);
        lua_setfield(lua, -2, maker);
    }
    lua_pop(lua, 1);

    lua_pushcfunction(lua, print_line);
    lua_setglobal(lua, "print");
    lua_getglobal(lua, LUA_OSLIBNAME);
    lua_pushcfunction(lua, refuse_exit);
    lua_setfield(lua, -2, "exit");
    lua_pop(lua, 1);
    return 0;
}

} // namespace aio::detail
