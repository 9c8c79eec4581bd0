"""Wrappers compute their formulas, leave the rest of a model alone, and their runs do not mix.

The models are real: an Omni model with random weights, whose logits are computed a second time by transformers' own
forward, one pass per branch and token, and rules that read labels.
"""

import functools
import json
import runpy
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from mma_bench import MMABenchError, evaluate, load, models
from mma_bench.cli import main
from mma_bench.dataset.load import Sample
from mma_bench.diagnosis.run import require_family
from mma_bench.evaluation.store import AnswerStore, open_run
from mma_bench.interference.pool import Pool
from mma_bench.interference.protocol import load_protocol
from mma_bench.interference.sources.read import read_items
from mma_bench.interference.stimuli import make_plan
from mma_bench.models import Check, Model
from mma_bench.models.checks import CheckAnswer
from mma_bench.models.omni import Asked, AudioStream, VideoStream
from mma_bench.models.omni.branches import Branches
from mma_bench.models.omni.model import TransformersOmni, streams_of
from mma_bench.models.wrappers import WRAPPERS, Adaptive, Contrast, Prompt, Solo
from mma_bench.models.wrappers.adaptive import QUERY, WORDS
from mma_bench.models.wrappers.blending import PLAIN
from mma_bench.models.wrappers.prompt import INSTRUCTION
from mma_bench.models.wrappers.solo import without
from mma_bench.probe import stimuli
from mma_bench.records.every_eval_ever.identity import identity_of
from mma_bench.schema import Modality, Question
from tests.conftest import ROOT
from tests.interference.conftest import write_picture, write_sound
from tests.models.test_omni import plain_ids, plain_inputs, save

TOKENS = 3
OPTIONS = {"max_pixels": "3136", "max_new_tokens": str(TOKENS), "score_options": "false"}
Streams = tuple[VideoStream | None, AudioStream | None]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("omni"))


@pytest.fixture(scope="module")
def omni(folder: Path) -> TransformersOmni:
    found = models.load(f"transformers:{folder}", OPTIONS)
    assert isinstance(found, TransformersOmni)
    return found


@pytest.fixture(scope="module")
def conflict() -> Sample:
    """A second of a chessboard and a siren, with a short question about each."""
    sample = stimuli.samples(Modality.AUDIO, 0, seconds=1.0)[1]
    heard = sample.questions[0].changed(prompt="Audio? Options: Cat, Dog.", options=["Cat", "Dog"], answer="Dog")
    seen = heard.changed(question_id="seen", modality=Modality.VISUAL, prompt="Visual? Options: Cat, Dog.")
    media = replace(sample.media, seconds=1.0)
    return replace(sample, questions=[seen, heard], media=media, stimulus=sample.stimulus.changed(seconds=1.0))


def next_logits(model: TransformersOmni, streams: Streams, prompt: str, written: Sequence[int]) -> torch.Tensor:
    """Logits after each token, by transformers' own forward over everything so far, without a cache."""
    inputs = dict(inputs_of(model, *streams))
    ids = plain_ids(model.engine, inputs.pop("text"), Asked(prompt))
    ids = torch.cat([ids, torch.tensor([list(written)], dtype=torch.long)], dim=1)
    with torch.inference_mode():
        found = model.engine.thinker.model(input_ids=ids, attention_mask=torch.ones_like(ids), **inputs)
    logits: torch.Tensor = found.logits[0].float()
    return logits


@functools.cache
def inputs_of(model: TransformersOmni, video: VideoStream | None, audio: AudioStream | None) -> dict[str, Any]:
    return plain_inputs(model.engine, (video, audio)) if video or audio else {"text": text_alone(model)}


def text_alone(model: TransformersOmni) -> str:
    return f"<|im_start|>system\n{model.engine.thinker.system_prompt}<|im_end|>\n<|im_start|>user\n"


def greedy(model: TransformersOmni, prompt: str, weights: Sequence[tuple[Streams, float]], beta: float = 0.0) -> str:
    written: list[int] = []
    for _ in range(TOKENS):
        branches = [next_logits(model, streams, prompt, written)[-1] for streams, _ in weights]
        added = torch.stack([weight * each for (_, weight), each in zip(weights, branches, strict=True)]).sum(dim=0)
        likely = branches[0].softmax(dim=-1)
        token = int(added.masked_fill(likely < beta * likely.max(), -torch.inf).argmax())
        if token in model.engine.answering.stop_ids:
            break
        written.append(token)
    return model.engine.chat.decode(written)


