// The shapes of code that the documentation recommends, each with a count of what is made and what is
// destroyed.
//
// GCC 12, the default compiler of Debian 12, silently miscompiles some coroutine code, at every level of
// optimisation. In a full expression that contains a co_await (an awaiting expression) the following are
// forbidden. They are not run here: most of them are undefined behaviour there, and right elsewhere.
//
//   F1  A temporary aggregate with a non-trivial member, default arguments included: `co_await
//       f(Options{name, 2})` destroys it twice. Hence all options and awaitables of aiouv have
//       constructors.
//   F2  A closure with a non-trivial capture written in place: `co_await to_thread([text] { ... })`
//       destroys the capture twice. Name the closure first, or pass the callable and its arguments.
//   F3  `?:` with class temporaries: `co_await f(yes ? std::string("a") : b)` destroys the one that was not
//       made. Use if and else.
//   F4  co_await in the braces of an aggregate or array: `Pair p{co_await a(), co_await b()}` loses or
//       repeats destructions. Await into named values first.
//   F5  An initializer list: `std::vector{co_await a(), co_await b()}` does not compile ("array used as
//       initializer").
//   F6  co_await in the condition of if, while, for or switch of a coroutine that declares no local at all:
//       jumps astray or never ends. Await into a named bool first.
//   F7  `throw co_await make_error()`: the exception is used after it is destroyed. Await into a local,
//       throw that.
//   F8  A statement expression, or `a(Temporary()) && co_await b()`: internal compiler error.
//   F9  `alignas` on a local variable of a coroutine is ignored. Put it on the type; alignment beyond 16
//       holds nowhere.

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/executors/run_in_executor.hpp>
#include <aio/executors/thread_pool.hpp>
#include <aio/structure/gather.hpp>
#include <aio/structure/shield.hpp>
#include <aio/structure/task_group.hpp>
#include <aio/structure/timeout.hpp>
#include <aio/structure/wait_for.hpp>

#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

/// Counts constructions and destructions, of all threads; detects a second destruction and the use of a dead
/// or moved-from object.
class Value {
public:
    explicit Value(int n = 0) : number_(std::make_unique<int>(n)), state_(alive) { ++made; }
    Value(const Value& other) : Value(other.get()) {}
    Value(Value&& other) noexcept : number_(std::move(other.number_)), state_(alive) { ++made; }
    Value& operator=(Value other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    ~Value() {
        if (state_ != alive) ++broken;
        state_ = dead;
        ++destroyed;
    }
    [[nodiscard]] int get() const {
        if (state_ != alive || !number_) {
            ++broken;
            return -1;
        }
        return *number_;
    }
    static inline std::atomic<int> made = 0;
    static inline std::atomic<int> destroyed = 0;
    static inline std::atomic<int> broken = 0;

private:
    static constexpr unsigned alive = 0x600d600d;
    static constexpr unsigned dead = 0xdeaddead;
    std::unique_ptr<int> number_;
    unsigned state_;
};

/// Options as this library writes them: a class with a constructor and chained setters.
class Options {
public:
    Options() = default;
    Options& name(std::string text) {
        name_ = std::move(text);
        return *this;
    }
    Options& value(Value v) {
        value_ = std::move(v);
        return *this;
    }
    std::string name_;
    Value value_;
};

Coro<Value> make(int n) {
    co_await sleep(0s);
    co_return Value(n);
}
Coro<Value> ready(int n) { co_return Value(n); }
Coro<Value> add(Value a, Value b) {
    co_await sleep(0s);
    co_return Value(a.get() + b.get());
}
Coro<Value> add_named(const Options& options, Value b = Value(0)) {
    co_await sleep(0s);
    co_return Value(options.value_.get() + b.get() + static_cast<int>(options.name_.size()));
}
Coro<std::vector<Value>> make_many(int n) {
    std::vector<Value> all;
    for (int i = 0; i < n; ++i) all.push_back(co_await make(i));
    co_return all;
}
Coro<std::pair<Value, std::string>> make_pair_of(int n) {
    co_await sleep(0s);
    co_return std::pair<Value, std::string>(Value(n), "second");
}
Coro<std::optional<Value>> maybe(bool yes) {
    co_await sleep(0s);
    if (yes) co_return Value(1);
    co_return std::nullopt;
}
Coro<bool> equal(Value a, int n) {
    co_await sleep(0s);
    co_return a.get() == n;
}
Coro<> throws(Value v) {
    co_await sleep(0s);
    throw std::runtime_error("value " + std::to_string(v.get()));
}
int sum(const Value& a, const Value& b) { return a.get() + b.get(); }
Value twice(Value v) { return Value(2 * v.get()); }

/// Runs a shape in a loop; everything must have been destroyed, once.
template <class Body>
int balanced(Body body) {
    Value::made = 0;
    Value::destroyed = 0;
    Value::broken = 0;
    const int result = run_in_loop([&](EventLoop&) -> Coro<int> { return body(); });
    CHECK(Value::broken == 0);
    CHECK(Value::made > 0);
    CHECK(Value::made == Value::destroyed);
    return result;
}

} // namespace

