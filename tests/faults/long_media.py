"""Ten hours of media in one build: long files of which every minute becomes a clip, and memory that stays flat."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from builder.manifest_file import read_manifest
from tests.faults.drawn import draw, ffmpeg
from tests.faults.watched import Outcome, watched

SECONDS = 60


@dataclass(frozen=True)
class HoursTrial:
    """What became of them: hours that went in, clips, how the command ended, clips kept, and reasons of the others."""

    hours: float
    clips: int
    outcome: Outcome
    kept: int
    reasons: dict[str, int]


def hours_trial(folder: Path, hours: float, files: int = 10, workers: int = 2) -> HoursTrial:
    """Build ``hours`` of media, drawn as ``files`` long files, up to the published shards."""
    media = folder / "media"
    media.mkdir(parents=True)
    each = int(hours * 3600 / files) // SECONDS * SECONDS
    rows = ["file,label,start_seconds,end_seconds"]
    how = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "24", "-c:a", "aac")
    draw(media / "0.mp4", *how, seconds=each)
    for number in range(files):
        if number:  # the others are the first one from another moment on: drawing takes longer than building
            start = each * number // files
            cut = ("-ss", start, "-i", media / "0.mp4", "-c", "copy", "-t", each - start)
            ffmpeg(*cut, media / "tail.mp4")
            ffmpeg("-i", media / "0.mp4", "-c", "copy", "-t", start, media / "head.mp4")
            (media / "list.txt").write_text("file tail.mp4\nfile head.mp4\n")
            ffmpeg("-f", "concat", "-i", media / "list.txt", "-c", "copy", media / f"{number}.mp4")
        label = ("Bell", "Drum")[number % 2]
        rows += [f"{number}.mp4,{label},{start},{start + SECONDS}" for start in range(0, each - SECONDS, SECONDS)]
    (media / "clips.csv").write_text("\n".join(rows) + "\n")
    config = folder / "config.yaml"
    config.write_text(
        f"source: {{kind: folder, csv: {media / 'clips.csv'}}}\nnormalise: {{size: 112, seconds: {SECONDS}}}\n"
        "compare: {drop_leaks: false, drop_within_split: false}\nassemble: {conditions: [aligned, misaligned]}\n"
        f"executor: {{workers: {workers}}}\n"
    )
    command = ["builder", "run", "--config", str(config), "--work", str(folder / "work"), "--out"]
    outcome = watched([*command, str(folder / "out")], timeout=6 * 3600)
    found = read_manifest(folder / "work" / "release" / "manifest.parquet") if outcome.code == 0 else []
    reasons = Counter(str(row.reason) for row in found if not row.kept)
    return HoursTrial(
        (len(rows) - 1) * SECONDS / 3600, len(rows) - 1, outcome, sum(row.kept for row in found), dict(reasons)
    )
