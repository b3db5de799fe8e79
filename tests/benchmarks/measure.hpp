#pragma once

/// What benchmarks share that measure by themselves.

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <sstream>
#include <string>
#include <vector>

namespace measure {

inline double median(std::vector<double> values) {
    if (values.empty()) return 0;
    std::ranges::sort(values);
    return values[values.size() / 2];
}

/// What this thread has used of a processor so far.
inline double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// What a script in `processes` prints: lines of a name and a number. Empty without Python.
class PythonFigures {
public:
    explicit PythonFigures(const std::string& command_line) {
        const std::string command = "python3 " AIO_BENCHMARK_FOLDER "/processes/" + command_line;
        std::FILE* const pipe = popen(command.c_str(), "r");
        if (pipe == nullptr) return;
        char line[256];
        while (std::fgets(line, sizeof line, pipe) != nullptr) output_ += line;
        pclose(pipe);
    }
    /// 0 when there is none of that name.
    [[nodiscard]] double of(const std::string& name) const {
        std::istringstream lines(output_);
        std::string key;
        double value = 0;
        while (lines >> key >> value)
            if (key == name) return value;
        return 0;
    }

private:
    std::string output_;
};

} // namespace measure
