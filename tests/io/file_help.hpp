#pragma once

/// What the tests of files share.

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>

namespace io_test {

/// A directory of the test's own, removed at its end.
class Folder {
public:
    Folder() {
        static std::atomic<int> count = 0;
        for (;;) {
            path = std::filesystem::temp_directory_path() / ("aiouv_io_test_" + std::to_string(++count));
            if (std::filesystem::create_directory(path)) break;
        }
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    std::filesystem::path operator/(std::string_view name) const { return path / name; }

    std::filesystem::path path;
};

inline void put(const std::filesystem::path& path, std::string_view text) {
    std::ofstream(path, std::ios::binary) << text;
}

inline std::string get(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

} // namespace io_test
