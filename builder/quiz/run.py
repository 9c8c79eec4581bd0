"""The run that a quiz fills: opened, locked, and scored when the page is stopped."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from builder.quiz.person import Person
from builder.quiz.session import Quiz, quiz_of
from mma_bench.errors import MMABenchError
from mma_bench.evaluation.people import PEOPLE_PREFIX
from mma_bench.evaluation.protocols import load_protocol
from mma_bench.evaluation.rescoring import rescore
from mma_bench.evaluation.session import Questions, Request, Session
from mma_bench.evaluation.store import HEAD_FILE, AnswerStore, begin_run, check_run
from mma_bench.files.atomic import write_json
from mma_bench.files.lock import hold


@dataclass(frozen=True)
class OpenQuiz:
    """A person's run that can be begun.

    Attributes:
        run: its folder.
        session: the person with all of their questions.
        seed: of the order.
        overwrite: discard existing answers.
    """

    run: Path
    session: Session
    seed: int
    overwrite: bool

    @property
    def person(self) -> str:
        """The person's name."""
        return self.session.model.name.removeprefix(PEOPLE_PREFIX)

    @property
    def workload(self) -> str:
        """How much is left to ask, in words."""
        return self.session.ahead.text(self.session.head.title)

    @contextmanager
    def begun(self) -> Iterator[Quiz]:
        """Begin or resume the run, and lock it; afterwards write its scores.

        Raises:
            MMABenchError: another quiz writes to the run, it is another one's, or it was overwritten meanwhile.
        """
        self.run.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.run, os.O_RDONLY)
        try:
            hold(descriptor, wait=False)
        except BlockingIOError as error:
            raise MMABenchError(f"another quiz is writing to {self.run}; open that page, or stop it first") from error
        else:
            begin_run(self.run, self.session.head, overwrite=self.overwrite)
            store = AnswerStore(self.run)
            begun = self._head()

            def is_ours() -> bool:
                return self._head() == begun

            yield quiz_of(self.session, store, self.seed, is_ours)
            if not is_ours():
                raise MMABenchError(f"{self.run} was overwritten by another command; the quiz wrote nothing more to it")
            if store.read():
                write_json(self.run / "scores.json", rescore(self.run).scores.to_json())
        finally:
            os.close(descriptor)  # frees the lock

    def _head(self) -> bytes | None:
        """Return what the run says of itself now; None if it is gone."""
        try:
            return (self.run / HEAD_FILE).read_bytes()
        except OSError:
            return None


def open_quiz(
    data: str,
    *,
    name: str,
    run: Path,
    protocol: str,
    condition: Sequence[str],
    split: str,
    limit: int | None,
    seed: int,
    overwrite: bool,
) -> OpenQuiz:
    """Return the quiz of a person; nothing is written. Arguments are those of the command.

    Raises:
        MMABenchError: the data, the protocol or the name cannot be used, or ``run`` belongs to somebody else.
    """
    request = Request(
        model=Person(name, seed),
        data=data,
        run=run,
        options={},
        condition=condition or None,
        split=split,
        limit=limit,
        overwrite=overwrite,
        protocol=load_protocol(protocol),
        repeats=1,
        probe=False,
        progress=True,
        shard=None,
    )
    session = Session.open(request, Questions.of(request))
    check_run(run, session.head, overwrite=overwrite)
    return OpenQuiz(run, session, seed, overwrite)
