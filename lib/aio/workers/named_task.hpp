#pragma once
// Named tasks: functions that are called by a name that both processes agree on.
//
// A process pool names functions by their place in the program (<aio/workers/code_reference.hpp>), which
// needs no ceremony but also the same module, loaded in both processes. A function of a plugin that only the
// workers load is registered under a name instead, where it is defined:
//
//     Image resize(const Image& image, int width);
//     AIO_TASK("img.resize", resize)                                  // in the plugin
//
//     const auto resize = aio::named_task<Image(Image, int)>("img.resize");       // in the program
//     Image small = co_await loop.run_in_executor(processes, resize, image, 640);
//
// The name is looked up when the call runs. Before anything is read the signature is compared: what the two
// sides take and give must have the same structure (`schema_hash`), not the same types, so the program needs
// no header of the plugin.

#include <cstdint>
#include <source_location>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include <aio/core/intrusive_list.hpp>
#include <aio/workers/remote_call.hpp>

namespace aio {

namespace detail {

/// Reads the arguments, calls, and writes the result. `function` is what was registered, if that is a
/// function.
using NamedThunk = void (*)(AnyFunction function, ByteReader& in, ByteWriter& out);

template <class R, class... Params>
consteval std::uint64_t task_hash() {
    std::uint64_t hash = hash_text("task");
    if constexpr (!std::is_void_v<R>) {
        hash = hash_schema<std::remove_cv_t<R>>(hash);
    }
    return hash_schema<std::tuple<transferred_t<Params>...>>(hash);
}

template <class R, class... Params>
consteval void check_task_signature() {
    static_assert((Encodable<transferred_t<Params>> && ...),
                  "a named task's parameters must be of types that can be sent to another process");
    static_assert(TransferableResult<R>,
                  "a named task's result must be of a type that can be sent from another process");
}

/// What is known of a task where it is registered or called.
class TaskSignature {
public:
    template <class R, class... Params>
    static TaskSignature of() noexcept {
        check_task_signature<R, Params...>();
        return {task_hash<R, Params...>(), typeid(R(Params...))};
    }
    [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }
    /// As it is written: "int (double)".
    [[nodiscard]] std::string text() const;

private:
    TaskSignature(std::uint64_t hash, const std::type_info& type) noexcept : hash_(hash), type_(&type) {}
    std::uint64_t hash_;
    const std::type_info* type_;
};

/// The thunk and the signature of something that can be registered.
template <class F>
struct TaskFunction : TaskFunction<decltype(&F::operator())> {
    static_assert(callable_kind<F>() == CallableKind::stateless,
                  "a named task is a function or a lambda without captures");
    static void run(AnyFunction, ByteReader& in, ByteWriter& out) {
        TaskFunction::template run_as<F>(F{}, in, out);
    }
};
template <class R, class... Params>
struct TaskFunction<R (*)(Params...)> {
    static TaskSignature signature() noexcept { return TaskSignature::of<R, Params...>(); }
    static void run(AnyFunction function, ByteReader& in, ByteWriter& out) {
        run_as<R (*)(Params...)>(reinterpret_cast<R (*)(Params...)>(function), in, out);
    }
    template <class F>
    static void run_as(F callable, ByteReader& in, ByteWriter& out) {
        static_assert(std::is_invocable_v<F&, transferred_t<Params>...>,
                      "a named task cannot take a non-const reference");
        call_encoded<F, transferred_t<Params>...>(callable, in, out);
    }
};
template <class R, class... Params>
struct TaskFunction<R (*)(Params...) noexcept> : TaskFunction<R (*)(Params...)> {};
template <class T, class R, class... Params>
struct TaskFunction<R (T::*)(Params...)> : TaskFunction<R (*)(Params...)> {};
template <class T, class R, class... Params>
struct TaskFunction<R (T::*)(Params...) const> : TaskFunction<R (*)(Params...)> {};
template <class T, class R, class... Params>
struct TaskFunction<R (T::*)(Params...) noexcept> : TaskFunction<R (*)(Params...)> {};
template <class T, class R, class... Params>
struct TaskFunction<R (T::*)(Params...) const noexcept> : TaskFunction<R (*)(Params...)> {};

/// Calls the task of that name. Throws RuntimeError when there is none, more than one, or one with another
/// signature; besides, what it throws.
void run_named_task(const std::string& name, const TaskSignature& wanted, ByteReader& in, ByteWriter& out);

} // namespace detail

/// Makes a function known under a name for as long as it lives: what AIO_TASK defines. A second function of
/// the same name makes every call of that name an error that says where both are; the same function again,
/// from a header say, is no mistake. Thread-safe.
class TaskRegistration : public detail::ListNode {
public:
    /// `name` must live as long as this; so must the function's module.
    template <class F>
    TaskRegistration(const char* name, F function,
                     const std::source_location& where = std::source_location::current())
        : name_(name),
          where_(where),
          signature_(detail::TaskFunction<F>::signature()),
          thunk_(&detail::TaskFunction<F>::run) {
        if constexpr (std::is_pointer_v<F>) {
            function_ = reinterpret_cast<AnyFunction>(function);
        }
        enter();
    }
    /// Forgets the name, as when a plugin is unloaded.
    ~TaskRegistration();
    TaskRegistration(const TaskRegistration&) = delete;
    TaskRegistration& operator=(const TaskRegistration&) = delete;