def test_contrast_is_its_formula_over_plain_passes(omni: TransformersOmni, conflict: Sample) -> None:
    video, audio = streams_of(conflict)
    said = {}
    for alpha, beta in ((3.0, 0.9), (3.0, 0.0)):
        answers = Contrast(omni, alpha=alpha, beta=beta).answer(conflict)
        for question, answer in zip(conflict.questions, answers, strict=True):
            without: Streams = (None, audio) if question.modality is Modality.VISUAL else (video, None)
            weights: list[tuple[Streams, float]] = [((video, audio), 1 + alpha), (without, -alpha)]
            assert answer.text == greedy(omni, question.prompt, weights, beta)
            said[question.modality, beta] = answer.text
    plain = [answer.text for answer in omni.answer(conflict)]
    assert [said[question.modality, 0.0] for question in conflict.questions] != plain, "a contrast must show"
    assert [said[question.modality, 0.9] for question in conflict.questions] != [
        said[question.modality, 0.0] for question in conflict.questions
    ], "and so must its limit to plausible tokens"
    nothing = Contrast(omni, alpha=0.0, beta=0.0).answer(conflict)
    assert [answer.text for answer in nothing] == plain


def test_adaptive_is_its_formula_over_plain_passes(omni: TransformersOmni, conflict: Sample) -> None:
    video, audio = streams_of(conflict)
    gamma = 50.0
    answers = Adaptive(omni, gamma=gamma).answer(conflict)
    for question, answer in zip(conflict.questions, answers, strict=True):
        query = QUERY.format(question=question.prompt)
        scores = torch.tensor([likelihood(omni, (video, audio), query, word) for word in WORDS])
        w_a, w_v, w_b = scores.softmax(dim=-1).tolist()
        weights: list[tuple[Streams, float]] = [
            ((video, audio), 2 + 2 * gamma * w_b),
            ((video, None), 1 - gamma * (w_b - w_v)),
            ((None, audio), 1 - gamma * (w_b - w_a)),
            ((None, None), -gamma * (w_v + w_a)),
        ]
        assert sum(weight for _, weight in weights) == pytest.approx(4)
        assert answer.text == greedy(omni, question.prompt, weights)
    assert [answer.text for answer in answers] != [answer.text for answer in omni.answer(conflict)]


def likelihood(model: TransformersOmni, streams: Streams, prompt: str, word: str) -> float:
    ids = model.engine.chat.text(word)
    logits = next_logits(model, streams, prompt, ids)[-len(ids) - 1 : -1]
    return float(logits.log_softmax(dim=-1).gather(1, torch.tensor(ids)[:, None]).sum())


@pytest.mark.parametrize(("wrapper", "branches"), [("contrast", 2), ("adaptive", 4)])
def test_branches_share_the_encoded_streams_and_count_all_tokens(
    folder: Path, conflict: Sample, wrapper: str, branches: int
) -> None:
    plain = models.load(f"transformers:{folder}", OPTIONS)
    alone = plain.answer(conflict)[0]
    wrapped = models.load(f"transformers:{folder}+{wrapper}", OPTIONS)
    found = wrapped.answer(conflict)
    engine = wrapped.model.engine  # type: ignore[attr-defined]
    assert (engine.videos.misses, engine.sounds.misses) == (1, 1)
    assert (found[0].input_tokens or 0) > (alone.input_tokens or 0) * branches / 2  # type: ignore[union-attr]


def test_solo_answers_as_the_model_does_when_the_other_stream_is_removed(
    demo: Path, omni: TransformersOmni, tmp_path: Path
) -> None:
    def said(model: Model, condition: str) -> dict[str, str]:
        run = tmp_path / f"{condition} {model.name.rpartition('+')[2] == 'solo'}"
        evaluate(
            model,
            demo,
            run=run,
            condition=condition,
            protocol="paper",
            limit=1,
            probe=False,
            progress=False,
            allow_empty=True,
        )
        return {answer.question_id.rpartition("/")[2]: answer.text for answer in AnswerStore(run).read().values()}

    solo = said(Solo(omni), "aligned")
    assert solo == {"visual": said(omni, "audio_removed")["visual"], "audio": said(omni, "frames_zeroed")["audio"]}
    removed = {
        sample.stimulus.condition: sample.stimulus
        for sample in load(demo, condition=["audio_removed", "frames_zeroed"], limit=1).samples
    }
    own = load(demo, condition="aligned", limit=1).samples[0]
    assert without(own, Modality.AUDIO).stimulus.audio == removed["audio_removed"].audio
    assert without(own, Modality.VISUAL).stimulus.video == removed["frames_zeroed"].video, "the builder's bytes"


