/// Calls of functions whose code is the same, in a program whose linker may have made one of them:
/// --icf=all, or link-time optimisation. Whatever it has done, each call is the one that was meant.
///
///     folded          all calls are right
///     folded --folded and the linker has folded functions

#include <aio/core/event_loop.hpp>
#include <aio/executors/process_pool.hpp>
#include <aio/executors/run_in_executor.hpp>
#include <aio/structure/run.hpp>
#include <aio/workers/process_start.hpp>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

struct Metres {
    std::int64_t value = 0;
};
struct Feet {
    std::int64_t value = 0;
};
struct Doubled {
    std::int64_t operator()(std::int64_t value) const { return value + value; }
};
struct Twice {
    std::int64_t operator()(std::int64_t value) const { return value + value; }
};

// Not in a namespace without a name: a compiler that sees all uses would fold them itself.
std::int64_t add_one(std::int64_t value) { return value + 1; }
std::int64_t increment(std::int64_t value) { return value + 1; }
std::int64_t metres_of(Metres length) { return length.value; }
std::int64_t feet_of(Feet length) { return length.value; }
Metres metres(std::int64_t value) { return Metres{value}; }
Feet feet(std::int64_t value) { return Feet{value}; }
std::string text(const std::string& given) { return given + "!"; }
std::vector<std::int64_t> numbers(std::vector<std::int64_t> given) { return given; }
std::vector<std::uint64_t> naturals(std::vector<std::uint64_t> given) { return given; }
void refuse() { throw std::out_of_range("refused"); }
void deny() { throw std::domain_error("denied"); }

namespace {

bool is_right(bool right, const char* what) {
    if (!right) std::printf("wrong: %s\n", what);
    return right;
}

aio::Coro<bool> calls_are_right(aio::StartMethod method) {
    auto& loop = aio::get_running_loop();
    aio::ProcessPoolExecutor pool(aio::ProcessPoolOptions().max_workers(2).start_method(method));
    bool right = true;
    const std::int64_t two = co_await loop.run_in_executor(pool, add_one, std::int64_t{1});
    const std::int64_t three = co_await loop.run_in_executor(pool, increment, std::int64_t{2});
    right = is_right(two == 2 && three == 3, "functions") && right;
    const std::int64_t long_way = co_await loop.run_in_executor(pool, metres_of, Metres{7});
    const std::int64_t short_way = co_await loop.run_in_executor(pool, feet_of, Feet{8});
    right = is_right(long_way == 7 && short_way == 8, "arguments of different types") && right;
    const Metres far = co_await loop.run_in_executor(pool, metres, std::int64_t{9});
    const Feet near = co_await loop.run_in_executor(pool, feet, std::int64_t{10});
    right = is_right(far.value == 9 && near.value == 10, "results of different types") && right;
    const std::int64_t four = co_await loop.run_in_executor(pool, Doubled{}, std::int64_t{2});
    const std::int64_t six = co_await loop.run_in_executor(pool, Twice{}, std::int64_t{3});
    right = is_right(four == 4 && six == 6, "functors") && right;
    const auto first = [](std::int64_t value) { return value - 1; };
    const auto second = [](std::int64_t value) { return value - 1; };
    const std::int64_t zero = co_await loop.run_in_executor(pool, first, std::int64_t{1});
    const std::int64_t one = co_await loop.run_in_executor(pool, second, std::int64_t{2});
    right = is_right(zero == 0 && one == 1, "lambdas") && right;
    const std::string called = co_await loop.run_in_executor(pool, text, std::string("text"));
    right = is_right(called == "text!", "texts") && right;
    std::vector<std::int64_t> some;
    some.push_back(-1);
    std::vector<std::uint64_t> others;
    others.push_back(UINT64_MAX);
    const std::vector<std::int64_t> back = co_await loop.run_in_executor(pool, numbers, some);
    const std::vector<std::uint64_t> forth = co_await loop.run_in_executor(pool, naturals, others);
    right = is_right(back == some && forth == others, "containers") && right;
    std::string errors;
    try {
        co_await loop.run_in_executor(pool, refuse);
    } catch (const std::out_of_range& error) {
        errors = error.what();
    }
    try {
        co_await loop.run_in_executor(pool, deny);
    } catch (const std::domain_error& error) {
        errors += error.what();
    }
    right = is_right(errors == "refuseddenied", "errors of different types") && right;
    co_return right;
}

aio::Coro<int> check_all() {
    bool right = co_await calls_are_right(aio::StartMethod::zygote);
    const bool spawned = co_await calls_are_right(aio::StartMethod::spawn);
    right = right && spawned;
    if (right) std::puts("all calls are right");
    co_return right ? 0 : 1;
}

} // namespace

int main(int count, char** arguments) {
    aio::worker_entry();
    // Through what the compiler cannot see through: to it, two functions are never one.
    std::int64_t (*volatile first)(std::int64_t) = &add_one;
    std::int64_t (*volatile second)(std::int64_t) = &increment;
    const bool folded = first == second;
    std::printf("folded: %s\n", folded ? "yes" : "no");
    if (count > 1 && std::strcmp(arguments[1], "--folded") == 0 && !folded) return 1;
    return aio::run(check_all());
}
