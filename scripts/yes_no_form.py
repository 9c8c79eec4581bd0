"""AVHBench's yes/no form on the clips of an mma-bench dataset: a model and its wrappers, as one table.

    python scripts/yes_no_form.py --model cascade --data mma-bench --out yes-no
    python scripts/yes_no_form.py --model transformers:FOLDER --data mma-bench --out yes-no --limit 24 \\
      --model-option fps=4 --model-option max_new_tokens=16

AVHBench's videos are not included, so this is its form and not its data: its words and its scores, asked and computed
by the code of `mma-bench avhbench`, about aligned and misaligned clips. About each clip and modality, one question has
the answer Yes (the class that is seen or heard) and one has No: under conflict the class of the other modality, else a
class drawn from all others. Whether both match has the answer Yes for aligned clips, and No for misaligned ones.

Writes OUT/QA.json, OUT/videos, a run per wrapper, OUT/table.md and OUT/table.json: accuracy of the model, and for each
wrapper the paired difference to it, with 95% intervals over source clips; the share of Yes, and of answers that are
neither. Interrupted runs resume; other questions, from another --limit or dataset, need another --out. --limit takes
the same source clips in both conditions, as evenly from all classes as it can, drawn by a hash of their names.
"""

import argparse
import io
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import mma_bench
from mma_bench.avhbench import evaluate_avhbench
from mma_bench.avhbench.protocol import protocol
from mma_bench.avhbench.questions import Row, read_questions
from mma_bench.console.group import named_options
from mma_bench.dataset.load import Sample
from mma_bench.dataset.turns import in_turns
from mma_bench.errors import MMABenchError
from mma_bench.evaluation.statistics.estimate import Estimate
from mma_bench.evaluation.statistics.paired import paired_difference
from mma_bench.evaluation.statistics.share import share
from mma_bench.evaluation.store import AnswerStore
from mma_bench.files.atomic import write_bytes, write_json, write_text
from mma_bench.files.documents import parse_json
from mma_bench.files.hashing import sha256_json
from mma_bench.models import load, model_class
from mma_bench.models.checks import NO, YES
from mma_bench.models.wrappers import WRAPPERS, split_options
from mma_bench.parsing import read_yes_no
from mma_bench.questions.near_synonyms import are_near_synonyms

ORDER = ("prompt", "solo", "contrast", "adaptive")
CONDITIONS = ("aligned", "misaligned")
VISUAL, AUDIO, MATCHING = "audio_driven_video_hallucination", "video_driven_audio_hallucination", "av_matching"
TASKS = {VISUAL: "is it visible", AUDIO: "does it make sound", MATCHING: "do they match"}
"""The tasks with a yes/no question, in words for the table."""


@dataclass(frozen=True)
class Asked:
    """A question of the file, with what the file's form cannot hold.

    Attributes:
        row: the question.
        condition: of its clip.
        clip: the source clip of the stream that it asks about.
    """

    row: Row
    condition: str
    clip: str


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--model-option", action="append", default=[], metavar="NAME=VALUE", help="also of wrappers")
    parser.add_argument("--data", default="mma-bench")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--wrapper", action="append", choices=ORDER, help="default: all that fit")
    parser.add_argument("--limit", type=int, help="source clips, the same ones in both conditions; default: all")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    given = parser.parse_args()
    for name in ("limit", "threads"):
        if getattr(given, name) is not None and getattr(given, name) < 1:
            raise MMABenchError(f"--{name} {getattr(given, name)}: it must be at least 1")
    return given


def main() -> None:
    given = arguments()
    plain = named_options(given.model_option)
    own = {}
    for name in WRAPPERS:
        own[name], plain = split_options(name, plain)
    names = given.wrapper or [name for name in ORDER if WRAPPERS.find(name).could_wrap(model_class(given.model))]
    drawn = draw(given.data, given.limit)
    import torch

    torch.set_num_threads(given.threads)
    model = load(given.model, plain)
    chosen = {"": model} | {name: WRAPPERS.find(name).wrap(model, own[name]) for name in dict.fromkeys(names)}
    asked = write_questions(drawn, given.out)
    said: dict[str, list[str]] = {}
    for name, wrapped in chosen.items():
        folder = given.out / (name or "bare")
        evaluate_avhbench(
            wrapped, given.out / "QA.json", given.out / "videos", run=folder, check_reach=False, allow_empty=True
        )
        said[name] = answers_of(folder, asked)
    write_text(given.out / "table.md", table(asked, said))
    write_json(given.out / "table.json", figures(asked, said))
    print(table(asked, said))


