"""Check the tars: members, order, hashes, the index and what the streams are."""

import io
from collections.abc import Iterator
from pathlib import Path

import av
from pydantic import ValidationError

from mma_bench.dataset.columns import AUDIO_RATE
from mma_bench.dataset.integrity.problems import Problem
from mma_bench.dataset.layout import config_of
from mma_bench.dataset.shards import Foreign, Member, ShardFile
from mma_bench.files.faults import first_fault
from mma_bench.files.hashing import sha256_bytes
from mma_bench.files.text import shown
from mma_bench.schema import MEMBERS, IndexEntry, Stimulus

_SECONDS_APART = 0.1  # a container rounds the length of a video by up to a frame


class ShardChecks:
    """Checks shard after shard, and remembers what it saw for the checks that need all of them."""

    def __init__(self, stimuli: dict[str, Stimulus]) -> None:
        self._stimuli = stimuli
        self._first_seen: dict[str, str] = {}
        self._stream_problems: dict[tuple[str, str], str | None] = {}

    def check(self, folder: Path, where: str, index: dict[tuple[str, str], IndexEntry]) -> Iterator[Problem]:
        """Yield what is wrong with one shard, the file ``where`` below ``folder``."""
        try:
            with ShardFile(folder, where) as shard:
                yield from self._check(shard, where, index)
        except OSError as error:
            yield Problem("unreadable_file", shown(where), error.strerror or "it cannot be read")

    def _check(self, shard: ShardFile, where: str, index: dict[tuple[str, str], IndexEntry]) -> Iterator[Problem]:
        seen: set[tuple[str, str]] = set()
        last = ("", "")
        for member in shard.members():
            if isinstance(member, Foreign):
                yield Problem(member.kind, where, member.detail)
                continue
            place = (member.key, member.kind)
            name = f"{where}, {member.key}.{member.kind}"
            if place in seen:
                yield Problem("duplicate", name, "the shard holds this member twice")
            elif place < last:
                yield Problem("key_order", name, f"it comes after {last[0]}.{last[1]}")
            seen.add(place)
            last = place
            if self._first_seen.setdefault(member.key, where) != where:
                yield Problem("duplicate", name, f"the key is in {self._first_seen[member.key]} as well")
            content = shard.read(member.offset, member.size)
            for kind, what in self._content_problems(member, content, where, index.get(place)):
                yield Problem(kind, name, what)
        for key in sorted({key for key, _ in seen}):
            if lacking := [kind for kind in MEMBERS if (key, kind) not in seen]:
                yield Problem("missing_member", f"{where}, {key}", f"it has no {', '.join(lacking)}")
        for key, kind in sorted(index.keys() - seen):
            yield Problem("missing_member", f"{where}, {shown(key)}.{shown(kind)}", "only the index has it")

    def missing(self) -> Iterator[Problem]:
        """Yield the stimuli that no shard held."""
        for key in self._stimuli.keys() - self._first_seen.keys():
            yield Problem("missing_member", f"metadata/stimuli.parquet, {key}", "no shard holds it")

    def _content_problems(
        self, member: Member, content: bytes, where: str, entry: IndexEntry | None
    ) -> Iterator[tuple[str, str]]:
        sha256 = sha256_bytes(content)
        if entry is None:
            yield "wrong_index", "the index has no such member"
        elif (entry.offset, entry.size) != (member.offset, member.size):
            yield "wrong_index", f"it lies at byte {member.offset}, the index says {entry.offset}, or its size differs"
        elif entry.sha256 != sha256:
            yield "wrong_hash", f"SHA-256 {sha256}, the index says {shown(entry.sha256)}"
        stimulus = self._stimuli.get(member.key)
        if stimulus is None:
            yield "unknown_key", "metadata/stimuli.parquet has no such stimulus"
            return
        if not where.startswith(f"data/{config_of(stimulus)}/{stimulus.split}-"):
            yield "wrong_shard", f"a stimulus of {config_of(stimulus)} ({stimulus.split}) does not belong here"
        if member.kind == "json":
            yield from _json_problems(content, stimulus)
            return
        stream = stimulus.video if member.kind == "mp4" else stimulus.audio
        if stream.sha256 != sha256:
            yield "wrong_hash", f"SHA-256 {sha256}, metadata/stimuli.parquet says {shown(stream.sha256)}"
        elif what := self._stream_problem(member.kind, content, sha256, stream.seconds):
            yield "wrong_stream", what

    def _stream_problem(self, kind: str, content: bytes, sha256: str, seconds: float) -> str | None:
        if (sha256, kind) not in self._stream_problems:  # conditions share their streams
            self._stream_problems[sha256, kind] = stream_problem(kind, content, seconds)
        return self._stream_problems[sha256, kind]


def _json_problems(content: bytes, stimulus: Stimulus) -> Iterator[tuple[str, str]]:
    try:
        found = Stimulus.model_validate_json(content)
    except ValidationError as error:
        fault = first_fault(error)
        yield "wrong_json", f"{shown(fault.place)}: {fault.message}"
        return
    if found != stimulus:
        names = [name for name in Stimulus.model_fields if getattr(found, name) != getattr(stimulus, name)]
        yield "wrong_json", f"metadata/stimuli.parquet says another {', '.join(names)}"


def stream_problem(kind: str, content: bytes, seconds: float) -> str | None:
    """Return why ``content`` is not the stream that the columns promise, or None.

    Only headers are read. The container is fixed, so that a playlist is not followed.
    """
    try:
        with av.open(io.BytesIO(content), mode="r", format=kind) as container:
            codecs = [stream.codec_context.name for stream in container.streams]
            length = (container.duration or 0) / av.time_base
            if kind == "mp4":
                if codecs != ["h264"]:
                    return f"it holds {', '.join(codecs) or 'nothing'}; expected one silent h264 video"
            elif codecs != ["flac"]:
                return f"it holds {', '.join(codecs) or 'nothing'}; expected flac"
            else:
                sound = container.streams.audio[0].codec_context
                if (sound.sample_rate, sound.channels, sound.format.name) != (AUDIO_RATE, 1, "s16"):
                    return f"{sound.sample_rate} Hz, {sound.channels} channels; expected {AUDIO_RATE} Hz mono 16-bit"
    except (av.FFmpegError, ValueError, IndexError) as error:
        return f"it cannot be opened: {error}"
    if abs(length - seconds) > _SECONDS_APART:
        return f"it is {length:.2f} s long, metadata/stimuli.parquet says {seconds:.2f}"
    return None
