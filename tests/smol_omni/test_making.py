"""Making a model end to end on a tiny language model: what is frozen stays, and a killed run resumes."""

import json
import re
import runpy
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file

from mma_bench import MMABenchError, models
from mma_bench.files.hashing import sha256_file
from mma_bench.questions import prompts
from mma_bench.schema import Modality
from mma_bench.smol_omni import making as module
from mma_bench.smol_omni.__main__ import main
from mma_bench.smol_omni.checkpoint import choose_base
from mma_bench.smol_omni.graft import FPS, MODEL_OPTIONS
from mma_bench.smol_omni.knowledge import are_right, read_knowledge
from mma_bench.smol_omni.lessons import Lessons
from mma_bench.smol_omni.looks_table import looks_table
from mma_bench.smol_omni.making import Making, make
from mma_bench.smol_omni.package import load_language_model
from mma_bench.smol_omni.settings import MixSettings, SmolOmniSettings, StageSettings
from mma_bench.synthetic import render
from mma_bench.tuning.answers import AnswerLogits
from tests.conftest import ROOT
from tests.smol_omni.test_graft import little_llama

CLASSES = ("Bell", "Cat", "Dog", "Rain")


def tiny(**changes: Any) -> SmolOmniSettings:
    stage = StageSettings(steps=4, learning_rate=1e-2, warmup=0)
    plain: dict[str, Any] = dict.fromkeys(("vision", "audio", "words", "connector", "updates"), stage)
    plain |= {"classes": CLASSES, "clips": 1, "encoded": 1, "tower_batch": 4, "questions": 4, "looked": 4}
    return SmolOmniSettings(**{**plain, "look_every": 2, "dtype": "float32", **changes})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("smol") / "made"
    make(out, tiny(), 1, lambda line: None, little_llama)
    return out


def test_the_base_is_loaded_by_the_adapter_and_says_how_it_came_about(made: Path) -> None:
    record = json.loads((made / "base" / "smol_omni.json").read_text())
    assert record["settings"]["classes"] == list(CLASSES)
    assert (record["measured"]["stage"], record["measured"]["step"]) == ("updates", 4)  # none was competent
    assert {name: sha256_file(made / "base" / name) for name in record["sha256"]} == record["sha256"]
    assert "**updates, 4 steps**" in (made / "looks.md").read_text()
    model: Any = models.load(f"transformers:{made / 'base'}", MODEL_OPTIONS)
    from mma_bench.models.omni import Asked, AudioStream, VideoStream

    clip = render("Bell", 0, fps=FPS)
    (reply,) = model.ask(
        VideoStream("video", lambda fps: clip.frames),
        AudioStream("sound", lambda: clip.samples),
        [Asked(prompts.question(Modality.VISUAL, CLASSES), CLASSES)],
    )
    assert all(score < 0 for score in reply.option_scores.values())


def test_each_stage_trains_its_weights_and_no_others(made: Path) -> None:
    """Bit for bit: the language model below the updates, and the towers once they are trained."""
    base: Any = models.load(f"transformers:{made / 'base'}", MODEL_OPTIONS)
    found = {name.split("model.", 1)[-1]: weight for name, weight in base.engine.thinker.model.state_dict().items()}
    fresh = Making(made / "states", tiny(), lambda line: None, little_llama)
    trained = tiny().projections
    for name, weight in fresh.thinker.decoder.state_dict().items():
        updated = name.endswith(tuple(f"{projection}.weight" for projection in trained))
        assert torch.equal(found[f"language_model.{name}" if f"language_model.{name}" in found else name], weight) is (
            not updated
        ), name
    states = {
        path.stem: torch.load(path)["weights"] for path in (made / "states").glob("*.pt") if "feat" not in path.stem
    }
    for tower in ("visual", "audio"):
        names = [name for name in states[tower] if name.startswith("tower.")]
        assert len(names) > 10
        for name in names:
            inside = f"{'visual' if tower == 'visual' else 'audio_tower'}.{name.removeprefix('tower.')}"
            assert torch.equal(found[inside], states[tower][name])
    for earlier, later in (("words", "connector-2"), ("connector-2", "connector-4"), ("connector", "updates-4")):
        for name, weight in states[earlier].items():
            assert not torch.equal(weight, states[later][name]), name


