#pragma once
// The codec: values to bytes and back, for what crosses to worker processes and interpreters. No ceremony:
// numbers, strings, standard containers, optional, variant, tuple, owning pointers, chrono, paths, error
// codes and plain structs of all these just work. Classes list their fields (<aio/workers/codec_fields.hpp>)
// or are taken by the `serialize` that they have for cereal or Boost (<aio/workers/codec_serialize.hpp>);
// anything else by specialising `aio::Codec`, see <aio/workers/codec_base.hpp>.
//
//     struct Job { std::string name; std::vector<double> weights; std::optional<int> limit; };
//     aio::ByteWriter out;
//     aio::encode(out, job);
//     Job copy = aio::decode_all<Job>(out.bytes());
//
// Both sides are processes of one host and one build, so numbers keep their native form and nothing is
// versioned. Even so the decoder survives any bytes: see ByteReader.

#include <aio/workers/codec_associative.hpp>
#include <aio/workers/codec_base.hpp>
#include <aio/workers/codec_chrono.hpp>
#include <aio/workers/codec_fields.hpp>
#include <aio/workers/codec_numeric.hpp>
#include <aio/workers/codec_product.hpp>
#include <aio/workers/codec_scalar.hpp>
#include <aio/workers/codec_sequence.hpp>
#include <aio/workers/codec_serialize.hpp>
#include <aio/workers/codec_sum.hpp>
#include <aio/workers/codec_system.hpp>
#include <aio/workers/schema_hash.hpp>
#include <aio/workers/shared_buffer.hpp>
