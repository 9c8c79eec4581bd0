#!/usr/bin/env bash
# The whole proof, from nothing: trains three tiny models, builds the clips, tunes each model in all ways of
# ablation.py, and writes table.md and ablation.png. About an hour of two cores (six ways took 45 minutes). Runs again where it was stopped.
#
#   ./scripts/proof/run.sh FOLDER
set -euo pipefail
mkdir -p "${1:?"usage: $0 FOLDER"}"
out=$(cd "$1" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
[[ ! -d .venv ]] || PATH=$PWD/.venv/bin:$PATH  # what scripts/setup.sh makes
cores=$(nproc)
[[ -e $out/synthetic ]] || python -m builder run --config builder/configs/synthetic.yaml --work "$out/work" \
  --out "$out/synthetic" --set source.train=50 --set source.test=10
for seed in 0 1 2; do
  [[ -e $out/base$seed ]] || echo "$seed"
done | OMP_NUM_THREADS=1 xargs -r -P "$cores" -I SEED python -m mma_bench.synthetic.pretrain --out "$out/baseSEED" --seed SEED
OMP_NUM_THREADS=1 python scripts/proof/ablation.py --base "$out/base0" --base "$out/base1" --base "$out/base2" \
  --data "$out/synthetic" --out "$out/ablation" --jobs "$cores"
