#include <aio/executors/interpreters/lua_interpreter.hpp>

#include <cstring>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <lua.hpp>

#include <aio/core/errors.hpp>
#include <aio/executors/interpreters/execution_failed.hpp>
#include <aio/executors/interpreters/lua_libraries.hpp>
#include <aio/executors/interpreters/lua_values.hpp>

namespace aio::detail {
namespace {

// --- steps: called by Lua, may be left by longjmp ---

template <class Job>
Job& job_of(lua_State* lua) {
    return *static_cast<Job*>(lua_touserdata(lua, 1));
}

/// Makes of an error what `fail` reads: a table of its message and the traceback. Runs where the error was
/// raised.
int explain_error(lua_State* lua) {
    if (lua_type(lua, 1) == LUA_TNUMBER) {
        luaL_tolstring(lua, 1, nullptr);
    } else if (lua_type(lua, 1) == LUA_TSTRING) {
        lua_pushvalue(lua, 1);
    } else if (luaL_callmeta(lua, 1, "__tostring") == 0 || lua_type(lua, -1) != LUA_TSTRING) {
        lua_pushfstring(lua, "(the error is a %s value)", luaL_typename(lua, 1));
    }
    const int message = lua_gettop(lua);
    lua_createtable(lua, 2, 0);
    lua_pushvalue(lua, message);
    lua_rawseti(lua, -2, 1);
    luaL_traceback(lua, lua, nullptr, 1);
    lua_rawseti(lua, -2, 2);
    return 1;
}

/// Pushes the function of a name with dots, or raises the error that says which part of it is missing.
void push_function(lua_State* lua, const char* name) {
    lua_pushglobaltable(lua);
    for (const char* part = name;;) {
        const char* dot = std::strchr(part, '.');
        const std::size_t size = dot != nullptr ? static_cast<std::size_t>(dot - part) : std::strlen(part);
        lua_pushlstring(lua, part, size);
        lua_gettable(lua, -2);
        lua_remove(lua, -2);
        if (dot == nullptr) break;
        if (lua_istable(lua, -1) == 0 && luaL_getmetafield(lua, -1, "__index") == LUA_TNIL) {
            lua_pushlstring(lua, name, static_cast<std::size_t>(dot - name));
            luaL_error(lua, "there is no such function: '%s' is a %s value", lua_tostring(lua, -1),
                       luaL_typename(lua, -2));
        }
        part = dot + 1;
    }
    if (lua_isnil(lua, -1)) luaL_error(lua, "there is no such function");
    if (lua_isfunction(lua, -1) == 0 && luaL_getmetafield(lua, -1, "__call") == LUA_TNIL)
        luaL_error(lua, "it is no function, but a %s value", luaL_typename(lua, -1));
}

/// What `push_call` needs.
struct CallJob {
    /// Null for a chunk.
    const char* name;
    int chunk;
    ValueReader arguments;
    std::size_t argument_count;
};
/// Results: the function, then its arguments.
int push_call(lua_State* lua) {
    auto& job = job_of<CallJob>(lua);
    lua_settop(lua, 0);
    if (job.name != nullptr) {
        push_function(lua, job.name);
        lua_settop(lua, 1);
    } else {
        lua_rawgeti(lua, LUA_REGISTRYINDEX, job.chunk);
    }
    for (std::size_t i = 0; i < job.argument_count; ++i) push_lua_value(lua, job.arguments);
    return lua_gettop(lua);
}

struct GlobalJob {
    const char* name;
    std::size_t name_size;
    ValueReader value;
};
int set_global(lua_State* lua) {
    auto& job = job_of<GlobalJob>(lua);
    lua_pushglobaltable(lua);
    lua_pushlstring(lua, job.name, job.name_size);
    push_lua_value(lua, job.value);
    // Raw, so that a script's own rules for new globals do not refuse it.
    lua_rawset(lua, -3);
    return 0;
}

struct ReferenceJob {
    int reference;
};
/// Arguments: the job, and a function to keep, which the job then has the reference of.
int make_reference(lua_State* lua) {
    auto& job = job_of<ReferenceJob>(lua);
    lua_settop(lua, 2);
    job.reference = luaL_ref(lua, LUA_REGISTRYINDEX);
    return 0;
}

struct NoJob {};
int open_libraries(lua_State* lua) {
    lua_settop(lua, 0);
    return open_lua_libraries(lua);
}

// --- not called by Lua: may throw ---

/// An error of Lua, until it is known what to call it by.
struct LuaError {
    std::string message;
    std::string traceback;
};

std::string text_at(lua_State* lua, int index) {
    if (lua_type(lua, index) != LUA_TSTRING)
        return "(the error is a " + std::string(luaL_typename(lua, index)) + " value)";
    std::size_t size = 0;
    const char* text = lua_tolstring(lua, index, &size);
    return std::string(text, size);
}

void reserve_stack(lua_State* lua, std::size_t slots) {
    if (slots > 1'000'000 || lua_checkstack(lua, static_cast<int>(slots)) == 0) throw std::bad_alloc();
}

/// What Lua's own loader of files does: no byte order mark, and a first line with '#' is a comment.
std::string without_preamble(std::string source) {
    constexpr std::string_view mark = "\xEF\xBB\xBF";
    if (source.starts_with(mark)) source.erase(0, mark.size());
    if (source.starts_with('#')) source.insert(0, "--");
    return source;
}

} // namespace

/// Leaves an empty stack behind, whatever happens.
class LuaInterpreter::StackReset {
public:
    explicit StackReset(lua_State* lua) noexcept : lua_(lua) { lua_settop(lua_, 0); }
    StackReset(const StackReset&) = delete;
    StackReset& operator=(const StackReset&) = delete;
    ~StackReset() { lua_settop(lua_, 0); }

private:
    lua_State* lua_;
};

/// While it lives, scripts are held to a run's limits.
class LuaInterpreter::Watching {
public:
    Watching(LuaInterpreter& interpreter, const ScriptRun& run) : watch_(interpreter.watch_) {
        watch_.begin(interpreter.lua_.get(), run);
    }
    Watching(const Watching&) = delete;
    Watching& operator=(const Watching&) = delete;
    ~Watching() { watch_.end(); }

private:
    LuaWatch& watch_;
};

void LuaInterpreter::CloseState::operator()(lua_State* lua) const noexcept { lua_close(lua); }

LuaInterpreter::LuaInterpreter(const InterpreterSetup& setup) : lua_(luaL_newstate()) {
    if (!lua_) throw std::bad_alloc();
    watch_.attach(lua_.get());
    const Watching watching(*this, setup.run);
    naming([] { return std::string("opening the standard libraries"); },
           [&] {
               NoJob job;
               run_step(&open_libraries, job);
           });
    for (const SetupStep& step : setup.steps) prepare(step);
}

LuaInterpreter::~LuaInterpreter() = default;

void LuaInterpreter::prepare(const SetupStep& step) {
    switch (step.kind()) {
    case SetupStep::Kind::global:
        naming([&] { return "setting the global '" + step.name() + "'"; },
               [&] {
                   GlobalJob job{step.name().data(), step.name().size(), ValueReader(step.value())};
                   run_step(&set_global, job);
               });
        return;
    case SetupStep::Kind::call:
        static_cast<void>(call_watched(step.target(), step.value(), step.argument_count(), 0));
        return;
    case SetupStep::Kind::source: break;
    }
    const bool is_file = !step.name().empty();
    naming([&] { return "the initial source" + (is_file ? " " + step.name() : std::string()); },
           [&] {
               if (is_file)
                   compile(without_preamble(step.source()), "@" + step.name());
               else
                   compile(step.source(), step.source());
               run_function(0, 0);
           });
}

std::span<const std::byte> LuaInterpreter::call(const ScriptTarget& target,
                                                std::span<const std::byte> arguments,
                                                std::size_t argument_count, std::size_t result_count,
                                                const ScriptRun& run) {
    const Watching watching(*this, run);
    return call_watched(target, arguments, argument_count, result_count);
}

std::span<const std::byte> LuaInterpreter::call_watched(const ScriptTarget& target,
                                                        std::span<const std::byte> arguments,
                                                        std::size_t argument_count,
                                                        std::size_t result_count) {
    // The memory of an ordinary result is used again, that of a large one given back.
    constexpr std::size_t kept = std::size_t{1} << 20U;
    if (results_.bytes().size() > kept) results_ = ValueWriter();
    results_.clear();

    naming([&] { return target.describe(); },
           [&] {
               lua_State* lua = lua_.get();
               const bool is_function = target.kind() == ScriptTarget::Kind::function;
               CallJob job{is_function ? target.text().c_str() : nullptr,
                           is_function ? LUA_NOREF : find_or_compile(target.text()), ValueReader(arguments),
                           argument_count};
               run_step(&push_call, job);
               run_function(lua_gettop(lua) - 1, static_cast<int>(result_count));
               const int first = lua_gettop(lua) - static_cast<int>(result_count) + 1;
               for (int i = 0; i < static_cast<int>(result_count); ++i)
                   write_lua_value(lua, first + i, results_);
           });
    return results_.bytes();
}

template <class Name, class F>
void LuaInterpreter::naming(Name name, F function) {
    const StackReset reset(lua_.get());
    try {
        function();
    } catch (LuaError& error) {
        throw ExecutionFailed(name(), std::move(error.message), std::move(error.traceback));
    }
}

template <class Job>
void LuaInterpreter::run_step(int (*step)(lua_State*), Job& job) {
    static_assert(std::is_trivially_destructible_v<Job>);
    lua_State* lua = lua_.get();
    // Whatever is on the stack goes along, behind the job.
    const int present = lua_gettop(lua);
    reserve_stack(lua, 4);
    lua_pushcfunction(lua, step);
    lua_insert(lua, 1);
    lua_pushlightuserdata(lua, &job);
    lua_insert(lua, 2);
    if (const int status = lua_pcall(lua, present + 1, LUA_MULTRET, 0); status != LUA_OK) fail(status);
}

void LuaInterpreter::run_function(int arguments, int results) {
    lua_State* lua = lua_.get();
    const int position = lua_gettop(lua) - arguments;
    reserve_stack(lua, static_cast<std::size_t>(results) + 4);
    lua_pushcfunction(lua, explain_error);
    lua_insert(lua, position);
    const int status = lua_pcall(lua, arguments, results, position);
    if (status == LUA_ERRRUN && lua_type(lua, -1) == LUA_TTABLE) fail_explained();
    if (status != LUA_OK) fail(status);
    require_no_trip();
    lua_remove(lua, position);
}

void LuaInterpreter::compile(const std::string& source, const std::string& name) {
    // Text only: Lua does not check precompiled code.
    const int status = luaL_loadbufferx(lua_.get(), source.data(), source.size(), name.c_str(), "t");
    if (status != LUA_OK) fail(status);
}

int LuaInterpreter::find_or_compile(const std::string& source) {
    if (const std::optional<int> known = chunks_.find(source)) return *known;
    compile(source, source);
    ReferenceJob job{LUA_NOREF};
    run_step(&make_reference, job);
    try {
        if (const std::optional<int> evicted = chunks_.insert(source, job.reference))
            luaL_unref(lua_.get(), LUA_REGISTRYINDEX, *evicted);
    } catch (...) {
        luaL_unref(lua_.get(), LUA_REGISTRYINDEX, job.reference);
        throw;
    }
    return job.reference;
}

void LuaInterpreter::require_no_trip() {
    if (watch_.trip() != LuaWatch::Trip::none) throw LuaError{watch_.reason(), {}};
}

void LuaInterpreter::fail(int status) {
    if (status == LUA_ERRMEM) {
        if (!watch_.note_out_of_memory()) throw std::bad_alloc();
        require_no_trip();
    }
    throw LuaError{text_at(lua_.get(), lua_gettop(lua_.get())), {}};
}

void LuaInterpreter::fail_explained() {
    lua_State* lua = lua_.get();
    const int error = lua_gettop(lua);
    reserve_stack(lua, 2);
    lua_rawgeti(lua, error, 1);
    lua_rawgeti(lua, error, 2);
    throw LuaError{text_at(lua, error + 1), text_at(lua, error + 2)};
}

} // namespace aio::detail