def test_a_killed_run_ends_with_the_weights_of_an_unbroken_one(made: Path, tmp_path: Path) -> None:
    class KilledError(Exception):
        pass

    def kill(line: str) -> None:
        if '"updates", "step": 2' in line:
            raise KilledError

    with pytest.raises(KilledError):
        make(tmp_path / "again", tiny(), 1, kill, little_llama)
    assert not (tmp_path / "again" / "base").exists()
    state = torch.load(tmp_path / "again" / "states" / "updates.pt", weights_only=True)
    assert len(state["losses"]) == 2  # it resumes in the middle of a stage
    with pytest.raises(MMABenchError, match="begun with another seed"):
        make(tmp_path / "again", tiny(seed=1), 1, print, little_llama)
    make(tmp_path / "again", tiny(), 1, lambda line: None, little_llama)
    first, second = (sha256_file(folder / "base" / "model.safetensors") for folder in (made, tmp_path / "again"))
    assert first == second
    assert (made / "looks.md").read_text() == (tmp_path / "again" / "looks.md").read_text()


def test_lessons_have_no_conflict_and_the_answer_is_always_an_option(made: Path) -> None:
    fresh = Making(made / "states", tiny(), lambda line: None, little_llama)
    features, taught, _ = fresh._features()
    lessons = Lessons(features, taught, CLASSES, read_knowledge()[0], MixSettings(options=(3,)), 0)
    shown = [one for step in range(40) for one in lessons.step("any", step, 10)]
    names = {id(tensor): clip[0] for kept in (features.videos, features.audios) for clip, tensor in kept.items()}
    nones = 0
    for one in shown:
        streams = {names[id(stream)] for stream in (one.video, one.audio) if id(stream) in names}
        assert len(streams) <= 1  # one class in all that is seen and heard
        if streams:
            caption = one.prompt.removeprefix("Video_caption: ").split(".")[0]
            assert not one.prompt.startswith("Video_caption: ") or {caption} == streams
            options = one.prompt.split("Options: ")[1].split(". Answer")[0].split(", ")
            assert one.target in options
            nones += one.target == prompts.NONE_OF_THE_ABOVE
            assert one.target in streams or (one.target == prompts.NONE_OF_THE_ABOVE and not streams & set(options))
        asked_of_nothing = one.video is features.black and "visual content" in one.prompt
        assert not asked_of_nothing
    assert nones > 10


def test_the_base_is_chosen_by_competence_alone() -> None:
    looks = [
        {"stage": "connector", "step": 0},
        {"stage": "updates", "step": 1, "visual alone": 0.96, "audio alone": 0.90, "misaligned, visual": 0.0},
        {"stage": "updates", "step": 2, "visual alone": 0.96, "audio alone": 0.97, "misaligned, visual": 0.9},
        {"stage": "updates", "step": 3, "visual alone": 0.99, "audio alone": 0.99, "misaligned, visual": 0.0},
    ]
    assert choose_base(looks, 0.95)["step"] == 2
    assert choose_base(looks, 0.995)["step"] == 3


def test_the_table_has_intervals_and_marks_the_base() -> None:
    looks = [{"stage": "words", "step": 0, "perplexity": 18.34}, {"stage": "updates", "step": 9, "audio alone": 0.6875}]
    assert looks_table(looks, looks[1], 64, 40).splitlines() == [
        "| | words, 0 steps | **updates, 9 steps** |",
        "|---|---|---|",
        "| perplexity | 18.3 |  |",
        "| audio alone |  | 69 [57, 79] |",
    ]


