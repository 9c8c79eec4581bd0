"""Asks a model about stimuli that differ in only one modality."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from mma_bench.console.progress import bar, say
from mma_bench.errors import MMABenchError
from mma_bench.models.interface import Answer, Model
from mma_bench.probe import stimuli
from mma_bench.probe.findings import Finding, Heard, Probe, Verdict, judge
from mma_bench.probe.signals import SECONDS, SOUND_NAMES
from mma_bench.schema import Modality

if TYPE_CHECKING:
    from tqdm import tqdm

PASS = stimuli.REPEATS * len(SOUND_NAMES)
"""Questions about one modality and one length."""


def probe(model: Model, *, progress: bool = False, modalities: Collection[Modality] = tuple(Modality)) -> Probe:
    """Return whether video and audio reach ``model``.

    It takes 20 short questions, and 20 more for a model that counts tokens but shows no other difference.

    Args:
        model: the model.
        progress: show progress on standard error.
        modalities: which to check.

    Raises:
        MMABenchError: the model takes no media, or it cannot answer.
    """
    if not model.takes_media:
        raise MMABenchError(f"{model.name} reads labels, no media; there is nothing to probe")
    wanted = [modality for modality in Modality if modality in modalities]
    with bar(f"probe {model.name}", len(wanted) * PASS, show=progress) as shown:
        return Probe(findings=[_probe(model, modality, shown) for modality in wanted])


def require_reach(model: Model, found: Probe) -> None:
    """Raise MMABenchError if ``found`` says that a modality does not reach ``model``."""
    if found.missing:
        reasons = "; ".join(f"{finding.modality} {finding.verdict}: {finding.reason}" for finding in found.missing)
        raise MMABenchError(
            f"{model.name} was not evaluated. {reasons}. Check how the server takes media (for an endpoint, try "
            f"--model-option media=frames or muxed{_without(found.missing)}); --skip-probe evaluates all the same, and "
            "the report says so"
        )


def _without(missing: Sequence[Finding]) -> str:
    """Return how to ask a server that takes no such modality, as the end of a list."""
    if len(missing) != 1:
        return ""
    kept = "video" if missing[0].modality is Modality.AUDIO else "audio"
    return f", or --model-option streams={kept} if it takes no {missing[0].modality} input"


def checked_reach(
    model: Model, *, check: bool, progress: bool, modalities: Collection[Modality] = tuple(Modality)
) -> Probe:
    """Return whether the media reach ``model``, before anything of a run is written.

    Args:
        model: the model.
        check: whether to ask; otherwise the result says that the probe was skipped.
        progress: show progress on standard error.
        modalities: which to check.

    Raises:
        MMABenchError: a modality does not reach the model.
    """
    if not check:
        return Probe(skipped=True)
    found = probe(model, progress=progress, modalities=modalities)
    require_reach(model, found)
    for finding in found.unclear:
        say(f"note: {unclear_note(model, finding)}")
    return found


def unclear_note(model: Model, finding: Finding) -> str:
    """Return a note that it is unclear whether a modality reaches ``model``, and what to do about it."""
    return (
        f"it is unclear whether {finding.modality} reaches {model.name}: {finding.reason}. To find out, let the model "
        "answer without sampling, or report token counts or option scores (for an endpoint, --model-option "
        "temperature=0 or logprobs=5); the run and its report record this"
    )


def _probe(model: Model, modality: Modality, shown: "tqdm[Any]") -> Finding:
    answers = _ask(model, modality, SECONDS, shown)
    finding = judge(modality, answers)
    counts = any(answer.input_tokens is not None for said in answers.values() for answer in said)
    if finding.verdict is Verdict.REACHES or not counts:
        return finding
    # Stimuli of the same length take the same number of tokens even if they arrive: ask again with half the length.
    shown.total = (shown.total or 0) + PASS
    return judge(modality, answers, _ask(model, modality, SECONDS / 2, shown))


def _ask(model: Model, modality: Modality, seconds: float, shown: "tqdm[Any]") -> Heard:
    given: dict[str, list[Answer]] = {name: [] for name in stimuli.NAMES[modality]}
    for turn in range(stimuli.REPEATS):  # one turn ends before the next begins, whatever order a model uses
        for sample, answers in model.answer_all(stimuli.samples(modality, turn, seconds=seconds)):
            given[sample.questions[0].answer] += answers
            shown.update(len(answers))
    if any(len(said) != stimuli.REPEATS for said in given.values()):
        raise MMABenchError(f"{model.name} did not answer the questions of the probe one by one; its adapter is wrong")
    return given
