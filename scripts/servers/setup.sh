#!/usr/bin/env bash
# Two environments with real servers: .venv-serve (`transformers serve`, about 6 GB) and .venv-litellm (LiteLLM's proxy).
# Usage: scripts/servers/setup.sh     run it again at any time; then: .venv/bin/python -m pytest -m slow tests/models
# They are kept apart from .venv: torchvision fails to import next to the CPU build of torch there, and the servers pin
# other versions of our packages.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

install() { # ENVIRONMENT PACKAGE...
    local venv=$1
    shift
    local wanted
    wanted=$(printf '%s\n' "$@")
    if [ "$(cat "$venv/setup.done" 2>/dev/null)" = "$wanted" ]; then
        echo "$venv is ready"
        return
    fi
    [ -x "$venv/bin/python" ] || .venv/bin/python -m venv "$venv" 2>/dev/null || python3 -m venv "$venv"
    echo "installing $1 and $(($# - 1)) others into $venv (minutes)"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile "$@"
    printf '%s' "$wanted" >"$venv/setup.done"
    echo "$venv is ready"
}

# torchcodec reads the audio out of a video, which `transformers serve` always does; it needs FFmpeg's shared libraries.
install .venv-serve torch==2.14.1 torchvision==0.29.1 torchcodec==0.17.0 'transformers[serving]==5.24.0' \
    accelerate==1.15.0 av==18.1.0 librosa==0.11.0 pyyaml jinja2
install .venv-litellm 'litellm[proxy]==1.108.7'
