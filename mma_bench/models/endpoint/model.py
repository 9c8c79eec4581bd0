"""A model behind an HTTP server: what all protocols share."""

import queue
from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from mma_bench.console.progress import say
from mma_bench.dataset.load import Sample
from mma_bench.errors import MMABenchError
from mma_bench.models.endpoint.address import Address, quoted
from mma_bench.models.endpoint.exchange import CUT, Reply, Request
from mma_bench.models.endpoint.key_scrubber import KeyScrubber
from mma_bench.models.endpoint.part import Part
from mma_bench.models.endpoint.passes import Delivery, LoopThread
from mma_bench.models.endpoint.patience import Patience
from mma_bench.models.endpoint.settings import EndpointSettings
from mma_bench.models.interface import Answer, Model
from mma_bench.schema import Modality


class EndpointModel(Model):
    """A model behind an HTTP server.

    A protocol is a subclass that defines how media are encoded and how a request is made. Requests run on an event loop
    in a separate thread, so that storing an answer does not block them.

    Attributes:
        thinks: whether a reply showed that the model reasons before it answers.
        scrubber: removes the key from the server's texts.
    """

    asks_one_by_one = True
    runs_here = False
    protocol_settings = ("fps", "temperature", "layout")
    judge_settings = MappingProxyType({"media": "none"})
    retries: int
    requests: int
    sent_bytes: int

    @classmethod
    def settings_of_protocol(cls, options: Mapping[str, str]) -> Collection[str]:
        """Return the settings that it takes: frames per second only if it sends frames."""
        return ("fps", "temperature", "layout") if options.get("media") == "frames" else ("temperature", "layout")

    def __init__(self, family: str, address: Address, settings: EndpointSettings, key: str | None = None) -> None:
        self.name = f"{family}:{address.model}" + ("" if address.is_default else f"@{address.url}")
        self.address = address
        self.settings = settings
        self.repeat = 0
        self.retries = self.requests = self.sent_bytes = 0
        self.thinks = False
        self.scrubber = KeyScrubber(key)
        self._family = family
        self._thread: LoopThread | None = None
        if any(self.scrubber.text(text) != text for text in (self.name, *self.fingerprint().values())):
            raise MMABenchError(
                f"{family}: the model's name, the URL or a setting contains the key, and these are stored with the "
                f"answers; give the key in the environment variable {settings.key_variable} alone"
            )

    @property
    def modalities(self) -> Collection[Modality]:
        """What is sent."""
        if self.settings.media == "none":
            return ()
        sent = {"video": (Modality.VISUAL,), "audio": (Modality.AUDIO,)}
        return sent.get(self.settings.streams, tuple(Modality))

    @property
    def draws(self) -> bool:
        """Whether answers are sampled, or may be sampled at the server's choice."""
        return self.settings.temperature is None or self.settings.temperature > 0

    @property
    def seed(self) -> int | None:
        """The seed of the requests: each repeat has its own, or a server would return the same samples again."""
        return None if self.settings.seed is None else self.settings.seed + self.repeat

    def begin_repeat(self, repeat: int) -> None:
        """Make the following requests with the seed of ``repeat``."""
        self.repeat = repeat

    def fingerprint(self) -> dict[str, str]:
        """Return model, address and the settings that determine an answer. Servers do not identify their weights."""
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
        """Ask about ``samples`` concurrently and yield each when its questions are answered.

        When a request finally fails, requests in flight finish and their answers are yielded before the error is
        raised; an incomplete sample is yielded with the questions that were answered.

        Raises:
            MMABenchError: a request finally failed, or media cannot be read.
        """
        if not samples:
            return
        deliveries: queue.SimpleQueue[Delivery] = queue.SimpleQueue()
        self._thread = thread = LoopThread(self, samples, deliveries.put)
        thread.start()
        try:
            while (delivery := deliveries.get()) is not None:
                if isinstance(delivery, BaseException):
                    raise delivery
                yield delivery
        finally:
            thread.stop()
            self._thread = None

    def stop_soon(self) -> bool:
        """Send no more requests; answers to those in flight are still delivered."""
        if self._thread is None:
            return False
        self._thread.finish()
        return True

    @property
    def max_tokens(self) -> int | None:
        """Maximum tokens of the next answer: higher for a reasoning model, unless it was set."""
        chosen = self.settings.max_tokens
        if chosen is None or not self.thinks or "max_tokens" in self.settings.model_fields_set:
            return chosen
        return max(chosen, self.settings.thinking_max_tokens)

    def wants_more_tokens(self, reply: Reply, request: Request) -> bool:
        """Return whether to repeat ``request`` because its answer was cut off during the reasoning.

        Answers that were not cut off would be the same with a higher limit, so they are kept.
        """
        if reply.shows_thinking and not self.thinks:
            self.thinks = True
            if self.max_tokens != self.settings.max_tokens:
                say(f"note: {self.name} reasons before it answers; it gets up to {self.max_tokens} tokens per answer")
        limit, longest = request.max_tokens, self.max_tokens
        return reply.finish_reason == CUT and limit is not None and longest is not None and longest > limit

    def scrubbed(self, reply: Reply) -> Reply:
        """Return ``reply`` without the key, which a server may repeat in any field."""
        clean = self.scrubber.text
        return replace(
            reply,
            text=clean(reply.text),
            reasoning=reply.reasoning and clean(reply.reasoning),
            finish_reason=reply.finish_reason and clean(reply.finish_reason),
            served_by=reply.served_by and clean(reply.served_by),
        )

    def _count_request(self, size: int) -> None:
        self.requests += 1
        self.sent_bytes += size

    def _quoted(self, text: object, limit: int = 300) -> str:
        """Return text from the server for an error message."""
        return quoted(text, self.scrubber, limit)

    @abstractmethod
    def _connect(self) -> AbstractAsyncContextManager[Any]:
        """Open a client of the server."""

    @abstractmethod
    def _encode(self, parts: Sequence[Part]) -> Any:
        """Convert ``parts`` to the format of the protocol. Runs in a thread, once per stimulus."""

    async def _load(self, client: Any, encoded: Any, patience: Patience) -> Any:
        """Upload media to the server before the questions, if the protocol supports it."""
        return encoded

    async def _release(self, client: Any, media: Any) -> None:
        """Remove from the server what `_load` uploaded."""

    @abstractmethod
    async def _ask(self, client: Any, request: Request) -> Reply:
        """Make one attempt.

        Raises:
            TemporaryError: another attempt may succeed.
            MMABenchError: no attempt will succeed.
        """
