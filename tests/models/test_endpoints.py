"""The adapters of endpoints against a server on loopback: what is sent, what comes back, what is kept secret."""

import io
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

import mma_bench
from mma_bench import MMABenchError
from mma_bench.dataset.load import Sample
from mma_bench.dataset.media import Media
from mma_bench.models import Answer, load
from mma_bench.models.cascade.model import CascadeModel
from mma_bench.models.endpoint.address import find_key, parse_address
from mma_bench.models.endpoint.openai_endpoint import OpenAISettings, score_options
from mma_bench.models.endpoint.prepare import prepare_parts
from tests.models.endpoint_server import EndpointServer, waveform

KEY = "sk-loopback-0123456789"


def ask(model: str, options: dict[str, str], samples: Sequence[Sample]) -> dict[str, Answer]:
    answered = load(model, options).answer_all(samples)
    return {answer.question_id: answer for _, answers in answered for answer in answers}


@pytest.fixture(scope="module")
def samples(demo: Path) -> Sequence[Sample]:
    return mma_bench.load(demo, condition=["misaligned", "audio_removed", "frames_zeroed"], limit=2).samples


@pytest.fixture(scope="module")
def expected(samples: Sequence[Sample]) -> dict[str, Answer]:
    model = CascadeModel()
    return {answer.question_id: answer for sample in samples for answer in model.answer(sample)}


@pytest.mark.parametrize("family", ["openai", "gemini"])
@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        ({}, ["video", "audio"]),
        ({"audio_format": "wav", "logprobs": "20"}, ["video", "audio"]),
        ({"media": "muxed"}, ["video"]),
        ({"media": "frames", "fps": "1", "size": "224", "audio_format": "flac"}, [*["image"] * 10, "audio"]),
    ],
    ids=lambda value: "-".join(value.values()) or "default" if isinstance(value, dict) else "",
)
def test_a_served_cascade_answers_as_it_does_at_home(
    family: str,
    options: dict[str, str],
    kinds: list[str],
    samples: Sequence[Sample],
    expected: dict[str, Answer],
    endpoint: EndpointServer,
) -> None:
    answers = ask(getattr(endpoint, family), options, samples)
    exact = options.get("media") != "frames"  # JPEG changes pictures, so near scores may swap places
    heard = [name for name in expected if exact or name.endswith("/audio")]
    assert {name: answers[name].text for name in heard} == {name: expected[name].text for name in heard}
    assert answers.keys() == expected.keys()
    asked = {seen.prompt for seen in endpoint.seen}
    assert asked == {question.prompt for sample in samples for question in sample.questions}
    for seen in endpoint.seen:
        assert [kind.removesuffix("_url").removeprefix("input_") for kind, _ in seen.parts] == kinds
    assert all(answer.input_tokens for answer in answers.values())
    if "logprobs" in options:
        for name, answer in answers.items():
            assert answer.option_scores == pytest.approx(dict(expected[name].option_scores))


def test_gemini_uploads_a_stimulus_once_and_deletes_it(
    samples: Sequence[Sample], expected: dict[str, Answer], endpoint: EndpointServer
) -> None:
    answers = ask(endpoint.gemini, {"transfer": "upload"}, samples[:2])
    assert {answer.text for answer in answers.values()} == {expected[name].text for name in answers}
    assert [kind for kind, _ in endpoint.seen[0].parts] == ["video file", "audio file"]
    assert sorted(endpoint.deleted) == sorted(endpoint.files)
    stored = {stream for sample in samples[:2] for stream in (sample.media.video_bytes, sample.media.audio_bytes)}
    assert set(endpoint.files.values()) == stored


