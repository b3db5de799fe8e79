#pragma once

namespace load {

/// Sends back what comes on connections to 127.0.0.1, with nothing but libuv. Writes the port, as a line, to
/// `report`, and does not return.
[[noreturn]] void serve_raw(int report);

} // namespace load
