#!/usr/bin/env bash
# Build a small benchmark from real media, evaluate the cascade and the baselines, write a report.
# Usage: ./scripts/demo.sh         run it again at any time; finished steps are not repeated
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
./scripts/setup.sh
export HF_HUB_OFFLINE=1
python=.venv/bin/python
say() { printf '[demo] %s\n' "$*"; }

say "building mma-bench from photos and sounds"
$python -m builder run --config builder/configs/demo.yaml --work work/demo --out mma-bench
runs=()
for model in cascade baseline:majority baseline:random baseline:visual-only baseline:audio-only; do
    run=runs/demo/${model#baseline:}
    say "evaluating $model"
    .venv/bin/mma-bench eval --data mma-bench --model "$model" --run "$run"
    runs+=("$run")
done
say "writing the report"
.venv/bin/mma-bench report "${runs[@]}" --out report >/dev/null
say "report: $PWD/report/index.html"
