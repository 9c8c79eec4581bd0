"""Sentences on other things than the benchmark's classes, as a text that should change no answer.

The second paper (arXiv 2505.19616) draws 10 of 60 true and 20 false ones and puts them before the question; its
sentences are not published, these are our own.
"""

import functools
import random
from pathlib import Path

import yaml

_SENTENCES = Path(__file__).with_name("unrelated_sentences.yaml")
DRAWN = 10


def unrelated_sentences(seed: str, *, true: bool, count: int = DRAWN) -> str:
    """Return ``count`` sentences, joined by spaces; the same for the same seed.

    Args:
        seed: what to draw by.
        true: whether they state facts or falsehoods.
        count: how many, at most 20.
    """
    generator = random.Random(seed)  # noqa: S311
    return " ".join(generator.sample(sentence_pool()["facts" if true else "falsehoods"], count))


@functools.cache
def sentence_pool() -> dict[str, list[str]]:
    """Return all sentences, under `facts` and `falsehoods`."""
    pool: dict[str, list[str]] = yaml.safe_load(_SENTENCES.read_text(encoding="utf-8"))
    return pool
