"""Options that several commands share, worded once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from mma_bench.schema import CONDITIONS

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

MODELS = (
    "cascade, fusion, baseline:NAME (majority, random, visual-only, audio-only), transformers:NAME or "
    "transformers:FOLDER, openai:MODEL@URL, gemini:MODEL, python:MODULE:CLASS or python:FILE.py:CLASS. "
    "`mma-bench list models` lists all. MODEL+prompt, +solo, +contrast, +adaptive: the same without training "
    "(docs/without_training.md); +blind, +deaf, +textonly: without a modality."
)

folder_path = click.Path(path_type=Path, file_okay=False)


def data_option() -> Decorator:
    """Return `--data`, the dataset to use."""
    return click.option("--data", default="mma-bench", show_default=True, help="Dataset folder, or ORG/NAME on a hub.")


def moved_data_option(**settings: Any) -> Decorator:
    """Return `--data` for commands that find the dataset by what a run recorded."""
    return click.option("--data", type=folder_path, help="Dataset folder, if it has moved since the run.", **settings)


def model_options() -> Decorator:
    """Return `--model` and `--model-option`."""
    model = click.option("--model", required=True, metavar="MODEL", help=MODELS)
    option = click.option(
        "--model-option",
        multiple=True,
        metavar="NAME=VALUE",
        help="Setting of the model, such as dtype=bfloat16; repeatable. docs/models.md lists all.",
    )
    return lambda command: model(option(command))


def judge_options() -> Decorator:
    """Return `--judge` and `--judge-option`."""
    judge = click.option(
        "--judge",
        metavar="MODEL",
        help="LLM judge for answers the parser cannot read: openai:MODEL@URL or gemini:MODEL.",
    )
    option = click.option(
        "--judge-option", multiple=True, metavar="NAME=VALUE", help="Setting of the judge; repeatable."
    )
    return lambda command: judge(option(command))


def condition_option() -> Decorator:
    """Return `--condition`."""
    return click.option(
        "--condition",
        multiple=True,
        metavar="NAME",
        help=f"Use only this condition; repeatable. Default: all. Conditions: {', '.join(CONDITIONS.names())}.",
    )


def split_option() -> Decorator:
    """Return `--split`."""
    return click.option(
        "--split", default="test", show_default=True, metavar="test|train", help="Split of the dataset."
    )


def limit_option() -> Decorator:
    """Return `--limit`."""
    return click.option(
        "--limit",
        type=click.IntRange(min=1),
        help="Maximum number of stimuli per media condition: of the same clips in each, one of each class in "
        "turn. Default: all.",
    )


def shard_option() -> Decorator:
    """Return `--shard`."""
    return click.option(
        "--shard",
        metavar="I/N",
        help="Ask only share I of N of the clips, I from 1 to N; `mma-bench merge-runs` makes one run of all shards.",
    )


def workers_option() -> Decorator:
    """Return `--workers`."""
    return click.option(
        "--workers",
        type=click.IntRange(1, 256),
        default=1,
        show_default=True,
        help="Processes that ask in parallel. Each loads the model; models that use a GPU get one GPU per process.",
    )


def run_option() -> Decorator:
    """Return `--run`."""
    return click.option("--run", type=folder_path, required=True, help="Folder for the answers.")


def overwrite_option() -> Decorator:
    """Return `--overwrite`."""
    return click.option("--overwrite", is_flag=True, help="Discard existing answers and start over.")


def skip_probe_option() -> Decorator:
    """Return `--skip-probe`."""
    return click.option("--skip-probe", is_flag=True, help="Skip the check that video and audio reach the model.")


def allow_empty_option() -> Decorator:
    """Return `--allow-empty`."""
    return click.option(
        "--allow-empty",
        is_flag=True,
        help="Score the run even if answers are empty because of the token limit, or half of all answers are empty.",
    )
