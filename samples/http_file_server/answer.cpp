#include "answer.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <system_error>
#include <vector>

#include "target.hpp"

namespace http_file_server {
namespace {

/// Throws what a client is told of an error of the file system.
[[noreturn]] void throw_as_status(const std::system_error& error) {
    const std::error_code code = error.code();
    if (code == std::errc::permission_denied) throw HttpError(403, "this is not for everybody");
    if (code == std::errc::no_such_file_or_directory || code == std::errc::not_a_directory ||
        code == std::errc::filename_too_long || code == std::errc::too_many_symbolic_link_levels)
        throw HttpError(404, "there is nothing here");
    if (code == std::errc::too_many_files_open || code == std::errc::too_many_files_open_in_system)
        throw HttpError(503, "there is too much to do; come again");
    throw HttpError(500, "this cannot be read");
}

bool is_below(const std::filesystem::path& root, const std::filesystem::path& path) {
    return std::mismatch(root.begin(), root.end(), path.begin(), path.end()).first == root.end();
}

/// Where the path really leads. A link that leads out of the root is not followed.
aio::Coro<std::filesystem::path> resolve(std::filesystem::path root, std::filesystem::path relative) {
    // Copies of what is found: the file system may change at any time.
    const std::filesystem::path real_root = co_await aio::realpath(root);
    const std::filesystem::path named = relative.empty() ? root : root / relative;
    const std::filesystem::path found = co_await aio::realpath(named);
    if (!is_below(real_root, found)) throw HttpError(404, "there is nothing here");
    co_return found;
}

std::string entity_tag(const aio::FileStatus& status) {
    char text[64];
    std::snprintf(text, sizeof text, "\"%llx-%llx\"",
                  static_cast<unsigned long long>(status.modified().time_since_epoch().count()),
                  static_cast<unsigned long long>(status.size()));
    return text;
}

bool has_tag(std::string_view list, std::string_view tag) {
    return list == "*" || list.find(tag) != std::string_view::npos;
}

aio::Coro<std::string> listing(std::filesystem::path directory, std::string target) {
    std::vector<std::string> names;
    auto entries = aio::scandir(directory);
    while (std::optional<aio::DirectoryEntry> entry = co_await entries.next())
        names.push_back(entry->name().string() + (entry->is_directory() ? "/" : ""));
    std::ranges::sort(names);
    const std::string title = escape_html(target);
    std::string page = "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>" + title +
                       "</title></head>\n<body><h1>" + title + "</h1>\n<ul>\n";
    if (target != "/") page += "<li><a href=\"../\">..</a></li>\n";
    for (const std::string& name : names) {
        std::string link = percent_encode(name.back() == '/' ? name.substr(0, name.size() - 1) : name);
        if (name.back() == '/') link += '/';
        page += "<li><a href=\"./" + link + "\">" + escape_html(name) + "</a></li>\n";
    }
    co_return page + "</ul></body></html>\n";
}

aio::Coro<Answer> answer_with_file(aio::File file, aio::FileStatus status, std::string type,
                                   Request request) {
    Answer answer;
    const std::string tag = entity_tag(status);
    const std::string modified =
        http_date(std::chrono::time_point_cast<std::chrono::system_clock::duration>(status.modified()));
    answer.add("ETag", tag);
    answer.add("Last-Modified", modified);
    answer.add("Accept-Ranges", "bytes");
    const bool unchanged =
        request.if_none_match ? has_tag(*request.if_none_match, tag) : request.if_modified_since == modified;
    if (unchanged) {
        answer.status = 304;
        co_return answer;
    }
    answer.add("Content-Type", type);
    answer.size = status.size();
    if (request.range && (!request.if_range || request.if_range == tag || request.if_range == modified)) {
        std::optional<Part> part;
        try {
            part = part_of(*request.range, status.size());
        } catch (const HttpError& error) {
            Answer refusal = error_page(error);
            refusal.add("Content-Range", "bytes */" + std::to_string(status.size()));
            co_return refusal;
        }
        if (part) {
            answer.status = 206;
            answer.offset = part->first;
            answer.size = part->size;
            answer.add("Content-Range", "bytes " + std::to_string(part->first) + "-" +
                                            std::to_string(part->first + part->size - 1) + "/" +
                                            std::to_string(status.size()));
        }
    }
    answer.file = std::move(file);
    co_return answer;
}

Answer moved_to_directory(const std::filesystem::path& relative) {
    Answer moved = error_page(HttpError(301, "this is a directory"));
    // Only a path: what the client calls this server is its own affair.
    std::string location = "/";
    for (const std::filesystem::path& part : relative) location += percent_encode(part.string()) + "/";
    moved.add("Location", location);
    return moved;
}

/// Throws `HttpError`, and what the file system throws.
aio::Coro<Answer> find(const std::filesystem::path& root, const Request& request) {
    const std::filesystem::path relative = decode_target(request.target);
    std::filesystem::path path = co_await resolve(root, relative);
    aio::FileStatus status = co_await aio::stat(path);
    if (status.is_directory()) {
        const std::string target = request.target.substr(0, request.target.find_first_of("?#"));
        if (target.back() != '/') co_return moved_to_directory(relative);
        const bool has_index = co_await aio::exists(path / "index.html");
        if (!has_index) {
            Answer list;
            list.add("Content-Type", "text/html; charset=utf-8");
            list.text = co_await listing(path, target);
            list.size = list.text.size();
            co_return list;
        }
        // It may be a link too.
        path = co_await resolve(root, relative / "index.html");
        status = co_await aio::stat(path);
    }
    // Before it is opened: that waits for a writer if it is a FIFO.
    if (!status.is_regular()) throw HttpError(403, "this is no file");
    aio::File file = co_await aio::File::open(path);
    // Of what is open, whatever the name means by now.
    status = co_await file.status();
    co_return co_await answer_with_file(std::move(file), status, std::string(media_type(path)), request);
}

} // namespace

void Answer::add(std::string_view name, std::string_view value) {
    fields.append(name).append(": ").append(value).append("\r\n");
}

std::string http_date(std::chrono::system_clock::time_point time) {
    // In English, whatever the locale is.
    static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time) - day);
    char text[40];
    std::snprintf(text, sizeof text, "%s, %02u %s %04d %02d:%02d:%02d GMT",
                  days[std::chrono::weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
                  months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                  static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()));
    return text;
}