def draw(data: str, limit: int | None) -> list[tuple[str, Sample]]:
    """Return the clips to ask about, each with its condition.

    With ``limit``, they are those of the same source clips in both conditions: the first ``limit`` in turns of the
    classes, in the order of a hash of their names.

    Raises:
        MMABenchError: ``data`` is not a dataset, or no source clip is in both conditions.
    """
    samples = [(name, sample) for name in CONDITIONS for sample in mma_bench.load(data, condition=name).samples]
    if limit is None:
        return samples
    classes: dict[str, dict[str, str]] = {name: {} for name in CONDITIONS}
    for condition, sample in samples:
        classes[condition][_source(sample)] = str(sample.stimulus.video.label)
    shared = set.intersection(*map(set, classes.values()))
    if not shared:
        raise MMABenchError(f"{data}: no source clip is both aligned and misaligned; leave out --limit")
    kept = set(in_turns({clip: classes[CONDITIONS[0]][clip] for clip in shared})[:limit])
    return [(condition, sample) for condition, sample in samples if _source(sample) in kept]


def _source(sample: Sample) -> str:
    return str(sample.stimulus.video.clip_id)


def write_questions(drawn: Sequence[tuple[str, Sample]], out: Path) -> list[Asked]:
    """Write AVHBench's two inputs, `QA.json` and `videos`, and return the questions.

    Raises:
        MMABenchError: ``out`` has other questions, or a clip has no class that its questions could deny.
    """
    names = {task: protocol().tasks[task].name for task in TASKS}
    entries: list[dict[str, str]] = []
    about: list[tuple[str, str]] = []
    for condition, sample in drawn:
        for task, text, label, clip in _questions(sample, condition):
            entries.append({"video_id": _video_id(sample), "task": names[task], "text": text, "label": label})
            about.append((condition, clip))
    file = out / "QA.json"
    if file.is_file() and parse_json(file.read_text("utf-8")) != entries:
        raise MMABenchError(f"{file} has other questions (another --data or --limit); choose another --out")
    for _, sample in drawn:
        path = out / "videos" / f"{_video_id(sample)}.mkv"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(path, muxed(sample))
    write_json(file, entries)
    return [Asked(row, *place) for row, place in zip(read_questions(file), about, strict=True)]


def _video_id(sample: Sample) -> str:
    """Return the clip's name with a hash of its streams: the same clip of another build is another video."""
    stimulus = sample.stimulus
    content = sha256_json([stimulus.key, stimulus.video.sha256, stimulus.audio.sha256])
    return f"{stimulus.key}-{content[:16]}" if len(stimulus.key) <= 47 else content


def _questions(sample: Sample, condition: str) -> Iterator[tuple[str, str, str, str]]:
    stimulus = sample.stimulus
    seen, heard = str(stimulus.video.label), str(stimulus.audio.label)
    others = [name for name in sample.questions[0].options if not any(_alike(name, one) for one in (seen, heard))]
    if _alike(seen, heard) and not others:
        raise MMABenchError(
            f"{stimulus.key}: the dataset has no class but {seen}, so no question could have the answer No"
        )
    for task, form, there, other, clip in (
        (VISUAL, "Is the {} visible in the video?", seen, heard, stimulus.video.clip_id),
        (AUDIO, "Is the {} making sound in the audio?", heard, seen, stimulus.audio.clip_id),
    ):
        absent = random.Random(stimulus.key).choice(others) if _alike(other, there) else other
        for name, label in ((there, YES), (absent, NO)):
            yield task, form.format(name.replace("_", " ").lower()), label, str(clip)
    matches = YES if condition == "aligned" else NO
    yield MATCHING, "Are the contexts of audio and visual content matching?", matches, str(stimulus.video.clip_id)


