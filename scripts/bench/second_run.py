"""How long a stage that is finished takes to notice it, against its first run.

    python scripts/bench/second_run.py [--clips 10000] [--turns 15]

The clips are real files: one real clip's two normalised streams, under a name of their own each (hard links). Timed
are the stage `inspect`, whose first run measures each clip, and the stage `compare` after it. The first run happens
once; a second run takes the same time whether the first one was fast or slow.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from builder.compare import CompareClips, CompareSettings  # noqa: E402
from builder.executors import ExecutorSettings  # noqa: E402
from builder.inspect import InspectClips, InspectSettings  # noqa: E402
from builder.manifest import ManifestRow  # noqa: E402
from builder.manifest_file import write_manifest  # noqa: E402
from builder.normalise import NormaliseClips, NormaliseSettings  # noqa: E402
from builder.run_stage import run_stage  # noqa: E402
from builder.stage import Stage  # noqa: E402
from scripts.bench.result import Result, add_arguments, save  # noqa: E402
from scripts.bench.turns import Side, Times, alternate, timed  # noqa: E402


def make_clips(folder: Path, clip: Path, count: int) -> Path:
    """Normalise ``clip`` to a small picture and link it ``count`` times; return the manifest."""
    step = NormaliseClips(folder, clip.parent, NormaliseSettings(size=64, seconds=2))
    row = ManifestRow(
        clip_id="first", file=clip.name, visual_label="a", audio_label="a", source="bench", media=clip.name
    )
    row = step.process(row)
    rows = [row.changed(clip_id=f"clip{at}") for at in range(count)]
    for copy in rows:
        for source, target in zip(step.outputs("first"), step.outputs(copy.clip_id), strict=True):
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(source, target)
    write_manifest(folder / "manifest.parquet", rows)
    return folder / "manifest.parquet"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=10_000)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    add_arguments(parser, turns=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        clip = options.shared / "data" / "clips" / "canidae_aligned.mp4"
        normalised = make_clips(work / "normalise", clip, options.clips)
        inspect = InspectClips(work / "inspect", work / "normalise", InspectSettings())
        compare = CompareClips(work / "compare", inspect.folder, CompareSettings())
        stages: dict[str, tuple[Stage, Path]] = {
            "inspect": (inspect, normalised),
            "compare": (compare, inspect.folder / "manifest.parquet"),
        }
        first = {stage: Times() for stage in stages}
        for stage, (step, source) in stages.items():
            timed(lambda step=step, source=source: run_stage(step, source, ExecutorSettings()), first[stage])
        again = alternate(
            [
                Side(stage, lambda step=step, source=source: run_stage(step, source, ExecutorSettings()))
                for stage, (step, source) in stages.items()
            ],
            options.turns,
            budget=options.budget,
        )
    rows = []
    for stage, found in again.items():
        before = first[stage].processor_seconds
        print(f"{stage}: first run {first[stage].spread} s, second {found.spread} s, {options.clips} clips")
        limit = f"second run: {1000 * found.processor_seconds:.1f} ms for {options.clips} clips"
        ratios = [before / after for after in found.processor]
        rows.append(Result.value("second_run", f"first run / second run of {stage}", ratios, "processor", limit))
    save(options.json, rows)


if __name__ == "__main__":
    main()
