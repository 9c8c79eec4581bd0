"""A dataset of questions without media, and a model whose answers are written down: no build, no weights."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow.parquet as pq

from mma_bench.dataset.columns import to_table
from mma_bench.dataset.load import Sample
from mma_bench.evaluation.protocols import Protocol, load_protocol
from mma_bench.files.hashing import sha256_bytes
from mma_bench.models.interface import Answer, Model
from mma_bench.questions import prompts
from mma_bench.schema import Modality, Question, Stimulus, Stream

CLASSES = ("Cat", "Dog", "Drum", "Rain")
NASTY = (
    "=cmd|' /C calc'!A0",
    "one\r\ntwo",
    "\r",
    "",
    "NA",
    "<NA>",
    "\x00 and \x1b[31m",
    "\u202e\u2028\x85\ufeff",
    "half a pair: \ud83d, and two halves the wrong way round: \ude00\ud83d",
    "😀 e\u0301 é",
    "\"quoted\", 'too'\t</script>",
    "m" * 300_000 + " Dog",
)


def write_dataset(folder: Path) -> Path:
    """Write the questions of eight clips: aligned, misaligned, one stream removed, and mixed at two levels."""
    stimuli = [
        stimulus
        for clip in range(8)
        for stimulus in (
            _stimulus(clip, "aligned"),
            _stimulus(clip, "misaligned"),
            _stimulus(clip, "audio_removed"),
            _stimulus(clip, "frames_zeroed"),
            _stimulus(clip, "mixed_audio", level=-10.0),
            _stimulus(clip, "mixed_audio", level=10.0),
        )
    ]
    (folder / "metadata").mkdir(parents=True)
    pq.write_table(to_table(Stimulus, stimuli), folder / "metadata" / "stimuli.parquet")
    (folder / "data").mkdir()
    return folder


def protocol(average: str = "macro") -> Protocol:
    """Return a protocol with two wordings in the headline and one that is not."""
    robust = load_protocol("robust").model_dump(mode="json")
    rules = [{"name": name} for name in ("standard", "shuffled_options_1", "none_present")]
    headline = ["standard", "shuffled_options_1"]
    return Protocol.model_validate({**robust, "variants": rules, "headline": headline, "average": average})


class Scripted(Model):
    """Says what it hears, now and then something nasty; gives scores for some of the options to some questions."""

    takes_media = False
    name = "lab/scripted-1"

    def __init__(self) -> None:
        self._repeat = 0
        self._said = 0

    @property
    def draws(self) -> bool:
        return True

    def begin_repeat(self, repeat: int) -> None:
        self._repeat = repeat

    def fingerprint(self) -> dict[str, str]:
        return {
            "model": "own:/home/me/secret",
            "url": "http://10.0.0.1/",
            "weights": "~/weights",
            "setting temperature": "0.7",
            "setting max_tokens": "64",
            "<i>key\u2028": "</dd><script>",
        }

    def answer(self, sample: Sample) -> list[Answer]:
        return [self._one(sample, question) for question in sample.questions]

    def _one(self, sample: Sample, question: Question) -> Answer:
        self._said += 1
        text = sample.stimulus.audio.label or "I cannot tell."
        if self._said % 3 == 0:
            text = NASTY[self._said // 3 % len(NASTY)]
        elif self._said % 3 == 1 and self._repeat:
            text = question.options[0]
        return Answer(question.question_id, text, *_scored(question, self._said))


def _scored(question: Question, number: int) -> tuple[Mapping[str, float], Mapping[str, int]]:
    if number % 2:
        return {}, {}
    scores = {name: -float(place + 1) for place, name in enumerate(question.options)}
    if number % 4:
        scores.pop(question.options[-1])  # a server's first twenty alternatives may lack an option
    return scores, dict.fromkeys(scores, 1)


def cut_answers(run: Path, count: int) -> None:
    """Remove the last ``count`` answers of a run, as if it had been interrupted."""
    path = run / "answers.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-count]))


def add_costs(run: Path, costs: Sequence[Mapping[str, object]]) -> None:
    """Add fields to the first answers of a run, as a version that records costs writes them."""
    path = run / "answers.jsonl"
    lines = path.read_text(encoding="utf-8", errors="surrogatepass").split("\n")
    for number, cost in enumerate(costs):
        lines[number] = json.dumps({**json.loads(lines[number]), **cost}, ensure_ascii=False)
    path.write_text("\n".join(lines), encoding="utf-8", errors="surrogatepass")


def _stimulus(clip: int, condition: str, level: float | None = None) -> Stimulus:
    own = CLASSES[clip % len(CLASSES)]
    other = CLASSES[(clip + 1) % len(CLASSES)]
    name = condition if level is None else f"{condition}_{level:g}".replace("-", "m")
    key = f"{name}_clip-{clip}_0"
    seen = None if condition == "frames_zeroed" else own
    heard = {"audio_removed": None, "misaligned": other}.get(condition, own)
    return Stimulus(
        key=key,
        condition=condition,
        level=level,
        split="test",
        video=_stream(f"clip-{clip}_0", seen, "video"),
        audio=_stream(f"clip-{clip}_0" if heard == own else f"clip-{clip + 1}_0", heard, "audio"),
        seconds=10.0,
        questions=[_question(key, condition, modality, own, seen, heard, other) for modality in Modality],
    )


def _stream(clip: str, label: str | None, member: str) -> Stream:
    return Stream(
        origin="clip" if label else "black" if member == "video" else "silence",
        clip_id=clip if label else None,
        label=label,
        sha256=sha256_bytes(f"{clip}/{member}/{label}".encode()),
        seconds=10.0,
    )


def _question(
    key: str, condition: str, modality: Modality, own: str, seen: str | None, heard: str | None, other: str
) -> Question:
    asked, rest = (seen, heard) if modality is Modality.VISUAL else (heard, seen)
    distractor = other if condition == "mixed_audio" and modality is Modality.AUDIO else rest
    return Question(
        question_id=f"{key}/{condition}/{modality}",
        condition=condition,
        modality=modality,
        prompt=prompts.question(modality, CLASSES),
        parts=prompts.standard(modality),
        options=list(CLASSES),
        answer=asked or own,
        distractor=distractor if distractor != (asked or own) else None,
        answerable=asked is not None,
    )
