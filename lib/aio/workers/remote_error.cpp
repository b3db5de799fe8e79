#include <aio/workers/remote_error.hpp>

#include <aio/core/errors.hpp>
#include <aio/core/type_name.hpp>
#include <aio/workers/codec.hpp>

#include <filesystem>
#include <functional>
#include <ios>
#include <new>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <typeinfo>
#include <variant>

namespace aio {

namespace {

constexpr std::size_t max_text = std::size_t{64} << 10;
constexpr std::size_t max_nested = 16;

/// How an exception is made again.
enum class Construction : std::uint8_t {
    from_message,
    from_nothing,
    system,
    stream,
    filesystem,
    cancelled,
    exit,
    interrupt,
    base,
    exception,
};

/// Types made from a message, derived ones before their bases.
using MessageErrors =
    detail::TypeList<TimeoutError, RuntimeError, DecodeError, EncodeError, ValueError, InvalidStateError,
                     std::invalid_argument, std::domain_error, std::length_error, std::out_of_range,
                     std::range_error, std::overflow_error, std::underflow_error, std::logic_error,
                     std::runtime_error>;

/// Types made from nothing. What is none of these either arrives as std::exception.
using PlainErrors = detail::TypeList<std::bad_alloc, std::bad_optional_access, std::bad_variant_access,
                                     std::bad_function_call, std::bad_cast>;

struct ErrorCodeText {
    std::string category;
    int value = 0;
    int generic_value = 0;
};

struct ErrorText {
    std::string type_name;
    std::string message;
    std::vector<std::string> nested;
    Construction construction = Construction::from_message;
    std::uint8_t index = 0;
    int exit_code = 0;
    std::optional<ErrorCodeText> code;
    std::vector<std::filesystem::path> paths;
};

/// Codes of a category that this process does not know keep their value under this one.
class UnknownCategory : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "aio.remote"; }
    [[nodiscard]] std::string message(int value) const override {
        return "error " + std::to_string(value) + " of a category unknown in this process";
    }
};

const std::error_category& unknown_category() {
    static const UnknownCategory category;
    return category;
}

std::string cut(const char* text) {
    std::string_view view = text == nullptr ? "" : text;
    if (view.size() > max_text) {
        return std::string(view.substr(0, max_text)) + " ... (cut)";
    }
    return std::string(view);
}

// Writing.
// --------------------------------------------------------------------------------------------------------

template <class... Ts>
std::uint8_t index_among(detail::TypeList<Ts...>, const std::exception& error) {
    std::uint8_t index = 0;
    static_cast<void>(((dynamic_cast<const Ts*>(&error) == nullptr && (++index, true)) && ...));
    return index;
}

template <class... Ts>
constexpr std::uint8_t count_of(detail::TypeList<Ts...>) {
    return static_cast<std::uint8_t>(sizeof...(Ts));
}

ErrorCodeText describe_code(const std::error_code& code) {
    const std::error_condition condition = code.default_error_condition();
    return {code.category().name(), code.value(),
            condition.category() == std::generic_category() ? condition.value() : 0};
}

/// The way to make something that is caught where `error` would be.
void classify(const std::exception& error, ErrorText& text) {
    if (const auto* system = dynamic_cast<const std::system_error*>(&error)) {
        text.code = describe_code(system->code());
        text.construction = Construction::system;
        if (const auto* file = dynamic_cast<const std::filesystem::filesystem_error*>(&error)) {
            text.construction = Construction::filesystem;
            text.paths = {file->path1(), file->path2()};
        } else if (dynamic_cast<const std::ios_base::failure*>(&error) != nullptr) {
            text.construction = Construction::stream;
        }
        return;
    }
    text.index = index_among(MessageErrors{}, error);
    text.construction = Construction::from_message;
    if (text.index == count_of(MessageErrors{})) {
        text.index = index_among(PlainErrors{}, error);
        text.construction =
            text.index == count_of(PlainErrors{}) ? Construction::exception : Construction::from_nothing;
    }
}

void collect_nested(const std::exception& error, std::vector<std::string>& texts) {
    const auto* link = dynamic_cast<const std::nested_exception*>(&error);
    if (link == nullptr || link->nested_ptr() == nullptr || texts.size() == max_nested) {
        return;
    }
    try {
        link->rethrow_nested();
    } catch (const std::exception& inner) {
        texts.push_back(detail::current_exception_type_name() + ": " + cut(inner.what()));
        collect_nested(inner, texts);
    } catch (...) {
        texts.push_back(detail::current_exception_type_name());
    }
}

void describe_value(ErrorText& text, const std::string& value) {
    text.message = "a value of type " + text.type_name + " was thrown" + (value.empty() ? "" : ": " + value);
    text.construction = Construction::from_message;
    text.index = index_among(MessageErrors{}, RuntimeError(""));
}

