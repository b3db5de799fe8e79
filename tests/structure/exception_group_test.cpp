#include <exception>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/error_context.hpp>
#include <aio/core/errors.hpp>
#include <aio/structure/exception_group.hpp>

#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;

namespace {

template <class E>
std::exception_ptr make(E error) {
    return std::make_exception_ptr(std::move(error));
}

/// An error with a cause.
template <class E, class Cause>
std::exception_ptr make_nested(E error, Cause cause) {
    try {
        try {
            throw cause;
        } catch (...) {
            std::throw_with_nested(error);
        }
    } catch (...) {
        return std::current_exception();
    }
}

ExceptionGroup group(std::string message, std::vector<std::exception_ptr> errors) {
    return ExceptionGroup(std::move(message), std::move(errors));
}

std::exception_ptr system_error() {
    return make(std::system_error(std::make_error_code(std::errc::timed_out), "system"));
}

/// "message[...]", with the message of every group.
std::string shape(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const ExceptionGroup& inner) {
        std::string text = inner.message() + "[";
        for (const std::exception_ptr& one : inner.exceptions())
            text += (text.back() == '[' ? "" : ", ") + shape(one);
        return text + "]";
    } catch (const std::system_error&) {
        return "system";
    } catch (...) {
        return text_of(error);
    }
}
std::string shape(const std::optional<ExceptionGroup>& part) {
    return part ? shape(std::make_exception_ptr(*part)) : "none";
}

/// a: one, inner: [timeout, cancelled], system error, deep: [[two]]
ExceptionGroup tree() {
    return group("root",
                 {make(std::runtime_error("one")),
                  make(group("inner", {make(TimeoutError()), make(CancelledError("why"))})), system_error(),
                  make(group("deep", {make(group("deeper", {make(SystemExit(3))}))}))});
}

} // namespace

TEST_CASE("an exception group holds at least one exception, and no null one") {
    CHECK_THROWS_AS(group("x", {}), ValueError);
    CHECK_THROWS_AS(group("x", {nullptr}), ValueError);
}

TEST_CASE("an exception group is copied when it is moved, and copies share their errors") {
    ExceptionGroup one = tree();
    const ExceptionGroup two = std::move(one);
    CHECK(one.message() == "root");
    CHECK(one.exceptions() == two.exceptions());
    CHECK(one.exceptions().data() == two.exceptions().data());
    CHECK(one.what() == two.what());
}

TEST_CASE("the errors of a group are those at the ends of the tree, in order") {
    std::string all;
    for (const std::exception_ptr& error : tree().errors()) all += shape(error) + "; ";
    CHECK(all == "one; timeout; cancelled: why; system; system exit 3; ");
}

TEST_CASE("split by type gives the matching errors and the others, each with the structure of the group") {
    const ExceptionGroup all = tree();
    SUBCASE("in the middle") {
        const auto [matching, rest] = all.split<TimeoutError>();
        CHECK(shape(matching) == "root[inner[timeout]]");
        CHECK(shape(rest) == "root[one, inner[cancelled: why], system, deep[deeper[system exit 3]]]");
    }
    SUBCASE("by a base class, also of what is no std::exception") {
        CHECK(shape(all.subgroup<std::runtime_error>()) == "root[one, inner[timeout], system]");
        CHECK(shape(all.subgroup<BaseError>()) == "root[deep[deeper[system exit 3]]]");
        CHECK(shape(all.subgroup<CancelledError>()) == "root[inner[cancelled: why]]");
    }
    SUBCASE("groups are std::exceptions, but what counts is what is in them") {
        const auto [matching, rest] = all.split<std::exception>();
        CHECK(shape(matching) == "root[one, inner[timeout], system]");
        CHECK(shape(rest) == "root[inner[cancelled: why], deep[deeper[system exit 3]]]");
    }
    SUBCASE("by several types") {
        const auto [matching, rest] = all.split<CancelledError, BaseError, std::system_error>();
        CHECK(shape(matching) == "root[inner[cancelled: why], system, deep[deeper[system exit 3]]]");
        CHECK(shape(rest) == "root[one, inner[timeout]]");
    }
    SUBCASE("nothing matches, or all") {
        CHECK_FALSE(all.split<std::bad_alloc>().matching);
        CHECK(shape(all.split<std::bad_alloc>().rest) == shape(all));
        CHECK_FALSE(all.subgroup<std::bad_alloc>());
        const auto none_left = all.split<std::exception, CancelledError, BaseError>();
        CHECK_FALSE(none_left.rest);
        CHECK(shape(none_left.matching) == shape(all));
    }
}