def test_an_unknown_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mma_bench.smol_omni.package.PACKAGE", "no_such_package")
    with pytest.raises(MMABenchError, match="no_such_package"):
        load_language_model()


def test_help_and_dry_run_write_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "weights_file", lambda: Path("SmolLM2.gguf"))
    assert "Example" in CliRunner().invoke(main, ["--help"]).output
    found = CliRunner().invoke(main, ["--out", str(tmp_path / "new"), "--dry-run"])
    assert found.exit_code == 0, found.output
    assert "updates: 320 steps\n" in found.output
    assert not (tmp_path / "new").exists()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGES: dict[str, Any] = {
    "states/updates.pt": cut,
    "states/features.pt": lambda path: path.write_bytes(b""),
    "states/visual.pt": lambda path: torch.save({"weights": {}, "losses": []}, path),
    "states/settings.json": lambda path: path.write_text("[1]"),
    "states/look-updates-4.json": lambda path: path.write_text('{"step": 4}'),
    "base/model.safetensors": cut,
    "base/smol_omni.json": Path.unlink,
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_named(made: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(made, tmp_path / "copy")
    DAMAGES[name](tmp_path / "copy" / name)
    named = str(tmp_path / "copy" / name) if name.startswith("states") else str(tmp_path / "copy" / "base")
    with pytest.raises(MMABenchError, match=f"{re.escape(named)} .*delete"):
        make(tmp_path / "copy", tiny(), 1, lambda line: None, little_llama)


def test_another_language_model_is_another_run(made: Path, tmp_path: Path) -> None:
    def other() -> tuple[Any, Any]:
        model, tokenizer = little_llama()
        with torch.no_grad():
            model.model.embed_tokens.weight += 0.01
        return model, tokenizer

    shutil.copytree(made, tmp_path / "copy")
    with pytest.raises(MMABenchError, match="begun with another language_model"):
        make(tmp_path / "copy", tiny(), 1, lambda line: None, other)


@pytest.mark.parametrize("wrong", [("--seed", "-1"), ("--threads", "0")])
def test_wrong_numbers_are_refused_before_anything_is_loaded(tmp_path: Path, wrong: tuple[str, str]) -> None:
    found = CliRunner().invoke(main, ["--out", str(tmp_path / "new"), *wrong])
    assert (found.exit_code, wrong[0] in found.output) == (2, True)


def test_language_is_measured_on_a_finished_checkpoint_as_along_the_training(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = shutil.copytree(made / "base", tmp_path / "other")
    weights = load_file(other / "model.safetensors")
    name = next(name for name in weights if name.endswith("layers.0.self_attn.o_proj.weight"))
    weights[name] += torch.randn(weights[name].shape, generator=torch.Generator().manual_seed(0))
    save_file(weights, other / "model.safetensors", {"format": "pt"})
    base = str(made / "base")
    monkeypatch.setattr("sys.argv", ["language.py", "--before", base, "--after", base + "/.", "--after", str(other)])
    runpy.run_path(str(ROOT / "scripts/proof/language.py"), run_name="__main__")
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines()[2:5]]
    looked = json.loads((made / "states" / "look-updates-4.json").read_text())
    assert rows[0][4].startswith(f"{100 * looked['knowledge']:.1f} [")
    assert rows[1][1:3] == rows[0][1:3]  # the same weights
    assert rows[1][3].startswith("+0.0 [")
    assert rows[2][1] != rows[0][1]


def test_a_model_that_prefers_no_option_knows_nothing() -> None:
    def answers(value: float) -> Any:
        row = torch.arange(4)
        return lambda pairs: AnswerLogits(torch.full((4, 5), value), torch.zeros(4, dtype=torch.long), row, 4)

    known = read_knowledge()[1][:3]
    assert are_right(known, answers(0.0)) == are_right(known, answers(float("nan"))) == [False] * 3
