#include <aio/io/protocol.hpp>

#include <aio/core/errors.hpp>

namespace aio {

BaseProtocol::~BaseProtocol() {
    if (user_ != nullptr) user_->protocol_gone();
}

void BaseProtocol::connection_lost(std::exception_ptr) {}
void BaseProtocol::pause_writing() {}
void BaseProtocol::resume_writing() {}

void StreamProtocol::connection_made(Transport&) {}
bool StreamProtocol::eof_received() { return false; }

void Protocol::data_received(std::span<const std::byte>) {}

void detail::ProtocolUser::attach(BaseProtocol& protocol) {
    if (protocol.user_ != nullptr && protocol.user_ != this)
        throw RuntimeError("this protocol belongs to another transport");
    protocol.user_ = this;
}

} // namespace aio
