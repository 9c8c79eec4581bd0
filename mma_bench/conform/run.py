"""The whole test of a server."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mma_bench.conform.checks.answers import (
    GATE,
    Asked,
    ask_fixed,
    gate_check,
    naming_check,
    reference_check,
    repeat_check,
)
from mma_bench.conform.checks.arrival import arrival_checks, text_check
from mma_bench.conform.checks.counts import counts_check
from mma_bench.conform.checks.fidelity import fine_detail, high_frequencies, long_audio, long_video
from mma_bench.conform.checks.load import REQUESTS, load_checks
from mma_bench.conform.server import PACKINGS, Server, load_endpoint, packing_of, streams_of
from mma_bench.conform.signals import VARIATIONS
from mma_bench.conform.stimuli import NAMES
from mma_bench.conform.verdicts import Check, Conformance
from mma_bench.console.progress import bar
from mma_bench.errors import MMABenchError, unknown
from mma_bench.files.documents import parse_json
from mma_bench.schema import Modality

LONG_SECONDS = 40.0
"""A common limit of audio encoders is 30 s; the content is in the last quarter."""

LEVELS = (1, 2, 4, 8)
_LARGEST_REFERENCE = 50_000_000
_MOST_SECONDS = 600.0


@dataclass(frozen=True)
class Plan:
    """Settings of a test.

    Attributes:
        packings: packings to test besides that of the options, see `PACKINGS`.
        modalities: what the model takes.
        long_seconds: length of the long stimuli.
        levels: concurrencies.
        gate: accuracy that must be exceeded.
        reference: answers of another server by name, or none.
    """

    packings: Sequence[str] = ()
    modalities: Collection[Modality] = tuple(Modality)
    long_seconds: float = LONG_SECONDS
    levels: Sequence[int] = LEVELS
    gate: float = GATE
    reference: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            MMABenchError: one cannot be used.
        """
        if wrong := [name for name in self.packings if name not in PACKINGS]:
            raise MMABenchError(unknown("there is no packing", wrong[0], PACKINGS))
        if not self.modalities:
            raise MMABenchError("a model that takes neither video nor audio has nothing to test; leave one of them in")
        if not 8 <= self.long_seconds <= _MOST_SECONDS:
            raise MMABenchError(f"--long-seconds {self.long_seconds:g}: give 8 to {_MOST_SECONDS:g} seconds")
        if not 0 < self.gate < 1:
            raise MMABenchError(f"--gate {self.gate:g}: give a share between 0 and 1")

    @property
    def requests(self) -> int:
        """About how many requests a test takes, without those that only a weak model or a silent server needs."""
        fixed = sum(len(NAMES[modality]) for modality in self.modalities) * VARIATIONS
        probes = 10 * len(self.modalities) * (1 + len(self.packings)) + 10 * (len(self.modalities) + 1)
        loads = sum(min(fixed, max(REQUESTS, 2 * level)) for level in self.levels)
        return 4 + probes + 3 * fixed + 12 * len(self.modalities) + 6 * (len(self.modalities) + 1) + loads


def conform(model: str, options: Mapping[str, str], plan: Plan, *, progress: bool = True) -> Conformance:
    """Test the server of ``model``.

    Args:
        model: name of an endpoint, such as ``openai:MODEL@URL``.
        options: its options, as text.
        plan: what is tested.
        progress: show progress on standard error.

    Raises:
        MMABenchError: an option is invalid, or the server cannot be reached or refuses what the options say.
    """
    with bar(f"conform {model}", plan.requests, unit="request", show=progress) as shown:
        server = Server(model, options, shown, plan.modalities)
        loaded = server.model()
        draws = loaded.draws
        checks: list[Check] = []
        if len(plan.modalities) == len(Modality):
            checks.append(text_check(server))
        checks += arrival_checks(server, plan.packings, plan.modalities)
        if Modality.AUDIO in plan.modalities:
            checks += [long_audio(server, plan.long_seconds), high_frequencies(server)]
        if Modality.VISUAL in plan.modalities:
            checks += [long_video(server, plan.long_seconds), fine_detail(server)]
        checks.append(counts_check(server, plan.modalities))
        asked = ask_fixed(server, plan.modalities)
        checks += _about_answers(asked, plan, draws=draws)
        checks += load_checks(server, asked, plan.levels, plan.modalities, samples_answers=draws)
    settings = {
        "options": dict(options),
        "deciding": loaded.settings.deciding(),
        "packings": [server.packing, *plan.packings],
        "modalities": [str(modality) for modality in plan.modalities],
        "long_seconds": plan.long_seconds,
        "concurrency": list(plan.levels),
        "gate": plan.gate,
    }
    return Conformance(loaded.name, settings, checks, asked.texts)


def _about_answers(asked: Asked, plan: Plan, *, draws: bool) -> list[Check]:
    found = [repeat_check(asked, samples_answers=draws), gate_check(asked, plan.gate), naming_check(asked)]
    return found if plan.reference is None else [*found, reference_check(asked, plan.reference)]


def preview(model: str, options: Mapping[str, str], plan: Plan) -> list[str]:
    """Return what a test would do; no request is made.

    Raises:
        MMABenchError: an option is invalid.
    """
    packing = packing_of(options)
    loaded = load_endpoint(model, {**options, **streams_of(plan.modalities)})
    levels = ", ".join(map(str, plan.levels)) or "none"
    return [
        f"server: {loaded.name}, at {loaded.address.url}",
        f"media as {', '.join([packing, *plan.packings])}; long stimuli of {plan.long_seconds:g} s; "
        f"concurrency {levels}; gate {plan.gate:.0%}" + ("; with a reference" if plan.reference else ""),
        f"about {plan.requests} requests",
    ]


def read_reference(path: Path) -> dict[str, str]:
    """Return the answers in the JSON file of an earlier test.

    Raises:
        MMABenchError: it is not such a file.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(_LARGEST_REFERENCE + 1)
        found: Any = parse_json(content.decode("utf-8")) if len(content) <= _LARGEST_REFERENCE else None
    except (OSError, ValueError, RecursionError) as error:
        raise MMABenchError(f"{path} cannot be read: {' '.join(str(error).split())[:200]}") from error
    answers = found.get("answers") if isinstance(found, dict) else None
    if not isinstance(answers, dict) or not all(isinstance(text, str) for text in answers.values()):
        raise MMABenchError(f"{path} has no answers; give the JSON of `mma-bench conform --json`, or of --out")
    return {str(name): text for name, text in answers.items()}


def document(found: Conformance) -> str:
    """Return the result as JSON, in ASCII: an answer may hold half of a surrogate pair."""
    return json.dumps(found.to_json(), indent=2) + "\n"
