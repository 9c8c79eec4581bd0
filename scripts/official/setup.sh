#!/usr/bin/env bash
# An environment with torchvision, in which the official processors of the Omni models run: .venv-official, about 6 GB.
# Usage: scripts/official/setup.sh        run it again at any time; then: .venv/bin/python -m pytest -m slow tests/models
# It is kept apart from .venv because torchvision fails to import next to the CPU build of torch there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
venv=.venv-official
packages=(torch==2.14.1 torchvision==0.29.1 transformers==5.24.0 accelerate==1.15.0 peft==0.21.2 pydantic==2.14.3
    timm==1.0.31 av==18.1.0 pyarrow==26.0.1 numpy==2.4.6 pyyaml tqdm jinja2)
wanted=$(printf '%s\n' "${packages[@]}")
if [ "$(cat $venv/setup.done 2>/dev/null)" = "$wanted" ]; then
    echo "$venv is ready"
    exit
fi
[ -x $venv/bin/python ] || .venv/bin/python -m venv $venv 2>/dev/null || python3 -m venv $venv
echo "installing torch, torchvision and transformers into $venv (about 6 GB, minutes)"
$venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile "${packages[@]}"
printf '%s' "$wanted" >$venv/setup.done
echo "$venv is ready"
