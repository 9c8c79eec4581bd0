"""The commands that are put on trial, each as a user runs it."""

import shutil
from pathlib import Path

from tests.conftest import ROOT
from tests.faults.drawn import draw
from tests.faults.kills import Target, answers_of, files_of

REPOSITORY = "my-org/mma-bench"

_TINY = ROOT / "mma_bench" / "tuning" / "configs" / "tiny.yaml"


def small_source(folder: Path, clips: int = 8) -> Path:
    """Draw clips of two classes and a configuration that builds them in seconds; return the configuration."""
    folder.mkdir(parents=True)
    rows = ["file,label"]
    for number in range(clips):
        draw(folder / f"{number}.mp4", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", rate=10 + number)
        rows.append(f"{number}.mp4,{('Bell', 'Drum')[number % 2]}")
    (folder / "clips.csv").write_text("\n".join(rows) + "\n")
    config = folder / "config.yaml"
    config.write_text(
        f"source: {{kind: folder, csv: {folder / 'clips.csv'}}}\nnormalise: {{size: 112, seconds: 1}}\n"
        "compare: {drop_leaks: false, drop_within_split: false}\nassemble: {noise_letters: 100}\n"
        "executor: {workers: 2}\n"
    )
    return config


def build(config: Path) -> Target:
    """All stages of a build."""

    def arguments(folder: Path) -> list[str]:
        return ["builder", "run", "--config", str(config), "--work", str(folder / "work"), "--out", str(folder / "out")]

    return Target("build", arguments, files_of("out"))


def evaluation(data: Path, model: str) -> Target:
    """An evaluation, resumed by the same command; its answers only ever grow."""

    def arguments(folder: Path) -> list[str]:
        run = ["mma_bench", "eval", "--data", str(data), "--run", str(folder / "run"), "--skip-probe"]
        return [*run, "--model", model, "--protocol", "paper"]

    return Target("evaluation", arguments, answers_of("run"), whole=False)


def rescoring(run: Path, data: Path) -> Target:
    """Scoring stored answers again."""

    def arguments(folder: Path) -> list[str]:
        return ["mma_bench", "score", str(folder / "run"), "--data", str(data)]

    return Target(
        "re-scoring",
        arguments,
        files_of("run", without=("usage.json",)),
        prepare=lambda folder: shutil.copytree(run, folder / "run"),
    )


def reporting(run: Path, data: Path) -> Target:
    """A report of a run."""

    def arguments(folder: Path) -> list[str]:
        return ["mma_bench", "report", str(run), "--data", str(data), "--out", str(folder / "report")]

    return Target("report", arguments, files_of("report"))


def exporting(data: Path) -> Target:
    """An export for another trainer."""

    def arguments(folder: Path) -> list[str]:
        export = ["mma_bench", "export", "--data", str(data), "--format", "llama-factory"]
        return [*export, "--out", str(folder / "export")]

    return Target("export", arguments, files_of("export"))


def tuning(data: Path) -> Target:
    """Tuning a model of random weights; on a CPU the weights are the same bit for bit."""

    def arguments(folder: Path) -> list[str]:
        changes = {
            "data.path": data,
            "model.min_pixels": 1,
            "train.steps": 4,
            "train.save_every": 1,
            "tracker": "none",
            "held_out": "null",
        }
        settings = [part for name, value in changes.items() for part in ("--set", f"{name}={value}")]
        return ["mma_bench", "tune", "--config", str(_TINY), "--out", str(folder / "tuned"), *settings]

    def results(folder: Path) -> dict[str, str]:
        found = files_of("tuned/adapter")(folder)
        return {name: digest for name, digest in found.items() if name.endswith(".safetensors")}

    return Target("tuning", arguments, results, environment=lambda folder: {"OMP_NUM_THREADS": "1"})


def publishing(data: Path, hub_url: str, token: str) -> Target:
    """An upload to a hub; what arrived is looked at by whoever runs the hub."""

    def environment(folder: Path) -> dict[str, str]:
        return {
            "HF_ENDPOINT": hub_url,
            "HF_TOKEN": token,
            "HF_HOME": str(folder / "hf"),
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "NO_PROXY": "127.0.0.1",
        }

    def arguments(folder: Path) -> list[str]:
        return ["builder", "publish", REPOSITORY, "--data", str(folder / "mma-bench")]

    return Target(
        "upload",
        arguments,
        lambda folder: {},
        prepare=lambda folder: shutil.copytree(data, folder / "mma-bench"),
        environment=environment,
    )
