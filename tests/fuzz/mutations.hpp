#pragma once

/// Mutations of valid inputs, for the normal tests.

#include "allocation_watch.hpp"
#include "targets.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>

namespace fuzz {

/// Runs one target over what becomes of valid inputs when they are damaged: the same in every run.
class Mutations {
public:
    using Target = void (*)(std::span<const std::byte>);
    /// `allowance` is what the target may ask for, however small the input.
    explicit Mutations(Target target, std::size_t allowance = 2048)
        : target_(target), allowance_(allowance) {}

    void run(const std::vector<Bytes>& inputs) {
        for (const Bytes& input : inputs) {
            attempt(input);
            cut_off(input);
            flip(input);
            set_lengths(input);
            scramble(input);
        }
    }
    [[nodiscard]] int cases() const noexcept { return cases_; }

private:
    void attempt(std::span<const std::byte> bytes) {
        ++cases_;
        const fuzz::AllocationWatch watch;
        std::string trouble;
        try {
            target_(bytes);
        } catch (const std::exception& error) {
            trouble = error.what();
        }
        const std::size_t largest = watch.largest();
        // What is worth checking, since a check for each case would take longer than the case.
        if (!trouble.empty() || largest > 16 * bytes.size() + allowance_) {
            CAPTURE(trouble);
            CAPTURE(cases_);
            CAPTURE(bytes.size());
            CHECK(trouble.empty());
            CHECK(largest <= 16 * bytes.size() + allowance_);
        }
    }

    void cut_off(const Bytes& input) {
        for (std::size_t length = 0; length < input.size(); ++length) {
            // In a block of its own, so that a sanitizer sees a byte too many.
            attempt(Bytes(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(length)));
        }
    }
    void flip(const Bytes& input) {
        Bytes mutant = input;
        for (std::byte& byte : mutant) {
            const std::byte before = byte;
            byte ^= static_cast<std::byte>(1U << (random_() % 8));
            attempt(mutant);
            byte = before;
        }
    }
    /// Lengths and tags lie anywhere, so each place is taken for one.
    void set_lengths(const Bytes& input) {
        const std::uint32_t extremes[] = {0, 0xFFFFFFFF, 0x7FFFFFFF, 0x00FFFFFF,
                                          static_cast<std::uint32_t>(input.size())};
        for (std::size_t at = 0; at + sizeof(std::uint32_t) <= input.size(); ++at) {
            Bytes mutant = input;
            std::memcpy(mutant.data() + at, &extremes[at % std::size(extremes)], sizeof(std::uint32_t));
            attempt(mutant);
        }
    }
    void scramble(const Bytes& input) {
        for (int round = 0; round < 100; ++round) {
            Bytes mutant = input;
            const std::size_t changes = 1 + random_() % 8;
            for (std::size_t i = 0; i < changes; ++i) {
                mutant[random_() % mutant.size()] = static_cast<std::byte>(random_() & 0xFFU);
            }
            if (random_() % 4 == 0) mutant.resize(random_() % (mutant.size() * 2 + 1));
            attempt(mutant);
        }
    }

    Target target_;
    std::size_t allowance_;
    std::mt19937 random_{20260731}; // NOLINT: the same sequence in every run
    int cases_ = 0;
};

} // namespace fuzz