def test_a_rule_wrapped_in_solo_has_nothing_to_say_about_what_it_does_not_read(conflict: Sample) -> None:
    label = "Cat"
    sample = replace(conflict, stimulus=conflict.stimulus.changed(video=conflict.stimulus.video.changed(label=label)))
    plain, solo = (models.load(name).answer(sample) for name in ("baseline:visual-only", "baseline:visual-only+solo"))
    assert [answer.text for answer in plain] == [label, label]
    assert [answer.text for answer in solo] == [label, "None of the above"]


class Reader(Model):
    """Says what it was asked and shown."""

    takes_media = False

    def answer(self, sample: Sample) -> list[str]:
        shown = f"{sample.stimulus.video.origin} {sample.stimulus.audio.origin}"
        return [f"{shown} {question.prompt}" for question in sample.questions]


def test_the_instruction_is_put_before_the_question_and_after_a_caption(demo: Path) -> None:
    sample = load(demo, condition="misleading_caption", limit=1).samples[0]
    for question, answer in zip(sample.questions, Prompt(Reader()).answer(sample), strict=True):
        caption, rest = question.prompt.split(". Which", 1)
        assert answer.text == f"clip clip {caption}. {INSTRUCTION} Which{rest}"
    both = Prompt(Solo(Reader())).answer(sample)
    assert [answer.text.partition(" Video_caption")[0] for answer in both] == ["clip silence", "black clip"]


@pytest.mark.parametrize("kind", [Prompt, Solo])
def test_questions_about_both_modalities_are_asked_as_they_are(kind: type[Prompt | Solo], conflict: Sample) -> None:
    checks = [
        Check("seen", Modality.VISUAL, "Dog", "Is a dog visible?"),
        Check("match", Modality.VISUAL, "", "Do video and audio match?"),
        Check("heard", Modality.AUDIO, "Dog", "Does a dog make a sound?"),
    ]
    answers: list[CheckAnswer] = kind(Reader()).check(conflict, checks)
    assert [answer.name for answer in answers] == ["seen", "match", "heard"]
    assert answers[1].text == "clip clip Do video and audio match?"
    changed = "clip clip " + INSTRUCTION if kind is Prompt else "clip silence"
    assert answers[0].text == f"{changed} Is a dog visible?"


def test_questions_of_interference_are_changed_only_if_they_concern_one_modality(
    tmp_path: Path, omni: TransformersOmni
) -> None:
    write_picture(tmp_path / "photos" / "Dog" / "0.png", 0)
    write_picture(tmp_path / "photos" / "Owl" / "1.png", 1)
    write_sound(tmp_path / "a.flac", 3)
    shutil.copy(tmp_path / "photos" / "Dog" / "0.png", tmp_path / "a.png")
    row = {"q": "Which is a metal?", "o": ["Copper", "Chalk"], "a": "A", "i": "a.png", "s": "a.flac"}
    (tmp_path / "t.jsonl").write_text(json.dumps(row) + "\n")
    columns = "file: t.jsonl\nquestion: q\noptions: o\nanswer: a\nanswer_is: letter\n"
    (tmp_path / "text.yaml").write_text(columns)
    (tmp_path / "both.yaml").write_text(columns + "picture: i\nsound: s\n")
    shown = {"photos": "clip silence", "text.yaml": "altered silence", "both.yaml": "clip clip"}
    for data, streams in shown.items():
        protocol = load_protocol()
        found = read_items(tmp_path / data, protocol, limit=1, progress=False)
        (sample,) = make_plan(found.items, [], Pool([], [], ""), seed=0, draws=1).samples
        (question,) = sample.questions
        branches, changes = Branches(omni.engine, *streams_of(sample)), data == "photos"
        assert Solo(Reader()).answer(sample)[0].text == f"{streams} {question.prompt}"
        assert (INSTRUCTION in Prompt(Reader()).answer(sample)[0].text) is changes
        assert (Contrast(omni).mixtures(branches, [question])[0][0] != PLAIN) is changes
        assert question.model_dump() == Question(**question.model_dump()).model_dump(), "nothing else is stored"


def test_a_wrapper_is_given_what_the_wrapped_model_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    for streams, given in (("video", {Modality.VISUAL}), ("audio", {Modality.AUDIO}), ("both", set(Modality))):
        for suffix in ("", "+prompt", "+solo", "+solo+prompt"):
            model = models.load(f"openai:m@http://127.0.0.1:9/v1{suffix}", {"streams": streams})
            assert set(model.modalities) == given


def test_settings_that_differ_in_any_digit_have_another_fingerprint(omni: TransformersOmni) -> None:
    said = [Contrast(omni, alpha=alpha).describe() for alpha in (1.0, 1.0000001, 1.0000002, 1e-7, 0.1 + 0.2)]
    assert said[0] == "version 1 alpha=1 beta=0.1"
    assert len({*said, Contrast(omni, alpha=0.3).describe()}) == 6
    assert "alpha=1e-07 " in said[3]


