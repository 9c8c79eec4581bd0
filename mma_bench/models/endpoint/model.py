"""Keep a bounded number of requests in flight and yield answers as they come."""

import asyncio
import queue
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, fields, replace
from typing import Any

from mma_bench.loader import Sample
from mma_bench.models.endpoint.address import Address
from mma_bench.models.endpoint.patience import Patience
from mma_bench.models.endpoint.prepare import Part, prepare_parts
from mma_bench.models.endpoint.settings import EndpointSettings
from mma_bench.models.interface import Answer, Model
from mma_bench.schema import Question

_PREPARING = 4
"""Threads that read and encode media, and stimuli prepared ahead of the requests."""

_Delivery = tuple[Sample, list[Answer]] | BaseException | None


@dataclass(frozen=True)
class Reply:
    """What a server said to one prompt; the attributes are those of `Answer`."""

    text: str
    option_scores: Mapping[str, float] = field(default_factory=dict)
    input_tokens: int | None = None
    output_tokens: int | None = None
    finish_reason: str | None = None
    served_by: str | None = None
    seconds: float | None = None

    def answer(self, question_id: str) -> Answer:
        """Return the reply as the answer to a question."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return Answer(question_id=question_id, **given)


@dataclass(frozen=True)
class Request:
    """One question to a server.

    Attributes:
        media: what `EndpointModel._load` made of the stimulus.
        question: prompt and options.
    """

    media: Any
    question: Question


class EndpointModel(Model):
    """A model that is asked over HTTP.

    A protocol is a subclass that says how media are encoded and how one request is made. Requests run on an event
    loop in a thread of their own, so that storing an answer holds up none of them.
    """

    asks_one_by_one = True
    runs_here = False
    retries: int

    def __init__(self, family: str, address: Address, settings: EndpointSettings) -> None:
        self.name = f"{family}:{address.model}" + ("" if address.is_default else f"@{address.url}")
        self.address = address
        self.settings = settings
        self.repeat = 0
        self.retries = 0
        self._family = family

    @property
    def draws(self) -> bool:
        """Whether answers are sampled, or may be because the server decides."""
        return self.settings.temperature is None or self.settings.temperature > 0

    @property
    def seed(self) -> int | None:
        """The seed of the requests: each repeat has its own, or a server would repeat its draws."""
        return None if self.settings.seed is None else self.settings.seed + self.repeat

    def begin_repeat(self, repeat: int) -> None:
        """Make the requests that follow with the seed of ``repeat``."""
        self.repeat = repeat

    def fingerprint(self) -> dict[str, str]:
        """Return model, address and the settings that decide an answer. A server does not tell its weights."""
        from importlib.metadata import version

        encoders = ("av", "pillow") if self.settings.media == "frames" else ()
        return {
            "protocol": self._family,
            "model": self.address.model,
            "url": self.address.url,
            **self.settings.deciding(),
            **{f"version {name}": version(name) for name in encoders},
        }

    def answer(self, sample: Sample) -> list[Answer]:
        """Answer every question of ``sample``, in its order."""
        return [answer for _, answers in self.answer_all([sample]) for answer in answers]

    def answer_all(self, samples: Sequence[Sample]) -> Iterator[tuple[Sample, list[Answer]]]:
        """Ask about ``samples`` at once and yield each when its questions are answered.

        When a request fails for good, requests in flight end and their answers are yielded before the error is
        raised; a sample that was half done comes with the questions that were answered.

        Raises:
            MMABenchError: a request failed for good, or media cannot be read.
        """
        if not samples:
            return
        deliveries: queue.SimpleQueue[_Delivery] = queue.SimpleQueue()
        thread = _LoopThread(self, samples, deliveries.put)
        thread.start()
        try:
            while (delivery := deliveries.get()) is not None:
                if isinstance(delivery, BaseException):
                    raise delivery
                yield delivery
        finally:
            thread.stop()

    @abstractmethod
    def _connect(self) -> AbstractAsyncContextManager[Any]:
        """Open a client of the server."""

    @abstractmethod
    def _encode(self, parts: Sequence[Part]) -> Any:
        """Put ``parts`` into the form of the protocol. Runs in a thread, once a stimulus."""

    async def _load(self, client: Any, encoded: Any, patience: Patience) -> Any:
        """Bring media to the server ahead of the questions, where the protocol has that."""
        return encoded

    async def _release(self, client: Any, media: Any) -> None:
        """Remove from the server what `_load` brought there."""

    @abstractmethod
    async def _ask(self, client: Any, request: Request) -> Reply:
        """Make one attempt.

        Raises:
            TemporaryError: another attempt may succeed.
            MMABenchError: none will.
        """


class _LoopThread(threading.Thread):
    """Runs one pass over samples on its own event loop."""

    def __init__(self, model: EndpointModel, samples: Sequence[Sample], deliver: Callable[[_Delivery], None]) -> None:
        super().__init__(name=f"requests to {model.name}", daemon=True)
        self._work = _Pass(model, deliver).run(samples)
        self._deliver = deliver
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    def run(self) -> None:
        try:
            with asyncio.Runner() as runner:
                self._loop = runner.get_loop()
                runner.run(self._guarded())
        except asyncio.CancelledError:
            return
        except BaseException as error:  # whatever it is, the waiting generator must hear of it
            self._deliver(error)
        else:
            self._deliver(None)
        finally:
            self._started.set()

    def stop(self) -> None:
        """Cancel what still runs and wait until it has ended."""
        self._started.wait()
        if self._loop and self._task and not self._task.done() and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._task.cancel)
        self.join()

    async def _guarded(self) -> None:
        self._task = asyncio.current_task()
        self._started.set()
        await self._work


class _Pass:
    """Asks all questions about some samples."""

    def __init__(self, model: EndpointModel, deliver: Callable[[_Delivery], None]) -> None:
        settings = model.settings
        self._model = model
        self._deliver = deliver
        self._concurrency = settings.concurrency
        self._patience = Patience(
            model.name, retries=settings.retries, backoff=settings.backoff, timeout=settings.timeout
        )
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._errors: list[BaseException] = []

    async def run(self, samples: Sequence[Sample]) -> None:
        """Ask about ``samples``, the first ones first; raise the first error when all requests have ended."""
        remaining = iter(samples)
        with ThreadPoolExecutor(_PREPARING, thread_name_prefix="media") as pool:
            async with self._model._connect() as client:

                async def take_samples() -> None:
                    for sample in remaining:
                        if self._patience.has_given_up:
                            return
                        await self._sample(client, sample, pool)

                takers = min(len(samples), self._concurrency + _PREPARING)
                await asyncio.gather(*(take_samples() for _ in range(takers)))
        if self._errors:
            raise self._errors[0]

    async def _sample(self, client: Any, sample: Sample, pool: ThreadPoolExecutor) -> None:
        model = self._model
        try:
            encoded = await asyncio.get_running_loop().run_in_executor(
                pool, lambda: model._encode(prepare_parts(sample.media, model.settings))
            )
            media = await model._load(client, encoded, self._patience)
        except Exception as error:  # a taker that died would leave the others asking in vain
            self._fail(error)
            return
        try:
            asked = [self._question(client, Request(media, question)) for question in sample.questions]
            replies = await asyncio.gather(*asked)
        finally:
            await model._release(client, media)
        pairs = [(q, reply) for q, reply in zip(sample.questions, replies, strict=True) if reply is not None]
        if pairs:
            done = replace(sample, questions=[question for question, _ in pairs])
            answers = [reply.answer(question.question_id) for question, reply in pairs]
            self._deliver((sample if len(pairs) == len(replies) else done, answers))

    async def _question(self, client: Any, request: Request) -> Reply | None:
        attempts = 0

        async def ask() -> Reply:
            nonlocal attempts
            attempts += 1
            began = time.perf_counter()  # of the attempt that succeeds: waiting is not the model's time
            reply = await self._model._ask(client, request)
            return replace(reply, seconds=time.perf_counter() - began)

        try:
            async with self._slots:
                return await self._patience.run(ask)
        except Exception as error:
            self._fail(error)
            return None
        finally:
            self._model.retries += max(0, attempts - 1)

    def _fail(self, error: Exception) -> None:
        self._errors.append(error)
        self._patience.give_up()
