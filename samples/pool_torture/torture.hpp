#pragma once

/// The run: some tasks feed the pool, one kills its workers, one shows what happens.

#include <cstdint>
#include <random>
#include <set>

#include <aio/aio.hpp>

#include "display.hpp"
#include "figures.hpp"
#include "options.hpp"

namespace pool_torture {

class Torture {
public:
    explicit Torture(const Options& options);

    /// Ends when the time is over and the last call has ended.
    aio::Coro<> run();
    [[nodiscard]] const Figures& figures() const { return figures_; }

private:
    aio::Coro<> feed();
    aio::Coro<> one_call();
    aio::Coro<> kill_at_random();
    aio::Coro<> show();
    void kill_one();
    void look_at_workers();

    const Options& options_;
    aio::ProcessPoolExecutor pool_;
    Figures figures_;
    Display display_;
    std::mt19937_64 random_;
    /// Whom this program has killed.
    std::set<int> victims_;
    bool over_ = false;
};

} // namespace pool_torture
