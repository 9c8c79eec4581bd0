"""One pass over samples: a bounded number of requests in flight, on an event loop in a separate thread."""

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mma_bench.dataset.load import Sample
from mma_bench.models.answers import Answer
from mma_bench.models.endpoint.exchange import Reply, Request
from mma_bench.models.endpoint.library_logs import scrubbed_logs
from mma_bench.models.endpoint.patience import Patience
from mma_bench.models.endpoint.prepare import prepare_parts

if TYPE_CHECKING:
    from mma_bench.models.endpoint.model import EndpointModel

GRACE = 10.0
"""Seconds for requests in flight to end after an interruption: their answers are paid for."""

_PREPARING = 4
"""Threads that read and encode media, and stimuli prepared ahead of the requests."""

Delivery = tuple[Sample, list[Answer]] | BaseException | None


class LoopThread(threading.Thread):
    """Runs one pass over samples on its own event loop.

    Args:
        model: the model.
        samples: the samples to ask about.
        deliver: gets each sample with its answers, then None or the exception that ended the pass.
    """

    def __init__(self, model: "EndpointModel", samples: Sequence[Sample], deliver: Callable[[Delivery], None]) -> None:
        super().__init__(name=f"requests to {model.name}", daemon=True)
        self._scrubber = model.scrubber
        self._pass = _Pass(model, deliver)
        self._work = self._pass.run(samples)
        self._deliver = deliver
        self._started = threading.Event()
        self._is_to_finish = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    def run(self) -> None:
        """Run the pass, and deliver whatever ends it."""
        try:
            with asyncio.Runner() as runner:
                self._loop = runner.get_loop()
                runner.run(self._guarded())
        except asyncio.CancelledError:
            return
        except BaseException as error:  # the waiting generator must get any exception
            # The only exit for exceptions: here the key is removed from them and their causes.
            self._deliver(self._scrubber.error(error))
        else:
            self._deliver(None)
        finally:
            self._started.set()

    def finish(self) -> None:
        """Send nothing more; give requests in flight `GRACE` seconds, then end. Brief, for use in a signal handler."""
        self._is_to_finish = True
        if self._task and self._loop and not self._loop.is_closed():
            os.write(2, f"\nwaiting up to {GRACE:.0f} s for requests in flight; Ctrl-C again ends at once\n".encode())
            with suppress(RuntimeError):  # the loop was closed just now
                self._loop.call_soon_threadsafe(self._pass.finish)

    def stop(self) -> None:
        """Cancel everything that is still running and wait for its end."""
        self._started.wait()
        if self._loop and self._task and not self._task.done() and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._task.cancel)
        self.join()

    async def _guarded(self) -> None:
        self._task = asyncio.current_task()
        self._started.set()
        if self._is_to_finish:  # the signal came before the loop
            self._pass.finish()
        await self._work


class _Pass:
    """Asks all questions about some samples."""

    def __init__(self, model: "EndpointModel", deliver: Callable[[Delivery], None]) -> None:
        settings = model.settings
        self._model = model
        self._deliver = deliver
        self._concurrency = settings.concurrency
        self._patience = Patience(
            model.name, retries=settings.retries, backoff=settings.backoff, timeout=settings.timeout
        )
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._errors: list[BaseException] = []
        self._deadline: float | None = None
        self._in_flight: set[asyncio.Timeout] = set()

    def finish(self) -> None:
        """Send nothing more, and end requests in flight after `GRACE` seconds. Called on the loop."""
        self._deadline = asyncio.get_running_loop().time() + GRACE
        self._patience.give_up()
        for limit in self._in_flight:
            limit.reschedule(self._deadline)

    async def run(self, samples: Sequence[Sample]) -> None:
        """Ask about ``samples`` in order; raise the first error when all requests have ended."""
        remaining = iter(samples)
        with ThreadPoolExecutor(_PREPARING, thread_name_prefix="media") as pool:
            async with self._model._connect() as client:

                async def take_samples() -> None:
                    for sample in remaining:
                        if self._patience.has_given_up:
                            return
                        await self._sample(client, sample, pool)

                takers = min(len(samples), self._concurrency + _PREPARING)
                with scrubbed_logs(self._model.scrubber):
                    await asyncio.gather(*(take_samples() for _ in range(takers)))
        if self._errors and self._deadline is None:
            raise self._errors[0]

    async def _sample(self, client: Any, sample: Sample, pool: ThreadPoolExecutor) -> None:
        model = self._model
        try:
            encoded = await asyncio.get_running_loop().run_in_executor(
                pool, lambda: model._encode(prepare_parts(sample.media, model.settings))
            )
            async with self._limited():
                media = await model._load(client, encoded, self._patience)
        except Exception as error:  # otherwise a failed consumer would leave the others waiting
            self._fail(error)
            return
        try:
            replies = await asyncio.gather(*(self._question(client, media, q) for q in sample.questions))
        finally:
            with suppress(TimeoutError):
                async with self._limited():
                    await model._release(client, media)
        pairs = [(q, reply) for q, reply in zip(sample.questions, replies, strict=True) if reply is not None]
        if pairs:
            done = replace(sample, questions=[question for question, _ in pairs])
            answers = [reply.answer(question.question_id) for question, reply in pairs]
            self._deliver((sample if len(pairs) == len(replies) else done, answers))

    async def _question(self, client: Any, media: Any, question: Any) -> Reply | None:
        model = self._model
        attempts = 0

        async def ask() -> Reply:
            nonlocal attempts
            attempts += 1
            began = time.perf_counter()  # of the successful attempt: waiting is not the model's time
            reply = await model._ask(client, request)
            return replace(reply, seconds=time.perf_counter() - began)

        try:
            async with self._limited(), self._slots:
                request = Request(media, question, model.max_tokens)
                reply = await self._patience.run(ask)
                if model.wants_more_tokens(reply, request):
                    request = replace(request, max_tokens=model.max_tokens)
                    reply = await self._patience.run(ask)
                return model.scrubbed(reply)
        except Exception as error:
            self._fail(error)
            return None
        finally:
            model.retries += max(0, attempts - 1)

    @asynccontextmanager
    async def _limited(self) -> AsyncIterator[None]:
        """Raise TimeoutError in the block when the grace period after an interruption ends."""
        async with asyncio.timeout_at(self._deadline) as limit:
            self._in_flight.add(limit)
            try:
                yield
            finally:
                self._in_flight.discard(limit)

    def _fail(self, error: Exception) -> None:
        self._errors.append(error)
        self._patience.give_up()
