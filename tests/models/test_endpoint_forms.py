"""The forms in which servers take media and give answers: each is read, or the error says what to try."""

from collections.abc import Sequence
from pathlib import Path

import pytest

import mma_bench
from mma_bench import MMABenchError
from mma_bench.loader import Sample
from mma_bench.models import Answer, load
from mma_bench.models.cascade_model import CascadeModel
from mma_bench.models.openai_reply import Said, StreamError, read_reply
from tests.models.endpoint_server import EndpointServer


@pytest.fixture(scope="module")
def samples(demo: Path) -> Sequence[Sample]:
    return mma_bench.load(demo, condition="misaligned", limit=2).samples


@pytest.fixture(scope="module")
def expected(samples: Sequence[Sample]) -> dict[str, Answer]:
    return {answer.question_id: answer for sample in samples for answer in CascadeModel().answer(sample)}


def ask(model: str, options: dict[str, str], samples: Sequence[Sample]) -> dict[str, Answer]:
    loaded = load(model, {"concurrency": "1", "backoff": "0.01", **options})
    return {answer.question_id: answer for _, answers in loaded.answer_all(samples) for answer in answers}


def texts(answers: dict[str, Answer]) -> dict[str, str]:
    return {name: answer.text for name, answer in answers.items()}


def test_a_server_that_only_streams_is_found_out_once(
    samples: Sequence[Sample], expected: dict[str, Answer], endpoint: EndpointServer
) -> None:
    endpoint.behaviour.only_streams = True
    answers = ask(endpoint.openai, {"logprobs": "20"}, samples)
    assert texts(answers) == texts(expected)
    for name, answer in answers.items():
        assert answer.option_scores == pytest.approx(dict(expected[name].option_scores))
        assert (answer.finish_reason, answer.served_by) == ("stop", "cascade fp_1")
        assert answer.input_tokens
    asked = [(bool(seen.body.get("stream")), "stream_options" in seen.body) for seen in endpoint.seen]
    assert asked == [(False, False), (True, True), *[(True, False)] * len(expected)]
    with pytest.raises(MMABenchError, match="only support stream mode"):
        ask(endpoint.openai, {"stream": "never"}, samples)


def test_content_in_parts_is_an_answer(
    samples: Sequence[Sample], expected: dict[str, Answer], endpoint: EndpointServer
) -> None:
    endpoint.behaviour.content_parts = True
    assert texts(ask(endpoint.openai, {}, samples)) == texts(expected)


@pytest.mark.parametrize("transfer", ["url", "path", "file"])
def test_media_go_by_reference_to_servers_that_take_no_data(
    transfer: str,
    samples: Sequence[Sample],
    expected: dict[str, Answer],
    tmp_path: Path,
    endpoint: EndpointServer,
) -> None:
    endpoint.behaviour.no_data = ("video", "audio")
    with pytest.raises(MMABenchError, match=r"twice with the same words.*try --model-option media=frames or transfer="):
        ask(endpoint.openai, {}, samples)
    assert len(endpoint.seen) == 2  # the error is the same each time: no nine attempts
    endpoint.seen.clear()
    options = {"transfer": transfer, "media_folder": str(tmp_path)}
    assert texts(ask(endpoint.openai, options, samples)) == texts(expected)
    assert [kind for kind, _ in endpoint.seen[0].parts] == ["video_url", "audio_url"]
    places = {part[part["type"]]["url"] for seen in endpoint.seen for part in seen.body["messages"][0]["content"][:2]}
    assert len(places) == 2 * len(samples)  # each file is written once, for all questions
    assert list(tmp_path.iterdir()) == []


def test_audio_goes_as_a_data_url(
    samples: Sequence[Sample], expected: dict[str, Answer], endpoint: EndpointServer
) -> None:
    endpoint.behaviour.audio_data_url = True
    with pytest.raises(MMABenchError, match=r"must be a URL or a data URL.*audio_as=data_url"):
        ask(endpoint.openai, {}, samples)
    assert texts(ask(endpoint.openai, {"audio_as": "data_url"}, samples)) == texts(expected)
    endpoint.reset()
    assert texts(ask(endpoint.openai, {"audio_as": "audio_url"}, samples)) == texts(expected)
    assert [kind for kind, _ in endpoint.seen[0].parts] == ["video_url", "audio_url"]


@pytest.mark.parametrize("family", ["openai", "gemini"])
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("413", r"HTTP 413: .*413 Request Entity Too Large.*media=frames"),
        ("422", r"HTTP 422: .*no video here.*media=frames"),
        ("307", r"HTTP 307.*moved to the other house"),
    ],
)
def test_refusals_keep_the_words_of_the_server_and_are_not_repeated(
    family: str, fault: str, message: str, samples: Sequence[Sample], endpoint: EndpointServer
) -> None:
    endpoint.behaviour.always = fault
    with pytest.raises(MMABenchError, match=message) as failure:
        ask(getattr(endpoint, family), {}, samples)
    assert len(endpoint.seen) == 1
    assert fault != "307" or "https://elsewhere.example/v1" in str(failure.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"media_folder": "/tmp"}, "media_folder has no effect with transfer=inline"),
        ({"media_host": "10.0.0.1", "transfer": "path"}, "media_host has no effect without transfer=url"),
        ({"transfer": "url", "audio_as": "data_url"}, "audio_as=data_url is for transfer=inline"),
        ({"max_tokens": "9", "thinking_max_tokens": "99"}, "thinking_max_tokens has no effect when max_tokens is set"),
    ],
)
def test_options_that_exclude_each_other_are_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises(MMABenchError, match=message):
        load("openai:m@http://127.0.0.1:9/v1", options)


def test_a_folder_or_an_address_that_is_not_there_is_one_error(samples: Sequence[Sample], tmp_path: Path) -> None:
    for options, message in (
        ({"transfer": "path", "media_folder": str(tmp_path / "none")}, "name an existing folder"),
        ({"transfer": "url", "media_host": "192.0.2.1"}, "name an address of this machine"),
    ):
        with pytest.raises(MMABenchError, match=message):
            ask("openai:m@http://127.0.0.1:9/v1", options, samples)


def test_streams_are_put_together_and_broken_ones_are_not_answers() -> None:
    def event(delta: str, end: str = "null") -> str:
        return f'data: {{"choices": [{{"delta": {delta}, "finish_reason": {end}}}]}}\n\n'

    halves = event('{"reasoning": "hm", "content": "Dog \\ud83d"}') + event('{"content": "\\ude00 \\ud800"}')
    whole = read_reply((halves + event("{}", '"stop"')).encode())  # some servers leave [DONE] out
    assert Said.of(whole.choices[0].message) == Said("Dog \U0001f600 \ud800", "hm")
    with pytest.raises(ValueError, match="ends in the middle"):
        read_reply(halves.encode())
    with pytest.raises(StreamError, match="out of memory"):
        read_reply((halves + 'data: {"error": {"message": "out of memory"}}\n\n').encode())
    for broken in (b"data: [1]\n\n", b"data: nonsense\n\n", b"", b"[" * 100_000, b'{"choices": "x"}', b"9" * 5000):
        with pytest.raises(ValueError, match=r"."):
            read_reply(broken)
