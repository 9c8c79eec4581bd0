"""The forms in which servers take media and give answers: each is read, or the error says what to try."""

import asyncio
import gzip
import json
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

import mma_bench
from mma_bench import MMABenchError
from mma_bench.dataset.load import Sample
from mma_bench.models import Answer, Check, load
from mma_bench.models.cascade.model import CascadeModel
from mma_bench.models.endpoint.http_client import http_client
from mma_bench.models.endpoint.openai_media import encode_media
from mma_bench.models.endpoint.openai_reply import Said, StreamError, read_reply
from mma_bench.models.endpoint.patience import TemporaryError
from mma_bench.models.endpoint.prepare import Part
from mma_bench.schema import Modality
from tests.models.endpoint_server import EndpointServer

if TYPE_CHECKING:
    from mma_bench.models.endpoint.hosting import MediaHost
    from mma_bench.models.endpoint.openai_endpoint import OpenAIModel


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
        ({"transfer": "url", "audio_as": "data_url"}, "audio_as=data_url requires transfer=inline"),
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


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (429, "a passing fault"),
        ("503", "a passing fault"),
        (None, "the same words twice"),
        (500, "the same words twice"),
        (400, "final"),
    ],
)
def test_errors_in_a_stream_are_judged_by_their_code(code: object, outcome: str) -> None:
    model = cast("OpenAIModel", load("openai:m@http://127.0.0.1:9/v1"))
    event = f"data: {json.dumps({'error': {'message': 'Rate limit reached', 'code': code}})}\n\n".encode()
    with pytest.raises(MMABenchError if outcome == "final" else TemporaryError, match="Rate limit reached") as raised:
        model._read(event, ["Yes", "No"])
    if isinstance(raised.value, TemporaryError):
        assert (raised.value.recurring is None) is (outcome == "a passing fault")


def test_a_compressed_reply_is_refused_before_it_grows() -> None:
    content = gzip.compress(bytes(50_000_000))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            return

    async def get(url: str) -> None:
        async with http_client(concurrency=1, timeout=10) as client:
            await client.get(url)

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request, daemon=True)
        thread.start()
        with pytest.raises(TemporaryError, match="compressed with 'gzip'"):
            asyncio.run(get(f"http://127.0.0.1:{server.server_port}/"))
        thread.join()


def test_a_folder_of_any_name_can_be_sent_by_path(tmp_path: Path) -> None:
    encoded = encode_media(
        [Part("video", "video/mp4", b"x")], cast("MediaHost", Host(tmp_path / 'a "quoted" \\ folder')), "input_audio"
    )
    (part,) = json.loads(f"[{encoded.json.decode()}]")
    assert part["video_url"]["url"] == str(encoded.files[0])


class Host:
    """Puts files into a folder and names them by their path."""

    is_open = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, part: Part) -> tuple[Path, str]:
        path = self.folder / "file.mp4"
        return path, str(path)


def test_checks_that_were_answered_before_a_failure_are_kept(
    samples: Sequence[Sample], endpoint: EndpointServer
) -> None:
    endpoint.behaviour.faults.extend(["", "", "400"])
    model = load(endpoint.openai, {"concurrency": "1", "retries": "0"})
    checks = [Check(f"c{n}", Modality.VISUAL, "Bird", f"Is there a bird ({n})?", ["Bird", "Dog"]) for n in range(4)]
    found: list[str] = []

    def ask_all() -> None:
        for _, answers in model.check_all([(samples[0], checks)]):
            found.extend(answer.name for answer in answers)

    with pytest.raises(MMABenchError, match="400"):
        ask_all()
    assert len(found) == len(endpoint.seen) - 1 > 0