TEST_CASE("split by a predicate asks about errors, not about groups") {
    const ExceptionGroup all = tree();
    int asked = 0;
    const auto [matching, rest] = all.split([&](const std::exception_ptr&) { return ++asked % 2 == 1; });
    CHECK(asked == 5);
    CHECK(shape(matching) == "root[one, inner[cancelled: why], deep[deeper[system exit 3]]]");
    CHECK(shape(rest) == "root[inner[timeout], system]");
    CHECK(shape(all.subgroup([](const std::exception_ptr& error) { return text_of(error) == "one"; })) ==
          "root[one]");
}

TEST_CASE("an inner group that falls on one side as a whole stays the same object") {
    const std::exception_ptr inner = make(group("inner", {make(TimeoutError())}));
    const ExceptionGroup all = group("root", {inner, make(std::runtime_error("one"))});
    const auto parts = all.split<TimeoutError>();
    CHECK(parts.matching->exceptions().at(0) == inner);
}

TEST_CASE("handle: each error goes to the first handler that takes it, in order") {
    std::string log;
    tree().handle([&](const TimeoutError&) { log += "timeout; "; },
                  [&](const std::system_error& e) {
                      log += std::string(e.code() == std::errc::timed_out ? "system" : "?") + "; ";
                  },
                  [&](const std::exception& e) { log += e.what() + std::string("; "); },
                  [&](const CancelledError& e) { log += "cancelled: " + e.message() + "; "; },
                  [&](const BaseError& e) { log += e.what() + std::string("; "); });
    CHECK(log == "one; timeout; cancelled: why; system; system exit 3; ");
}

TEST_CASE("handle: what no handler takes is thrown, with the structure of the group") {
    int handled = 0;
    try {
        tree().handle([&](const std::exception&) { ++handled; });
        FAIL("the rest is lost");
    } catch (const ExceptionGroup& rest) {
        CHECK(shape(rest) == "root[inner[cancelled: why], deep[deeper[system exit 3]]]");
    }
    CHECK(handled == 3);
}

TEST_CASE("handle: a handler may take everything, name its type outside, or be a function") {
    int handled = 0;
    tree().handle([&](const TimeoutError&) { handled += 100; }, [&](std::exception_ptr) { ++handled; });
    CHECK(handled == 104);
    std::string text;
    group("g", {make(std::runtime_error("one"))}).handle<std::exception>([&](const auto& e) {
        text = e.what();
    });
    CHECK(text == "one");
    static int calls;
    calls = 0;
    struct Count {
        static void call(const std::exception&) noexcept { ++calls; }
    };
    group("g", {make(std::runtime_error("one"))}).handle(Count::call);
    CHECK(calls == 1);
}

TEST_CASE("handle: a handler that rethrows leaves its error where it was") {
    const auto rethrow = [](const std::exception& e) {
        if (std::string(e.what()) == "one") throw;
    };
    const auto ignore = [](std::exception_ptr) {};
    try {
        tree().handle(rethrow, ignore);
        FAIL("lost");
    } catch (const ExceptionGroup& rest) {
        CHECK(shape(rest) == "root[one]");
    }
}

