#pragma once

/// Whole files in one call.
///
///     std::string text = co_await aio::read_text("config.json");
///     co_await aio::write_file_atomic("config.json", text);

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <aio/core/coro.hpp>

namespace aio {

/// All bytes of a file. Throws `std::system_error` that names it. Cancelled: the file is closed.
[[nodiscard]] Coro<std::vector<std::byte>> read_file(std::filesystem::path path);
/// The same as a string, whatever its encoding.
[[nodiscard]] Coro<std::string> read_text(std::filesystem::path path);

/// Makes a file of these bytes, replacing what it had before. The bytes must stay until the await has ended.
/// Throws `std::system_error` that names the file. Cancelled or failed: the file may be there with some of
/// the bytes.
[[nodiscard]] Coro<> write_file(std::filesystem::path path, std::span<const std::byte> data);
[[nodiscard]] Coro<> write_file(std::filesystem::path path, std::string_view text);

/// The same so that whoever reads the file, now or after a crash of the system, finds all of the old bytes or
/// all of the new: they are written to a new file in the same directory, brought to the device, and renamed.
/// A file that is replaced hands on its permissions; of a symbolic link, the link is replaced. Cancelled or
/// failed before the renaming: the old file is untouched and the new one is removed (in the background).
[[nodiscard]] Coro<> write_file_atomic(std::filesystem::path path, std::span<const std::byte> data);
[[nodiscard]] Coro<> write_file_atomic(std::filesystem::path path, std::string_view text);

} // namespace aio
