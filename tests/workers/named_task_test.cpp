#include <aio/workers/named_task.hpp>

#include <doctest/doctest.h>

#include <aio/executors/thread_pool.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

int add(int a, int b) noexcept { return a + b; }
std::size_t length(std::string_view text, const std::vector<int>& values) {
    return text.size() + values.size();
}
std::unique_ptr<int> keep(std::unique_ptr<int> value) { return value; }
int twice(int x) { return 2 * x; }
int thrice(int x) { return 3 * x; }
int calls = 0;

std::string message_of(auto call) {
    try {
        call();
    } catch (const aio::RuntimeError& error) {
        return error.what();
    }
    return "no error";
}

} // namespace

AIO_TASK("test.add", add)
AIO_TASK("test.length", length)
AIO_TASK("test.keep", keep)
AIO_TASK("test.count", [] { ++calls; })
AIO_TASK("test.pick",
         [](bool first, std::pair<int, int> values) { return first ? values.first : values.second; })

TEST_CASE("named task: functions and lambdas are called by name") {
    CHECK(aio::named_task<int(int, int)>("test.add")(2, 3) == 5);
    CHECK(aio::named_task<std::size_t(std::string, std::vector<int>)>("test.length")("four", {1, 2}) == 6);
    CHECK(aio::named_task<std::size_t(std::string_view, const std::vector<int>&)>("test.length")("", {}) ==
          0);
    CHECK(*aio::named_task<std::unique_ptr<int>(std::unique_ptr<int>)>("test.keep")(
              std::make_unique<int>(4)) == 4);
    aio::named_task<void()>("test.count")();
    CHECK(calls == 1);
    CHECK(aio::named_task<int(bool, std::pair<int, int>)>("test.pick")(false, {1, 2}) == 2);
}

TEST_CASE("named task: travels with its name, and converts arguments as a call does") {
    const auto add_longs = aio::named_task<int(int, int)>("test.add");
    aio::ByteWriter call;
    aio::encode_call(call, add_longs, short{2}, 3);
    aio::ByteWriter exact;
    aio::encode_call(exact, add_longs, 20, 30);
    aio::ByteWriter result;
    aio::execute_call(call.bytes(), result);
    CHECK(aio::decode_result<int>(result.bytes()) == 5);
    result.clear();
    aio::execute_call(exact.bytes(), result);
    CHECK(aio::decode_result<int>(result.bytes()) == 50);
    aio::ThreadPoolExecutor threads(1);
    CHECK(threads.submit(add_longs, 1, 1).result() == 2);
}

TEST_CASE("named task: an unknown name and another signature are errors that say so") {
    CHECK(message_of([] {
              aio::named_task<int()>("test.none")();
          }).find("no task is registered as 'test.none'") == 0);
    const std::string text = message_of([] { aio::named_task<int(int)>("test.add")(1); });
    CHECK(text.find("the task 'test.add', registered at ") == 0);
    CHECK(text.find("named_task_test.cpp:") != std::string::npos);
    CHECK(text.find("is called as int (int)") != std::string::npos);
}

TEST_CASE("named task: two functions of one name are an error that says where both are") {
    const auto task = aio::named_task<int(int)>("test.twins");
    const aio::TaskRegistration first("test.twins", &twice);
    CHECK(task(4) == 8);
    {
        const aio::TaskRegistration same("test.twins", &twice);
        CHECK(task(4) == 8);
        const aio::TaskRegistration second("test.twins", &thrice);
        const std::string text = message_of([&] { task(4); });
        CHECK(text.find("two tasks are registered as 'test.twins': at ") == 0);
        CHECK(text.find(first.place()) != std::string::npos);
        CHECK(text.find(second.place()) != std::string::npos);
        CHECK(first.place() != second.place());
    }
    CHECK(task(4) == 8);
}
