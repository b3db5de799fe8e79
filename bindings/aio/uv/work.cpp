#include <aio/uv/work.hpp>

#include <new>

#include <uv.h>

#include <aio/uv/detail/work_queue.hpp>
#include <aio/uv/error.hpp>
#include <aio/uv/loop.hpp>

namespace aio::uv {

struct WorkAccess {
    static uv_work_t* request(Work& work) noexcept { return reinterpret_cast<uv_work_t*>(work.request_); }
    static void run(uv_work_t* request) noexcept {
        auto& work = *static_cast<Work*>(request->data);
        work.job_(work);
    }
    static void finish(uv_work_t* request, int status) noexcept {
        auto& work = *static_cast<Work*>(request->data);
        work.done_(work, status);
    }
    static_assert(sizeof(uv_work_t) <= sizeof(Work::request_), "make Work::request_ larger");
};

void Work::start(Loop& loop) {
    detail::note_use_of_work_queue();
    uv_work_t* request = ::new (static_cast<void*>(request_)) uv_work_t{};
    request->data = this;
    check(uv_queue_work(loop.native(), request, &WorkAccess::run, &WorkAccess::finish), "queue work");
}

bool Work::cancel() noexcept {
    return uv_cancel(reinterpret_cast<uv_req_t*>(WorkAccess::request(*this))) == 0;
}

} // namespace aio::uv
