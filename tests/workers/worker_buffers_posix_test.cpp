/// The two ends of the socket for shared memory, each beside a peer that says what it likes.

#include <aio/uv/pipe.hpp>
#include <aio/workers/buffer_socket.hpp>
#include <aio/workers/codec.hpp>
#include <aio/workers/descriptors_posix.hpp>
#include <aio/workers/frame.hpp>
#include <aio/workers/large_payload.hpp>
#include <aio/workers/shared_buffer.hpp>
#include <aio/workers/slab_arena.hpp>
#include <aio/workers/worker_buffers.hpp>

#include <doctest/doctest.h>

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using namespace aio::detail; // NOLINT: all of this is about them
using aio::SharedBuffer;

constexpr std::size_t capacity = 65536;

/// A pool's end, and the socket of the worker that it believes in.
class Ends {
public:
    Ends() : Ends(SlabArena::instance().new_process_number(), aio::uv::make_socket_pair()) {}

    [[nodiscard]] std::uint64_t slab_id(std::uint32_t number) const { return (worker << 32) | number; }
    void say(const BufferNote& note) { said += socket.send(std::vector<BufferNote>{note}, 0); }
    /// Takes in what has been said, as with one answer.
    void receive(BufferList& call) { buffers->receive(call, std::exchange(said, 0)); }
    /// Sends memory as a worker does that has made it.
    void send_memory(std::uint64_t id, std::size_t announced = capacity) {
        const auto slab = Slab::make(id, capacity);
        slab->data()[0] = std::byte{42};
        say(BufferNote(BufferNoteKind::memory, id, announced, slab->descriptor()));
    }
    std::vector<ReceivedNote> heard() {
        std::vector<ReceivedNote> notes;
        static_cast<void>(socket.receive(notes));
        return notes;
    }
    void expect_refused() {
        BufferList call;
        CHECK_THROWS_AS(receive(call), aio::ProtocolError);
    }

    std::uint64_t worker;
    std::unique_ptr<WorkerBuffers> buffers;
    BufferSocket socket;
    std::uint64_t said = 0;

private:
    Ends(std::uint64_t number, aio::uv::PipeEnds pair)
        : worker(number),
          buffers(std::make_unique<WorkerBuffers>(number, std::move(pair.read))),
          socket(std::move(pair.write)) {}
};

/// The list of buffers of a call with these arguments.
template <class... Buffers>
BufferList call_with(const Buffers&... arguments) {
    BufferList call;
    aio::ByteWriter out;
    out.set_buffer_link(&call);
    (aio::encode(out, arguments), ...);
    return call;
}

} // namespace

TEST_CASE("a worker gets memory once, and hears when it is to forget it") {
    Ends ends;
    SharedBuffer::set_idle_limit(0);
    {
        const SharedBuffer buffer(capacity);
        const BufferList call = call_with(buffer, buffer);
        CHECK(ends.buffers->offer(call));
        CHECK(ends.buffers->offer(call));
        const auto notes = ends.heard();
        REQUIRE(notes.size() == 1);
        CHECK(notes[0].note.kind == BufferNoteKind::memory);
        CHECK(notes[0].memory.valid());
    }
    const auto notes = ends.heard();
    REQUIRE(notes.size() == 1);
    CHECK(notes[0].note.kind == BufferNoteKind::forget);
    SharedBuffer::set_idle_limit(std::size_t{256} << 20);
}

TEST_CASE("thousands of buffers reach a worker in one call") {
    Ends ends;
    std::vector<SharedBuffer> many;
    for (int i = 0; i < 300; ++i) many.emplace_back(1);
    CHECK(ends.buffers->offer(call_with(many)));
    const auto notes = ends.heard();
    REQUIRE(notes.size() == 300);
    for (const ReceivedNote& received : notes) CHECK(received.memory.valid());
}

