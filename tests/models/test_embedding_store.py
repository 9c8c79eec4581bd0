"""Embeddings kept between runs: the same bits, and no trouble from a file that cannot be used."""

from pathlib import Path

import numpy as np
import pytest

from mma_bench.models.cascade.text_matcher import TextMatcher

MEANINGS, OPTIONS = ["a dog barks", "steam whistle"], ["Canidae", "Vehicle"]


def test_kept_embeddings_are_those_computed_and_a_damaged_file_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMA_BENCH_CACHE", str(tmp_path))
    computed = TextMatcher(threads=1).likeness(MEANINGS, OPTIONS)
    (file,) = (tmp_path / "cascade").iterdir()

    kept = TextMatcher(threads=1)
    monkeypatch.setattr(kept, "_compute", None)  # nothing is left to compute
    np.testing.assert_array_equal(kept.likeness(MEANINGS, OPTIONS), computed)
    assert TextMatcher(threads=2)._store._name not in file.name

    file.write_bytes(b"not a database" * 99)
    np.testing.assert_array_equal(TextMatcher(threads=1).likeness(MEANINGS, OPTIONS), computed)
    file.unlink()
    (tmp_path / "cascade").chmod(0o500)
    np.testing.assert_array_equal(TextMatcher(threads=1).likeness(MEANINGS, OPTIONS), computed)
