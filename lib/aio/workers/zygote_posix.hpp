#pragma once
// Starting a zygote, the process that forks workers (what it is for: <aio/workers/zygote_server_posix.hpp>).
//
// By fork: early in main, before the first thread. Workers then share everything loaded so far,
// copy-on-write. By exec: at any time, also with threads. The program is started once more and becomes a
// zygote in `serve_if_zygote`, which the library calls first thing in `run`; code of main() before that runs
// in the zygote too.

#include <aio/workers/zygote_process_posix.hpp>

namespace aio {

/// Forks this process into a zygote. Throws RuntimeError when it has more than one thread or the system does
/// not tell, std::system_error when it cannot fork. Buffered output is written first, so that it does not
/// appear twice.
[[nodiscard]] ZygoteProcess start_zygote_by_fork();

/// Starts this program again as a zygote, with the same arguments. Returns at once; that it works is told by
/// the ZygoteReady event of ZygoteClient. Should the program never come to call `serve_if_zygote`, that event
/// never arrives: allow it a limited time. Throws std::system_error. Thread-safe.
[[nodiscard]] ZygoteProcess start_zygote_by_exec();

/// In a process started by `start_zygote_by_exec`, becomes the zygote and never returns; in any other does
/// nothing. The mark it looks for is removed from the environment at once, so that programs started later do
/// not see it, and counts only together with the secret that waits in the socket it names. To be called
/// before any thread is started.
void serve_if_zygote();

} // namespace aio
