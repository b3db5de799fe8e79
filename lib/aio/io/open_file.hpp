#pragma once

/// The state behind `File`.

#include <cstdint>
#include <optional>
#include <string>

#include <aio/core/frame_pool.hpp>
#include <aio/core/loop_state.hpp>
#include <aio/core/ref.hpp>
#include <aio/uv/descriptor.hpp>

namespace aio::detail {

/// An open file. Held by the `File` and by every operation that a thread may be doing on it, so that the
/// descriptor's number is not given to another file meanwhile.
class OpenFile final : public RefCounted, public PoolAllocated {
public:
    /// `append`: all writes go to the end.
    OpenFile(LoopState& loop, uv::Descriptor descriptor, std::string name, bool append);
    /// Closes the descriptor in the background, or at once if the loop is closed.
    ~OpenFile() override;

    [[nodiscard]] LoopState& loop() const noexcept { return *loop_; }
    [[nodiscard]] bool is_open() const noexcept { return descriptor_.valid(); }
    [[nodiscard]] int descriptor() const noexcept { return descriptor_.get(); }
    [[nodiscard]] uv::Descriptor take_descriptor() noexcept { return std::move(descriptor_); }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] bool append() const noexcept { return append_; }
    /// Whether it has a position: pipes and terminals have none.
    [[nodiscard]] bool seekable() const noexcept { return seekable_; }

    /// Where the next read or write without an offset begins. As long as nobody else knows the descriptor it
    /// is kept here, and reads and writes give it to the system as an offset; the system's own position,
    /// which processes that have the descriptor share, stays behind then.
    [[nodiscard]] std::uint64_t position() const noexcept {
        return is_shared_ ? shared_position() : position_;
    }
    void move_to(std::uint64_t position) noexcept {
        position_ = position;
        if (is_shared_) static_cast<void>(move_shared(position));
    }
    /// The same to where nothing has been read or written yet. Throws `std::system_error` if no file can be
    /// so large there.
    void seek(std::uint64_t position);
    /// Somebody else gets to know the descriptor: from here on the system's position is the file's.
    void share() noexcept;
    [[nodiscard]] bool is_shared() const noexcept { return is_shared_; }
    /// The system's position has moved on by a write: so does the file's.
    void follow_system() noexcept { position_ = shared_position(); }
    /// Throws `ValueError` unless so many bytes can be at this offset: beyond 2^63 libuv would take it for
    /// "at the position".
    void check_range(const char* operation, std::uint64_t offset, std::uint64_t count) const;

    /// Whether it is worth trying to read what is in memory without a thread.
    bool reads_at_once;

    /// Throws `RuntimeError` in another loop than its own.
    void check_here(const char* operation) const;

    /// While one lives, the position is in use. Throws `RuntimeError` if it is already.
    class PositionUse {
    public:
        PositionUse() noexcept = default;
        PositionUse(const PositionUse&) = delete;
        PositionUse& operator=(const PositionUse&) = delete;
        ~PositionUse() { end(); }
        void begin(OpenFile& file, const char* operation);
        void end() noexcept {
            if (file_ != nullptr) std::exchange(file_, nullptr)->position_in_use_ = false;
        }

    private:
        OpenFile* file_ = nullptr;
    };

private:
    [[nodiscard]] std::uint64_t shared_position() const noexcept;
    /// Returns 0 or a negative libuv error.
    int move_shared(std::uint64_t position) const noexcept;

    Ref<LoopState> loop_;
    uv::Descriptor descriptor_;
    std::string name_;
    bool append_;
    bool seekable_;
    bool is_shared_ = false;
    bool position_in_use_ = false;
    std::uint64_t position_ = 0;
};

} // namespace aio::detail
