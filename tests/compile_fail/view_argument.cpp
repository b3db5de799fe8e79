// expect: the call is not the same here and in another process
#include <string>
#include <string_view>

#include <aio/executors/process_pool.hpp>

std::size_t length(const std::string& text) { return text.size(); }

auto submit(aio::ProcessPoolExecutor& pool, std::string_view text) {
#ifdef FIXED
    return pool.submit(length, std::string(text));
#else
    return pool.submit(length, text);
#endif
}
