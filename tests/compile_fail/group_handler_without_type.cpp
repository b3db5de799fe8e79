// expect: a handler of ExceptionGroup::handle has one parameter with a type
#include <aio/structure/exception_group.hpp>

void ignore(const aio::ExceptionGroup& group) {
#ifdef FIXED
    group.handle([](const std::exception&) {});
#else
    group.handle([](const auto&) {});
#endif
}
