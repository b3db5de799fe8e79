#pragma once

/// How `map` goes about its items.

#include <cstddef>
#include <optional>
#include <string>

#include <aio/core/errors.hpp>

namespace aio {

/// Options of `map`, each with a setter that gives the options back.
class MapOptions {
public:
    MapOptions() = default;

    /// How many items may be taken from the range ahead of the results that have been read. By default as
    /// much as keeps every worker busy: two chunks for each. Throws `ValueError` for 0.
    MapOptions& buffersize(std::size_t items) {
        buffersize_ = at_least_one(items, "buffersize");
        return *this;
    }
    /// How many items make one call. By default that is 1, but for a process pool as many as take a few
    /// milliseconds, by measured time. Arguments of more than about a megabyte end a chunk early; and no
    /// chunk has more items than the buffer.
    ///
    /// When a worker dies, the item fails that it had begun (`WorkerCrashed`); those it had finished count,
    /// and those after it go to another worker, so that none is begun twice. With a size given here, that is
    /// not so for results that refer to a `SharedBuffer`, or beyond the first megabyte of a chunk: they are
    /// lost with their worker, if it dies in the same chunk. Throws `ValueError` for 0.
    MapOptions& chunksize(std::size_t items) {
        chunksize_ = at_least_one(items, "chunksize");
        return *this;
    }
    /// Whether results come in the order of the items, which is the default, or as they are there.
    MapOptions& ordered(bool value) noexcept {
        ordered_ = value;
        return *this;
    }

    [[nodiscard]] const std::optional<std::size_t>& buffersize() const noexcept { return buffersize_; }
    [[nodiscard]] const std::optional<std::size_t>& chunksize() const noexcept { return chunksize_; }
    [[nodiscard]] bool ordered() const noexcept { return ordered_; }

private:
    static std::size_t at_least_one(std::size_t items, const char* what) {
        if (items == 0) throw ValueError(std::string("map: ") + what + " must be 1 or more");
        return items;
    }
    std::optional<std::size_t> buffersize_;
    std::optional<std::size_t> chunksize_;
    bool ordered_ = true;
};

} // namespace aio
