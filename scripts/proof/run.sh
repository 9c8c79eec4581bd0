#!/usr/bin/env bash
# The whole proof, from nothing: trains the tiny model, builds the clips, tunes it in five ways with three seeds, and
# writes table.md and ablation.png. About 45 minutes of one core. Runs again where it was stopped.
#
#   ./scripts/proof/run.sh FOLDER
set -euo pipefail
mkdir -p "${1:?"usage: $0 FOLDER"}"
out=$(cd "$1" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
[[ -e $out/base ]] || python -m mma_bench.synthetic.pretrain --out "$out/base" --seed 0
[[ -e $out/synthetic ]] || python -m builder run --config builder/configs/synthetic.yaml --work "$out/work" \
  --out "$out/synthetic" --set source.train=50 --set source.test=10
python scripts/proof/ablation.py --base "$out/base" --data "$out/synthetic" --out "$out/ablation"
