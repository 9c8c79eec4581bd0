"""A key is nowhere: not in answers, messages, exceptions or files, whatever a server does with it."""

import base64
import html
import json
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import pytest

import mma_bench
from mma_bench import MMABenchError
from mma_bench.dataset.load import Sample
from mma_bench.models import load
from mma_bench.models.endpoint.key_scrubber import KeyScrubber
from tests.conftest import run_command
from tests.models.endpoint_server import EndpointServer

KEY = 'sk-planted/Qz7+0123456789&aB="xY'
FORMS = {
    "whole": KEY,
    "first eight": KEY[:8] + "...",
    "last twelve": "****" + KEY[-12:],
    "middle": KEY[8:20],
    "upper case": KEY.upper(),
    "swapped case": KEY.swapcase(),
    "reversed": KEY[::-1],
    "URL": quote(KEY, safe=""),
    "JSON": json.dumps(KEY),
    "JSON of the whole": "".join(f"\\u{ord(char):04x}" for char in KEY),
    "HTML": html.escape(KEY),
    "hexadecimal": KEY.encode().hex(),
    "Base64": base64.b64encode(KEY.encode()).decode(),
    "Base64 of a header": base64.b64encode(f"Bearer {KEY}".encode()).decode(),
    "Base64 of a URL": base64.urlsafe_b64encode(f"key={KEY}".encode()).decode(),
    "half in Base64": base64.b64encode(KEY[:16].encode()).decode(),
}


@pytest.fixture(scope="module")
def samples(demo: Path) -> Sequence[Sample]:
    return mma_bench.load(demo, condition="misaligned", limit=1).samples


@pytest.fixture(autouse=True)
def planted(endpoint: EndpointServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("OPENAI_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(variable, KEY)


def pieces(form: str) -> Iterator[str]:
    """Stretches of an echoed form from its middle, none of which may be seen: its edges may be no part of the key."""
    inner = form.strip("*.").removeprefix('"')
    yield from (inner[at : at + 10] for at in range(0, len(inner) - 10, 5) if not inner[at:].startswith("QmVhcmVy"))


def assert_clean(shown: str, form: str) -> None:
    assert KEY not in shown
    # In Base64 the first characters are of "Bearer" or "key=".
    found = [piece for piece in list(pieces(form))[2 if "Base64" in form else 0 :] if piece in shown]
    if form in (FORMS["Base64 of a header"], FORMS["Base64 of a URL"]):
        found = [piece for piece in found if form.index(piece) >= 10]
    assert not found, shown


@pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
@pytest.mark.parametrize("family", ["openai", "gemini"])
def test_an_answer_that_repeats_the_key_is_kept_without_it(
    family: str, form: str, samples: Sequence[Sample], endpoint: EndpointServer
) -> None:
    endpoint.behaviour.key = KEY
    endpoint.behaviour.constant = f"The answer is Dog, {form} and so on"
    for _, answers in load(getattr(endpoint, family)).answer_all(samples):
        for answer in answers:
            assert answer.text.startswith("The answer is Dog, ")
            assert answer.text.endswith(" and so on")
            assert_clean(repr(answer), form)


@pytest.mark.parametrize("family", ["openai", "gemini"])
@pytest.mark.parametrize("fault", ["400", "500", "503", "html", "422", "307"])
@pytest.mark.parametrize("form", ["whole", "first eight", "Base64", "URL"])
def test_no_exception_of_the_chain_holds_the_key(
    family: str, fault: str, form: str, samples: Sequence[Sample], endpoint: EndpointServer
) -> None:
    endpoint.behaviour.key = KEY
    endpoint.behaviour.words = f"you sent {FORMS[form]} to me"
    endpoint.behaviour.always = fault
    options = {"retries": "2", "backoff": "0.01", "concurrency": "1"}
    with pytest.raises(MMABenchError) as failure:
        list(load(getattr(endpoint, family), options).answer_all(samples))
    assert_clean("".join(traceback.format_exception(failure.value)), FORMS[form])
    waiting, seen = [failure.value], 0
    while waiting:
        error: BaseException = waiting.pop()
        assert_clean(f"{error!s} {error!r} {error.args} {vars(error)}", FORMS[form])
        assert not {"request", "response", "body", "details"} & vars(error).keys()  # these hold headers and echoes
        waiting += [other for other in (error.__cause__, error.__context__) if other]
        seen += 1
    assert seen < 20


def test_a_run_with_a_server_that_repeats_the_key_leaves_none_on_disk_or_screen(
    demo: Path, tmp_path: Path, endpoint: EndpointServer
) -> None:
    endpoint.behaviour.key = KEY
    endpoint.behaviour.constant = f"Dog {KEY}"
    endpoint.behaviour.thinking = 1
    endpoint.behaviour.thought = f"I was sent {KEY}"
    endpoint.behaviour.served_by = f"model-of-{KEY}"
    command = [sys.executable, "-m", "mma_bench", "eval", "--data", str(demo), "--run", str(tmp_path / "run")]
    command += ["--model", endpoint.openai, "--skip-probe", "--condition", "aligned", "--limit", "1"]
    result = run_command(*command)
    lines = [json.loads(line) for line in (tmp_path / "run" / "answers.jsonl").read_text().splitlines()]
    assert {(line["text"], line["reasoning"]) for line in lines} == {("Dog ***", "I was sent ***")}
    assert {line["served_by"] for line in lines} == {"model-of-*** fp_1"}
    for path in (tmp_path / "run").rglob("*"):
        assert not path.is_file() or KEY not in path.read_text()
    assert KEY not in result.stdout + result.stderr


def test_a_key_in_a_name_or_a_setting_is_refused_because_these_are_stored(endpoint: EndpointServer) -> None:
    for name, options in (
        (f"openai:m@http://127.0.0.1:9/{KEY[:12]}/v1", {}),
        (endpoint.openai, {"extra_body": json.dumps({"token": KEY})}),
    ):
        with pytest.raises(MMABenchError, match="contains the key") as failure:
            load(name, options)
        assert KEY[:12] not in str(failure.value)


def test_words_of_an_answer_are_not_taken_for_a_key() -> None:
    text = "I cannot hear anything, it is EMPTY; the production line of a company, perhaps."
    for key in ("anything", "EMPTY", "none", "my-company-production-key-77", KEY):
        assert KeyScrubber(key).text(text) == text
    assert KeyScrubber("EMPTY").message("wrong key EMPTY") == "wrong key ***"
    assert KeyScrubber(None).text(KEY) == KEY
    # Letters that grow when their case is folded do not move the mask.
    assert KeyScrubber(KEY).text(f"ßİß {KEY} ß") == "ßİß *** ß"
