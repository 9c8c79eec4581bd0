#!/usr/bin/env bash
# Everything that needs a GPU, in at most 9 minutes on one H100 or H200: parity, precision, speed of the 7B architecture.
# Usage: scripts/gpu/check.sh [--tiny] [--out FOLDER]
#   --tiny      the same rows with tiny models on the CPU, in about a minute
#   --out       folder for gpu.json and gpu.md (default: gpu-check)
# Needs Python 3.12 with torch, torchvision, transformers, accelerate and safetensors; the rest comes from the folder that
# scripts/gpu/wheels.sh fills, because GPU machines often have no network. PYTHON names another interpreter.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
python=${PYTHON:-python3}
wheels=.gpu-wheels
if ! "$python" -c 'import sys; from importlib.util import find_spec; sys.exit(not (find_spec("pydantic") and find_spec("peft")))'; then
    compgen -G "$wheels/*.whl" >/dev/null ||
        { echo "pydantic or peft is missing; run scripts/gpu/wheels.sh where there is a network, and carry $wheels along" >&2; exit 2; }
    site=$(mktemp -d)
    trap 'rm -rf "$site"' EXIT
    "$python" -m pip install --quiet --no-index --no-deps --no-compile --target "$site" "$wheels"/*.whl
    export PYTHONPATH=$site${PYTHONPATH:+:$PYTHONPATH}
fi
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} HF_HUB_OFFLINE=1 PYTHONUNBUFFERED=1
"$python" scripts/gpu/check.py "$@"