TEST_CASE("memory that a worker has made is the pool's, and is lent back when it is free") {
    Ends ends;
    ends.send_memory(ends.slab_id(1));
    {
        BufferList call;
        ends.receive(call);
        const SlabRef slab = call.resolve(ends.slab_id(1));
        CHECK(slab->slab().data()[0] == std::byte{42});
    }
    auto notes = ends.heard();
    REQUIRE(notes.size() == 1);
    CHECK(notes[0].note.kind == BufferNoteKind::lend);
    CHECK(notes[0].note.id == ends.slab_id(1));

    ends.say(BufferNote(BufferNoteKind::give, ends.slab_id(1)));
    BufferList call;
    ends.receive(call);
    CHECK(call.resolve(ends.slab_id(1))->slab().data()[0] == std::byte{42});
}

TEST_CASE("a result may refer only to memory that its worker was given, has sent or keeps") {
    Ends ends;
    const SharedBuffer mine(capacity);
    const SharedBuffer other(capacity);
    BufferList call = call_with(mine);
    const std::uint64_t my_id = call.slabs().at(0)->slab().id();
    const std::uint64_t other_id = call_with(other).slabs().at(0)->slab().id();
    CHECK(ends.buffers->offer(call));
    ends.receive(call);
    CHECK(call.resolve(my_id) == call.slabs().at(0));
    CHECK_THROWS_AS(static_cast<void>(call.resolve(other_id)), aio::DecodeError);
    CHECK_THROWS_AS(static_cast<void>(call.resolve(UINT64_MAX)), aio::DecodeError);

    // A later call, while the worker keeps a handle.
    ends.say(BufferNote(BufferNoteKind::hold, my_id));
    ends.receive(call);
    BufferList next;
    ends.receive(next);
    CHECK(next.resolve(my_id) == call.slabs().at(0));
    ends.say(BufferNote(BufferNoteKind::release, my_id));
    BufferList last;
    ends.receive(last);
    CHECK(last.find(my_id) != nullptr);
    BufferList after;
    ends.receive(after);
    CHECK(after.find(my_id) == nullptr);
}

TEST_CASE("a worker that speaks of memory that is not its own breaks the protocol") {
    Ends ends;
    SUBCASE("sends in the name of another") { ends.send_memory(1); }
    SUBCASE("sends the same twice") {
        ends.send_memory(ends.slab_id(1));
        ends.send_memory(ends.slab_id(1));
    }
    SUBCASE("gives back what was not lent") { ends.say(BufferNote(BufferNoteKind::give, ends.slab_id(1))); }
    SUBCASE("keeps what it was not given") { ends.say(BufferNote(BufferNoteKind::hold, 1)); }
    SUBCASE("lets go of what it does not keep") { ends.say(BufferNote(BufferNoteKind::release, 1)); }
    SUBCASE("gives orders") { ends.say(BufferNote(BufferNoteKind::forget, 1)); }
    SUBCASE("uses a word that does not exist") { ends.say(BufferNote(static_cast<BufferNoteKind>(99), 1)); }
    SUBCASE("sends something else altogether") {
        const std::vector<std::byte> noise(4096, std::byte{0x5A});
        CHECK(write_all(ends.socket.descriptor(), noise));
        ends.said = 1;
    }
    SUBCASE("has sent less than it says") { ends.said = 1; }
    ends.expect_refused();
}

TEST_CASE("memory that is not what it should be fails the result that refers to it") {
    Ends ends;
    const std::uint64_t id = ends.slab_id(1);
    SUBCASE("smaller than announced") { ends.send_memory(id, capacity * 2); }
    SUBCASE("of no size") { ends.send_memory(id, 0); }
    SUBCASE("of a size that is not made of pages") { ends.send_memory(id, 1000); }
    SUBCASE("of a size that overflows") { ends.send_memory(id, SIZE_MAX - 4095); }
    SUBCASE("no memory") {
        const aio::uv::PipeEnds pipe = aio::uv::make_pipe();
        ends.say(BufferNote(BufferNoteKind::memory, id, capacity, pipe.read.get()));
    }
#ifdef __linux__
    SUBCASE("of a size that can change") {
        const aio::uv::Descriptor memory(::memfd_create("test", MFD_CLOEXEC));
        REQUIRE(::ftruncate(memory.get(), capacity) == 0);
        ends.say(BufferNote(BufferNoteKind::memory, id, capacity, memory.get()));
    }
#endif
    BufferList call;
    ends.receive(call);
    CHECK_THROWS_AS(static_cast<void>(call.resolve(id)), aio::DecodeError);
    const auto notes = ends.heard();
    REQUIRE(notes.size() == 1);
    CHECK(notes[0].note.kind == BufferNoteKind::forget);
}

