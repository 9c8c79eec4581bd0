"""Run every check that needs a GPU, most valuable first, and write each result as soon as it is known.

    scripts/gpu/check.sh            # on a GPU, at most 9 minutes
    scripts/gpu/check.sh --tiny     # the same code with tiny models on the CPU

Each check is a separate process: running out of memory or time costs that check alone. `gpu.json` and `gpu.md` in the
output folder are rewritten after each one.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BUDGET_SECONDS = 9 * 60
"""For all checks together; a check that cannot start before the end is listed as not run."""


@dataclass(frozen=True)
class Check:
    """A check: a script that writes its figures as JSON to the path after `--json`.

    Attributes:
        name: title of its rows.
        command: script and arguments, relative to the repository.
        tiny: arguments on a CPU instead of those of ``command``.
        limit: seconds it may take.
    """

    name: str
    command: Sequence[str]
    tiny: Sequence[str]
    limit: float


@dataclass
class Outcome:
    """What came of a check. ``figures`` are the rows that its script wrote before it ended."""

    name: str
    command: str
    status: str
    seconds: float
    figures: list[dict[str, Any]] = field(default_factory=list)
    output: str = ""


ENCODE, TUNE = "scripts/bench/encode_once.py", "scripts/bench/tune_step.py"
LARGE = ["--device", "cuda", "--config", "7b"]
CHECKS = (
    Check("patches against the official video processor", ["scripts/gpu/frame_parity.py"], [], 60),
    Check("bfloat16 against float32", ["scripts/gpu/precision.py", "--device", "cuda"], [], 60),
    Check(
        "encode once", [ENCODE, *LARGE], ["--config", "tiny", "--seconds", "1", "--side", "56", "--repeats", "2"], 120
    ),
    Check("tuning step, 2 fps, 252 pixels", [TUNE, *LARGE, "--fps", "2", "--size", "252"], ["--repeats", "2"], 150),
    Check("attention kernels", ["scripts/gpu/attention.py", "--device", "cuda"], [], 60),
    Check("several stimuli at a time, 7B", ["scripts/gpu/several.py", "--device", "cuda"], [], 90),
    Check("one more family", ["scripts/gpu/family.py"], [], 60),
    Check("attention mass of a diagnosis, 7B", ["scripts/gpu/diagnosis.py", "--device", "cuda"], [], 60),
    Check("tuning step, 8 fps, 504 pixels", [TUNE, *LARGE], ["--repeats", "2"], 240),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="tiny models on the CPU")
    parser.add_argument("--out", type=Path, default=ROOT / "gpu-check", help="folder for gpu.json and gpu.md")
    parser.add_argument("--only", action="append", metavar="TEXT", help="only checks whose name contains TEXT")
    given = parser.parse_args()
    machine = describe_machine()
    if not given.tiny and machine["device"] == "cpu":
        print("no GPU was found; run this on a GPU machine, or give --tiny", file=sys.stderr)
        return 2
    chosen = [check for check in CHECKS if not given.only or any(text in check.name for text in given.only)]
    given.out.mkdir(parents=True, exist_ok=True)
    print(f"{machine['device']}, torch {machine['torch']}, transformers {machine['transformers']}")
    end = time.monotonic() + BUDGET_SECONDS
    outcomes: list[Outcome] = []
    for check in chosen:
        outcomes.append(run(check, tiny=given.tiny, seconds_left=end - time.monotonic()))
        print(markdown_section(outcomes[-1]), flush=True)
        save(given.out, machine, outcomes)
    failed = [outcome.name for outcome in outcomes if outcome.status != "done"]
    print(f"written: {given.out / 'gpu.md'}" + (f"; not done: {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


def describe_machine() -> dict[str, str]:
    import torch

    on_gpu = torch.cuda.is_available()
    return {
        "device": torch.cuda.get_device_name() if on_gpu else "cpu",
        "driver_cuda": str(torch.version.cuda) if on_gpu else "none",
        "torch": torch.__version__,
        "transformers": version("transformers"),
        "python": platform.python_version(),
        "processors": str(os.cpu_count()),
    }


def run(check: Check, *, tiny: bool, seconds_left: float) -> Outcome:
    """Run one check within its limit and what is left of the budget."""
    arguments = [check.command[0], *check.tiny] if tiny else list(check.command)
    shown = " ".join(["python", *arguments])
    limit = min(check.limit, seconds_left)
    if limit < 5:
        return Outcome(check.name, shown, "not run: the time was used up", 0.0)
    with tempfile.TemporaryDirectory() as folder:
        figures, log = Path(folder) / "figures.json", Path(folder) / "log"
        start = time.monotonic()
        with open(log, "wb") as file:
            process = subprocess.Popen(
                [sys.executable, *arguments, "--json", str(figures)], cwd=ROOT, stdout=file, stderr=subprocess.STDOUT
            )
            try:
                code = process.wait(timeout=limit)
                status = "done" if code == 0 else f"failed with exit code {code}"
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                status = f"stopped after {limit:.0f} s"
        seconds = time.monotonic() - start
        rows = json.loads(figures.read_text()) if figures.is_file() else []
        text = log.read_text(errors="replace")
    return Outcome(check.name, shown, status, round(seconds, 1), rows, text[-6000:])


def save(folder: Path, machine: dict[str, str], outcomes: Sequence[Outcome]) -> None:
    """Write both files; each appears whole."""
    content = {"machine": machine, "checks": [asdict(outcome) for outcome in outcomes]}
    facts = ", ".join(f"{name} {value}" for name, value in machine.items())
    page = "\n".join([f"Measured on: {facts}.", "", *(markdown_section(outcome) for outcome in outcomes)])
    for name, text in (("gpu.json", json.dumps(content, indent=2) + "\n"), ("gpu.md", page)):
        partial = folder / f"{name}.partial"
        partial.write_text(text, encoding="utf-8")
        partial.replace(folder / name)


def markdown_section(outcome: Outcome) -> str:
    """Return one check as Markdown: its rows, and the end of its output if it did not finish."""
    lines = [f"### {outcome.name}", "", f"`{outcome.command}`: {outcome.status}, {outcome.seconds:.0f} s", ""]
    columns = list(dict.fromkeys(name for row in outcome.figures for name in row))
    if columns:
        lines += [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
        lines += [f"| {' | '.join(_shown(row.get(name)) for name in columns)} |" for row in outcome.figures]
        lines.append("")
    if outcome.status != "done" and outcome.output:
        lines += ["```", *outcome.output.strip().splitlines()[-12:], "```", ""]
    return "\n".join(lines)


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
