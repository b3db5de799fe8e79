// Shows the ends of files, and what is added to them, also when they are moved away and made again (`tail
// -F`).

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include <aio/aio.hpp>

#include "common/output.hpp"
#include "common/program.hpp"

namespace {

const char* const usage = "usage: tail_f [--lines N] FILE...\n"
                          "\n"
                          "  --lines N   so many lines of what is there already (default: 10)\n"
                          "\n"
                          "A file that is not there is waited for, in a directory that is. Ends at Ctrl-C.\n";

constexpr std::size_t piece_size = 65536;

/// One file at a time has the screen, with its name above if there are several.
class Screen {
public:
    explicit Screen(bool several) noexcept : several_(several) {}
    void show(const std::filesystem::path& file, std::span<const std::byte> text) {
        if (several_ && shown_ != file)
            std::printf("%s==> %s <==\n", shown_.empty() ? "" : "\n", file.string().c_str());
        shown_ = file;
        samples::write_out(text);
    }
    static void remark(const std::filesystem::path& file, const char* what) {
        std::fprintf(stderr, "tail_f: %s %s\n", file.string().c_str(), what);
    }

private:
    bool several_;
    std::filesystem::path shown_;
};

/// Where the last lines begin: reads the file backwards, and no more of it than it must.
aio::Coro<std::uint64_t> start_of_last_lines(aio::File& file, std::uint64_t size, int lines) {
    std::vector<std::byte> memory(piece_size);
    std::uint64_t end = size;
    int found = 0;
    while (end > 0) {
        const std::uint64_t begin = end - std::min<std::uint64_t>(end, piece_size);
        std::size_t count = 0;
        while (count < end - begin) {
            const std::span<std::byte> rest = std::span(memory).subspan(count, end - begin - count);
            const std::size_t more = co_await file.read_at(rest, begin + count);
            if (more == 0) co_return 0; // cut short meanwhile
            count += more;
        }
        for (std::size_t i = count; i-- > 0;) {
            // The end of the last line is none that comes before it.
            if (memory[i] != std::byte{'\n'} || begin + i + 1 == size) continue;
            if (++found == lines) co_return begin + i + 1;
        }
        end = begin;
    }
    co_return 0;
}

class Follower {
public:
    Follower(std::filesystem::path path, int lines, Screen& screen)
        : path_(std::move(path)), lines_(lines), screen_(screen) {}

    aio::Coro<> follow() {
        // Watched before it is looked at, so that nothing comes in between. The directory, because the file
        // may be moved away, and another one take its name.
        const std::filesystem::path parent = path_.parent_path();
        aio::FileWatcher watcher(parent.empty() ? std::filesystem::path(".") : parent);
        co_await look(true);
        for (;;) {
            const std::optional<aio::FileChange> change = co_await watcher.next();
            if (!change) co_return;
            const bool overflow = change->kind() == aio::FileChange::Kind::overflow;
            if (overflow || change->path().filename() == path_.filename()) co_await look(false);
        }
    }

private:
    aio::Coro<> look(bool first) {
        std::optional<std::system_error> failure;
        try {
            const aio::FileStatus status = co_await aio::stat(path_);
            if (!file_ || status.inode() != inode_ || status.device() != device_) {
                if (file_) {
                    // What was added before there was another one.
                    co_await show_rest();
                    Screen::remark(path_, "has been replaced");
                }
                co_await open(first);
            } else if (status.size() < position_) {
                Screen::remark(path_, "has become shorter");
                position_ = 0;
            }
            co_await show_rest();
            missing_ = false;
        } catch (const std::system_error& error) {
            failure = error;
        }
        if (!failure) co_return;
        if (failure->code() != std::errc::no_such_file_or_directory) throw *failure;
        if (file_) co_await show_rest();
        // What is open stays so: something may still be written to it.
        if (!missing_) Screen::remark(path_, first ? "is not there yet" : "has gone");
        missing_ = true;
    }

    aio::Coro<> open(bool first) {
        aio::File file = co_await aio::File::open(path_);
        const aio::FileStatus status = co_await file.status();
        position_ = 0;
        if (first) position_ = co_await start_of_last_lines(file, status.size(), lines_);
        if (first && lines_ == 0) position_ = status.size();
        inode_ = status.inode();
        device_ = status.device();
        file_.emplace(std::move(file));
    }

    aio::Coro<> show_rest() {
        std::vector<std::byte> memory(piece_size);
        while (const std::size_t count = co_await file_->read_at(memory, position_)) {
            screen_.show(path_, std::span(memory).first(count));
            position_ += count;
        }
    }

    std::filesystem::path path_;
    int lines_;
    Screen& screen_;
    std::optional<aio::File> file_;
    std::uint64_t position_ = 0;
    std::uint64_t inode_ = 0;
    std::uint64_t device_ = 0;
    bool missing_ = false;
};

aio::Coro<int> amain(samples::CommandLine line) {
    const int lines = line.number("--lines", 10, 0, 1'000'000'000);
    const std::vector<std::string> files = line.rest(1, 1000);
    Screen screen(files.size() > 1);
    std::list<Follower> followers;
    for (const std::string& file : files) followers.emplace_back(file, lines, screen);
    try {
        co_await aio::with_task_group([&](aio::TaskGroup& group) -> aio::Coro<> {
            for (Follower& follower : followers) group.create_task(follower.follow());
            co_return;
        });
    } catch (const aio::ExceptionGroup& group) {
        std::fprintf(stderr, "%s\n", group.what());
        co_return samples::failure;
    } catch (const aio::CancelledError&) {
        co_return samples::interrupted;
    }
    co_return samples::success;
}

} // namespace

int main(int argc, char** argv) { return samples::main_of(amain, argc, argv, usage); }
