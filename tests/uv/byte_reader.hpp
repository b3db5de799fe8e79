#pragma once

/// A stream reader that keeps what it gets.

#include <span>
#include <string>

#include <aio/uv/stream.hpp>

namespace uv_test {

inline std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

class Reader final : public aio::uv::StreamReader {
public:
    std::span<std::byte> room(std::span<std::byte> shared) noexcept override {
        ++asked;
        if (full) return {};
        return own.empty() ? shared : own;
    }
    void received(std::span<const std::byte> data) noexcept override {
        last = data.data();
        text.append(reinterpret_cast<const char*>(data.data()), data.size());
    }
    void ended(int s) noexcept override {
        over = true;
        status = s;
    }

    std::string text;
    std::span<std::byte> own;
    const std::byte* last = nullptr;
    int asked = 0;
    int status = 1;
    bool full = false;
    bool over = false;
};

} // namespace uv_test
