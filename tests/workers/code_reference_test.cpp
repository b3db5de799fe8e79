#include <aio/workers/code_reference.hpp>

#include <aio/core/errors.hpp>

#include <doctest/doctest.h>

#include <cstdlib>

namespace {

int twice(int x) { return 2 * x; }

template <int N>
int add(int x) noexcept {
    return x + N;
}

int a_variable = 0;

} // namespace

TEST_CASE("code reference: a function is found again") {
    const aio::CodeReference reference = aio::reference_to(&twice);
    CHECK((aio::resolve(reference) == reinterpret_cast<aio::AnyFunction>(&twice)));
    CHECK(reference == aio::reference_to(&twice));
    CHECK(reinterpret_cast<int (*)(int)>(aio::resolve(reference))(21) == 42);
}

TEST_CASE("code reference: templates, noexcept functions and lambdas are found again") {
    CHECK(reinterpret_cast<int (*)(int)>(aio::resolve(aio::reference_to(&add<3>)))(4) == 7);
    int (*const lambda)(int) = [](int x) { return x - 1; };
    CHECK((aio::resolve(aio::reference_to(lambda)) == reinterpret_cast<aio::AnyFunction>(lambda)));
}

TEST_CASE("code reference: functions of shared libraries are of another module") {
    const aio::CodeReference library = aio::reference_to(&std::strtol);
    CHECK(reinterpret_cast<long (*)(const char*, char**, int)>(aio::resolve(library))("12", nullptr, 10) ==
          12);
}

TEST_CASE("code reference: what is no function is refused") {
    CHECK_THROWS_AS(static_cast<void>(aio::reference_to(aio::AnyFunction{})), aio::ValueError);
    const auto data = reinterpret_cast<aio::AnyFunction>(reinterpret_cast<std::uintptr_t>(&a_variable));
    CHECK_THROWS_AS(static_cast<void>(aio::reference_to(data)), aio::RuntimeError);
}

TEST_CASE("code reference: an unknown module and an offset outside the code are refused") {
    const aio::CodeReference good = aio::reference_to(&twice);
    const aio::CodeReference unknown(good.module_id() + 1, good.offset());
    CHECK_THROWS_AS(static_cast<void>(aio::resolve(unknown)), aio::RuntimeError);
    const aio::CodeReference outside(good.module_id(), ~std::uint64_t{0} / 2);
    CHECK_THROWS_AS(static_cast<void>(aio::resolve(outside)), aio::RuntimeError);
    const auto distance =
        reinterpret_cast<std::uintptr_t>(&a_variable) - reinterpret_cast<std::uintptr_t>(&twice);
    const aio::CodeReference data(good.module_id(), good.offset() + distance);
    CHECK_THROWS_AS(static_cast<void>(aio::resolve(data)), aio::RuntimeError);
}
