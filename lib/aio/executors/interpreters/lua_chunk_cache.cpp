#include <aio/executors/interpreters/lua_chunk_cache.hpp>

#include <utility>

namespace aio::detail {

std::optional<int> LuaChunkCache::find(std::string_view source) {
    const auto found = by_source_.find(source);
    if (found == by_source_.end()) return std::nullopt;
    chunks_.splice(chunks_.begin(), chunks_, found->second);
    return found->second->reference;
}

std::optional<int> LuaChunkCache::insert(std::string source, int reference) {
    std::list<Chunk> added;
    added.emplace_front(std::move(source), reference);
    by_source_.emplace(added.front().source, added.begin());
    chunks_.splice(chunks_.begin(), added);
    if (chunks_.size() <= capacity) return std::nullopt;
    const int evicted = chunks_.back().reference;
    by_source_.erase(chunks_.back().source);
    chunks_.pop_back();
    return evicted;
}

} // namespace aio::detail
