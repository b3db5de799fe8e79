# shellcheck shell=bash
# Sourced by tests/run and samples/run: installs what a build needs and this machine lacks.
#
#   prerequisites NAME...    NAME as in the table below. Returns 0 when a build can go on, 1 when a tool without
#                            which there is none is missing and could not be installed (it has then said what to do).
#
# Installing takes apt-get, and root or sudo. Elsewhere a missing tool is named, and a missing library comes from the
# wraps in subprojects/.

: "${GXX:=g++}"

# The newest clang++ this project is tested with, or nothing. Older than 19 cannot compile aiouv's tests.
find_clang() {
    local candidate
    for candidate in ${CLANGXX:-clang++-19 clang++-20 clang++-21 clang++-22 clang++}; do
        if command -v "$candidate" >/dev/null && [[ $("$candidate" -dumpversion) =~ ^([0-9]+) ]] \
            && ((BASH_REMATCH[1] >= 19)); then
            echo "$candidate"
            return 0
        fi
    done
    return 1
}

can_include() { echo "#include <$1>" | "$GXX" -std=c++20 -E -x c++ - >/dev/null 2>&1; }

# The table: how a prerequisite is seen to be there, its package in Debian, and what its absence means.
prerequisite() {
    case $1 in
    compiler) package=g++ kind=tool; is_there() { command -v "$GXX"; } ;;
    meson) package=meson kind=tool; is_there() { command -v meson; } ;;
    ninja) package=ninja-build kind=tool; is_there() { command -v ninja; } ;;
    pkg-config) package=pkg-config kind=tool; is_there() { command -v pkg-config; } ;;
    git) package=git kind=tool; is_there() { command -v git; } ;;
    python3) package=python3 kind=tool; is_there() { command -v python3; } ;;
    libuv) package=libuv1-dev kind=library; is_there() { pkg-config --atleast-version=1.44 libuv; } ;;
    doctest) package=doctest-dev kind=library; is_there() { can_include doctest/doctest.h; } ;;
    lua)
        package=liblua5.4-dev kind=library
        is_there() {
            pkg-config --exists lua5.4 || pkg-config --exists lua-5.4 || pkg-config --exists lua54 \
                || pkg-config --atleast-version=5.4 lua
        }
        ;;
    openssl) package=libssl-dev kind=tool; is_there() { pkg-config --atleast-version=3.0 openssl; } ;;
    boost) package=libboost-dev kind=convenience; is_there() { can_include boost/beast/http/parser.hpp; } ;;
    curl) package=curl kind=convenience; is_there() { command -v curl; } ;;
    wrk) package=wrk kind=convenience; is_there() { command -v wrk; } ;;
    socat) package=socat kind=convenience; is_there() { command -v socat; } ;;
    nc) package=netcat-openbsd kind=convenience; is_there() { command -v nc; } ;;
    redis) package=redis-server kind=convenience; is_there() { command -v redis-server; } ;;
    browser)
        package=chromium-headless-shell kind=convenience
        is_there() { command -v chromium-headless-shell || command -v chromium || command -v google-chrome; }
        ;;
    strace) package=strace kind=convenience; is_there() { command -v strace; } ;;
    openssl-tool) package=openssl kind=convenience; is_there() { command -v openssl; } ;;
    benchmark) package=libbenchmark-dev kind=library; is_there() { pkg-config --exists benchmark; } ;;
    ccache) package=ccache kind=convenience; is_there() { command -v ccache; } ;;
    valgrind) package=valgrind kind=convenience; is_there() { command -v valgrind; } ;;
    clang) package=clang-19 kind=suite; is_there() { find_clang; } ;;
    clang-runtime)
        package=libclang-rt-19-dev kind=suite
        is_there() {
            local clang
            clang=$(find_clang) && echo 'int main() {}' | "$clang" -fsanitize=thread -x c++ - -o /dev/null
        }
        ;;
    symbolizer)
        package=llvm-19 kind=convenience
        is_there() {
            local clang
            clang=$(find_clang) && [[ -x $(dirname "$(readlink -f "$(command -v "$clang")")")/llvm-symbolizer ]]
        }
        ;;
    *) echo "prerequisites: no such name: $1" >&2; exit 2 ;;
    esac
}

prerequisite_is_there() { prerequisite "$1"; is_there >/dev/null 2>&1; }

apt_install() {
    local as_root=()
    if ((EUID != 0)); then
        command -v sudo >/dev/null || return 1
        as_root=(sudo)
        [[ -t 0 ]] || as_root+=(-n)
    fi
    local log
    log=$(mktemp)
    local get=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300)
    echo "installing: $*"
    {
        "${get[@]}" update
        # One at a time when all together do not go: what this release lacks must not keep the rest away.
        "${get[@]}" install -y --no-install-recommends "$@" || {
            local one
            for one; do "${get[@]}" install -y --no-install-recommends "$one"; done
        }
    } </dev/null >"$log" 2>&1 || {
        tail -n 5 "$log" >&2
        return 1
    }
}

prerequisites() {
    local name package kind missing=() packages=() tools=() libraries=()
    for name; do
        if ! prerequisite_is_there "$name"; then
            missing+=("$name")
            packages+=("$package")
        fi
    done
    ((${#missing[@]})) || return 0

    command -v apt-get >/dev/null && apt_install "${packages[@]}"

    for name in "${missing[@]}"; do
        prerequisite_is_there "$name" && continue
        case $kind in
        tool) tools+=("$package") ;;
        library) libraries+=("$package") ;;
        esac
    done
    if ((${#libraries[@]})); then
        echo "not installed: ${libraries[*]} (Debian's names); Meson will fetch and build what it needs of them"
    fi
    if ((${#tools[@]})); then
        echo "please install: ${tools[*]} (Debian's names), then run this again" >&2
        return 1
    fi
}
