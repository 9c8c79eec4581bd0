#!/usr/bin/env bash
# Set everything up, then check style, types and behaviour.
# Usage: ./scripts/test.sh [pytest arguments]        for example ./scripts/test.sh tests/parsing -x
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
./scripts/setup.sh
export HF_HUB_OFFLINE=1
unset PYTHONDONTWRITEBYTECODE  # where it is set, each of some hundred processes would compile torch again
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/mypy &
types=$!
status=0
# One more than processors: many tests wait for a process, a server or a kill.
.venv/bin/python -m pytest -n "$(($(nproc) + 1))" --dist loadfile --no-loadscope-reorder -m "not slow" \
    --durations=25 --durations-min=5 "$@" || status=$?
wait "$types" || status=$?
times=$(mktemp)
times >"$times"  # of this shell, then of all that it started; not in a subshell, which would count from zero
printf '%s s by the clock, %s of processor time\n' "$SECONDS" \
    "$(awk 'NR == 2 { split($1, u, /[ms]/); split($2, s, /[ms]/); print int(60 * (u[1] + s[1]) + u[2] + s[2]) " s" }' "$times")"
rm -f "$times"
exit "$status"
