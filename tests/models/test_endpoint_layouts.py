"""The order of the parts of a request, as the server gets them."""

import io
import wave
from typing import Any

import numpy as np
import pytest

from mma_bench import MMABenchError
from mma_bench.conform.stimuli import audio, sample, video
from mma_bench.dataset.load import Sample
from mma_bench.evaluation.protocols import load_protocol
from mma_bench.evaluation.protocols.deviations import deviations, model_options
from mma_bench.files.hashing import sha256_json
from mma_bench.models import load
from mma_bench.models.endpoint.prepare import prepare_parts
from mma_bench.models.endpoint.settings import EndpointSettings
from mma_bench.schema import Modality
from tests.models.endpoint_server import EndpointServer

LENGTH = 5.2
SMALL = {"media": "frames", "fps": "1", "size": "32"}


@pytest.fixture(scope="module")
def asked() -> Sample:
    return sample("asked", Modality.AUDIO, video("Orange_ball", LENGTH), audio("Siren", LENGTH))


def order(body: dict[str, Any]) -> list[str]:
    """The kinds of the parts of a request, in their order."""
    if "contents" in body:
        parts = body["contents"][0]["parts"]
        return ["text" if "text" in one else one["inlineData"]["mime_type"].partition("/")[0] for one in parts]
    return [
        {"input_audio": "audio", "video_url": "video"}.get(p["type"], p["type"]) for p in body["messages"][0]["content"]
    ]


@pytest.mark.parametrize("family", ["openai", "gemini"])
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "video audio text"),
        ({"layout": "audio-first"}, "audio video text"),
        ({"layout": "question-first"}, "text video audio"),
        ({"media": "muxed", "layout": "question-first"}, "text video"),
        ({"streams": "audio", "layout": "question-first"}, "text audio"),
    ],
)
def test_parts_come_in_the_order_of_the_layout(
    endpoint: EndpointServer, asked: Sample, family: str, options: dict[str, str], expected: str
) -> None:
    endpoint.behaviour.constant = "Siren"
    model = load(getattr(endpoint, family), options)
    model.answer(asked)
    assert order(endpoint.seen[-1].body) == expected.split()
    assert ("setting layout" in model.fingerprint()) is ("layout" in options)


@pytest.mark.parametrize("form", ["wav", "flac"])
def test_interleaved_frames_and_audio_lose_nothing(asked: Sample, form: str) -> None:
    settings = EndpointSettings.model_validate(
        {**SMALL, "audio_format": form, "layout": "interleaved", "key_variable": "X"}
    )
    plain = prepare_parts(asked.media, settings.model_copy(update={"layout": "video-first"}))
    parts = prepare_parts(asked.media, settings)
    kinds = [part.kind for part in parts]
    # Frames at 0 and 1, audio from 0 to 2; frames at 2 and 3, audio from 2 to 5.2: a rest of 1.2 s is a piece.
    assert kinds == ["image", "image", "audio"] * 2 + ["image", "image", "audio"]
    assert [p.data for p in parts if p.kind == "image"] == [p.data for p in plain if p.kind == "image"]
    if form == "wav":
        whole, pieces = ([_samples(p.data) for p in found if p.kind == "audio"] for found in (plain, parts))
        assert [len(piece) for piece in pieces] == [32_000, 32_000, 19_200]
        assert np.array_equal(np.concatenate(pieces), whole[0])


def _samples(content: bytes) -> "np.ndarray[Any, np.dtype[np.int16]]":
    with wave.open(io.BytesIO(content)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layout": "interleaved"}, "layout=interleaved needs media=frames"),
        ({"media": "muxed", "layout": "interleaved"}, "layout=interleaved needs media=frames"),
        ({**SMALL, "streams": "video", "layout": "interleaved"}, "layout=interleaved needs media=frames"),
        ({"media": "muxed", "layout": "audio-first"}, "layout=audio-first has no effect with media=muxed"),
        ({"streams": "audio", "layout": "audio-first"}, "has no effect"),
        ({"media": "none", "layout": "question-first"}, "layout=question-first has no effect"),
        ({"layout": "sideways"}, "layout"),
    ],
)
def test_a_layout_without_effect_is_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises(MMABenchError, match=message):
        load("openai:m@http://127.0.0.1:9/v1", options)


def test_a_protocol_can_fix_the_layout_and_says_who_deviates() -> None:
    paper = load_protocol("paper")
    assert paper.layout == "own"
    fixed = paper.changed(layout="audio-first")
    # As before the field existed, so that runs of earlier versions resume and share reports.
    earlier = paper.model_dump(mode="json", exclude={"judge", "exclude_near_synonyms", "layout"})
    assert fixed.sha256 != paper.sha256 == sha256_json(earlier)
    name = "openai:m@http://127.0.0.1:9/v1"
    assert "layout" not in model_options(paper, name, {})
    assert model_options(fixed, name, {})["layout"] == "audio-first"
    assert model_options(fixed, name, {"layout": "question-first"})["layout"] == "question-first"
    assert "layout" not in model_options(fixed, "cascade", {})
    for options, under_paper, under_fixed in (
        ({}, [], ["arranged parts, video-first; the protocol says audio-first"]),
        ({"layout": "audio-first"}, ["arranged parts, audio-first; the protocol has the adapter's own"], []),
    ):
        fingerprint = load(name, {"temperature": "0", **options}).fingerprint()
        for protocol, expected in ((paper, under_paper), (fixed, under_fixed)):
            said = [one for one in deviations(protocol, fingerprint) if "arranged" in one]
            assert [one.partition("were ")[2] for one in said] == expected
