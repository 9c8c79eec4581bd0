"""A run asks, resumes, compares, and says what a model cannot be given."""

import json
import re
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

from mma_bench import MMABenchError, load
from mma_bench.evaluation.store import AnswerKeys, StoredAnswer
from mma_bench.interference.decisions import decisions_of, write_decisions
from mma_bench.interference.interventions import INTERVENTIONS
from mma_bench.interference.page import command_of
from mma_bench.interference.pool import make_pool
from mma_bench.interference.protocol import load_protocol
from mma_bench.interference.results import results_of
from mma_bench.interference.rules import rules_of
from mma_bench.interference.run import interfere
from mma_bench.interference.run_head import open_head
from mma_bench.interference.sources.read import read_items
from mma_bench.interference.stimuli import make_plan
from mma_bench.models.endpoint.prepare import prepare_parts
from mma_bench.models.endpoint.settings import EndpointSettings
from mma_bench.questions.prompts import render
from tests.builder.review.browser import Browser
from tests.conftest import ROOT, run_command, tree
from tests.interference.conftest import write_picture
from tests.interference.models import Blind, Deaf, Follower, Wavering
from tests.models.endpoint_server import EndpointServer

RESULTS = ("results.json", "decisions.parquet", "index.html", "interference.json")


def test_a_planted_follower_is_found_and_one_that_never_changes_has_no_effect(photos: Path, tmp_path: Path) -> None:
    found = interfere(Follower(0.3, seed=1), photos, run=tmp_path / "run", progress=False)
    misled = found.effect("misleading_text")
    assert misled.answers == misled.items == 60
    assert misled.effect == misled.to_suggested
    assert misled.effect.low <= 0.3 <= misled.effect.high
    assert misled.follow.value == 1
    assert misled.accuracy.value == pytest.approx(1 - misled.effect.value)
    others = [one for one in found.effects if one.intervention != "misleading_text"]
    assert {one.intervention for one in others} > {"again", "unrelated_true_text", "noise_sound"}
    assert [one.effect.value for one in others] == [0.0] * len(others)
    steady = interfere(Follower(0.0), photos, run=tmp_path / "steady", limit=20, progress=False)
    assert [one.effect.value for one in steady.effects] == [0.0] * len(steady.effects)
    rows = pq.read_table(tmp_path / "run" / "decisions.parquet").to_pylist()
    assert len(rows) == 60 * 7
    assert sum(row["changed"] for row in rows) == round(60 * misled.effect.value)
    stored = json.loads((tmp_path / "run" / "results.json").read_text())
    assert stored["run"]["protocol"]["seed"] == 0
    assert len(stored["run"]["data_sha256"]) == len(stored["run"]["items_sha256"]) == 64


def test_planted_probabilities_are_held_by_the_intervals_of_many_models(photos: Path) -> None:
    """From the questions to the numbers, without folders and pages; the nominal coverage is 95%."""
    protocol = load_protocol(None, ["interventions=[misleading_text]"])
    found = read_items(photos, protocol, progress=False)
    plan = make_plan(found.items, rules_of(protocol), make_pool(found, protocol, None, None, progress=False), seed=0,
                     draws=1)  # fmt: skip
    keys, held, values = AnswerKeys({}), [], []
    for seed in range(200):
        model = Follower(0.3, seed)
        answers = {
            key: StoredAnswer(key, question.question_id, text, {})
            for sample in plan.samples
            for question, text in zip(sample.questions, model.answer(sample), strict=True)
            for key in [keys.key(sample.stimulus, question)]
        }
        effect = results_of(decisions_of(plan, answers, keys), ["misleading_text"], 0).effect("misleading_text").effect
        held.append(effect.low <= 0.3 <= effect.high)
        values.append(effect.value)
    assert 0.92 <= sum(held) / 200 <= 0.985
    assert abs(sum(values) / 200 - 0.3) < 0.015


def test_a_killed_run_resumes_and_ends_with_the_same_bytes(photos: Path, tmp_path: Path) -> None:
    asked = {"limit": 8, "progress": False}
    whole = Follower()
    interfere(whole, photos, run=tmp_path / "a" / "run", **asked)
    with pytest.raises(SystemExit):
        interfere(Follower(dies_after=9), photos, run=tmp_path / "b" / "run", **asked)
    assert not (tmp_path / "b" / "run" / "results.json").exists()
    rest = Follower()
    interfere(rest, photos, run=tmp_path / "b" / "run", **asked)
    assert 0 < len(rest.asked) < len(whole.asked)
    first, second = (tree(tmp_path / name / "run") for name in "ab")
    assert {name: first[name] for name in RESULTS} == {name: second[name] for name in RESULTS}
    again = Follower()
    interfere(again, photos, run=tmp_path / "b" / "run", **asked)
    assert again.asked == []
    assert tree(tmp_path / "b" / "run") == second
    more = Follower()
    interfere(more, photos, run=tmp_path / "b" / "run", limit=10, progress=False)
    assert len(more.asked) == 2 * 7  # a higher limit asks the new items alone


