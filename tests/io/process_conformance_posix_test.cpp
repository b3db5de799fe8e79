#include <csignal>
#include <memory>

#include <doctest/doctest.h>

#include <aio/io/subprocess.hpp>

#include "support/conformance.hpp"

using namespace aio;
using namespace aio::test;

namespace {

Coro<int> wait_for_a_process(Gate& gate) {
    const auto process = std::make_shared<Process>(co_await create_subprocess_exec("sleep", "1000"));
    gate.on_open([process] { process->terminate(); });
    const int returncode = co_await process->wait();

    co_return returncode == -SIGTERM ? 7 : returncode;
}

} // namespace

TEST_CASE("conformance: processes") {
    check_conformance("Process.wait", 7, [](Gate& gate) { return wait_for_a_process(gate); });
}
