"""Do the token counts follow what was sent?"""

from collections.abc import Collection, Iterator, Mapping, Sequence

from mma_bench.conform.server import Server, is_refusal
from mma_bench.conform.stimuli import COMPANION, audio, sample, video
from mma_bench.conform.verdicts import Check, Outcome
from mma_bench.dataset.load import Sample
from mma_bench.errors import MMABenchError
from mma_bench.schema import Modality

LENGTHS = (3.0, 6.0, 12.0)
"""Seconds."""

_NAME = "token counts"
_PADDING = " ".join(["The weather is mild today, and the shops are open until six in the evening."] * 10)
_WITHOUT = {"media": "none"}


def counts_check(server: Server, modalities: Collection[Modality]) -> Check:
    """Check the counts of input tokens: the same for the same request, and more for more text and longer media."""
    groups = {each: _by_length(each) for each in modalities}
    plain = next(iter(groups.values()))[LENGTHS[0]]
    text = {"short": plain, "long": _padded(plain)}
    try:
        said = server.ask_twice({f"{each}{length}": one for each, g in groups.items() for length, one in g.items()})
        said |= {f"text {name}": answers for name, answers in server.ask_twice(text).items()}
        said |= {"no media": server.ask_twice({"short": plain}, _WITHOUT)["short"]}
    except MMABenchError as error:
        if not is_refusal(error):
            raise
        return Check(_NAME, Outcome.REFUSED, f"the server says that it does not take a request: {error}")
    counts = {name: [answer.input_tokens for answer in answers] for name, answers in said.items()}
    outcome, reason = _judged(counts, modalities)
    return Check(_NAME, outcome, reason, details={"input_tokens": counts})


def _judged(counts: Mapping[str, Sequence[int | None]], modalities: Collection[Modality]) -> tuple[Outcome, str]:
    known = {name: [count for count in found if count is not None] for name, found in counts.items()}
    if not any(known.values()):
        return Outcome.SKIPPED, "the server reports no token counts"
    if any(len(found) < len(counts[name]) for name, found in known.items()):
        return Outcome.FAILED, "only some replies have token counts"
    if fault := next(_faults(known, modalities), ""):
        return Outcome.FAILED, fault
    series = {str(each): [known[f"{each}{length}"][0] for length in LENGTHS] for each in modalities}
    if flat := [name for name, found in series.items() if found[0] == found[-1]]:
        return Outcome.UNCLEAR, (
            f"the {' and the '.join(flat)} content of {LENGTHS[0]:g} s and of {LENGTHS[-1]:g} s take the same number "
            "of tokens: the model has a fixed budget, or the server cuts it, or does not count it"
        )
    return Outcome.PASSED, f"counts follow the text and the length of the media ({_series(known, modalities)})"


def _faults(known: Mapping[str, Sequence[int]], modalities: Collection[Modality]) -> Iterator[str]:
    for name, found in known.items():
        if len(set(found)) > 1:
            yield f"the same request was counted differently ({_named(name, known)})"
    if known["text long"][0] <= known["text short"][0]:
        yield f"150 more words add no tokens ({_named('text short', known)}; {_named('text long', known)})"
    if known["no media"][0] >= known["text short"][0]:
        yield f"media add no tokens to a question ({_named('no media', known)}; {_named('text short', known)})"
    for modality in modalities:
        series = [known[f"{modality}{length}"][0] for length in LENGTHS]
        if series != sorted(series):
            yield f"longer {modality} content was counted with fewer tokens ({', '.join(map(str, series))})"


def _series(known: Mapping[str, Sequence[int]], modalities: Collection[Modality]) -> str:
    lengths = ", ".join(f"{length:g}" for length in LENGTHS)
    each = (", ".join(str(known[f"{one}{length}"][0]) for length in LENGTHS) + f" for {one}" for one in modalities)
    return f"{lengths} s: {'; '.join(each)}"


def _named(name: str, known: Mapping[str, Sequence[int]]) -> str:
    return f"{name}: {', '.join(map(str, known[name]))}"


def _by_length(modality: Modality) -> dict[float, Sample]:
    """Return stimuli of one modality's several lengths; the other one always has the same length."""
    found = {}
    for length in LENGTHS:
        if modality is Modality.VISUAL:
            seen, heard = video("Orange_ball", length), audio(COMPANION[modality], LENGTHS[0])
        else:
            seen, heard = video(COMPANION[modality], LENGTHS[-1]), audio("Siren", length)
        found[length] = sample(f"length_{modality}_{length:g}", modality, seen, heard)
    return found


def _padded(plain: Sample) -> Sample:
    (question,) = plain.questions
    longer = question.changed(question_id=f"{question.question_id}/padded", prompt=f"{_PADDING} {question.prompt}")
    stimulus = plain.stimulus.changed(key=f"{plain.stimulus.key}_padded", questions=[longer])
    return Sample(stimulus, [longer], plain.media)