std::optional<Part> part_of(std::string_view range, std::uint64_t size) {
    constexpr std::string_view unit = "bytes=";
    if (!range.starts_with(unit) || range.find(',') != std::string_view::npos) return std::nullopt;
    range.remove_prefix(unit.size());
    const std::size_t dash = range.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const auto number = [](std::string_view text) -> std::optional<std::uint64_t> {
        std::uint64_t value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
        return value;
    };
    const std::optional<std::uint64_t> from = number(range.substr(0, dash));
    const std::optional<std::uint64_t> to = number(range.substr(dash + 1));
    const HttpError nothing(416, "the file has no such part");
    if (dash == 0) {
        if (!to) return std::nullopt;
        if (*to == 0 || size == 0) throw nothing;
        const std::uint64_t count = std::min(*to, size);
        return Part{size - count, count};
    }
    if (!from || (!to && dash + 1 != range.size()) || (to && *to < *from)) return std::nullopt;
    if (*from >= size) throw nothing;
    const std::uint64_t last = to ? std::min(*to, size - 1) : size - 1;
    return Part{*from, last - *from + 1};
}

Answer error_page(const HttpError& error) {
    Answer answer;
    answer.status = error.status();
    answer.add("Content-Type", "text/plain; charset=utf-8");
    if (error.status() == 405) answer.add("Allow", "GET, HEAD");
    answer.text =
        std::to_string(error.status()) + " " + reason_phrase(error.status()) + ": " + error.what() + "\n";
    answer.size = answer.text.size();
    return answer;
}

aio::Coro<Answer> answer(const std::filesystem::path& root, const Request& request) {
    if (request.method != "GET" && request.method != "HEAD")
        throw HttpError(405, "files are here to be read");
    std::optional<std::system_error> failure;
    try {
        co_return co_await find(root, request);
    } catch (const std::system_error& error) {
        failure = error;
    }
    throw_as_status(*failure);
}

} // namespace http_file_server
