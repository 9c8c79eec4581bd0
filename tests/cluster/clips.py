"""The clips of the cluster tests: the 15 real ones, and 200 that are rendered by formulas."""

import csv
import shutil
from pathlib import Path

from builder.sources.synthetic import SyntheticSettings, SyntheticSource

RENDERED = 200

CONFIGURATION = """
title: cluster test
source: {{kind: folder, csv: {folder}/clips.csv, folder: {folder}}}
normalise: {{size: 112, seconds: 3}}
inspect: {{frames_per_second: 8}}
compare: {{drop_leaks: false}}
verify: {{model: cascade}}
assemble:
  conditions: [aligned, misaligned, frames_zeroed, audio_removed]
  noise_letters: 200
  graded: {{blended_frames: [0.5]}}
  graded_clips: 20
executor:
  tasks_per_worker: 2
  cores: 1
  memory_gb: 2
  slurm: {{poll_seconds: 1}}
  stages: {{verify: {{hours: 0.5, workers: 2}}}}
"""


def make_clips(real: Path, folder: Path) -> Path:
    """Put the clips of ``real`` and the rendered ones into ``folder``; return a configuration that builds them."""
    folder.mkdir(parents=True)
    rows = []
    with open(real / "clips.csv", newline="") as file:
        for row in csv.DictReader(file):
            shutil.copyfile(real / row["file"], folder / row["file"])
            rows.append([row["file"], row["visual_label"], row["audio_label"]])
    source = SyntheticSource(SyntheticSettings(kind="synthetic", test=9, train=9, seconds=1, size=112), 0)
    for clip in [row for row in source.rows() if row.kept][:RENDERED]:
        rows.append([source.fetch(clip, folder).name, clip.visual_label, clip.audio_label])
    with open(folder / "clips.csv", "w", newline="") as file:
        csv.writer(file).writerows([["file", "visual_label", "audio_label"], *rows])
    config = folder / "config.yaml"
    config.write_text(CONFIGURATION.format(folder=folder))
    return config
