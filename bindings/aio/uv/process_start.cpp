#include <utility>

#include <aio/uv/detail/process_block.hpp>
#include <aio/uv/detail/stream_block.hpp>
#include <aio/uv/error.hpp>
#include <aio/uv/pipe.hpp>

namespace aio::uv::detail {
namespace {

/// What the child's descriptors are, in ours. The child's ends of pipes are closed with this.
class ChildDescriptors {
public:
    explicit ChildDescriptors(const std::vector<Stdio>& stdio) {
        for (const Stdio& one : stdio) add(one);
    }

    [[nodiscard]] const std::vector<int>& numbers() const noexcept { return numbers_; }

    /// Gives our ends of the pipes to their streams: the child has its own.
    int connect() noexcept {
        for (auto& [pipe, end] : ours_) {
            const int status = open_pipe(StreamBlock::of(*pipe)->handle.pipe, end);
            if (status < 0) return status;
        }
        return 0;
    }

private:
    void add(const Stdio& one) {
        switch (one.kind()) {
        case Stdio::Kind::null: numbers_.push_back(-1); break;
        case Stdio::Kind::inherit: numbers_.push_back(one.descriptor()); break;
        case Stdio::Kind::same:
            if (one.descriptor() < 0 || static_cast<std::size_t>(one.descriptor()) >= numbers_.size())
                throw_error(UV_EINVAL, "run a program: a descriptor is to be the same as a later one");
            numbers_.push_back(numbers_[static_cast<std::size_t>(one.descriptor())]);
            break;
        case Stdio::Kind::pipe: {
            PipeEnds ends =
                make_pipe_to_child(one.child_reads() ? PipeToChild::child_reads : PipeToChild::child_writes);
            Descriptor& theirs = one.child_reads() ? ends.read : ends.write;
            Descriptor& kept = one.child_reads() ? ends.write : ends.read;
            numbers_.push_back(theirs.get());
            theirs_.push_back(std::move(theirs));
            ours_.emplace_back(one.end(), std::move(kept));
            break;
        }
        }
    }

    std::vector<int> numbers_;
    std::vector<Descriptor> theirs_;
    std::vector<std::pair<Pipe*, Descriptor>> ours_;
};

uv_stdio_container_t container(int number) noexcept {
    uv_stdio_container_t result{};
    result.flags = number < 0 ? UV_IGNORE : UV_INHERIT_FD;
    result.data.fd = number;
    return result;
}

} // namespace

int start_child(ProcessBlock& block, const ProcessOptions& options) {
    ChildDescriptors descriptors(options.stdio());
    int status = 0;
    if (can_spawn_quickly()) {
        status = spawn_quickly(block, options, descriptors.numbers());
    } else {
        std::vector<uv_stdio_container_t> stdio;
        for (const int number : descriptors.numbers()) stdio.push_back(container(number));
        status = spawn_with_libuv(block, options, stdio);
    }
    if (status < 0) return status;
    status = descriptors.connect();
    if (status < 0) {
        block.killed = send_signal(block, kill_signal) == 0;
        reap(block);
    }
    return status;
}

} // namespace aio::uv::detail
