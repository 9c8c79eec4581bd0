"""The plots of the card: what is drawn can be read."""

from pathlib import Path

import pytest
from matplotlib.axes import Axes

from builder.package.figures import plot_meetings


def test_of_a_long_name_the_beginning_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: dict[str, list[str]] = {}
    for name in ("set_xticks", "set_yticks"):

        def recording(axes: Axes, ticks: object, labels: list[str], _name: str = name, **style: object) -> None:
            drawn[_name] = list(labels)

        monkeypatch.setattr(Axes, name, recording)
    just, longer = "a" * 40, "Whistling, " + "b" * 40
    plot_meetings(tmp_path / "meetings.png", {(just, longer): 1}, {})
    expected = ["Whistling, " + "b" * 28 + "…", just]
    assert len(expected[0]) == 40
    assert drawn == {"set_xticks": expected, "set_yticks": expected}
