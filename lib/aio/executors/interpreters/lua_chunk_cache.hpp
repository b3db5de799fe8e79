#pragma once

/// Which source texts an interpreter has compiled already.

#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace aio::detail {

/// Source texts with the number under which the interpreter keeps each one's function. Bounded: the text that
/// was not used for the longest time goes.
class LuaChunkCache {
public:
    static constexpr std::size_t capacity = 128;

    /// The number of a source that is known.
    [[nodiscard]] std::optional<int> find(std::string_view source);

    /// Remembers a source that is not known, and gives the number of the one that had to go.
    [[nodiscard]] std::optional<int> insert(std::string source, int reference);

private:
    struct Chunk {
        Chunk(std::string s, int r) : source(std::move(s)), reference(r) {}
        std::string source;
        int reference;
    };
    /// The one used last is in front.
    std::list<Chunk> chunks_;
    /// The keys are views of the texts in the list.
    std::unordered_map<std::string_view, std::list<Chunk>::iterator> by_source_;
};

} // namespace aio::detail
