#include <aio/uv/listener.hpp>

#include <uv.h>

namespace aio::uv {

bool Listener::Accepted::none_waiting() const noexcept { return status_ == UV_EAGAIN; }

bool Listener::Accepted::short_of_resources() const noexcept {
    return status_ == UV_EMFILE || status_ == UV_ENFILE || status_ == UV_ENOBUFS || status_ == UV_ENOMEM;
}

Listener::Listener(Loop& loop, Descriptor socket, Callback ready)
    : socket_(std::move(socket)),
      ready_(ready),
      poll_(loop, socket_.get(), bind_poll<&Listener::on_event>(*this)) {}

void Listener::start_watching() {
    if (watching_) return;
    poll_.start(PollEvents::readable);
    watching_ = true;
}

void Listener::stop_watching() noexcept {
    if (!watching_) return;
    poll_.stop();
    watching_ = false;
}

void Listener::on_event(int status, PollEvents) noexcept {
    // libuv has stopped watching; whoever accepts now learns why.
    if (status < 0) watching_ = false;
    ready_();
}

} // namespace aio::uv
