#include <aio/workers/remote_call.hpp>

namespace aio {

namespace detail {

void expect_signature(ByteReader& in, std::uint64_t expected) {
    if (in.read_scalar<std::uint64_t>() != expected) {
        throw RuntimeError(
            "the call has another signature than the function it names: the processes run different builds");
    }
}

AnyFunction decode_function(ByteReader& in) {
    const auto module_id = in.read_scalar<std::uint64_t>();
    const auto offset = in.read_scalar<std::uint64_t>();
    return resolve(CodeReference(module_id, offset));
}

} // namespace detail

void execute_call(std::span<const std::byte> payload, ByteWriter& out) {
    ByteReader in(payload);
    in.set_buffer_link(out.buffer_link());
    const auto thunk = reinterpret_cast<detail::CallThunk>(detail::decode_function(in));
    thunk(in, out);
}

} // namespace aio