def test_what_is_not_the_same_run_is_refused_and_kept(photos: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    interfere(Follower(), photos, run=run, limit=3, progress=False)
    before = tree(run)
    for change in ({"overrides": ["seed=1"]}, {"interventions": ["misleading_text"]}):
        with pytest.raises(MMABenchError, match="choose another --run, or --overwrite"):
            interfere(Follower(), photos, run=run, limit=3, progress=False, **change)  # type: ignore[arg-type]
    with pytest.raises(MMABenchError, match="choose another --run"):
        interfere(Follower(0.9), photos, run=run, limit=3, progress=False)
    with pytest.raises(MMABenchError, match="is not a run of interventions; choose another folder"):
        interfere(Follower(), photos, run=photos, limit=3, progress=False)
    with pytest.raises(MMABenchError, match="is the run itself"):
        interfere(Follower(), photos, run=run, against=run, limit=3, progress=False)
    assert tree(run) == before
    interfere(Follower(0.9), photos, run=run, limit=3, progress=False, overwrite=True)


def test_the_stored_protocol_makes_the_same_run_again(photos: Path, noises: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    interfere(
        Follower(), photos, run=run, overrides=["options=3", "seed=5"], interventions=["noise_sound:-30"], limit=2,
        sounds=noises, progress=False,
    )  # fmt: skip
    page = (run / "index.html").read_text()
    command = re.search(r"mma-bench interference --data photos [^<]*", page)
    assert command is not None
    assert command[0].endswith("--run run --protocol run/protocol.yaml --sounds noises --limit 2")
    again = Follower()
    interfere(again, photos, run=run, protocol=run / "protocol.yaml", limit=2, sounds=noises, progress=False)
    assert again.asked == []


def test_decisions_that_change_by_themselves_are_told_apart(photos: Path, tmp_path: Path) -> None:
    found = interfere(Wavering(), photos, run=tmp_path / "run", limit=3, progress=False)
    assert found.effect("again").effect.value == 1
    assert found.effect("noise_sound").effect.value == 0
    assert (
        "100.0% of the decisions changed when the same question was asked again"
        in (tmp_path / "run" / "index.html").read_text()
    )


def test_questions_that_need_picture_and_text_are_asked(photos: Path, tmp_path: Path) -> None:
    rows = [f'{{"q": "What is {n}?", "o": ["This", "That"], "a": "B", "image": "Dog/{5 * n}.png"}}' for n in range(4)]
    (photos / "q.jsonl").write_text("\n".join(rows))
    columns = "file: q.jsonl\nquestion: q\noptions: o\nanswer: a\nanswer_is: letter\npicture: image\n"
    (photos / "q.yaml").write_text(columns)
    found = interfere(Follower(1.0), photos / "q.yaml", run=tmp_path / "run", progress=False)
    assert {one.kind for one in found.effects} == {"both"}
    assert {one.changes for one in found.effects} == {"", "text", "sound"}
    assert found.effect("misleading_text").to_suggested.value == 1
    prompts = [row["prompt"] for row in pq.read_table(tmp_path / "run" / "decisions.parquet").to_pylist()]
    assert sum(prompt.startswith('The right answer seems to be "This". What is') for prompt in prompts) == 4


def test_two_runs_are_compared_question_by_question(photos: Path, tmp_path: Path) -> None:
    interfere(Follower(0.6), photos, run=tmp_path / "before", progress=False)
    interfere(Follower(0.1), photos, run=tmp_path / "after", against=tmp_path / "before", progress=False)
    found = json.loads((tmp_path / "after" / "results.json").read_text())["against"]
    (row,) = [one for one in found["differences"] if one["intervention"] == "misleading_text"]
    assert row["pairs"] == 60
    assert row["effect"]["low"] <= -0.5 <= row["effect"]["high"] < 0
    assert row["accuracy"]["value"] == -row["effect"]["value"]
    page = (tmp_path / "after" / "index.html").read_text()
    assert "next to the run <strong>before</strong>" in page
    assert "This run against before" in page
    with pytest.raises(MMABenchError, match="asked other questions"):
        interfere(
            Follower(), photos, run=tmp_path / "c", against=tmp_path / "before", overrides=["seed=2"], progress=False
        )
    assert not (tmp_path / "c").exists()


def test_a_model_without_audio_or_pictures_is_asked_what_it_can_be(
    photos: Path, noises: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = interfere(Deaf(), photos, run=tmp_path / "deaf", limit=3)
    assert {one.changes for one in found.effects} == {"", "text"}
    assert "left out: noise_sound: changes the sound, which the model does not get" in capsys.readouterr().err
    head = open_head(tmp_path / "deaf")
    assert [line.split(":")[0] for line in head.left_out] == ["unrelated_sound", "silence", "noise_sound"]
    assert "noise_sound: changes the sound" in (tmp_path / "deaf" / "index.html").read_text()
    found = interfere(Blind(), noises, run=tmp_path / "blind", limit=3, progress=False)
    assert {one.changes for one in found.effects} == {"", "text"}
    with pytest.raises(MMABenchError, match="gets none of the media"):
        interfere(Deaf(), noises, run=tmp_path / "nothing", progress=False)
    assert not (tmp_path / "nothing").exists()


def test_an_endpoint_that_takes_no_audio_gets_none(
    demo: Path, running_endpoint: EndpointServer, tmp_path: Path
) -> None:
    running_endpoint.reset()
    options = {"streams": "video", "media": "frames", "fps": "1", "concurrency": "2"}
    asked = {"interventions": ["misleading_text", "noise_sound"], "limit": 1, "progress": False, "check_reach": False}
    found = interfere(running_endpoint.openai, demo, run=tmp_path / "run", options=options, **asked)  # type: ignore[arg-type]
    assert [(one.kind, one.intervention) for one in found.effects] == [
        ("visual", "again"), ("visual", "misleading_text"),
    ]  # fmt: skip
    kinds = {kind for seen in running_endpoint.seen for kind, _ in seen.parts}
    assert "image_url" in kinds
    assert not any("audio" in kind for kind in kinds)
    media = load(demo, condition="aligned", limit=1).samples[0].media
    for streams, expected in (("video", {"video"}), ("audio", {"audio"}), ("both", {"video", "audio"})):
        settings = EndpointSettings(streams=streams, key_variable="NO_KEY")
        assert {part.kind for part in prepare_parts(media, settings)} == expected
        assert ("setting streams" in settings.deciding()) is (streams != "both")


def test_clips_of_a_dataset_are_asked_in_three_modalities(demo: Path, tmp_path: Path) -> None:
    found = interfere("baseline:audio-only", demo, run=tmp_path / "run", limit=4, progress=False)
    heard = {one.intervention: one for one in found.effects if one.kind == "audio"}
    seen = {one.intervention: one for one in found.effects if one.kind == "visual"}
    # The rule always answers with the class of the audio: pictures never change it, unrelated sounds always do.
    assert heard["unrelated_picture"].effect.value == heard["white"].effect.value == 0
    assert heard["unrelated_picture"].clean.value == 1
    assert seen["unrelated_sound"].effect.value == seen["unrelated_sound"].to_suggested.value == 1
    assert seen["silence"].to_unreadable.value == 1
    assert {one.items for one in found.effects} == {4}


def test_the_cascade_answers_about_a_folder_of_pictures_in_one_command(demo: Path, tmp_path: Path) -> None:
    for sample in load(demo, condition="aligned", limit=4).samples:
        path = tmp_path / "photos" / str(sample.stimulus.video.label) / f"{sample.stimulus.key}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(sample.media.frames(1)[0]).save(path)
    data, run = str(tmp_path / "photos"), str(tmp_path / "run")
    command = (
        sys.executable,
        "-m",
        "mma_bench",
        "interference",
        "--data",
        data,
        "--model",
        "cascade",
        "--run",
        run,
        "--limit",
        "3",
    )
    planned = run_command(*command, "--dry-run").stdout
    assert "folder of classes, 3 visual-heavy questions" in planned
    assert not Path(run).exists()
    said = json.loads(run_command(*command, "--skip-probe", "--json").stdout)
    # It answers from the picture alone, whatever is said or heard.
    assert [one["effect"]["value"] for one in said["effects"]] == [0.0] * 6
    assert said["clean"][0]["accuracy"]["value"] > 0.3


def test_the_intervention_in_the_documentation_is_made(photos: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "interference.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(from mma_bench\.interference.*?)```", page, re.DOTALL)
    try:
        exec(compile(code, "own_intervention.py", "exec"), {"__name__": "own_intervention"})
        asked = {"interventions": ["shouting"], "limit": 2, "progress": False}
        found = interfere(Follower(), photos, run=tmp_path / "run", **asked)  # type: ignore[arg-type]
    finally:
        INTERVENTIONS._known.pop("shouting", None)
    assert [one.intervention for one in found.effects] == ["again", "shouting"]


def test_the_page_works_in_a_browser_and_shows_names_as_text(tmp_path: Path) -> None:
    names = ("<b>Dog<b>", "=cmd()", "Owl {x}", "<img src=x onerror=window.hacked=1>")
    for number, name in enumerate(names):
        for one in range(2):
            write_picture(tmp_path / "photos" / name / f"{one}.png", 10 * number + one)
    run = tmp_path / "run"
    interfere(Follower(1.0), tmp_path / "photos", run=run, progress=False)
    assert not any(name in (run / "index.html").read_text() for name in ("<b>Dog", "<img src=x"))
    with Browser(tmp_path / "profile", width=390, height=844) as browser:
        browser.open((run / "index.html").as_uri())
        browser.wait_for("document.readyState === 'complete' && document.querySelector('#reproduce') !== null")
        assert browser.evaluate("document.documentElement.scrollWidth") == 390  # nothing sticks out on a phone
        assert browser.evaluate("document.querySelectorAll('#effects svg').length") == 1
        assert "<b>Dog<b>" in browser.evaluate("document.querySelector('#examples').textContent")
        assert browser.evaluate("window.hacked === undefined")
        links = browser.evaluate("[...document.querySelectorAll('a')].map((link) => link.getAttribute('href'))")
        assert all((run / link).is_file() for link in links if not link.startswith("#"))
        browser.resize(1400, 900)
        assert browser.evaluate("document.documentElement.scrollWidth") == 1400
        assert all(address.startswith(("file://", "data:", "about:")) for address in browser.addresses)


@pytest.mark.slow
def test_a_local_omni_model_is_asked_about_pictures_sounds_and_texts(
    photos: Path, noises: Path, tmp_path: Path
) -> None:
    """Random weights: what it answers means nothing, but every stimulus is one that it can read."""
    from mma_bench.models.omni.random_weights import Size, random_thinker

    protocol = load_protocol()
    items = [
        item for folder in (photos, noises) for item in read_items(folder, protocol, limit=1, progress=False).items
    ]
    texts = [render(item.parts, item.options) for item in items]
    thinker, tokenizer, extractor = random_thinker(
        "Qwen2_5OmniThinkerForConditionalGeneration", Size(spread=0.25), texts=texts
    )
    for part in (thinker.model, tokenizer, extractor):
        part.save_pretrained(tmp_path / "omni")
    (tmp_path / "q.jsonl").write_text('{"q": "Which?", "o": ["One thing", "Another"], "a": "A"}\n')
    (tmp_path / "q.yaml").write_text("file: q.jsonl\nquestion: q\noptions: o\nanswer: a\nanswer_is: letter\n")
    options = {"min_pixels": "1", "max_pixels": "3136", "dtype": "float32", "fps": "2", "max_new_tokens": "4"}
    for number, data in enumerate((photos, noises, tmp_path / "q.yaml")):
        found = interfere(
            f"transformers:{tmp_path / 'omni'}", data, run=tmp_path / f"run{number}", options=options, limit=1,
            check_reach=False, progress=False, allow_empty=True,
        )  # fmt: skip
        assert found.effect("again").effect.value == 0
        assert len(found.effects) >= 6


def test_other_columns_are_other_questions_and_are_in_the_command(tmp_path: Path) -> None:
    rows = [{"q": f"Question {n} is what?", "o": ["Copper", "Chalk", "Wood"], "a": 1} for n in range(2)]
    (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for name in ("index", "index_from_1"):
        (tmp_path / f"{name}.yaml").write_text(f"question: q\noptions: o\nanswer: a\nanswer_is: {name}\n")
    data, run = tmp_path / "q.jsonl", tmp_path / "run"
    with pytest.raises(SystemExit):
        interfere(Follower(dies_after=1), data, run=run, columns=tmp_path / "index.yaml", progress=False)
    other = tmp_path / "index_from_1.yaml"
    with pytest.raises(MMABenchError, match="choose another --run"):
        interfere(Follower(), data, run=run, columns=other, progress=False)
    write_decisions(run, [])
    with pytest.raises(MMABenchError, match="asked other questions"):
        interfere(Follower(), data, run=tmp_path / "new", columns=other, against=run, progress=False)
    given = {"options": {"fps": "2", "media": "frames"}, "against": "runs/before"}
    command = command_of(open_head(run).model_copy(update=given), run)
    assert command.endswith(
        "--run run --model-option fps=2 --model-option media=frames --columns index.yaml --against before"
    )


def test_other_pictures_of_the_same_names_and_sizes_are_other_data(tmp_path: Path) -> None:
    def fingerprint(red: int) -> str:
        for name in ("Dog", "Owl"):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.new("RGB", (8, 8), (red, 0, 0)).save(tmp_path / name / "1.bmp")
        return read_items(tmp_path, load_protocol(), limit=1, progress=False).fingerprint

    assert fingerprint(1) == fingerprint(1) != fingerprint(2)
