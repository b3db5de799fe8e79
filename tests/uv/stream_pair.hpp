#pragma once

/// Two connected streams on a loop of their own.

#include <utility>

#include <aio/uv/loop.hpp>
#include <aio/uv/pipe.hpp>

#include "byte_reader.hpp"

namespace uv_test {

struct Pair {
    Pair() : Pair(aio::uv::make_socket_pair()) {}
    explicit Pair(aio::uv::PipeEnds ends) : a(loop, std::move(ends.read)), b(loop, std::move(ends.write)) {
        a.set_reader(a_reader);
        b.set_reader(b_reader);
    }
    aio::uv::Loop loop;
    Reader a_reader;
    Reader b_reader;
    aio::uv::Pipe a;
    aio::uv::Pipe b;
};

} // namespace uv_test
