#include <aio/executors/interpreters/lua_values.hpp>

#include <algorithm>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <lua.hpp>

#include <aio/executors/interpreters/conversion_error.hpp>

namespace aio::detail {
namespace {

/// As a hint for `lua_createtable`.
int size_hint(std::size_t count) noexcept { return static_cast<int>(std::min<std::size_t>(count, INT_MAX)); }

std::string_view text_at(lua_State* lua, int index) noexcept {
    std::size_t size = 0;
    const char* text = lua_tolstring(lua, index, &size);
    return {text, size};
}

/// Uses only what Lua's manual marks as never raising an error, for values of the right type: raw access, and
/// no conversion of numbers to strings.
class LuaValueWriter {
public:
    LuaValueWriter(lua_State* lua, ValueWriter& out) noexcept : lua_(lua), out_(out) {}

    void write(int index) {
        // Tables may share their contents: without a limit, a small one could stand for more than memory
        // holds.
        constexpr std::size_t most_values = std::size_t{1} << 24U;
        if (++values_ > most_values)
            throw ConversionError("a table of more than " + std::to_string(most_values) +
                                  " values cannot leave its interpreter");
        switch (lua_type(lua_, index)) {
        case LUA_TNIL: out_.nil(); return;
        case LUA_TBOOLEAN: out_.boolean(lua_toboolean(lua_, index) != 0); return;
        case LUA_TNUMBER:
            if (lua_isinteger(lua_, index) != 0)
                out_.integer(static_cast<std::int64_t>(lua_tointegerx(lua_, index, nullptr)));
            else
                out_.number(static_cast<double>(lua_tonumberx(lua_, index, nullptr)));
            return;
        case LUA_TSTRING: out_.string(text_at(lua_, index)); return;
        case LUA_TTABLE: write_table(index); return;
        default: throw ConversionError("a " + type_at(index) + " cannot leave its interpreter: " + allowed);
        }
    }

private:
    static constexpr const char* allowed = "nil, booleans, numbers, strings and tables of them can";

    [[nodiscard]] std::string type_at(int index) const { return lua_typename(lua_, lua_type(lua_, index)); }

    void write_table(int index) {
        enter(lua_topointer(lua_, index));
        ValueWriter::Table table(out_);
        const std::size_t elements = write_elements(index);
        const std::size_t fields = write_fields(index, elements);
        table.set_counts(elements, fields);
        open_.pop_back();
    }

    void enter(const void* table) {
        if (std::ranges::find(open_, table) != open_.end())
            throw ConversionError("a table that contains itself cannot leave its interpreter");
        if (lua_checkstack(lua_, 4) == 0)
            throw ConversionError("the interpreter has no memory for the result");
        open_.push_back(table);
    }

    /// The values from 1 to the one before the first nil.
    std::size_t write_elements(int index) {
        for (std::size_t count = 0;; ++count) {
            const auto key = static_cast<lua_Integer>(count + 1);
            if (lua_rawgeti(lua_, index, key) == LUA_TNIL) {
                lua_pop(lua_, 1);
                return count;
            }
            write_at(step_of(key));
            lua_pop(lua_, 1);
        }
    }

    /// All others.
    std::size_t write_fields(int index, std::size_t elements) {
        std::size_t count = 0;
        lua_pushnil(lua_);
        while (lua_next(lua_, index) != 0) {
            const int key = lua_gettop(lua_) - 1;
            if (lua_isinteger(lua_, key) != 0) {
                const lua_Integer number = lua_tointegerx(lua_, key, nullptr);
                if (number < 1 || static_cast<std::uint64_t>(number) > elements) {
                    out_.integer(static_cast<std::int64_t>(number));
                    write_at(step_of(number));
                    ++count;
                }
            } else if (lua_type(lua_, key) == LUA_TSTRING) {
                const std::string_view name = text_at(lua_, key);
                out_.string(name);
                write_at(name);
                ++count;
            } else {
                throw ConversionError("a table with a key that is a " + type_at(key) +
                                      " cannot leave its interpreter: only strings and integers can be keys");
            }
            lua_pop(lua_, 1);
        }
        return count;
    }

    static std::int64_t step_of(lua_Integer key) noexcept { return static_cast<std::int64_t>(key); }

    /// Writes the value on top, which is at `key` of its table.
    template <class Key>
    void write_at(const Key& key) {
        try {
            write(lua_gettop(lua_));
        } catch (const ConversionError& error) {
            throw error.within(step_to(key));
        }
    }

    lua_State* lua_;
    ValueWriter& out_;
    /// The tables around the present value.
    std::vector<const void*> open_;
    std::size_t values_ = 0;
};

} // namespace

void push_lua_value(lua_State* lua, ValueReader& in) {
    // Lua leaves this frame by longjmp when it raises an error: nothing in it may need a destructor.
    const ValueItem item = in.next();
    luaL_checkstack(lua, 3, "too many or too deep values");
    switch (item.type) {
    case ValueType::nil: lua_pushnil(lua); return;
    case ValueType::boolean: lua_pushboolean(lua, item.boolean ? 1 : 0); return;
    case ValueType::integer: lua_pushinteger(lua, static_cast<lua_Integer>(item.integer)); return;
    case ValueType::number: lua_pushnumber(lua, static_cast<lua_Number>(item.number)); return;
    case ValueType::string: lua_pushlstring(lua, item.text.data(), item.text.size()); return;
    case ValueType::table: break;
    }
    lua_createtable(lua, size_hint(item.elements), size_hint(item.fields));
    for (std::size_t i = 1; i <= item.elements; ++i) {
        push_lua_value(lua, in);
        lua_rawseti(lua, -2, static_cast<lua_Integer>(i));
    }
    for (std::size_t i = 0; i < item.fields; ++i) {
        push_lua_value(lua, in);
        push_lua_value(lua, in);
        lua_rawset(lua, -3);
    }
}

void write_lua_value(lua_State* lua, int index, ValueWriter& out) { LuaValueWriter(lua, out).write(index); }

} // namespace aio::detail
