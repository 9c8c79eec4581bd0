"""What one worker process does: load the model, wait for the others, ask its part, and tell the main process."""

import os
import pickle
import signal
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

from mma_bench.console.interruption import terminable
from mma_bench.errors import MMABenchError
from mma_bench.evaluation.outlook import Workload
from mma_bench.evaluation.run_folder import keeping
from mma_bench.evaluation.session import Questions, Request, Session
from mma_bench.evaluation.store import AnswerStore, Run, check_run
from mma_bench.evaluation.usage import UsageMeter
from mma_bench.evaluation.workers.parts import own_part
from mma_bench.models.interface import Answer
from mma_bench.probe import Probe

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""What the main process blocks while it starts a worker, so that none arrives before the worker can handle it."""

BEGIN = "begin"
"""What the main process says when all workers are ready; it says nothing else."""


@dataclass(frozen=True)
class Task:
    """What a worker is to do.

    Attributes:
        request: of the whole run, or the shard.
        index: of the worker, from 0.
        count: of the workers.
    """

    request: Request
    index: int
    count: int


@dataclass(frozen=True)
class Ready:
    """The model is loaded, and nothing is written yet.

    Attributes:
        head: what the run says of itself.
        ahead: what all workers together have to ask.
        found: whether the media reach the model; only the first worker finds out.
    """

    head: Run
    ahead: Workload
    found: Probe | None


@dataclass(frozen=True)
class Counted:
    """An answer that is stored, as far as the progress needs it."""

    input_tokens: int | None
    output_tokens: int | None


@dataclass(frozen=True)
class Failed:
    """The worker ended by this error."""

    error: Exception


@dataclass(frozen=True)
class Finished:
    """Everything is asked and stored."""


Message = Ready | Sequence[Counted] | Failed | Finished


def work(task: Task, connection: Connection) -> None:
    """Be a worker: the body of a process that the main process has started with `SIGNALS` blocked.

    It ignores Ctrl-C, which a terminal sends to all processes: the main process stops it by SIGTERM. It also ends when
    the main process is gone.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with terminable():
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            _work(task, connection)
    except (KeyboardInterrupt, EOFError, BrokenPipeError, ConnectionResetError):
        return  # stopped, or the main process is gone
    except Exception as error:
        with suppress(OSError):
            connection.send(Failed(_portable(error)))


def _work(task: Task, connection: Connection) -> None:
    is_first = task.index == 0
    request = task.request if is_first else replace(task.request, progress=False)
    session = Session.open(request, Questions.of(request))
    check_run(request.run, session.head, overwrite=request.overwrite)
    found = session.checked_reach(request) if is_first else None
    connection.send(Ready(session.head, session.ahead, found))
    connection.recv()
    threading.Thread(target=_end_with_main, args=(connection,), daemon=True).start()
    with own_part(request.run, task.index) as folder:
        store = AnswerStore(folder)
        with UsageMeter(folder, session.model, store):
            session.prepare()
            with keeping(session.model, store) as interruption:
                session.part(task.index, task.count).ask(
                    store, interruption, lambda answers: connection.send([_counted(answer) for answer in answers])
                )
    connection.send(Finished())


def _end_with_main(connection: Connection) -> None:
    """End this process cleanly when the main process is gone: then the connection closes."""
    with suppress(OSError, EOFError):
        connection.recv()
    os.kill(os.getpid(), signal.SIGTERM)


def _counted(answer: Answer) -> Counted:
    return Counted(answer.input_tokens, answer.output_tokens)


def _portable(error: Exception) -> Exception:
    """Return ``error`` as another process can read it; a mistake of the code, with its place as a note."""
    place = traceback.format_exc()
    try:
        if not isinstance(error, MMABenchError):
            error.add_note(place)
        pickle.loads(pickle.dumps(error))  # noqa: S301  (our own bytes)
    except Exception:
        return RuntimeError(place)
    return error