TEST_CASE("handle: errors of handlers are thrown together, with what was not taken at the end") {
    int handled = 0;
    const auto fail = [&](const std::exception& e) {
        ++handled;
        throw std::logic_error("handling " + std::string(e.what()).substr(0, 6));
    };
    try {
        tree().handle(fail);
        FAIL("lost");
    } catch (const ExceptionGroup& thrown) {
        CHECK(handled == 3);
        CHECK(shape(thrown) == "errors while handling: root[handling one, handling timed , handling system, "
                               "root[inner[cancelled: why], deep[deeper[system exit 3]]]]");
    }
    SUBCASE("control flow passes alone") {
        const auto stop = [](const TimeoutError&) { throw CancelledError("stop"); };
        CHECK(thrown_by([&] { tree().handle(stop); }) == "cancelled: stop");
        const auto quit = [](const TimeoutError&) { throw SystemExit(5); };
        CHECK(thrown_by([&] { tree().handle(quit); }) == "system exit 5");
    }
}

TEST_CASE("what() shows the whole tree with types") {
    CHECK(std::string(group("two", {make(std::runtime_error("a")), make(42)}).what()) ==
          "two (2 sub-exceptions)\n"
          "  - std::runtime_error: a\n"
          "  - int, which is not a std::exception");
    CHECK(
        std::string(group("outer", {make(group("inner", {make(TimeoutError()), make(CancelledError("why"))})),
                                    make(SystemExit(3))})
                        .what()) == "outer (2 sub-exceptions)\n"
                                    "  - aio::ExceptionGroup: inner (2 sub-exceptions)\n"
                                    "    - aio::TimeoutError: timed out\n"
                                    "    - aio::CancelledError: why\n"
                                    "  - aio::SystemExit: system exit 3");
}

TEST_CASE("what() shows causes, and messages of several lines in their place") {
    const std::exception_ptr middle = make_nested(TimeoutError(), CancelledError("late"));
    const ExceptionGroup all = group(
        "all", {middle, make(std::runtime_error("first\nsecond")),
                make_nested(std::runtime_error("outside"),
                            group("cause", {make_nested(std::logic_error("x"), KeyboardInterrupt())}))});
    CHECK(std::string(all.what()) == "all (3 sub-exceptions)\n"
                                     "  - aio::TimeoutError: timed out\n"
                                     "    caused by aio::CancelledError: late\n"
                                     "  - std::runtime_error: first\n"
                                     "    second\n"
                                     "  - std::runtime_error: outside\n"
                                     "    caused by aio::ExceptionGroup: cause (1 sub-exception)\n"
                                     "      - std::logic_error: x\n"
                                     "        caused by aio::KeyboardInterrupt: keyboard interrupt");
    CHECK(describe(middle) == "aio::TimeoutError: timed out");
}

TEST_CASE("what() of a huge tree stays readable, and its parts are found all the same") {
    std::vector<std::exception_ptr> many(100000, make(std::runtime_error("x")));
    many.push_back(make(TimeoutError()));
    const ExceptionGroup wide = group("wide", std::move(many));
    const std::string text = wide.what();
    CHECK(text.size() < 1000);
    CHECK(text.find("wide (100001 sub-exceptions)") == 0);
    CHECK(text.find("- ... and 99986 more") != std::string::npos);
    CHECK(shape(wide.subgroup<TimeoutError>()) == "wide[timeout]");

    std::exception_ptr deep = make(TimeoutError());
    for (int i = 0; i < 1000; ++i) deep = make(group("level", {deep, make(std::runtime_error("x"))}));
    const ExceptionGroup root = group("root", {deep});
    CHECK(std::string(root.what()).size() < 2000);
    CHECK(root.errors().size() == 1001);
    const auto [timeouts, rest] = root.split<TimeoutError>();
    CHECK(timeouts->errors().size() == 1);
    CHECK(rest->errors().size() == 1000);
}