def test_runs_of_a_wrapper_resume_and_do_not_mix_with_others(demo: Path, folder: Path, tmp_path: Path) -> None:
    name, run = f"transformers:{folder}+contrast", tmp_path / "run"

    def ask(name: str, limit: int, more: Mapping[str, str]) -> None:
        options = {**OPTIONS, **more}
        evaluate(
            name, demo, run=run, options=options, condition="misaligned", protocol="paper", limit=limit, probe=False,
            progress=False, allow_empty=True,
        )  # fmt: skip

    ask(name, 1, {"contrast.alpha": "2"})
    first = (run / "answers.jsonl").read_text()
    assert open_run(run).model == name
    assert open_run(run).model_fingerprint["wrapper contrast"] == "version 1 alpha=2 beta=0.1"
    for other, more in ((name, {}), (name.removesuffix("+contrast"), {}), (f"{name}+prompt", {"contrast.alpha": "2"})):
        with pytest.raises(MMABenchError, match=r"holds answers of transformers:.*\+contrast about"):
            ask(other, 1, more)
    ask(name, 2, {"contrast.alpha": "2"})
    assert (run / "answers.jsonl").read_text().startswith(first)
    assert len(AnswerStore(run).read()) == 4


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("cascade+contrast", {}, "adds up the logits of every token, which cascade does not give: only transformers"),
        ("openai:m@http://127.0.0.1:1/v1+adaptive", {}, r"can have \+prompt, \+solo"),
        ("transformers:a/b+solo+contrast", {}, r"\+contrast cannot follow another wrapper \(transformers:a/b\+solo\)"),
        ("cascade+prompt+prompt", {}, r"name one wrapper, and after it at most \+prompt"),
        ("cascade+promt", {}, r"cascade is one, and \+promt is no wrapper: \+adaptive, \+contrast, \+prompt, \+solo"),
        ("transformers:a/b+contrast", {"contrast.alfa": "1"}, r"no setting 'alfa'; did you mean 'alpha'"),
        ("transformers:a/b+contrast", {"contrast.beta": "2"}, r"contrast.beta=2: give a number from 0 to 1 \(share"),
        ("transformers:a/b+adaptive", {"adaptive.gamma": "much"}, r"adaptive.gamma=much: give a number from 0 to 100"),
        ("cascade+solo", {"solo.fps": "1"}, r"\+solo has no settings; leave it out"),
        ("cascade", {"contrast.alpha": "1"}, r"cascade has no option 'contrast.alpha'"),
    ],
)
def test_a_wrapper_that_does_not_fit_is_one_clear_error(name: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(MMABenchError, match=message):
        models.load(name, options)


def test_commands_decide_by_the_wrapped_model_and_list_the_wrappers() -> None:
    kind = models.model_class("transformers:a/b+contrast+prompt")
    assert kind.uses_gpu
    assert not kind.takes_gpu({"device_map": "cpu", "contrast.alpha": "2"})
    assert kind.settings_of_protocol({"contrast.alpha": "2"}) == ("fps", "layout")
    assert not models.model_class("openai:m@http://127.0.0.1:1/v1+prompt").runs_here
    assert models.model_class("baseline:random+solo").is_baseline
    with pytest.raises(MMABenchError, match=r"\+contrast changes how a model is asked or decoded, not the model"):
        require_family("transformers:a/b+contrast")
    identity = identity_of("transformers:Qwen/Qwen2.5-Omni-7B+contrast+prompt")
    assert identity.id == "Qwen/Qwen2.5-Omni-7B+contrast+prompt"
    listed = CliRunner().invoke(main, ["list", "wrappers"]).output
    assert all(f"+{name}: " in listed for name in WRAPPERS)


def test_the_script_compares_a_model_with_all_wrappers_that_fit(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = torch.get_num_threads()
    script = ROOT / "scripts" / "without_training.py"
    given = ["--model", "baseline:visual-only", "--data", str(demo), "--out", str(tmp_path / "out"), "--limit", "3"]
    monkeypatch.setattr("sys.argv", [str(script), *given])
    runpy.run_path(str(script), run_name="__main__")
    torch.set_num_threads(threads)
    lines = (tmp_path / "out" / "table.md").read_text().splitlines()
    assert lines[0] == "| condition, question | n | bare | +prompt | +solo |"
    audio = next(line for line in lines if line.startswith("| aligned, audio | 3 | 100"))
    assert audio.split(" | ")[3].startswith("+0 [")
    assert audio.split(" | ")[4].startswith("-100 [")
    written = json.loads((tmp_path / "out" / "table.json").read_text())
    assert [row["wrapper"] for row in written] == ["", "prompt", "solo"]
