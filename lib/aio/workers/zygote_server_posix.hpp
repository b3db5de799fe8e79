#pragma once
// What runs in the zygote: a process that does nothing but fork workers when told to.
//
// Why a process of its own: forking a program that has threads copies their locks in whatever state they are,
// and a child that then formats a time or resolves a name deadlocks. The zygote has one thread and no event
// loop, so its copies are sound; it is small, so copying is fast; and its children live exactly as long as it
// does. (The idea is Android's and Chrome's; Erlang's erl_child_setup and Python's forkserver are the same
// thing.)
//
// The chain that leaves no orphans: the program dies -> the zygote sees the end of its socket, kills its
// workers, collects them and leaves. Should the zygote die first, the kernel kills its workers, which have
// asked to die with it.

#include <aio/uv/descriptor.hpp>

namespace aio::detail {

/// Turns this process into the zygote at the other end of `control` and serves until that is closed. To be
/// called in a process with one thread. All signals are blocked for good: Ctrl-C in the terminal and SIGTERM
/// are the program's to handle; the zygote ends when the program does.
[[noreturn]] void run_zygote(uv::Descriptor control) noexcept;

} // namespace aio::detail