def test_a_longer_stream_is_cut_and_a_fitting_one_is_sent_byte_for_byte(samples: Sequence[Sample]) -> None:
    media = samples[0].media
    flac, wav = OpenAISettings(audio_format="flac"), OpenAISettings()
    video, audio = prepare_parts(media, flac)
    assert (video.data, audio.data) == (media.video_bytes, media.audio_bytes)
    short = replace(media, seconds=3.3)
    video, audio = prepare_parts(short, flac)
    with av.open(io.BytesIO(video.data)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert max(time for time in times if time is not None) < 3.3
    cut = Media("cut", lambda: video.data, lambda: audio.data, 3.3)
    assert np.array_equal(cut.frames(2.0), short.frames(2.0))
    assert np.array_equal(cut.audio(), short.audio())
    assert np.array_equal(waveform(prepare_parts(short, wav)[1].data), short.audio())
    assert len(short.audio()) == round(3.3 * 16000)


def test_keys_come_from_the_environment_and_are_written_nowhere(
    demo: Path,
    tmp_path: Path,
    endpoint: EndpointServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    endpoint.behaviour.key = KEY
    for model, variable in ((endpoint.openai, "OPENAI_API_KEY"), (endpoint.gemini, "MY_KEY")):
        options = {"key_variable": variable} if variable == "MY_KEY" else {}
        run = tmp_path / variable
        monkeypatch.setenv(variable, KEY + "x")
        with pytest.raises(MMABenchError, match="HTTP 401") as failure:
            mma_bench.evaluate(
                model, demo, run=run, options=options, limit=1, protocol="paper", probe=False, progress=False
            )
        assert "wrong key" in str(failure.value)
        assert KEY not in str(failure.value)
        monkeypatch.setenv(variable, KEY)
        mma_bench.evaluate(
            model,
            demo,
            run=run,
            options=options,
            condition="misaligned",
            limit=1,
            protocol="paper",
            probe=False,
            progress=False,
        )
        assert len((run / "answers.jsonl").read_text().splitlines()) == 2
        assert all(KEY.encode() not in path.read_bytes() for path in run.iterdir())
    assert KEY not in caplog.text


def test_a_key_is_not_sent_in_clear_text_unless_it_is_meant_for_that_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for url, sent in (("http://gpu7:8000/v1", None), ("https://gpu7/v1", KEY), ("http://[::1]:8000/v1", KEY)):
        address = parse_address("openai", f"some/model@{url}", "")
        assert address.model == "some/model"
        assert find_key(address, ("OPENAI_API_KEY",), is_chosen=False) == sent
        assert find_key(address, ("OPENAI_API_KEY",), is_chosen=True) == KEY


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("openai:", {}, "openai needs the name of a model"),
        ("openai:m@http://", {}, "no host"),
        ("openai:m@http://h:99999/v1", {}, "wrong port"),
        ("openai:m@http://me:secret@h/v1", {}, "give the key in the environment"),
        ("gemini:m@https://h/v1?key=secret", {}, "give the key in the environment"),
        ("openai:m", {}, "needs a key; put it into the environment variable OPENAI_API_KEY"),
        ("gemini:m", {}, "needs a key; put it into the environment variable GEMINI_API_KEY"),
        ("openai:m@http://h", {"key_variable": "sk-secret"}, "never a key"),
        (
            "openai:m@http://h",
            {"api_key": "secret"},
            "openai has no option 'api_key'; known: audio_as, audio_format",
        ),
        ("openai:m@http://h", {"fps": "2"}, "fps has no effect with media=parts"),
        ("openai:m@http://h", {"media": "frames", "fps": "secret"}, "option fps: Input should be a valid number"),
        ("openai:m@http://h", {"extra_body": '{"messages": []}'}, "messages is set elsewhere"),
        ("openai:m@http://h", {"concurrency": "0"}, "option concurrency: Input should be greater"),
    ],
)
def test_wrong_names_and_options_are_one_clear_error_that_repeats_no_value(
    name: str, options: dict[str, str], message: str, endpoint: EndpointServer
) -> None:
    with pytest.raises(MMABenchError) as failure:
        load(name, options)
    assert message in str(failure.value)
    assert "secret" not in str(failure.value)
    assert "\n" not in str(failure.value)


def test_the_fingerprint_tells_what_decides_an_answer_and_nothing_else(endpoint: EndpointServer) -> None:
    base = load(endpoint.openai).fingerprint()
    assert load(endpoint.openai, {"concurrency": "3", "timeout": "5", "retries": "0"}).fingerprint() == base
    deciding = {
        "media": "muxed",
        "audio_format": "flac",
        "max_tokens": "none",
        "temperature": "0.5",
        "seed": "3",
        "logprobs": "2",
        "extra_body": '{"mm_processor_kwargs": {"fps": 2}}',
    }
    for name, value in deciding.items():
        assert load(endpoint.openai, {name: value}).fingerprint() != base
    frames = {load(endpoint.openai, {"media": "frames", "fps": fps}).fingerprint()["setting fps"] for fps in ("1", "2")}
    assert frames == {"1.0", "2.0"}


def test_options_are_scored_by_the_first_tokens_that_tell_them_apart() -> None:
    first = {"Yes": -0.1, " yes": -3.0, "No": -2.9, "Ch": -4.0, "": -5.0}
    scores = score_options(first, ["Yes", "No", "Church_bell", "Chicken", "Dog"])
    assert scores == pytest.approx({"Yes": np.log(np.exp(-0.1) + np.exp(-3.0)), "No": -2.9})
