"""The whole test of a server."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

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
from mma_bench.conform.server import PACKINGS, Server, is_busy, load_endpoint, packing_of, streams_of
from mma_bench.conform.signals import VARIATIONS
from mma_bench.conform.stimuli import NAMES
from mma_bench.conform.verdicts import Check, Conformance, Outcome
from mma_bench.console.progress import bar
from mma_bench.errors import MMABenchError, unknown
from mma_bench.models.endpoint.patience import RESUME
from mma_bench.probe.stimuli import samples
from mma_bench.schema import Modality

LONG_SECONDS = 40.0
"""A common limit of audio encoders is 30 s; the content is in the last quarter."""

LEVELS = (1, 2, 4, 8)
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


class StoppedError(MMABenchError):
    """A test that ended before all was asked.

    Attributes:
        found: what was found until then.
    """

    def __init__(self, reason: str, found: Conformance) -> None:
        super().__init__(reason)
        self.found = found


def conform(model: str, options: Mapping[str, str], plan: Plan, *, progress: bool = True) -> Conformance:
    """Test the server of ``model``.

    Args:
        model: name of an endpoint, such as ``openai:MODEL@URL``.
        options: its options, as text.
        plan: what is tested.
        progress: show progress on standard error.

    Raises:
        MMABenchError: an option is invalid.
        StoppedError: the server cannot be reached, refuses what the options say, or stops answering for good.
    """
    with bar(f"conform {model}", plan.requests, unit="request", show=progress) as shown:
        test = _Test(Server(model, options, shown, plan.modalities), plan)
        settings = {
            "options": dict(options),
            "deciding": test.loaded.settings.deciding(),
            "packings": [test.server.packing, *plan.packings],
            "modalities": [str(modality) for modality in plan.modalities],
            "long_seconds": plan.long_seconds,
            "concurrency": list(plan.levels),
            "gate": plan.gate,
        }

        def found(error: str = "") -> Conformance:
            return Conformance(test.loaded.name, settings, test.checks, test.asked.texts if test.asked else {}, error)

        try:
            test.run()
        except MMABenchError as error:
            reason = str(error).replace(RESUME, "")  # a test starts again
            raise StoppedError(reason, found(reason)) from error
    return found()


class _Test:
    """The checks of a test, one after the other.

    Attributes:
        server: the server under test.
        loaded: the model behind it.
        checks: what was found so far.
        asked: the fixed questions, once they were asked.
    """

    def __init__(self, server: Server, plan: Plan) -> None:
        self.server = server
        self.loaded = server.model()
        self.checks: list[Check] = []
        self.asked: Asked | None = None
        self._plan = plan

    def run(self) -> None:
        """Make all checks.

        Raises:
            MMABenchError: the server cannot be reached, refuses what the options say, or stops answering for good.
        """
        server, plan = self.server, self._plan
        if len(plan.modalities) == len(Modality):
            self.checks.append(text_check(server))
        self.checks += arrival_checks(server, plan.packings, plan.modalities)
        for name, check in self._more():
            try:
                self.checks += check()
            except MMABenchError as error:
                self.checks.append(self._broken(name, error))

    def _more(self) -> Iterator[tuple[str, Callable[[], list[Check]]]]:
        """Yield the checks of a server that has answered, with their names."""
        server, plan = self.server, self._plan
        if Modality.AUDIO in plan.modalities:
            yield "end of long audio", lambda: [long_audio(server, plan.long_seconds)]
            yield "audio above 4 kHz", lambda: [high_frequencies(server)]
        if Modality.VISUAL in plan.modalities:
            yield "end of long video", lambda: [long_video(server, plan.long_seconds)]
            yield "fine detail of video", lambda: [fine_detail(server)]
        yield "token counts", lambda: [counts_check(server, plan.modalities)]
        yield "fixed questions", self._fixed
        if self.asked and plan.levels:
            yield "same answers under load", self._loads

    def _fixed(self) -> list[Check]:
        self.asked = ask_fixed(self.server, self._plan.modalities)
        return _about_answers(self.asked, self._plan, draws=self.loaded.draws)

    def _loads(self) -> list[Check]:
        if not self.asked:
            return []
        levels, modalities = self._plan.levels, self._plan.modalities
        return load_checks(self.server, self.asked, levels, modalities, samples_answers=self.loaded.draws)

    def _broken(self, name: str, error: MMABenchError) -> Check:
        """Return what it means that a check could not be made.

        Raises:
            MMABenchError: the server does not answer any more what it has answered before.
        """
        said = str(error).replace(RESUME, "")
        try:
            self.server.ask(samples(next(iter(self._plan.modalities)), 0)[:1])
        except MMABenchError:
            raise MMABenchError(f"the server stopped answering during the check {name!r}: {said}") from error
        if is_busy(error):
            return Check(name, Outcome.UNCLEAR, f"the server was too busy, and then answered again: {said}")
        return Check(name, Outcome.FAILED, f"the server failed, and then answered other requests again: {said}")


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
