#include <aio/workers/remote_error.hpp>

#include <aio/core/errors.hpp>
#include <aio/workers/codec.hpp>

#include <doctest/doctest.h>

#include <any>
#include <filesystem>
#include <functional>
#include <ios>
#include <optional>
#include <system_error>
#include <variant>

namespace my {

class ParseError : public std::out_of_range {
public:
    using std::out_of_range::out_of_range;
};
class Odd {};
class OtherException : public std::exception {
public:
    [[nodiscard]] const char* what() const noexcept override { return nullptr; }
};
class Category : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "remote-error-test"; }
    [[nodiscard]] std::string message(int) const override { return "mine"; }
};

} // namespace my

namespace {

/// Throws `error`, sends it and gives what arrives.
template <class E>
std::exception_ptr send(const E& error) {
    aio::ByteWriter out;
    try {
        throw error;
    } catch (...) {
        aio::encode_current_exception(out);
    }
    aio::ByteReader in(out.bytes());
    std::exception_ptr result = aio::decode_exception(in, 123);
    in.expect_end();
    return result;
}

/// True when what arrives is caught as `Caught` and as RemoteErrorInfo, with the text that was thrown.
template <class Caught, class E>
bool arrives_as(const E& error, const std::string& message) {
    bool as_type = false;
    bool as_info = false;
    try {
        std::rethrow_exception(send(error));
    } catch (const Caught&) {
        as_type = true;
    } catch (...) {
    }
    try {
        std::rethrow_exception(send(error));
    } catch (const aio::RemoteErrorInfo& info) {
        as_info = info.pid() == 123 && info.message() == message;
    }
    return as_type && as_info;
}

} // namespace

TEST_CASE("remote error: standard exceptions arrive as themselves") {
    CHECK(arrives_as<std::logic_error>(std::logic_error("a"), "a"));
    CHECK(arrives_as<std::invalid_argument>(std::invalid_argument("a"), "a"));
    CHECK(arrives_as<std::domain_error>(std::domain_error("a"), "a"));
    CHECK(arrives_as<std::length_error>(std::length_error("a"), "a"));
    CHECK(arrives_as<std::out_of_range>(std::out_of_range("a"), "a"));
    CHECK(arrives_as<std::runtime_error>(std::runtime_error("a"), "a"));
    CHECK(arrives_as<std::range_error>(std::range_error("a"), "a"));
    CHECK(arrives_as<std::overflow_error>(std::overflow_error("a"), "a"));
    CHECK(arrives_as<std::underflow_error>(std::underflow_error("a"), "a"));
    CHECK(arrives_as<std::bad_alloc>(std::bad_alloc(), std::bad_alloc().what()));
    CHECK(arrives_as<std::bad_cast>(std::bad_cast(), std::bad_cast().what()));
    CHECK(arrives_as<std::bad_cast>(std::bad_any_cast(), std::bad_any_cast().what()));
    CHECK(arrives_as<std::bad_function_call>(std::bad_function_call(), std::bad_function_call().what()));
    CHECK(
        arrives_as<std::bad_optional_access>(std::bad_optional_access(), std::bad_optional_access().what()));
    CHECK(arrives_as<std::bad_variant_access>(std::bad_variant_access(), std::bad_variant_access().what()));
    CHECK(arrives_as<std::exception>(std::exception(), std::exception().what()));
}

TEST_CASE("remote error: aiouv's exceptions arrive as themselves") {
    CHECK(arrives_as<aio::RuntimeError>(aio::RuntimeError("a"), "a"));
    CHECK(arrives_as<aio::ValueError>(aio::ValueError("a"), "a"));
    CHECK(arrives_as<aio::InvalidStateError>(aio::InvalidStateError("a"), "a"));
    CHECK(arrives_as<aio::TimeoutError>(aio::TimeoutError(), "timed out"));
    CHECK(arrives_as<aio::DecodeError>(aio::DecodeError("a"), "a"));
    CHECK(arrives_as<aio::CancelledError>(aio::CancelledError("why"), "why"));
    CHECK(arrives_as<aio::KeyboardInterrupt>(aio::KeyboardInterrupt(), aio::KeyboardInterrupt().what()));
    CHECK(arrives_as<aio::BaseError>(aio::BaseError("base"), "base"));
}

TEST_CASE("rule 112: SystemExit arrives with its code") {
    try {
        std::rethrow_exception(send(aio::SystemExit(3)));
    } catch (const aio::SystemExit& error) {
        CHECK(error.code() == 3);
    }
}