TEST_CASE("half a note is no note, and the end of the socket is none either") {
    Ends ends;
    const std::uint32_t magic = 0x624F4941;
    CHECK(write_all(ends.socket.descriptor(), std::as_bytes(std::span(&magic, 1))));
    BufferList call;
    ends.receive(call);
    ends.socket.close();
    ends.receive(call);
    CHECK(call.slabs().empty());
    const SharedBuffer buffer(1);
    CHECK_FALSE(ends.buffers->offer(call_with(buffer)));
}

TEST_CASE("a worker that reads nothing does not stop the pool from letting go of memory") {
    Ends ends;
    std::vector<SharedBuffer> many;
    for (int i = 0; i < 300; ++i) many.emplace_back(1);
    CHECK(ends.buffers->offer(call_with(many)));
    SharedBuffer::set_idle_limit(0);
    many.clear();
    CHECK(SharedBuffer::idle_bytes() == 0);
    SharedBuffer::set_idle_limit(std::size_t{256} << 20);
    // What did not fit goes along with the next call.
    const std::size_t before = ends.heard().size();
    const SharedBuffer buffer(1);
    CHECK(ends.buffers->offer(call_with(buffer)));
    CHECK(before + ends.heard().size() == 601);
}

TEST_CASE("what a worker that has not ended may write to is not used again") {
    Ends ends;
    SharedBuffer::set_idle_limit(0);
    SharedBuffer::set_idle_limit(std::size_t{256} << 20);
    SharedBuffer buffer(capacity);
    BufferList call = call_with(buffer);
    CHECK(ends.buffers->offer(call));
    ends.send_memory(ends.slab_id(1));
    ends.receive(call);
    const bool ended = [] {
        bool result = false;
        SUBCASE("still running") {}
        SUBCASE("ended") { result = true; }
        return result;
    }();
    if (ended) ends.buffers->worker_has_ended();
    ends.buffers->close(call);
    call = BufferList();
    buffer = SharedBuffer();
    CHECK(SharedBuffer::idle_bytes() == (ended ? 2 * capacity : 0));
}

TEST_CASE("a message in shared memory is read where it lies, and not beyond the memory") {
    aio::ByteWriter out;
    static_cast<void>(aio::begin_frame(out));
    const std::string text(300'000, 'x');
    aio::encode(out, text);
    BufferList link;
    const std::uint16_t flags = share_large_payload(out, 0, link);
    REQUIRE(flags == aio::FrameHeader::payload_is_shared);
    CHECK(out.size() < 100);
    aio::finish_frame(out, 0, aio::FrameType::task, 1, flags);
    const auto received = [&](std::size_t at, std::uint64_t number) {
        std::vector<std::byte> bytes(out.bytes().begin(), out.bytes().end());
        if (at != 0) std::memcpy(bytes.data() + sizeof(aio::FrameHeader) + at, &number, sizeof number);
        aio::FrameParser parser;
        parser.feed(bytes);
        const auto frame = parser.next();
        const ReceivedPayload payload(frame.value(), link);
        return aio::decode_all<std::string>(payload.bytes());
    };
    CHECK(received(0, 0) == text);
    CHECK_THROWS_AS(received(8, 600'000), aio::DecodeError);
    CHECK_THROWS_AS(received(8, UINT64_MAX), aio::DecodeError);
    CHECK_THROWS_AS(received(8, 299'999), aio::DecodeError);
    link = BufferList();
    CHECK_THROWS_AS(received(0, 0), aio::DecodeError);
}

TEST_CASE("flags that a frame of its kind cannot have break the protocol") {
    for (const auto type : {aio::FrameType::task, aio::FrameType::result, aio::FrameType::error}) {
        aio::ByteWriter out;
        static_cast<void>(aio::begin_frame(out));
        aio::finish_frame(out, 0, type, 1, type == aio::FrameType::task ? 1 : 4);
        aio::FrameParser parser;
        parser.feed(out.bytes());
        CHECK_THROWS_AS(static_cast<void>(parser.next()), aio::ProtocolError);
    }
}