TEST_CASE("shapes: callable plus arguments") {
    CHECK(balanced([]() -> Coro<int> {
              Value named(1);
              int total = co_await to_thread(sum, named, Value(2));
              total += co_await to_thread(sum, std::move(named), Value(3));
              const Value doubled = co_await to_thread(twice, Value(5));
              total += doubled.get();
              const auto in_task = [](Value a, Value b) -> Coro<Value> {
                  return add(std::move(a), std::move(b));
              };
              const Value from_task = co_await create_task(in_task, Value(6), Value(7));
              total += from_task.get();
              ThreadPoolExecutor pool(1);
              total += co_await get_running_loop().run_in_executor(pool, sum, Value(8), Value(9));
              // A lambda without captures is fine in place.
              total += co_await to_thread([](const Value& v) { return v.get(); }, Value(10));
              co_return total;
          }) == 3 + 4 + 10 + 13 + 17 + 10);
}

TEST_CASE("shapes: a closure that is named first, then moved or copied in") {
    CHECK(balanced([]() -> Coro<int> {
              const Value captured(4);
              auto call = [captured] { return captured.get(); };
              int total = co_await to_thread(call);
              total += co_await to_thread(std::move(call));
              auto coroutine = [captured]() -> Coro<int> {
                  co_await sleep(0s);
                  co_return captured.get();
              };
              total += co_await create_task(coroutine);
              auto body = [captured](TaskGroup& group) -> Coro<int> {
                  Task<Value> child = group.create_task(make(1));
                  const Value one = co_await child;
                  co_return captured.get() + one.get();
              };
              total += co_await with_task_group(std::move(body));
              auto limited = [captured](Timeout&) -> Coro<int> {
                  co_await sleep(0s);
                  co_return captured.get();
              };
              total += co_await with_timeout(1h, limited);
              // What captures only references may stand in place.
              total += co_await with_task_group([&captured](TaskGroup& group) -> Coro<int> {
                  group.create_task(make(2));
                  co_return captured.get();
              });
              total += co_await to_thread(std::bind_front(sum, captured, Value(1)));
              co_return total;
          }) == 4 + 4 + 4 + 5 + 4 + 4 + 5);
}

TEST_CASE("shapes: an options class with chained setters inside the awaiting expression") {
    CHECK(balanced([]() -> Coro<int> {
              const Value a = co_await add_named(Options().name("four").value(Value(1)));
              const Value b =
                  co_await add_named(Options().value(Value(2)).name(std::string(3, 'x')), Value(5));
              const Value c = co_await create_task(
                  make(7), TaskOptions().name("a name that does not fit into a small string"));
              const Value d =
                  co_await get_running_loop().create_task(ready(8), TaskOptions("eager").eager_start());
              co_return a.get() + b.get() + c.get() + d.get();
          }) == 5 + 10 + 7 + 8);
}

TEST_CASE("shapes: awaits as arguments, operands and nested") {
    CHECK(balanced([]() -> Coro<int> {
              const Value a = co_await add(co_await make(1), co_await ready(2));
              const Value b = co_await add(co_await add(co_await make(3), Value(4)),
                                           co_await add(Value(5), co_await make(6)));
              const int c = (co_await make(7)).get() + (co_await ready(8)).get();
              const int d = sum(co_await make(9), co_await make(10));
              const std::string text = std::to_string((co_await make(11)).get()) + "!" + std::string("x");
              std::vector<Value> pushed;
              pushed.push_back(co_await make(12));
              pushed.emplace_back(co_await make(13));
              std::map<int, Value> mapped;
              mapped.emplace((co_await make(1)).get(), co_await make(14));
              auto owned = std::make_unique<Value>(co_await make(15));
              co_return a.get() + b.get() + c + d + static_cast<int>(text.size()) + pushed[1].get() +
                  mapped.at(1).get() + owned->get();
          }) == 3 + 18 + 15 + 19 + 4 + 13 + 14 + 15);
}