TEST_CASE("remote error: a type of one's own arrives as its most specific known base, with its name") {
    try {
        std::rethrow_exception(send(my::ParseError("line 3")));
    } catch (const std::out_of_range& error) {
        CHECK(std::string(error.what()) == "line 3");
        const auto* info = dynamic_cast<const aio::RemoteErrorInfo*>(&error);
        REQUIRE(info != nullptr);
        CHECK(info->type_name() == "my::ParseError");
        CHECK(info->pid() == 123);
    }
    CHECK(arrives_as<std::exception>(my::OtherException(), ""));
}

TEST_CASE("remote error: system errors keep their code and category") {
    try {
        std::rethrow_exception(send(std::system_error(ENOENT, std::system_category(), "open")));
    } catch (const std::system_error& error) {
        CHECK(error.code() == std::error_code(ENOENT, std::system_category()));
        CHECK(error.code() == std::errc::no_such_file_or_directory);
        CHECK(std::string(error.what()) == std::system_error(ENOENT, std::system_category(), "open").what());
    }
    try {
        std::rethrow_exception(send(std::ios_base::failure("stream", std::io_errc::stream)));
    } catch (const std::ios_base::failure& error) {
        CHECK(error.code() == std::io_errc::stream);
    }
    try {
        const auto code = std::make_error_code(std::errc::permission_denied);
        std::rethrow_exception(send(std::filesystem::filesystem_error("copy", "/from", "/to", code)));
    } catch (const std::filesystem::filesystem_error& error) {
        CHECK(error.path1() == "/from");
        CHECK(error.path2() == "/to");
        CHECK(error.code() == std::errc::permission_denied);
    }
}

TEST_CASE("remote error: a code of an unknown category keeps its value, and its category once registered") {
    static const my::Category category;
    try {
        std::rethrow_exception(send(std::system_error(77, category)));
    } catch (const std::system_error& error) {
        CHECK(error.code().value() == 77);
        CHECK(error.code().category() != category);
    }
    aio::register_error_category(category);
    try {
        std::rethrow_exception(send(std::system_error(77, category)));
    } catch (const std::system_error& error) {
        CHECK(error.code() == std::error_code(77, category));
    }
}

TEST_CASE("remote error: the chain of nested exceptions arrives as text") {
    aio::ByteWriter out;
    try {
        try {
            try {
                throw 5;
            } catch (...) {
                std::throw_with_nested(std::out_of_range("inner"));
            }
        } catch (...) {
            std::throw_with_nested(std::runtime_error("outer"));
        }
    } catch (...) {
        aio::encode_current_exception(out);
    }
    aio::ByteReader in(out.bytes());
    try {
        std::rethrow_exception(aio::decode_exception(in, 1));
    } catch (const aio::RemoteErrorInfo& info) {
        CHECK(info.message() == "outer");
        REQUIRE(info.nested().size() == 2);
        CHECK(info.nested()[0].find("out_of_range") != std::string::npos);
        CHECK(info.nested()[0].find(": inner") != std::string::npos);
        CHECK(info.nested()[1] == "int");
    }
}

TEST_CASE("remote error: what is no exception arrives as a RuntimeError that names the type") {
    CHECK(arrives_as<aio::RuntimeError>(42, "a value of type int was thrown: 42"));
    CHECK(arrives_as<aio::RuntimeError>(my::Odd(), "a value of type my::Odd was thrown"));
    CHECK(arrives_as<aio::RuntimeError>("text", "a value of type char const* was thrown: text"));
}

TEST_CASE("remote error: an error that comes from a further process keeps its name") {
    const aio::RemoteErrorInfo origin("far::Away", "message", 9, {"cause: why"});
    try {
        std::rethrow_exception(send(aio::Remote<std::runtime_error>(origin, "message")));
    } catch (const aio::RemoteErrorInfo& info) {
        CHECK(info.type_name() == "far::Away");
        CHECK(info.nested() == std::vector<std::string>{"cause: why"});
    }
}

TEST_CASE("remote error: endless texts are cut") {
    try {
        std::rethrow_exception(send(std::runtime_error(std::string(1 << 20, 'x'))));
    } catch (const std::runtime_error& error) {
        CHECK(std::string(error.what()).size() < (1 << 17));
    }
}

TEST_CASE("remote error: broken bytes are a DecodeError") {
    aio::ByteWriter out;
    try {
        throw std::system_error(ENOENT, std::system_category(), "open");
    } catch (...) {
        aio::encode_current_exception(out);
    }
    for (std::size_t length = 0; length < out.size(); ++length) {
        aio::ByteReader in(out.bytes().first(length));
        CHECK_THROWS_AS(static_cast<void>(aio::decode_exception(in, 1)), aio::DecodeError);
    }
}
