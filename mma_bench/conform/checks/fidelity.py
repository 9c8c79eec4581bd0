"""Is the end of long media kept, and what lies above or below the usual resolution?"""

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from mma_bench.conform import signals
from mma_bench.conform.checks.telling import kept
from mma_bench.conform.server import Server
from mma_bench.conform.stimuli import (
    COMPANION,
    EMPTY,
    NAMES,
    SECONDS,
    Clip,
    audio,
    drawn,
    played,
    sample,
    video,
)
from mma_bench.conform.verdicts import Check, Outcome
from mma_bench.dataset.columns import AUDIO_RATE
from mma_bench.dataset.load import Sample
from mma_bench.probe.signals import FRAME_RATE
from mma_bench.schema import Modality

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SHARE = 4
"""A quarter of a long stream holds the content; the rest is silent or black."""

_HIGH, _LOW = (5_000.0, 7_500.0), (300.0, 2_500.0)
"""Frequencies, Hz: 16 kHz audio holds up to 8 kHz, telephone audio (8 kHz) up to 4 kHz."""

_FINE, _COARSE = 4, 28
"""Width of stripes, pixels, of frames of 224."""


def long_audio(server: Server, seconds: float) -> Check:
    """Check that the last quarter of ``seconds`` of audio is heard."""

    def made(*, end: bool) -> Callable[[], Mapping[str, Sample]]:
        shown = video(COMPANION[Modality.AUDIO], seconds)
        return lambda: {
            name: sample(f"long_audio_{name}_{end}", Modality.AUDIO, shown, _late_sound(name, seconds, end=end))
            for name in NAMES[Modality.AUDIO]
        }

    where = f"what is heard in the last {seconds / _SHARE:g} s of {seconds:g} s of audio"
    words = where, f"the same sounds in the first {seconds / _SHARE:g} s"
    return kept(server, "end of long audio", Modality.AUDIO, made(end=True), made(end=False), words=words)


def long_video(server: Server, seconds: float) -> Check:
    """Check that the last quarter of ``seconds`` of video is seen."""

    def made(*, end: bool) -> Callable[[], Mapping[str, Sample]]:
        heard = audio(COMPANION[Modality.VISUAL])
        return lambda: {
            name: sample(f"long_video_{name}_{end}", Modality.VISUAL, _late_picture(name, seconds, end=end), heard)
            for name in NAMES[Modality.VISUAL]
        }

    where = f"what is seen in the last {seconds / _SHARE:g} s of {seconds:g} s of video"
    words = where, f"the same pictures in the first {seconds / _SHARE:g} s"
    return kept(server, "end of long video", Modality.VISUAL, made(end=True), made(end=False), words=words)


def high_frequencies(server: Server) -> Check:
    """Check that audio above 4 kHz arrives, which resampling to the rate of a telephone removes."""

    def made(band: tuple[float, float]) -> Callable[[], Mapping[str, Sample]]:
        noise = played("Hissing_noise", signals.band(*band, SECONDS))
        return lambda: _two(Modality.AUDIO, f"band_{band[0]:.0f}", noise, audio(EMPTY[Modality.AUDIO]))

    words = "noise from 5 to 7.5 kHz instead of silence", "noise below 2.5 kHz instead of silence"
    return kept(server, "audio above 4 kHz", Modality.AUDIO, made(_HIGH), made(_LOW), words=words)


def fine_detail(server: Server) -> Check:
    """Check whether stripes of four pixels arrive; for information, as a model may scale frames down itself."""

    def made(width: int) -> Callable[[], Mapping[str, Sample]]:
        plain = drawn("Black_screen", signals.stripes(0))
        return lambda: _two(
            Modality.VISUAL, f"stripes_{width}", drawn("Striped_curtain", signals.stripes(width)), plain
        )

    words = f"stripes of {_FINE} of 224 pixels instead of grey", f"stripes of {_COARSE} pixels instead of grey"
    return kept(
        server,
        "fine detail of video",
        Modality.VISUAL,
        made(_FINE),
        made(_COARSE),
        words=words,
        lost=Outcome.UNCLEAR,
        required=False,
    )


def _two(modality: Modality, key: str, one: Clip, other: Clip) -> dict[str, Sample]:
    seen, heard = video(COMPANION[Modality.AUDIO]), audio(COMPANION[Modality.VISUAL])
    pairs = {f"{key}_there": one, f"{key}_not": other}
    if modality is Modality.VISUAL:
        return {name: sample(name, modality, clip, heard) for name, clip in pairs.items()}
    return {name: sample(name, modality, seen, clip) for name, clip in pairs.items()}


@functools.lru_cache(maxsize=32)
def _late_sound(name: str, seconds: float, *, end: bool) -> Clip:
    import numpy as np

    whole = np.zeros(round(seconds * AUDIO_RATE), np.int16)
    part = signals.sound(name, seconds / _SHARE)
    place = slice(len(whole) - len(part), None) if end else slice(0, len(part))
    whole[place] = part
    return played(name, whole)


@functools.lru_cache(maxsize=32)
def _late_picture(name: str, seconds: float, *, end: bool) -> Clip:
    count = round(seconds * FRAME_RATE)
    part = count // _SHARE

    def frame(index: int) -> "NDArray[np.uint8]":
        inside = index >= count - part if end else index < part
        return signals.picture(name if inside else EMPTY[Modality.VISUAL], index)

    return drawn(name, frame, seconds)
