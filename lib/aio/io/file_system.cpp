#include <aio/io/file_system.hpp>

#include <exception>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <aio/core/errors.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/io/directory.hpp>
#include <aio/io/file_call_private.hpp>
#include <aio/io/open_file.hpp>
#include <aio/uv/error.hpp>
#include <aio/uv/file_copy.hpp>
#include <aio/uv/fs_names.hpp>
#include <aio/uv/step_request.hpp>
#include <aio/uv/tree_removal.hpp>

namespace aio {
namespace {

using detail::file_operation;
using detail::no_result;
using detail::path_text;
namespace fs = std::filesystem;

/// An operation whose request is started with a path and nothing else.
template <class Request, class Finish>
auto operation_on_path(const char* what, const fs::path& path, Finish finish) {
    std::string text = path_text(path);
    std::string title = what + (" " + text);
    auto start = [text = std::move(text)](Request& request, uv::Loop& loop, uv::Completion& done) {
        request.start(loop, text, done);
    };
    return file_operation<Request>(std::move(title), std::move(start), std::move(finish));
}

/// One that takes two paths. `start(request, loop, first, second, done)`.
template <class Request, class Start>
FileOperation<void> operation_on_paths(const char* what, const fs::path& first, const char* to,
                                       const fs::path& second, Start start) {
    std::string a = path_text(first);
    std::string b = path_text(second);
    std::string title = what + (" " + a) + to + b;
    auto start_with = [a = std::move(a), b = std::move(b), start](Request& request, uv::Loop& loop,
                                                                  uv::Completion& done) {
        start(request, loop, a, b, done);
    };
    return file_operation<Request>(std::move(title), std::move(start_with), no_result);
}

int bits_of(fs::perms permissions) noexcept { return static_cast<int>(permissions & fs::perms::mask); }

/// Awaits an operation and gives the error it failed with, or none.
Coro<std::error_code> error_of(FileOperation<void> operation) {
    try {
        co_await std::move(operation);
    } catch (const std::system_error& e) {
        co_return e.code();
    }
    co_return std::error_code();
}

/// Does a job in steps; between them it can be cancelled, and goes with the last who holds it.
template <class Job>
Coro<> do_in_steps(std::string title, std::shared_ptr<Job> job) {
    for (bool more = true; more;) {
        auto start = [job](uv::StepRequest<Job>& request, uv::Loop& loop, uv::Completion& done) {
            request.start(loop, job, done);
        };
        auto finish = [](uv::StepRequest<Job>& request) { return request.more(); };
        FileOperation<bool> step =
            file_operation<uv::StepRequest<Job>>(title, std::move(start), std::move(finish));
        more = co_await std::move(step);
    }
}

bool is_missing(const std::error_code& error) noexcept {
    return error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
}

} // namespace

FileOperation<FileStatus> stat(const fs::path& path) {
    return operation_on_path<uv::StatRequest>("stat", path, [](uv::StatRequest& r) { return r.status(); });
}

FileOperation<FileStatus> lstat(const fs::path& path) {
    std::string text = path_text(path);
    std::string title = "stat " + text;
    auto start = [text = std::move(text)](uv::StatRequest& request, uv::Loop& loop, uv::Completion& done) {
        request.start_for_link(loop, text, done);
    };
    auto finish = [](uv::StatRequest& request) { return request.status(); };
    return file_operation<uv::StatRequest>(std::move(title), std::move(start), finish);
}

Coro<bool> exists(fs::path path) {
    try {
        co_await aio::stat(path);
    } catch (const std::system_error& e) {
        if (!is_missing(e.code())) throw;
        co_return false;
    }
    co_return true;
}

FileOperation<void> mkdir(const fs::path& path, fs::perms permissions) {
    std::string text = path_text(path);
    std::string title = "make directory " + text;
    auto start = [text = std::move(text), bits = bits_of(permissions)](uv::MkdirRequest& request,
                                                                       uv::Loop& loop, uv::Completion& done) {
        request.start(loop, text, bits, done);
    };
    return file_operation<uv::MkdirRequest>(std::move(title), std::move(start), no_result);
}

Coro<> make_directories(fs::path path) {
    if (!path.has_filename()) path = path.parent_path();
    // Upwards to the first that can be made, then down again.
    std::vector<fs::path> missing;
    missing.push_back(path);
    while (!missing.empty()) {
        const fs::path& next = missing.back();
        const std::error_code error = co_await error_of(aio::mkdir(next));
        if (!error) {
            missing.pop_back();
            continue;
        }
        const fs::path parent = next.parent_path();
        if (error == std::errc::no_such_file_or_directory && !parent.empty() && parent != next) {
            missing.push_back(parent);
            continue;
        }
        // Somebody has made it, now or before; or there is no permission to make what is there.
        bool is_there = false;
        try {
            const FileStatus status = co_await aio::stat(next);
            is_there = status.is_directory();
        } catch (const std::system_error&) {
            is_there = false;
        }
        if (!is_there) throw std::system_error(error, "make directory " + path_text(next));
        missing.pop_back();
    }
}

FileOperation<void> rmdir(const fs::path& path) {
    return operation_on_path<uv::RmdirRequest>("remove directory", path, no_result);
}

FileOperation<void> remove(const fs::path& path) {
    return operation_on_path<uv::UnlinkRequest>("remove", path, no_result);
}

Coro<> remove_tree(fs::path path) {
    const std::string title = "remove tree " + path_text(path);
    const auto removal = std::make_shared<uv::TreeRemoval>(path_text(path));
    co_await do_in_steps(title, removal);
    if (removal->status() < 0)
        uv::throw_error(removal->status(), removal->failed().empty() ? title : removal->failed());
}

FileOperation<void> rename(const fs::path& from, const fs::path& to) {
    return operation_on_paths<uv::RenameRequest>(
        "rename", from, " to ", to,
        [](uv::RenameRequest& request, uv::Loop& loop, const std::string& a, const std::string& b,
           uv::Completion& done) { request.start(loop, a, b, done); });
}

Coro<> copy_file(fs::path from, fs::path to, CopyMode mode) {
    std::string source = path_text(from);
    std::string target = path_text(to);
    const std::string title = "copy " + source + " to " + target;
    const std::string target_name = target;
    const auto copy = std::make_shared<uv::FileCopy>(std::move(source), std::move(target),
                                                     mode == CopyMode::fail_if_exists);
    std::exception_ptr cancelled;
    try {
        co_await do_in_steps(title, copy);
    } catch (const CancelledError&) {
        cancelled = std::current_exception();
    }
    if (cancelled) {
        // It goes here and now, for whoever tries again; a thread closes it.
        const detail::Ref<detail::OpenFile> half(
            new detail::OpenFile(get_running_loop().state(), copy->give_up(), target_name, false));
        std::rethrow_exception(cancelled);
    }
    if (copy->status() < 0) uv::throw_error(copy->status(), title);
}

FileOperation<void> link(const fs::path& target, const fs::path& name) {
    return operation_on_paths<uv::LinkRequest>("link", target, " as ", name,
                                               [](uv::LinkRequest& request, uv::Loop& loop,
                                                  const std::string& a, const std::string& b,
                                                  uv::Completion& done) { request.start(loop, a, b, done); });
}

FileOperation<void> symlink(const fs::path& target, const fs::path& name, bool to_directory) {
    return operation_on_paths<uv::SymlinkRequest>(
        "link to", target, " as ", name,
        [to_directory](uv::SymlinkRequest& request, uv::Loop& loop, const std::string& a,
                       const std::string& b,
                       uv::Completion& done) { request.start(loop, a, b, to_directory, done); });
}

FileOperation<fs::path> readlink(const fs::path& path) {
    return operation_on_path<uv::ReadlinkRequest>(
        "read link", path, [](uv::ReadlinkRequest& r) { return detail::path_of(r.path()); });
}

FileOperation<fs::path> realpath(const fs::path& path) {
    std::string text = path_text(path);
    std::string title = "resolve " + text;
    auto start = [text = std::move(text)](uv::ReadlinkRequest& request, uv::Loop& loop,
                                          uv::Completion& done) {
        request.start_for_real_path(loop, text, done);
    };
    auto finish = [](uv::ReadlinkRequest& request) { return detail::path_of(request.path()); };
    return file_operation<uv::ReadlinkRequest>(std::move(title), std::move(start), finish);
}

FileOperation<void> chmod(const fs::path& path, fs::perms permissions) {
    std::string text = path_text(path);
    std::string title = "set permissions of " + text;
    auto start = [text = std::move(text), bits = bits_of(permissions)](uv::ChmodRequest& request,
                                                                       uv::Loop& loop, uv::Completion& done) {
        request.start(loop, text, bits, done);
    };
    return file_operation<uv::ChmodRequest>(std::move(title), std::move(start), no_result);
}

} // namespace aio