TEST_CASE("shapes: range-for, structured bindings, initialisers of if and switch, loops") {
    CHECK(balanced([]() -> Coro<int> {
              int total = 0;
              for (const Value& v : co_await make_many(4)) total += v.get();
              for (const Value& v : co_await make_many(3)) total += (co_await add(v, Value(1))).get();
              const auto [value, text] = co_await make_pair_of(5);
              total += value.get() + static_cast<int>(text.size());
              auto [a, b] = co_await gather(make(1), make_pair_of(2));
              total += a.get() + b.first.get();
              if (const std::optional<Value> some = co_await maybe(true); some) total += some->get();
              if (const std::optional<Value> none = co_await maybe(false); !none) total += 1;
              if (const bool same = co_await equal(Value(3), 3); same) total += 1;
              switch (const Value v = co_await make(2); v.get()) {
              case 2: total += 1; break;
              default: total += 1000;
              }
              for (int i = 0; i < 3; ++i) {
                  const bool more = co_await equal(co_await make(i), i);
                  if (!more) break;
                  ++total;
              }
              bool more = true;
              while (more) more = co_await equal(Value(total), -1);
              co_return total;
          }) == 6 + 6 + 11 + 3 + 1 + 1 + 1 + 1 + 3);
}

TEST_CASE("shapes: conditions on awaits in a coroutine that has a local") {
    CHECK(balanced([]() -> Coro<int> {
              int total = 0;
              if (co_await equal(Value(1), 1)) total += 1;
              if (!co_await equal(Value(1), 2) && co_await equal(Value(2), 2)) total += 1;
              while (co_await equal(Value(total), 2)) ++total;
              total += co_await equal(Value(9), 9) ? 10 : 20;
              co_return total;
          }) == 13);
}

TEST_CASE("shapes: exceptions through awaiting expressions, and awaiting after a catch") {
    CHECK(balanced([]() -> Coro<int> {
              int total = 0;
              std::exception_ptr error;
              try {
                  const Value a = co_await add(co_await make(1), Value(2));
                  total += a.get();
                  co_await throws(co_await make(3));
              } catch (const std::runtime_error& e) {
                  total += std::string(e.what()) == "value 3" ? 10 : 1000;
                  error = std::current_exception();
              }
              if (error) total += (co_await make(4)).get();
              try {
                  static_cast<void>(co_await gather(make(1), throws(Value(2)), make(3)));
              } catch (const std::runtime_error&) {
                  total += 100;
              }
              try {
                  co_await wait_for(throws(Value(5)), 1h);
              } catch (const std::runtime_error&) {
                  total += 1000;
              }
              const std::runtime_error prepared("value " + std::to_string((co_await make(6)).get()));
              try {
                  throw prepared;
              } catch (const std::runtime_error&) {
                  total += 10000;
              }
              co_return total;
          }) == 3 + 10 + 4 + 100 + 1000 + 10000);
}

TEST_CASE("shapes: gather, wait_for, shield and groups over coroutines with arguments") {
    CHECK(balanced([]() -> Coro<int> {
              const auto [a, b, c] = co_await gather(add(Value(1), Value(2)), create_task(make(3)), ready(4));
              std::vector<Coro<Value>> coros;
              for (int i = 0; i < 4; ++i) coros.push_back(make(i));
              const std::vector<Value> all = co_await gather(std::move(coros));
              const Value d = co_await wait_for(add(Value(5), co_await make(6)), 1h);
              const Value e = co_await shield(make(7));
              const auto [f, g] = co_await gather(return_exceptions, make(8), throws(Value(9)));
              Task<Value> task = create_task(make(10));
              const Value h = co_await task;
              const Value i = co_await std::move(task);
              co_return a.get() + b.get() + c.get() + all[3].get() + d.get() + e.get() + f.value().get() +
                  (g ? 1000 : 1) + h.get() + i.get();
          }) == 3 + 3 + 4 + 3 + 11 + 7 + 8 + 1 + 10 + 10);
}

TEST_CASE("shapes: a coroutine that is destroyed where it waits, in the middle of an awaiting expression") {
    Value::made = 0;
    Value::destroyed = 0;
    Value::broken = 0;
    {
        TestLoop test;
        const auto stuck = [](Value v) -> Coro<Value> {
            co_await sleep(1h);
            co_return v;
        };
        const auto body = [&]() -> Coro<int> {
            const Value local(1);
            const Value sum_of = co_await add(Value(2), co_await add(co_await stuck(Value(3)), Value(4)));
            co_return sum_of.get();
        };
        const auto in_group = [&](TaskGroup& group) -> Coro<> {
            group.create_task(body());
            const auto [a, b] = co_await gather(make(1), stuck(Value(2)));
            static_cast<void>(a.get() + b.get());
        };
        const Task<> task = test.loop.create_task(with_task_group(in_group));
        test.loop.run_until_complete(rounds(4));
        CHECK(Value::made > Value::destroyed);
        test.loop.close();
    }
    CHECK(Value::broken == 0);
    CHECK(Value::made == Value::destroyed);
}
