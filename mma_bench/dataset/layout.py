"""What a dataset's folder holds and its card must show: written by the builder, checked by the verifier."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from mma_bench.dataset.columns import arrow_schema, sample_features
from mma_bench.files.text import one_line
from mma_bench.schema import CONDITIONS, Clip, Modality, Stimulus

CHECKSUMS = "SHA256SUMS"
"""Hashes of all other files, in the form that `sha256sum --check` reads."""

BUILD_MARK = ".complete.json"
"""The builder's own note on what it finished; not part of the published dataset."""

REMOVED_IDS = "removed_ids.txt"

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {c: f"&#{ord(c)};" for c in "|`[]*\\~#$"}


def config_of(stimulus: Stimulus) -> str:
    """Return the configuration whose shards hold ``stimulus``."""
    return stimulus.condition if stimulus.split == "test" else stimulus.split


def conditions_in_order(names: Iterable[str]) -> list[str]:
    """Return ``names`` in the order of the tables, unknown ones last."""
    present = set(names)
    return [name for name in CONDITIONS if name in present] + sorted(present - CONDITIONS.keys())


def dataset_configs(stimuli: Sequence[Stimulus], *, ids_only: bool) -> list[dict[str, Any]]:
    """Return what the card's `configs` must say, so that `load_dataset` finds the files."""
    if ids_only:
        return [
            {"config_name": "stimuli", "default": True, "data_files": _files("manifest", "metadata/stimuli.parquet")},
            {"config_name": "clips", "data_files": _files("manifest", "metadata/clips.parquet")},
        ]
    conditions = conditions_in_order(stimulus.condition for stimulus in stimuli if stimulus.split == "test")
    configs: list[dict[str, Any]] = []
    if conditions:
        every = [f"data/{name}/test-*.tar" for name in conditions]
        configs.append({"config_name": "all", "default": True, "data_files": _files("test", every)})
    for name in conditions:
        configs.append({"config_name": name, "data_files": _files("test", f"data/{name}/test-*.tar")})
    if any(stimulus.split == "train" for stimulus in stimuli):
        configs.append({"config_name": "train", "data_files": _files("train", "data/train/train-*.tar")})
    return configs


def _files(split: str, path: str | list[str]) -> list[dict[str, Any]]:
    return [{"split": split, "path": path}]


def dataset_features(config: str, *, ids_only: bool) -> Any:
    """Return what the card's `dataset_info` must say about the columns of ``config``."""
    from datasets import Features

    if not ids_only:
        return sample_features()._to_yaml_list()
    return Features.from_arrow_schema(arrow_schema(Clip if config == "clips" else Stimulus))._to_yaml_list()


def question_counts(stimuli: Sequence[Stimulus]) -> list[tuple[str, int, int, int]]:
    """Return (condition, stimuli, visual questions, audio questions), the conditions in their usual order."""
    asked = Counter((q.condition, q.modality) for s in stimuli if s.split == "test" for q in s.questions)
    carrying = Counter(name for s in stimuli if s.split == "test" for name in {q.condition for q in s.questions})
    return [
        (name, carrying[name], asked[name, Modality.VISUAL], asked[name, Modality.AUDIO])
        for name in conditions_in_order(carrying)
    ]


def class_meetings(stimuli: Iterable[Stimulus]) -> dict[tuple[str, str], int]:
    """Return how often the video of a class meets the audio of another in `misaligned`, by (video, audio)."""
    pairs = [(s.video.label, s.audio.label) for s in stimuli if s.condition == "misaligned"]
    return dict(sorted(Counter((video, audio) for video, audio in pairs if video and audio).items()))


def meeting_rows(stimuli: Iterable[Stimulus]) -> list[tuple[str, str]]:
    """Return (class of the video, sounds it met and how often) in the words of the card, the most frequent first."""
    by_video: dict[str, list[tuple[int, str]]] = {}
    for (video, audio), count in class_meetings(stimuli).items():
        by_video.setdefault(video, []).append((-count, audio))
    return [(video, ", ".join(f"{name} {-n}" for n, name in sorted(met))) for video, met in by_video.items()]


def variant_counts(stimuli: Iterable[Stimulus]) -> list[tuple[str, int]]:
    """Return (variant, questions) of the wordings that are stored next to the standard one."""
    counts = Counter(question.variant for stimulus in stimuli for question in stimulus.questions)
    return sorted((name, count) for name, count in counts.items() if name != "standard")


def level_counts(stimuli: Iterable[Stimulus]) -> list[tuple[str, float, int]]:
    """Return (condition, level, stimuli) of the graded conditions."""
    counts = Counter((s.condition, s.level) for s in stimuli)
    return sorted((name, level, count) for (name, level), count in counts.items() if level is not None)


def class_counts(clips: Sequence[Clip]) -> list[tuple[str, int, int]]:
    """Return (class, clips whose video has it, clips whose audio has it)."""
    seen = Counter(clip.visual_label for clip in clips)
    heard = Counter(clip.audio_label for clip in clips)
    return [(name, seen[name], heard[name]) for name in sorted(seen | heard)]


def size_sentence(clips: Sequence[Clip], stimuli: Sequence[Stimulus]) -> str:
    """Return the card's sentence on the size of the dataset."""
    return f"{len(clips)} clips in {len(class_counts(clips))} classes make {len(stimuli)} stimuli."


def table_cell(text: object) -> str:
    """Return ``text`` on one line, so that it can neither break a Markdown table nor be a heading, a link or HTML."""
    return "".join(_ENTITIES.get(character, character) for character in one_line(text))
