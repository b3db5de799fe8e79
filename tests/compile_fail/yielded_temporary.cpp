// expect: a generator of references must not yield a temporary
#include <string>

#include <aio/core/async_generator.hpp>

aio::AsyncGenerator<const std::string&> words() {
#ifdef FIXED
    const std::string word = "word";
    co_yield word;
#else
    co_yield std::string("word");
#endif
}
