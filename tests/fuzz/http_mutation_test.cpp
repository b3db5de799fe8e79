#include "mutations.hpp"
#include "targets.hpp"

#include <doctest/doctest.h>

TEST_CASE(
    "fuzz: whatever an HTTP client sends, it gets answers that are whole and nothing from outside the root") {
    for (const fuzz::Bytes& input : fuzz::valid_requests()) CHECK_NOTHROW(fuzz::serve_requests(input));
    // A file is sent in pieces of a quarter of a megabyte, however small the request.
    fuzz::Mutations mutations(&fuzz::serve_requests, std::size_t(512) * 1024);
    mutations.run(fuzz::valid_requests());
    CHECK(mutations.cases() > 1000);
}
