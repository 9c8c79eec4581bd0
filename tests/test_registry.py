"""The registry of what users add: no name is taken silently."""

import pytest

from mma_bench import MMABenchError
from mma_bench.registry import Registry
from mma_bench.schema import CONDITIONS


def test_a_name_is_taken_once_and_a_reload_is_no_second_time() -> None:
    things: Registry[object] = Registry("thing")

    def first() -> None:
        """The first."""

    def second() -> None:
        """The second."""

    things.add("name", first)
    things.add("name", first)
    with pytest.raises(MMABenchError, match="registers the thing 'name', which is brought by "):
        things.add("name", second)
    assert things["name"] is first
    assert things.entry("name").help == "The first."


def test_what_is_built_in_cannot_be_replaced_and_comes_first() -> None:
    with pytest.raises(MMABenchError, match="registers the condition 'aligned', which is built in; rename it"):
        CONDITIONS.add("aligned", CONDITIONS["misaligned"], test_a_name_is_taken_once_and_a_reload_is_no_second_time)
    assert CONDITIONS["aligned"].name == "aligned"
    assert CONDITIONS.names()[:4] == ["aligned", "misaligned", "audio_removed", "frames_zeroed"]


def test_an_unknown_name_names_the_one_that_was_meant() -> None:
    with pytest.raises(MMABenchError, match="unknown condition 'misalinged'; did you mean 'misaligned'"):
        CONDITIONS.find("misalinged")
