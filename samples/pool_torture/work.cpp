#include "work.hpp"

#include <unistd.h>

namespace pool_torture {

std::uint64_t answer_to(std::uint64_t question) {
    // The finalizer of the splitmix64 generator.
    std::uint64_t x = question + 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27U)) * 0x94d049bb133111eb;
    return x ^ (x >> 31U);
}

Answer work(std::uint64_t question, std::uint64_t rounds) {
    // Each step needs the one before, so that the loop takes its time.
    volatile std::uint64_t chain = question;
    for (std::uint64_t i = 0; i < rounds; ++i) chain = chain + i;
    Answer answer;
    answer.pid = getpid();
    answer.value = answer_to(question);
    return answer;
}

} // namespace pool_torture
