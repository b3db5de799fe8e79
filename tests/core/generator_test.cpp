#include <aio/core/generator.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/loop_help.hpp"

using namespace aio;

namespace {

static_assert(std::ranges::input_range<Generator<int>>);
static_assert(std::is_same_v<std::ranges::range_value_t<Generator<std::string>>, std::string>);

Generator<int> up_to(int last) {
    for (int i = 1; i <= last; ++i) co_yield i;
}
Generator<std::unique_ptr<std::string>> texts() {
    co_yield std::make_unique<std::string>("one");
    co_yield std::make_unique<std::string>("two");
}
Generator<int> one_and_throw() {
    co_yield 1;
    throw std::runtime_error("no more");
}
Generator<int> traced(int& alive) {
    const test::Tracer tracer(alive);
    co_yield 1;
    co_yield 2;
}

} // namespace

TEST_CASE("Generator: its items in order, made as they are asked for") {
    std::vector<int> items;
    for (const int item : up_to(3)) items.push_back(item);
    CHECK(items == std::vector<int>({1, 2, 3}));
    int none = 0;
    for ([[maybe_unused]] const int item : up_to(0)) ++none;
    CHECK(none == 0);
    int sum = 0;
    auto million = up_to(1'000'000);
    for (const int item : million | std::views::take(4)) sum += item;
    CHECK(sum == 10);
}

TEST_CASE("Generator: items may be move-only") {
    std::string all;
    for (auto& text : texts()) {
        const auto mine = std::move(text);
        all += *mine;
    }
    CHECK(all == "onetwo");
}

TEST_CASE("Generator: what the body throws comes after its items, and ends it") {
    auto generator = one_and_throw();
    auto at = generator.begin();
    CHECK(*at == 1);
    CHECK_THROWS_AS(++at, std::runtime_error);
    CHECK(at == generator.end());
}

TEST_CASE("Generator: dropping it destroys the body where it stands") {
    int alive = 0;
    {
        auto unrun = traced(alive);
        CHECK(alive == 0);
        auto generator = traced(alive);
        auto at = generator.begin();
        CHECK(*at == 1);
        CHECK(alive == 1);
        auto moved = std::move(generator);
        CHECK(alive == 1);
        moved = traced(alive);
        CHECK(alive == 0);
    }
    CHECK(alive == 0);
}
