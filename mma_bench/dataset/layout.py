"""What a dataset's folder holds and its card must show: written by the builder, checked by the verifier."""

from collections.abc import Iterable
from typing import Any

from mma_bench.dataset.columns import arrow_schema, sample_features
from mma_bench.files.text import one_line
from mma_bench.schema import CONDITIONS, Clip, Stimulus

CHECKSUMS = "SHA256SUMS"
"""Hashes of all other files, in the form that `sha256sum --check` reads."""

BUILD_MARK = ".complete.json"
"""The builder's own note on what it finished; not part of the published dataset."""

REMOVED_IDS = "removed_ids.txt"

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {c: f"&#{ord(c)};" for c in "|`[]*\\~#$"}


def config_of(stimulus: Stimulus) -> str:
    """Return the configuration whose shards hold ``stimulus``."""
    return config_named(stimulus.condition, stimulus.split)


def config_named(condition: str, split: str) -> str:
    """Return the configuration whose shards hold the stimuli of a condition and split."""
    return condition if split == "test" else split


def conditions_in_order(names: Iterable[str]) -> list[str]:
    """Return ``names`` in the order of the tables, unknown ones last."""
    present = set(names)
    return [name for name in CONDITIONS if name in present] + sorted(present - CONDITIONS.keys())


def dataset_configs(test: Iterable[str], *, has_training: bool, ids_only: bool) -> list[dict[str, Any]]:
    """Return what the card's `configs` must say, so that `load_dataset` finds the files.

    Args:
        test: conditions of the stimuli of the test split.
        has_training: whether there is a training split.
        ids_only: whether there are no media.
    """
    if ids_only:
        return [
            {"config_name": "stimuli", "default": True, "data_files": _files("manifest", "metadata/stimuli.parquet")},
            {"config_name": "clips", "data_files": _files("manifest", "metadata/clips.parquet")},
        ]
    conditions = conditions_in_order(test)
    configs: list[dict[str, Any]] = []
    if conditions:
        every = [f"data/{name}/test-*.tar" for name in conditions]
        configs.append({"config_name": "all", "default": True, "data_files": _files("test", every)})
    for name in conditions:
        configs.append({"config_name": name, "data_files": _files("test", f"data/{name}/test-*.tar")})
    if has_training:
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


def table_cell(text: object) -> str:
    """Return ``text`` on one line, so that it can neither break a Markdown table nor be a heading, a link or HTML."""
    return "".join(_ENTITIES.get(character, character) for character in one_line(text))
