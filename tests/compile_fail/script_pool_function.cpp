// expect: a ScriptPoolExecutor calls functions of scripts
#include <aio/executors/script_pool.hpp>

class Language {
public:
    static constexpr const char* language = "none";
    void set_global(const std::string&, const aio::Value&) {}
    aio::Value exec(const std::string&, const aio::ScriptRun&) { return {}; }
    aio::Value call(const std::string&, std::span<const aio::Value>, const aio::ScriptRun&) { return {}; }
};

inline int answer() { return 42; }

auto submit(aio::ScriptPoolExecutor<Language>& pool) {
#ifdef FIXED
    return pool.submit(aio::script_function<int>("answer"));
#else
    return pool.submit(answer);
#endif
}
