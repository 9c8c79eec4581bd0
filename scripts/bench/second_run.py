"""How long a stage that is finished takes to notice it: 10,000 clips, the stage run twice.

    python scripts/bench/second_run.py [--clips 10000]

The clips are real files: one real clip's two normalised streams, under a name of their own each (hard links). Timed
are the stage `inspect` (fingerprints on disk, each looked for) and the stage `compare` behind it.
"""

import argparse
import os
import sys
import tempfile
import time
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


def make_clips(folder: Path, clip: Path, count: int) -> Path:
    """Normalise ``clip`` to a small picture and link it ``count`` times; return the manifest."""
    step = NormaliseClips(folder, clip.parent, NormaliseSettings(size=64, seconds=2))
    row = ManifestRow(
        clip_id="first", file=clip.name, visual_label="a", audio_label="a", source="bench", media=clip.name
    )
    row = step.process(row)
    rows = [row.changed(clip_id=f"clip{at}") for at in range(count)]
    for copy in rows:
        for source, target in zip(step.outputs(row), step.outputs(copy), strict=True):
            os.link(source, target)
    write_manifest(folder / "manifest.parquet", rows)
    return folder / "manifest.parquet"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=10_000)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        clip = options.shared / "data" / "clips" / "canidae_aligned.mp4"
        manifest = make_clips(work / "normalise", clip, options.clips)
        step = InspectClips(work / "inspect", work / "normalise", InspectSettings())
        for run in ("first", "second"):
            load, begin = os.getloadavg()[0], time.monotonic()
            rows = run_stage(step, manifest, ExecutorSettings())
            inspected = time.monotonic()
            compare = CompareClips(work / "compare", step.folder, CompareSettings())
            run_stage(compare, step.folder / "manifest.parquet", ExecutorSettings())
            compared = time.monotonic()
            print(
                f"{run} run, {sum(row.kept for row in rows)} clips kept: inspect {inspected - begin:.2f} s, "
                f"compare {compared - inspected:.2f} s (load {load:.1f})"
            )


if __name__ == "__main__":
    main()
