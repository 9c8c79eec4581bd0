"""What the benches work on, made from the 15 real clips.

    python scripts/bench/inputs.py FOLDER [--shared ../shared]

Builds `FOLDER/data`, a dataset of the four media conditions and a training split, and its work folder `FOLDER/work`.
"""

import argparse
import csv
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def copied_clips(clips: Path, folder: Path, count: int) -> Path:
    """Copy the clips of ``clips`` until there are ``count``, each with other bytes; return their list.

    A copy ends with a box `free` that contains its number, which players skip.
    """
    folder.mkdir(parents=True)
    listed = labelled(clips)
    listed = sorted(listed, key=lambda row: [other for other in listed if other[1] == row[1]].index(row))[:count]
    rows = []
    for number in range(count):
        name, label = listed[number % len(listed)]
        target = folder / f"copy{number:05d}_{Path(name).stem}"[-60:]
        content = (clips / name).read_bytes()
        target.with_suffix(".mp4").write_bytes(with_free_box(content, number))
        rows.append((f"{target.name}.mp4", label))
    with open(folder / "clips.csv", "w", newline="") as file:
        csv.writer(file).writerows([("file", "label"), *rows])
    return folder / "clips.csv"


def with_free_box(content: bytes, number: int) -> bytes:
    """Return an MP4 with a box `free` at its end."""
    return content + (16).to_bytes(4, "big") + b"free" + number.to_bytes(8, "big")


def labelled(clips: Path) -> list[tuple[str, str]]:
    """Return file and visual label of each clip in the list of ``clips``."""
    with open(clips / "clips.csv", newline="") as file:
        return [(row["file"], row["visual_label"]) for row in csv.DictReader(file)]


def build(clips: Path, folder: Path, count: int = 15) -> Path:
    """Build a dataset of the real clips, each in both splits, and return its folder; the work folder is next to it.

    Args:
        clips: folder of the clips and their list.
        folder: where to build.
        count: number of clips; with fewer, one of each class comes first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    listed = labelled(clips)
    labels = [label for _, label in listed]
    order = sorted(range(len(listed)), key=lambda at: labels[:at].count(labels[at]))[:count]
    rows = [(*listed[at], split, start) for split, start in (("test", 0), ("train", 0.5)) for at in sorted(order)]
    with open(folder / "list.csv", "w", newline="") as file:
        csv.writer(file).writerows([("file", "label", "split", "start_seconds"), *rows])
    config = folder / "config.yaml"
    config.write_text(
        f"source: {{kind: folder, csv: {folder / 'list.csv'}, folder: {clips.resolve()}}}\n"
        "compare: {drop_leaks: false}\n"
        "assemble: {conditions: [aligned, misaligned, audio_removed, frames_zeroed]}\n"
        "package: {licence_mode: all}\n"
    )
    arguments = ["run", "--config", str(config), "--work", str(folder / "work"), "--out", str(folder / "data")]
    subprocess.run([sys.executable, "-m", "builder", *arguments], check=True, cwd=ROOT, stdout=sys.stderr)
    return folder / "data"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--clips", type=int, default=15, help="real clips, at most 15")
    options = parser.parse_args()
    print(build(options.shared / "data" / "clips", options.folder, options.clips))


if __name__ == "__main__":
    main()