def _alike(one: str, other: str) -> bool:
    return one == other or are_near_synonyms(one, other)


def muxed(sample: Sample) -> bytes:
    """Return a clip's two streams as one Matroska file, copied and not encoded again."""
    import av

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mkv"
        flags = {"fflags": "+bitexact"}
        contents = (sample.media.video_bytes, "mp4"), (sample.media.audio_bytes, "flac")
        with av.open(str(path), "w", format="matroska", options=flags) as out:
            sources = [av.open(io.BytesIO(content), format=form) for content, form in contents]
            streams = [(source.streams[0], out.add_stream_from_template(source.streams[0])) for source in sources]
            packets = [
                (Fraction(packet.dts) * packet.time_base, place, packet)
                for place, (source, (stream, _)) in enumerate(zip(sources, streams, strict=True))
                for packet in source.demux(stream)
                if packet.dts is not None and packet.time_base is not None
            ]
            for _, place, packet in sorted(packets, key=lambda one: one[:2]):
                packet.stream = streams[place][1]
                out.mux(packet)
            for source in sources:
                source.close()
        return path.read_bytes()


def answers_of(folder: Path, asked: Sequence[Asked]) -> list[str]:
    """Return `yes`, `no` or `unparsed` for each question; a question without an answer is unparsed."""
    texts = {answer.question_id: answer.text for answer in AnswerStore(folder).read().values()}
    return [read_yes_no(texts.get(f"{one.row.video_id}/{one.row.name}", "")) for one in asked]


def figures(asked: Sequence[Asked], said: dict[str, list[str]]) -> list[dict[str, Any]]:
    """Return all numbers: per wrapper, task and condition."""
    return [
        {"wrapper": name, "task": task, "condition": condition, **_cell(asked, said, name, task, condition)}
        for name in said
        for task in TASKS
        for condition in (*CONDITIONS, "both")
    ]


def _cell(asked: Sequence[Asked], said: dict[str, list[str]], name: str, task: str, condition: str) -> dict[str, Any]:
    places = [place for place, one in enumerate(asked) if one.row.task == task and condition in ("both", one.condition)]
    clips = [asked[place].clip for place in places]
    right, bare = ([said[who][place] == asked[place].row.label.lower() for place in places] for who in (name, ""))
    answers = [said[name][place] for place in places]
    return {
        "questions": len(places),
        "accuracy": _plain(share(right, clips)),
        "difference": _plain(paired_difference(bare, right, clips)) if name else None,
        "yes": _plain(share([one == "yes" for one in answers], clips)),
        "neither": _plain(share([one == "unparsed" for one in answers], clips)),
    }


def _plain(estimate: Estimate) -> dict[str, float]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def table(asked: Sequence[Asked], said: dict[str, list[str]]) -> str:
    """Return the table as Markdown: a line per task and condition, a column per wrapper."""
    heads = [f"+{name}" if name else "bare" for name in said]
    lines = [f"| question, clips | n | {' | '.join(heads)} |", f"|---|---|{'---|' * len(heads)}"]
    for task, words in TASKS.items():
        for condition in CONDITIONS:
            found = {name: _cell(asked, said, name, task, condition) for name in said}
            cells = [_text(one["difference"] or one["accuracy"], signed=bool(name)) for name, one in found.items()]
            lines.append(f"| {words}, {condition} | {found['']['questions']} | {' | '.join(cells)} |")
    for what, words in (("yes", "answered Yes"), ("neither", "answered neither Yes nor No")):
        for task, asks in TASKS.items():
            cells = [_text(_cell(asked, said, name, task, "both")[what]) for name in said]
            lines.append(f"| {words}: {asks} | | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _text(estimate: dict[str, float], *, signed: bool = False) -> str:
    form = "{:+.0f} [{:+.0f}, {:+.0f}]" if signed else "{:.0f} [{:.0f}, {:.0f}]"
    return form.format(*(100 * estimate[name] for name in ("value", "low", "high")))


if __name__ == "__main__":
    try:
        main()
    except (MMABenchError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
