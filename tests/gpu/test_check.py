"""The GPU check, in its tiny form on a CPU: what a GPU machine runs is known to work before there is one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

ABSENT = ("datasets", "webdataset", "av", "torchcodec", "librosa", "pandas", "pyarrow", "click", "cv2", "onnxruntime")
"""What GPU machines without a network lack, or may lack."""

QUICK = ("bfloat16", "252 pixels", "attention", "family")
"""Of each kind one."""

HIDE = f"""
import sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {ABSENT!r} else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Without
"""
"""As if they were not installed: they are not found, and libraries that ask whether they are there are told so."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Every Python process started with it misses the modules in `ABSENT`."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "sitecustomize.py").write_text(HIDE)
    return {**os.environ, "PYTHONPATH": str(folder), "PYTHON": sys.executable, "OMP_NUM_THREADS": "1"}


@pytest.mark.parametrize("only", [QUICK, pytest.param((), marks=pytest.mark.slow)])
def test_the_tiny_form_runs_without_what_gpu_machines_lack(
    only: tuple[str, ...], environment: dict[str, str], tmp_path: Path
) -> None:
    hidden = subprocess.run([sys.executable, "-c", "import av"], env=environment, capture_output=True, check=False)
    assert hidden.returncode != 0, "the modules must really be hidden for this to show anything"
    chosen = [part for name in only for part in ("--only", name)]
    run = subprocess.run(
        ["scripts/gpu/check.sh", "--tiny", "--out", str(tmp_path), *chosen],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    checks = {check["name"]: check for check in json.loads((tmp_path / "gpu.json").read_text())["checks"]}
    assert all(check["status"] == "done" and check["figures"] for check in checks.values())
    precision = checks["bfloat16 against float32"]["figures"]
    assert {row["dtype"] for row in precision} == {"float32", "bfloat16"}
    assert all(row["same_answer"] == row["questions"] for row in precision if row["dtype"] == "float32")
    loops = [row["loop"] for row in checks["tuning step, 2 fps, 252 pixels"]["figures"]]
    assert loops[0] == "supervised"
    assert loops[-1] == "Trainer + peft, supervised"
    assert "| supervised |" in (tmp_path / "gpu.md").read_text()


def test_a_check_that_fails_costs_no_other_and_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    from scripts.gpu import check as gpu_check

    broken, slow = tmp_path / "broken.py", tmp_path / "slow.py"
    row = "import json, sys; open(sys.argv[sys.argv.index('--json') + 1], 'w').write(json.dumps([{'kept': 1}]))\n"
    broken.write_text(f"{row}raise SystemExit('out of luck')\n")
    slow.write_text(f"{row}import time; time.sleep(60)\n")
    outcomes = [
        gpu_check.run(gpu_check.Check(path.stem, [str(path)], [], 6), tiny=True, seconds_left=600)
        for path in (broken, slow)
    ]
    assert [outcome.figures for outcome in outcomes] == [[{"kept": 1}]] * 2
    assert outcomes[0].status == "failed with exit code 1"
    assert "out of luck" in gpu_check.markdown_section(outcomes[0])
    assert outcomes[1].status == "stopped after 6 s"
    late = gpu_check.run(gpu_check.Check("late", [str(slow)], [], 60), tiny=True, seconds_left=1)
    assert late.status.startswith("not run")


def test_without_a_gpu_the_whole_form_says_so(environment: dict[str, str], tmp_path: Path) -> None:
    run = subprocess.run(
        ["scripts/gpu/check.sh", "--out", str(tmp_path / "out")],
        cwd=ROOT, env={**environment, "CUDA_VISIBLE_DEVICES": ""}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 2
    assert run.stderr.strip() == "no GPU was found; run this on a GPU machine, or give --tiny"
    assert not (tmp_path / "out").exists()
