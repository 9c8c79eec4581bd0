"""Single samples on the page: frames, spectrum and prompt, shaded by the attention of the answering position."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mma_bench.dataset.load import Benchmark, Sample
from mma_bench.drawing.style import INK, MUTED, figure_bytes, style
from mma_bench.files.atomic import write_bytes
from mma_bench.files.text import visible
from mma_bench.schema import Question

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

SHOWN = 6
"""Stimuli on a page."""

_FRAMES = 8
_FPS = 2.0
_HEAT = "inferno"


@dataclass(frozen=True)
class Word:
    """A token of the prompt: its text, its share of the largest attention (0 to 1) and its group."""

    text: str
    shade: float
    group: str


@dataclass(frozen=True)
class Shown:
    """A question on the page.

    Attributes:
        question: what is asked.
        picture: path of the picture of frames and spectrum, relative to the page.
        words: the prompt.
        masses: attention by group, in percent.
        seen: class of the video, or what is there instead.
        heard: class of the audio.
    """

    question: Question
    picture: str
    words: Sequence[Word]
    masses: Mapping[str, float]
    seen: str
    heard: str


@dataclass(frozen=True)
class _Decoded:
    """Both streams of a stimulus, decoded once for all its questions.

    Attributes:
        frames: uint8 of shape [frames, height, width, 3], `_FPS` per second.
        audio: float32 of shape [samples], 16 kHz.
    """

    frames: "NDArray[np.uint8]"
    audio: "NDArray[np.float32]"

    def frame_at(self, seconds: float) -> "NDArray[np.uint8]":
        """Return the frame of a time."""
        frame: NDArray[np.uint8] = self.frames[min(len(self.frames) - 1, round(seconds * _FPS))]
        return frame


def show_samples(tokens: "Callable[[str], pa.Table]", benchmark: Benchmark, folder: Path) -> list[list[Shown]]:
    """Draw some stimuli below ``folder``/samples and return their questions, by stimulus.

    Args:
        tokens: returns the rows of the part `tokens` about a stimulus, by its key.
        benchmark: the data.
        folder: of the page.
    """
    samples = {sample.stimulus.key: sample for sample in benchmark.samples}
    found = []
    for key in _chosen(benchmark.samples):
        sample, frame = samples[key], tokens(key).to_pandas()
        media = _Decoded(sample.media.frames(_FPS), sample.media.audio())
        found.append([_shown(sample, media, question, frame, folder) for question in sample.questions])
    shown = {one.picture for questions in found for one in questions}
    for path in folder.glob("samples/*.png"):  # of an earlier command about other stimuli
        if f"samples/{path.name}" not in shown:
            path.unlink()
    return found


def _chosen(samples: Sequence[Sample]) -> list[str]:
    """Return conflicts first, then one stimulus of each other condition."""
    conflicts = [
        s.stimulus.key
        for s in samples
        if any(q.distractor and q.condition == s.stimulus.condition for q in s.questions)
    ]
    others: dict[str, str] = {}
    for sample in samples:
        if sample.stimulus.key not in conflicts:
            others.setdefault(sample.stimulus.condition, sample.stimulus.key)
    left = SHOWN - min(len(others), 2)
    return [*conflicts[:left], *list(others.values())[: SHOWN - min(len(conflicts), left)]]


def _shown(sample: Sample, media: _Decoded, question: Question, frame: "pd.DataFrame", folder: Path) -> Shown:
    rows = frame[frame["question_id"] == question.question_id].sort_values("position")
    text = rows[rows["text"].notna()]
    top = float(text["attention"].max()) or 1.0
    columns = [text[name].to_list() for name in ("text", "attention", "group")]
    words = [
        Word(visible(str(word)), float(mass) / top, str(group)) for word, mass, group in zip(*columns, strict=True)
    ]
    name = f"samples/{sample.stimulus.key}-{question.condition}-{question.modality}-{question.variant}.png"
    write_bytes(folder / name, _picture(media, rows))
    sums = rows.groupby("group")["attention"].sum()
    return Shown(
        question=question,
        picture=name,
        words=words,
        masses={str(group): 100 * float(mass) for group, mass in sums.sort_values(ascending=False).items()},
        seen=sample.stimulus.video.label or "black frames",
        heard=sample.stimulus.audio.label or "silence",
    )


def _picture(media: _Decoded, rows: "pd.DataFrame") -> bytes:
    from matplotlib.figure import Figure

    seen, heard = rows[rows["group"] == "video"], rows[rows["group"] == "audio"]
    times = sorted(set(seen["seconds"].dropna()))
    heats = {time: _heat(seen[seen["seconds"] == time]) for time in times}
    largest = max([1e-12, *(float(heat.max()) for heat in heats.values())])
    times = [times[i] for i in np.unique(np.linspace(0, len(times) - 1, _FRAMES).round().astype(int))] if times else []
    with style("path"):
        figure = Figure(figsize=(9, 2.9))
        for number, time in enumerate(times):
            axes = figure.add_axes((0.01 + number * 0.98 / _FRAMES, 0.54, 0.94 / _FRAMES, 0.38))
            _draw_frame(axes, media.frame_at(time), heats[time] / largest)
            axes.set_title(f"{time:.1f} s", fontsize=7, color=MUTED, pad=2)
        if len(seen) and not times:
            figure.text(0.01, 0.73, "Which frame each video token is about is not known.", fontsize=8, color=MUTED)
        axes = figure.add_axes((0.01, 0.16, 0.98, 0.31))
        _draw_sound(axes, media.audio, heard)
        return figure_bytes(figure, format="png", dpi=110, metadata={"Software": None})


def _heat(tokens: "pd.DataFrame") -> "NDArray[np.float64]":
    """Return the attention by place in a frame, or of the whole frame if the places are not known."""
    if tokens["row"].isna().any():
        return np.array([[float(tokens["attention"].sum())]])
    heat = np.zeros((int(tokens["row"].max()) + 1, int(tokens["column"].max()) + 1))
    heat[tokens["row"].astype(int), tokens["column"].astype(int)] = tokens["attention"]
    return heat


def _draw_frame(axes: "Axes", frame: "NDArray[np.uint8]", heat: "NDArray[np.float64]") -> None:
    extent = (0, frame.shape[1], frame.shape[0], 0)
    axes.imshow(frame.mean(axis=2), cmap="gray", extent=extent, vmin=0, vmax=255)
    axes.imshow(heat, cmap=_HEAT, extent=extent, alpha=0.55, vmin=0, vmax=1, interpolation="nearest")
    axes.set_axis_off()


def _draw_sound(axes: "Axes", samples: "NDArray[np.float32]", tokens: "pd.DataFrame") -> None:
    from scipy.signal import spectrogram

    frequencies, times, power = spectrogram(samples, fs=16_000, nperseg=512, noverlap=256)
    level = 10 * np.log10(power + 1e-10)
    axes.imshow(
        level,
        origin="lower",
        aspect="auto",
        cmap="gray",
        extent=(0, float(times[-1]), 0, float(frequencies[-1]) / 1000),
    )
    label = "seconds; sound from 0 to 8 kHz"
    if len(tokens) and tokens["seconds"].isna().any():
        label += "; not shaded: the times of audio tokens are not known"
    elif len(tokens):
        heat = tokens.sort_values("seconds")["attention"].to_numpy()[None]
        end = float(tokens["seconds"].max())
        axes.imshow(heat, aspect="auto", cmap=_HEAT, alpha=0.5, extent=(0, end, 0, 8), interpolation="nearest")
    axes.set_xlim(0, float(times[-1]))
    axes.set_ylim(0, 8)
    axes.set_yticks([])
    axes.set_xlabel(label, fontsize=7, color=INK)
    axes.tick_params(axis="x", labelsize=7)
