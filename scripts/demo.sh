#!/usr/bin/env bash
# Build a small benchmark from real media, evaluate two models and the baselines, write a report.
# Usage: ./scripts/demo.sh [FOLDER]     FOLDER takes all that is made (default: the repository)
# Run it again at any time: finished steps are not repeated.
set -euo pipefail
mkdir -p "${1:-$(dirname "${BASH_SOURCE[0]}")/..}"
folder=$(cd "${1:-$(dirname "${BASH_SOURCE[0]}")/..}" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."
./scripts/setup.sh
export HF_HUB_OFFLINE=1
say() { printf '[demo] %s\n' "$*"; }

say "building mma-bench from photos and sounds"
.venv/bin/python -m builder run --config builder/configs/demo.yaml --work "$folder/work/demo" --out "$folder/mma-bench"
runs=()
for model in fusion cascade baseline:majority baseline:random baseline:visual-only baseline:audio-only; do
    run=$folder/runs/demo/${model#baseline:}
    say "evaluating $model"
    .venv/bin/mma-bench eval --data "$folder/mma-bench" --model "$model" --run "$run" >/dev/null  # the report has the table
    runs+=("$run")
done
say "writing the report"
.venv/bin/mma-bench report "${runs[@]}" --out "$folder/report"
