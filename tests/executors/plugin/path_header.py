"""path_header.py HEADER PLUGIN: writes a header that says where the tests' plugin lies."""

import sys

with open(sys.argv[1], "w") as header:
    print("#pragma once", file=header)
    print(f'inline constexpr const char* plugin_path = R"({sys.argv[2]})";', file=header)
