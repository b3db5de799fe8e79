#include <aio/uv/descriptor.hpp>

#include <vector>

#include <sys/resource.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <aio/uv/pipe.hpp>

#include "support/standard_input_posix.hpp"

namespace uv = aio::uv;
using aio::test::StandardInput;

TEST_CASE(
    "uv descriptor: the null device takes the place of a standard one, even if no other number is free") {
    for (const bool all_used : {false, true}) {
        CAPTURE(all_used);
        uv::PipeEnds pipe = uv::make_pipe();
        const StandardInput input(std::move(pipe.read));
        rlimit before{};
        REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
        std::vector<uv::Descriptor> others;
        if (all_used) {
            rlimit few = before;
            few.rlim_cur = 200;
            REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
            for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) others.emplace_back(fd);
        }
        StandardInput::take().close();
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
        others.clear();
        CHECK(StandardInput::is_null_device());
    }
}

TEST_CASE("uv descriptor: a duplicate is none of the standard ones, and stands for the same") {
    uv::PipeEnds pipe = uv::make_pipe();
    const StandardInput input(std::move(pipe.read));
    uv::Descriptor standard = StandardInput::take();
    uv::Descriptor copy = uv::duplicate(standard);
    CHECK_FALSE(uv::is_standard(copy.get()));
    standard.close();
    REQUIRE(::write(pipe.write.get(), "x", 1) == 1);
    char byte = 0;
    CHECK(::read(copy.get(), &byte, 1) == 1);
    CHECK(byte == 'x');
}
