"""Clips of an mma-bench dataset: three modalities, in the dataset's own wording."""

import functools

from mma_bench.dataset.columns import AUDIO_RATE
from mma_bench.dataset.load import Benchmark, Sample, load
from mma_bench.dataset.media import Media as StoredMedia
from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_json
from mma_bench.interference import sounds
from mma_bench.interference.items import Item, Media
from mma_bench.interference.protocol import Protocol, TaskKind
from mma_bench.interference.sources.found import Found, in_turns, safe_id
from mma_bench.questions.prompts import parts_of
from mma_bench.schema import Modality, Question

_CONDITION = "aligned"


def read_clips(data: str, protocol: Protocol, split: str, limit: int | None) -> Found:
    """Return both questions about each aligned clip of a dataset.

    Args:
        data: folder, or name on the hub.
        protocol: wording of what misleads, and the order of clips.
        split: `test` or `train`.
        limit: maximum number of clips.

    Raises:
        MMABenchError: it is no such dataset, or has no aligned clips.
    """
    benchmark = load(data, condition=_CONDITION, split=split)
    groups: dict[str, list[Sample]] = {}
    for sample in benchmark.samples:
        groups.setdefault(sample.questions[0].answer, []).append(sample)
    chosen = [sample for _, sample in in_turns(groups, protocol.seed)][:limit]
    found = Found("mma-bench dataset, aligned clips", benchmark.fingerprint)
    _fill_pool(found, benchmark)
    for sample in chosen:
        for question in sample.questions:
            found.items.append(_item(sample, question, protocol))
    return found


def _fill_pool(found: Found, benchmark: Benchmark) -> None:
    for sample in benchmark.samples:
        found.pictures.append(_video(sample))
        found.sounds.append(_donated(sample))


def _item(sample: Sample, question: Question, protocol: Protocol) -> Item:
    stimulus = sample.stimulus
    is_seen = question.modality is Modality.VISUAL
    kind = TaskKind.VISUAL if is_seen else TaskKind.AUDIO
    labels = {question.answer, stimulus.video.label, stimulus.audio.label} - {None}
    if len(question.options) < 2 or question.answer not in question.options:
        raise MMABenchError(f"{question.question_id}: the right answer is not an option; build the dataset again")
    return Item(
        item_id=safe_id(f"{stimulus.key}/{question.modality}"),
        cluster=stimulus.video.clip_id or stimulus.key,
        kind=kind,
        parts=parts_of(question),
        options=question.options,
        answer=question.answer,
        lettered=False,
        picture=_video(sample),
        sound=_audio(sample),
        seconds=stimulus.seconds,
        irrelevant=frozenset({"text", "sound"} if is_seen else {"text", "picture"}),
        misleading=protocol.wording[kind].misleading,
        labels=frozenset(str(label) for label in labels),
    )


def _video(sample: Sample) -> Media:
    stream, media = sample.stimulus.video, sample.media
    return Media(
        stream.sha256,
        lambda seconds: media.video_bytes,
        stream.label,
        source=stream.clip_id,
        seconds=stream.seconds,
        regular_keys=media.regular_keys,
    )


def _audio(sample: Sample) -> Media:
    """Return a clip's own audio, byte for byte."""
    stream, media = sample.stimulus.audio, sample.media
    return Media(
        stream.sha256, lambda seconds: media.audio_bytes, stream.label, source=stream.clip_id, seconds=stream.seconds
    )


def _donated(sample: Sample) -> Media:
    """Return a clip's audio for another clip: from where it is heard, cut or repeated to the length of the video."""
    stream = sample.stimulus.audio
    read = functools.partial(_looped, sample.media)
    return Media(sha256_json(["heard donation", stream.sha256]), read, stream.label, source=stream.clip_id)


def _looped(media: StoredMedia, seconds: float) -> bytes:
    import numpy as np

    samples = np.clip(np.rint(media.audio(AUDIO_RATE) * 32768), -32768, 32767).astype(np.int16)
    try:
        return sounds.looped(sounds.from_first_sound(samples), seconds)
    except MMABenchError as error:
        raise MMABenchError(f"{media.key}: its audio {error}; leave the clip out of the dataset") from error
