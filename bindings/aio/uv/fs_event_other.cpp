#include <aio/uv/fs_event.hpp>

#include <aio/uv/detail/handle_block.hpp>
#include <aio/uv/loop.hpp>

namespace aio::uv {
namespace {

struct State {
    FsEvent::Handler handler{};
};
using Block = detail::HandleBlock<uv_fs_event_t, State>;
Block& block_of(void* p) noexcept { return *static_cast<Block*>(p); }

} // namespace

FsEvent::FsEvent(Loop& loop)
    : block_(Block::create([&](uv_fs_event_t* h) { return uv_fs_event_init(loop.native(), h); },
                           "create a file-system watcher")) {}

FsEvent::~FsEvent() { block_of(block_).close(); }

void FsEvent::start(const std::string& path, Handler handler) {
    Block& block = block_of(block_);
    block.state.handler = handler;
    const auto on_event = [](uv_fs_event_t* h, const char* name, int events, int status) noexcept {
        const Handler& told = Block::of(h).state.handler;
        told.function(told.context, (events & UV_RENAME) != 0 ? What::renamed : What::changed,
                      name == nullptr ? std::string_view() : std::string_view(name), status);
    };
    check(uv_fs_event_start(&block.handle, on_event, path.c_str(), 0), "watch " + path);
}

} // namespace aio::uv
