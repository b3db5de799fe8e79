#pragma once
// Remote errors: an exception thrown in a worker process, thrown again here.
//
// It is caught as usual. An exception of a standard type, or of one of aiouv's, arrives as that type; one of
// your own type arrives as the most specific of those that it derives from. Every one of them also is a
// RemoteErrorInfo, which keeps the true type's name and where it came from:
//
//     try { co_await pool.submit(parse, text); }
//     catch (const std::out_of_range& e) { ... }          // works as without the pool
//     catch (const aio::RemoteErrorInfo& e) { log(e.type_name(), e.message(), e.pid()); }

#include <concepts>
#include <cstdint>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <aio/workers/byte_reader.hpp>
#include <aio/workers/byte_writer.hpp>

namespace aio {

/// What is known about an exception that was thrown in another process.
class RemoteErrorInfo {
public:
    RemoteErrorInfo(std::string type_name, std::string message, std::int64_t pid,
                    std::vector<std::string> nested)
        : type_name_(std::move(type_name)),
          message_(std::move(message)),
          pid_(pid),
          nested_(std::move(nested)) {}
    RemoteErrorInfo(const RemoteErrorInfo&) = default;
    RemoteErrorInfo(RemoteErrorInfo&&) = default;
    RemoteErrorInfo& operator=(const RemoteErrorInfo&) = default;
    RemoteErrorInfo& operator=(RemoteErrorInfo&&) = default;
    virtual ~RemoteErrorInfo() = default;

    /// The type of the exception as it was thrown, readable: "my::ParseError".
    [[nodiscard]] const std::string& type_name() const noexcept { return type_name_; }

    /// Its what(); for a value that is no exception class at all, a sentence with its type and, if it can be
    /// shown, itself.
    [[nodiscard]] const std::string& message() const noexcept { return message_; }

    /// The worker it was thrown in.
    [[nodiscard]] std::int64_t pid() const noexcept { return pid_; }

    /// The exceptions nested in it by std::throw_with_nested, outermost first, each as "type: message".
    [[nodiscard]] const std::vector<std::string>& nested() const noexcept { return nested_; }

private:
    std::string type_name_;
    std::string message_;
    std::int64_t pid_;
    std::vector<std::string> nested_;
};

/// The exception that is thrown: a Base with RemoteErrorInfo. There is no need to name this type in a
/// handler.
template <class Base>
class Remote : public Base, public RemoteErrorInfo {
public:
    template <class... BaseArgs>
        requires std::constructible_from<Base, BaseArgs...>
    explicit Remote(RemoteErrorInfo info, BaseArgs&&... base_args)
        : Base(std::forward<BaseArgs>(base_args)...), RemoteErrorInfo(std::move(info)) {}

    /// The message as it was, also where Base cannot be given one.
    [[nodiscard]] const char* what() const noexcept { return message().c_str(); }
};

/// In the worker, inside a catch handler: appends the exception being handled to `out`. Texts are cut at 64
/// KiB. What is thrown without being a std::exception (an int, say) is described by type and value and
/// arrives as a RuntimeError. Throws std::bad_alloc, and std::logic_error when no exception is being handled;
/// `out` is then as before.
void encode_current_exception(ByteWriter& out);

/// At the caller: the exception to throw, never null. `pid` is the worker's process id. Throws DecodeError.
[[nodiscard]] std::exception_ptr decode_exception(ByteReader& in, std::int64_t pid);

} // namespace aio
