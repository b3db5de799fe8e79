#include <aio/io/temporary.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <random>
#include <system_error>

#include <aio/core/event_loop.hpp>
#include <aio/io/directory.hpp>
#include <aio/io/file_call_private.hpp>
#include <aio/io/file_system.hpp>
#include <aio/uv/fs_names.hpp>
#include <aio/uv/tree_removal.hpp>
#include <aio/uv/work.hpp>

namespace aio {
namespace {

namespace fs = std::filesystem;

/// Removes a path with everything below it; errors go nowhere.
void remove_now(const fs::path& path) noexcept {
    try {
        uv::TreeRemoval removal(detail::path_text(path));
        while (removal.step(1024)) continue;
    } catch (const std::exception&) {
        return;
    }
}

/// Removes a path in a thread; owns itself.
class Removal final : public uv::Work {
public:
    static void begin(fs::path path, uv::Loop& loop) {
        auto removal = std::unique_ptr<Removal>(new Removal(std::move(path)));
        removal->start(loop);
        static_cast<void>(removal.release());
    }

private:
    explicit Removal(fs::path path) : Work(&run, &end), path_(std::move(path)) {}
    ~Removal() = default;
    friend std::default_delete<Removal>;
    static void run(uv::Work& self) noexcept { remove_now(static_cast<Removal&>(self).path_); }
    static void end(uv::Work& self, int) noexcept { delete &static_cast<Removal&>(self); }

    fs::path path_;
};

std::string random_name(std::size_t length) {
    static constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789";
    thread_local std::mt19937_64 engine{std::random_device{}()};
    std::uniform_int_distribution<std::size_t> pick(0, letters.size() - 1);
    std::string name;
    for (std::size_t i = 0; i < length; ++i) name += letters[pick(engine)];
    return name;
}

fs::path stem_in(fs::path directory, const std::string& prefix) {
    if (directory.empty()) directory = fs::temp_directory_path();
    // Removed from wherever the program is then.
    return fs::absolute(directory) / prefix;
}

} // namespace

namespace detail {

RemovedAtEnd::~RemovedAtEnd() {
    if (path_.empty()) return;
    try {
        if (!loop_->closed) {
            Removal::begin(path_, loop_->require_loop().bindings());
            return;
        }
    } catch (...) {
        // No memory for that: then here.
    }
    remove_now(path_);
}

namespace {

/// Opens a new file together with its removal, so that a result that is dropped is removed.
FileOperation<std::pair<RemovedAtEnd, File>> open_new(fs::path path, const OpenMode& mode) {
    std::string text = path_text(path);
    std::string title = "open " + text;
    auto start = [text, mode](uv::OpenRequest& request, uv::Loop& loop, uv::Completion& done) {
        request.start(loop, text, mode, done);
    };
    auto finish = [text, path = std::move(path)](uv::OpenRequest& request, LoopState& loop) mutable {
        uv::Descriptor descriptor(request.file());
        RemovedAtEnd removal(loop, std::move(path));
        File file(Ref<OpenFile>(new OpenFile(loop, std::move(descriptor), std::move(text), false)));
        return std::pair<RemovedAtEnd, File>(std::move(removal), std::move(file));
    };
    return file_operation<uv::OpenRequest>(std::move(title), std::move(start), std::move(finish));
}

} // namespace

Coro<std::pair<RemovedAtEnd, File>> create_unique_file(fs::path stem, bool private_file) {
    OpenMode mode = OpenMode::read_write();
    mode.create(private_file ? 0600 : 0666).exclusive();
    for (int attempt = 0;; ++attempt) {
        fs::path path = stem;
        path += random_name(8);
        std::optional<std::pair<RemovedAtEnd, File>> made;
        try {
            FileOperation<std::pair<RemovedAtEnd, File>> operation = open_new(std::move(path), mode);
            made.emplace(co_await std::move(operation));
        } catch (const std::system_error& e) {
            if (e.code() != std::errc::file_exists || attempt == 100) throw;
        }
        if (made) co_return std::move(*made);
    }
}

} // namespace detail

Coro<TemporaryFile> TemporaryFile::create(fs::path directory, std::string prefix) {
    fs::path stem = stem_in(std::move(directory), prefix);
    std::pair<detail::RemovedAtEnd, File> made = co_await detail::create_unique_file(std::move(stem), true);
    co_return TemporaryFile(std::move(made.second), std::move(made.first));
}

Coro<TemporaryDirectory> TemporaryDirectory::create(fs::path directory, std::string prefix) {
    std::string stem = detail::path_text(stem_in(std::move(directory), prefix));
    std::string title = "make directory " + stem;
    auto start = [stem = std::move(stem)](uv::MkdtempRequest& request, uv::Loop& loop, uv::Completion& done) {
        request.start(loop, stem, done);
    };
    // Made at once, so that a result that is dropped is removed.
    auto finish =
        [state = detail::Ref<detail::LoopState>(&get_running_loop().state())](uv::MkdtempRequest& request) {
            return detail::RemovedAtEnd(*state, detail::path_of(request.path()));
        };
    FileOperation<detail::RemovedAtEnd> operation =
        detail::file_operation<uv::MkdtempRequest>(std::move(title), std::move(start), std::move(finish));
    detail::RemovedAtEnd made = co_await std::move(operation);
    co_return TemporaryDirectory(std::move(made));
}

Coro<> TemporaryDirectory::remove() {
    return [](detail::RemovedAtEnd removal) -> Coro<> {
        if (removal.path().empty()) co_return;
        co_await aio::remove_tree(removal.path());
        removal.keep();
    }(std::move(removal_));
}

} // namespace aio
