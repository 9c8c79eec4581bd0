#!/usr/bin/env bash
# Environments for the slow tests of the harnesses, as docs/harnesses.md installs them: .venv-inspect and .venv-lmms.
# Usage: scripts/harnesses/setup.sh [inspect|lmms]...       default: both; about 0.5 and 8 GB. Then:
#   MMA_BENCH_INSPECT_PYTHON=.venv-inspect/bin/python MMA_BENCH_LMMS_PYTHON=.venv-lmms/bin/python \
#       .venv/bin/python -m pytest -m slow tests/harnesses
# They are kept apart from .venv because what they need replaces its torch and datasets.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
[ $# -gt 0 ] || set -- inspect lmms
for name in "$@"; do
    # The one place that says what is installed is the document.
    line=$(grep -m 1 -oE "^python -m venv $name-env && .*" docs/harnesses.md) || { echo "no environment '$name'" >&2; exit 2; }
    line=${line//$name-env/.venv-$name}
    echo "$line"
    bash -ec "${line/python -m venv/python3 -m venv}"
done
