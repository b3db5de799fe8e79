#include "allocation_watch.hpp"
#include "mutations.hpp"
#include "targets.hpp"

#include <doctest/doctest.h>

using fuzz::Bytes;
using fuzz::Mutations;

TEST_CASE("fuzz: damaged values are an error or a value, and ask for no more memory than they are worth") {
    Mutations mutations(&fuzz::decode_everything);
    mutations.run(fuzz::valid_everything());
    CHECK(mutations.cases() > 2000);
}

TEST_CASE("fuzz: damaged frames end the stream or not, and ask for no more memory than they are worth") {
    Mutations mutations(&fuzz::parse_frames);
    mutations.run(fuzz::valid_frames());
    CHECK(mutations.cases() > 2000);
}

TEST_CASE("fuzz: damaged remote errors are an error too, and ask for no more memory than they are worth") {
    Mutations mutations(&fuzz::decode_remote_error);
    mutations.run(fuzz::valid_remote_errors());
    CHECK(mutations.cases() > 2000);
}

TEST_CASE("fuzz: readuntil finds what a plain search finds, in whatever pieces the bytes come") {
    // What a loop and its tasks ask for does not depend on the input, and is more than some inputs are worth.
    for (const Bytes& input : fuzz::valid_separated()) CHECK_NOTHROW(fuzz::read_until(input));
    Mutations mutations(&fuzz::read_until, std::size_t(256) * 1024);
    mutations.run(fuzz::valid_separated());
    CHECK(mutations.cases() > 500);
}

TEST_CASE("fuzz: the watch sees what is asked for") {
    const fuzz::AllocationWatch watch;
    const Bytes bytes(12345);
    CHECK(watch.largest() == (fuzz::AllocationWatch::works() ? bytes.size() : 0));
}