    [[nodiscard]] std::string_view name() const noexcept { return name_; }
    /// "file:line".
    [[nodiscard]] std::string place() const;
    [[nodiscard]] const detail::TaskSignature& signature() const noexcept { return signature_; }
    [[nodiscard]] bool is_same_function(const TaskRegistration& other) const noexcept {
        return thunk_ == other.thunk_ && function_ == other.function_;
    }

private:
    friend void detail::run_named_task(const std::string&, const detail::TaskSignature&, ByteReader&,
                                       ByteWriter&);
    void enter();

    const char* name_;
    std::source_location where_;
    detail::TaskSignature signature_;
    detail::NamedThunk thunk_;
    AnyFunction function_ = nullptr;
};

template <class Signature>
class NamedTask;

/// A call by name, made by `named_task`: a callable that a process pool can send. It may be called anywhere,
/// also in this process if the task is registered here; arguments and result are copied by the codec.
template <class R, class... Params>
class NamedTask<R(Params...)> {
public:
    explicit NamedTask(std::string name) : name_(std::move(name)) {
        detail::check_task_signature<R, Params...>();
    }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    /// Calls the task registered in this process. Throws RuntimeError when the name is unknown, registered
    /// twice, or belongs to another signature; besides, what the task throws.
    R operator()(Params... arguments) const {
        ByteWriter call;
        if constexpr (sizeof...(Params) == 0) {
            aio::encode(call, std::tuple<>());
        } else {
            (detail::encode_argument(call, arguments), ...);
        }
        ByteReader in(call.bytes());
        ByteWriter result;
        run_encoded(in, result);
        return decode_result<R>(result.bytes());
    }

    /// For the library: the same with arguments that are encoded already, as these.
    using EncodedArguments = std::tuple<transferred_t<Params>...>;
    void run_encoded(ByteReader& in, ByteWriter& out) const {
        detail::run_named_task(name_, detail::TaskSignature::of<R, Params...>(), in, out);
    }

private:
    friend CodecAccess;
    NamedTask() = default;
    std::string name_;
    static constexpr auto aio_fields() { return std::tuple(&NamedTask::name_); }
};

/// The task of that name, which takes and gives what `Signature` says, a function type. Nothing is looked up
/// yet: the name need not be known in this process.
template <class Signature>
[[nodiscard]] NamedTask<Signature> named_task(std::string name) {
    return NamedTask<Signature>(std::move(name));
}

} // namespace aio

#define AIO_TASK_JOIN_2(a, b) a##b
#define AIO_TASK_JOIN(a, b) AIO_TASK_JOIN_2(a, b)

/// `AIO_TASK("name", function)`, at namespace scope, registers a function, or a lambda without captures,
/// while globals are initialised; for a plugin that is when it is loaded, and until it is unloaded. In a
/// static library, an object file of which nothing else is used is left out by the linker, its tasks
/// included: link the library as a whole. `function` must not be overloaded.
#define AIO_TASK(name, ...)                                                                                  \
    [[maybe_unused]] static const ::aio::TaskRegistration AIO_TASK_JOIN(aio_task_,                           \
                                                                        __COUNTER__)(name, __VA_ARGS__);
