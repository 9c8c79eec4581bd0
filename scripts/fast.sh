#!/usr/bin/env bash
# Check style, types, and what can be tested in seconds, on what is installed: the loop while you write code.
# Usage: scripts/fast.sh [pytest arguments]       for example scripts/fast.sh tests/parsing -x; ./scripts/test.sh runs everything
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[ -x .venv/bin/python ] || { echo "run ./scripts/setup.sh first" >&2; exit 2; }
export HF_HUB_OFFLINE=1
unset PYTHONDONTWRITEBYTECODE
.venv/bin/ruff check --quiet .
.venv/bin/ruff format --quiet --check .
.venv/bin/mypy &
types=$!
status=0
.venv/bin/python -m pytest -m "fast and not slow" "$@" || status=$?
wait "$types" || status=$?
echo "$SECONDS s"
exit "$status"
