#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <aio/uv/thread.hpp>

using namespace aio;

namespace {

std::vector<std::string> calls;

struct Note {
    std::string text;
};

void write_down(void* note) { calls.push_back(static_cast<Note*>(note)->text); }

void ask_again(void* note) {
    write_down(note);
    CHECK(uv::at_thread_exit(&write_down, note));
}

} // namespace

TEST_CASE("at thread exit: the latest is called first, on the thread that ends, and only for it") {
    calls.clear();
    Note first{"first"};
    Note second{"second"};
    std::thread::id called_on;
    std::thread::id thread;
    const auto note_thread = [](void* id) {
        *static_cast<std::thread::id*>(id) = std::this_thread::get_id();
    };
    std::thread other([&] {
        thread = std::this_thread::get_id();
        CHECK(uv::at_thread_exit(note_thread, &called_on));
        CHECK(uv::at_thread_exit(&write_down, &first));
        CHECK(uv::at_thread_exit(&write_down, &second));
    });
    std::thread([] {}).join();
    other.join();
    CHECK(calls == std::vector<std::string>{"second", "first"});
    CHECK(called_on == thread);
}

TEST_CASE("at thread exit: what is asked for while the thread ends is called too") {
    calls.clear();
    Note note{"note"};
    std::thread([&] { CHECK(uv::at_thread_exit(&ask_again, &note)); }).join();
    CHECK(calls == std::vector<std::string>{"note", "note"});
}

#if !defined(__MINGW32__) // where objects like these cannot be had: see at_thread_exit

namespace {

struct Last {
    ~Last() {
        static char nothing;
        calls.emplace_back(uv::at_thread_exit([](void*) {}, &nothing) ? "taken" : "refused");
    }
    void touch() noexcept {}
};

thread_local Last last;

} // namespace

TEST_CASE("at thread exit: what the very last destructors of a thread ask for is refused") {
    calls.clear();
    Note note{"note"};
    std::thread([&] {
        last.touch();
        CHECK(uv::at_thread_exit(&write_down, &note));
    }).join();
    CHECK(calls == std::vector<std::string>{"note", "refused"});
}

#endif
