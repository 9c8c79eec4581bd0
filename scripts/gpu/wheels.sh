#!/usr/bin/env bash
# Collect what scripts/gpu/check.sh needs on a GPU machine without a network (Python 3.12, Linux x86-64).
# Usage: scripts/gpu/wheels.sh        fills .gpu-wheels/ (ignored by git, about 50 MB); carry that folder along
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
wheels=.gpu-wheels
python=.venv/bin/python
[ -x "$python" ] || python=python3
limit_mb=60
# Versions are those of constraints.txt; torch, transformers, accelerate and numpy are the GPU machine's own.
packages=(pydantic pydantic-core annotated-types typing-inspection typing-extensions peft pyarrow)
pinned=()
for name in "${packages[@]}"; do
    pin=$(grep -iE "^${name//-/[-_]}==" constraints.txt | head -n 1)
    [ -n "$pin" ] || { echo "constraints.txt has no pin of $name; add it" >&2; exit 2; }
    pinned+=("$pin")
done
partial=$(mktemp -d)
trap 'rm -rf "$partial"' EXIT
platforms=()
for tag in manylinux_2_28_x86_64 manylinux_2_17_x86_64 manylinux2014_x86_64; do platforms+=(--platform "$tag"); done
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.12 \
    --implementation cp "${platforms[@]}" -d "$partial" "${pinned[@]}"
size=$(du -sm "$partial" | cut -f1)
[ "$size" -le "$limit_mb" ] || { echo "the wheels take $size MB, more than $limit_mb; drop one" >&2; exit 2; }
rm -rf "$wheels"
mkdir "$wheels"
mv "$partial"/*.whl "$wheels"/
echo "$(ls "$wheels" | wc -l) wheels, $size MB, in $wheels"
