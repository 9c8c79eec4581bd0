"""Asks the server under test, in any packing of the media."""

from collections.abc import Collection, Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from mma_bench.dataset.load import Sample
from mma_bench.errors import MMABenchError
from mma_bench.models import Answer, load, model_class
from mma_bench.models.endpoint import EndpointModel
from mma_bench.models.endpoint.advice import ABOUT_CONTENT
from mma_bench.models.endpoint.patience import ServerError
from mma_bench.schema import Modality

if TYPE_CHECKING:
    from tqdm import tqdm

PACKINGS: Mapping[str, Mapping[str, str]] = {
    "parts": {"media": "parts"},
    "frames": {"media": "frames"},
    "muxed": {"media": "muxed"},
    "interleaved": {"media": "frames", "layout": "interleaved"},
}
"""How both streams can be packed, with the options that say so."""

_ONLY_FRAMES = ("fps", "size")
_RETRIES = "2"
"""Retries of a request, unless set: a test of a server is not a run that must be saved."""

_BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


def is_refusal(error: MMABenchError) -> bool:
    """Return whether a server rejected what was sent; otherwise it cannot be reached, or is overloaded."""
    return isinstance(error, ServerError) and error.status in ABOUT_CONTENT


def is_busy(error: MMABenchError) -> bool:
    """Return whether a server said that it gets too many requests."""
    return isinstance(error, ServerError) and error.status in _BUSY


class Server:
    """A server under test.

    Args:
        name: name of the model, with its address.
        options: options of the endpoint, as text.
        shown: a progress bar.
        modalities: what is sent, unless an option says otherwise.

    Attributes:
        name: see above.
        packing: the packing that the options name.
    """

    def __init__(
        self, name: str, options: Mapping[str, str], shown: "tqdm[Any]", modalities: Collection[Modality]
    ) -> None:
        self.name = name
        self.packing = packing_of(options)
        self._options = {"retries": _RETRIES, **options, **streams_of(modalities)}
        self._shown = shown
        self._models: dict[tuple[tuple[str, str], ...], EndpointModel] = {}

    def model(self, changes: Mapping[str, str] | None = None) -> EndpointModel:
        """Return the model with some options changed."""
        options = fitting({**self._options, **(changes or {})})
        key = tuple(sorted(options.items()))
        if key not in self._models:
            self._models[key] = load_endpoint(self.name, options)
        return self._models[key]

    def count(self, requests: int) -> None:
        """Show that requests were made elsewhere."""
        self._shown.update(requests)

    def ask(self, samples: Sequence[Sample], changes: Mapping[str, str] | None = None) -> dict[str, Answer]:
        """Return the answer to the only question of each sample, by the sample's key.

        Raises:
            MMABenchError: the server refuses a request or cannot be reached.
        """
        found: dict[str, Answer] = {}
        for sample, answers in self.model(changes).answer_all(samples):
            found[sample.stimulus.key] = answers[0]
            self._shown.update()
        return found

    def ask_twice(
        self, samples: Mapping[str, Sample], changes: Mapping[str, str] | None = None
    ) -> dict[str, list[Answer]]:
        """Return two answers about each of some samples, asked in two orders."""
        first = self.ask(list(samples.values()), changes)
        second = self.ask(list(samples.values())[::-1], changes)
        return {name: [one[sample.stimulus.key] for one in (first, second)] for name, sample in samples.items()}


def load_endpoint(name: str, options: Mapping[str, str]) -> EndpointModel:
    """Return a model behind a server.

    Raises:
        MMABenchError: the name is not that of an endpoint, or an option is invalid.
    """
    if not issubclass(model_class(name), EndpointModel):
        raise MMABenchError(
            f"{name} is not behind a server; conform tests servers (openai:MODEL@URL, gemini:MODEL). For other models, "
            "use `mma-bench probe`"
        )
    return cast("EndpointModel", load(name, options))


def streams_of(modalities: Collection[Modality]) -> dict[str, str]:
    """Return the option that leaves out what is not sent."""
    if len(modalities) == len(Modality):
        return {}
    return {"streams": "video" if Modality.VISUAL in modalities else "audio"}


def packing_of(options: Mapping[str, str]) -> str:
    """Return the name in `PACKINGS` of what the options say.

    Raises:
        MMABenchError: the options send no media, or only one stream.
    """
    media = options.get("media", "parts")
    if media == "none" or options.get("streams", "both") != "both":
        raise MMABenchError(
            "conform sends both streams, and each of them alone: leave media=none and streams out; "
            "--without audio or --without video leaves out what the model does not take"
        )
    return "interleaved" if options.get("layout") == "interleaved" else media


def fitting(options: Mapping[str, str]) -> dict[str, str]:
    """Return options without those that have no effect with the others."""
    found = dict(options)
    media, streams = found.get("media", "parts"), found.get("streams", "both")
    apart = media in ("parts", "frames") and streams == "both"
    drop = [] if media == "frames" else list(_ONLY_FRAMES)
    drop += ["audio_format"] if media in ("muxed", "none") else []
    drop += ["streams"] if media == "none" else []
    layout = found.get("layout")
    if (
        (layout == "audio-first" and not apart)
        or (layout == "interleaved" and not (media == "frames" and apart))
        or (layout == "question-first" and media == "none")
    ):
        drop.append("layout")
    return {name: value for name, value in found.items() if name not in drop}