ErrorText describe_current_exception() {
    ErrorText text;
    text.type_name = detail::current_exception_type_name();
    try {
        throw;
    } catch (const std::exception& error) {
        text.message = cut(error.what());
        classify(error, text);
        collect_nested(error, text.nested);
        if (const auto* relayed = dynamic_cast<const RemoteErrorInfo*>(&error)) {
            text.type_name = relayed->type_name();
            text.nested = relayed->nested();
        }
    } catch (const CancelledError& error) {
        text.construction = Construction::cancelled;
        text.message = cut(error.message().c_str());
    } catch (const SystemExit& error) {
        text.construction = Construction::exit;
        text.message = cut(error.what());
        text.exit_code = error.code();
    } catch (const KeyboardInterrupt& error) {
        text.construction = Construction::interrupt;
        text.message = cut(error.what());
    } catch (const BaseError& error) {
        text.construction = Construction::base;
        text.message = cut(error.what());
    } catch (const std::string& value) {
        describe_value(text, cut(value.c_str()));
    } catch (const char* value) {
        describe_value(text, cut(value));
    } catch (int value) {
        describe_value(text, std::to_string(value));
    } catch (...) {
        describe_value(text, {});
    }
    return text;
}

// Reading.
// --------------------------------------------------------------------------------------------------------

std::error_code make_code(const std::optional<ErrorCodeText>& text) {
    if (!text) {
        throw DecodeError("a system error without its code");
    }
    if (const std::error_category* category = find_error_category(text->category)) {
        return {text->value, *category};
    }
    if (text->generic_value != 0) {
        return {text->generic_value, std::generic_category()};
    }
    return {text->value, unknown_category()};
}

template <class T, class... Args>
std::exception_ptr make_remote(RemoteErrorInfo&& info, const Args&... args) {
    return std::make_exception_ptr(Remote<T>(std::move(info), args...));
}

template <class... Ts>
std::exception_ptr make_from_message(detail::TypeList<Ts...>, std::size_t index, RemoteErrorInfo&& info) {
    std::exception_ptr result;
    const std::string message = info.message();
    std::size_t at = 0;
    ((at++ == index ? void(result = make_remote<Ts>(std::move(info), message)) : void()), ...);
    return result;
}

template <class... Ts>
std::exception_ptr make_from_nothing(detail::TypeList<Ts...>, std::size_t index, RemoteErrorInfo&& info) {
    std::exception_ptr result;
    std::size_t at = 0;
    ((at++ == index ? void(result = make_remote<Ts>(std::move(info))) : void()), ...);
    return result;
}

std::exception_ptr make_exception(ErrorText&& text, std::int64_t pid) {
    const std::string message = text.message;
    RemoteErrorInfo info(std::move(text.type_name), std::move(text.message), pid, std::move(text.nested));
    switch (text.construction) {
    case Construction::from_message: return make_from_message(MessageErrors{}, text.index, std::move(info));
    case Construction::from_nothing: return make_from_nothing(PlainErrors{}, text.index, std::move(info));
    case Construction::system:
        return make_remote<std::system_error>(std::move(info), make_code(text.code), message);
    case Construction::stream:
        return make_remote<std::ios_base::failure>(std::move(info), message, make_code(text.code));
    case Construction::filesystem:
        text.paths.resize(2);
        return make_remote<std::filesystem::filesystem_error>(std::move(info), message, text.paths[0],
                                                              text.paths[1], make_code(text.code));
    case Construction::cancelled: return make_remote<CancelledError>(std::move(info), message);
    case Construction::exit: return make_remote<SystemExit>(std::move(info), text.exit_code);
    case Construction::interrupt: return make_remote<KeyboardInterrupt>(std::move(info));
    case Construction::base: return make_remote<BaseError>(std::move(info), message);
    case Construction::exception: return make_remote<std::exception>(std::move(info));
    }
    return nullptr;
}

} // namespace

void encode_current_exception(ByteWriter& out) {
    if (std::current_exception() == nullptr) {
        throw std::logic_error("encode_current_exception: no exception is being handled");
    }
    const std::size_t start = out.size();
    try {
        aio::encode(out, describe_current_exception());
    } catch (...) {
        out.truncate(start);
        throw;
    }
}

std::exception_ptr decode_exception(ByteReader& in, std::int64_t pid) {
    auto text = aio::decode<ErrorText>(in);
    const auto kind = static_cast<int>(text.construction);
    std::exception_ptr result = make_exception(std::move(text), pid);
    if (result == nullptr) {
        throw DecodeError("unknown kind " + std::to_string(kind) + " of remote exception");
    }
    return result;
}

} // namespace aio
