"""The recipe end to end on real clips: killed and resumed, adapter, merge, mix, and what it refuses."""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from mma_bench import MMABenchError
from mma_bench.dataset.media import Media
from mma_bench.models.omni.checkpoint import load_checkpoint
from mma_bench.models.omni.settings import Settings
from mma_bench.schema import Modality
from mma_bench.tuning import TuneSettings, merge, read_settings, tune
from mma_bench.tuning.example import Example
from mma_bench.tuning.mix import Mixture, held_out_examples, is_held_out
from mma_bench.tuning.model import load_for_tuning, trainable
from mma_bench.tuning.settings import DataSettings
from mma_bench.tuning.step import step_losses
from tests.conftest import ROOT, run_command
from tests.console.test_interruption import interrupted

CONFIGS = ROOT / "mma_bench" / "tuning" / "configs"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of random weights, as a merge needs one."""
    from mma_bench.models.omni.random_weights import Size, random_thinker

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("base")
    thinker, tokenizer, extractor = random_thinker("Qwen2_5OmniThinkerForConditionalGeneration", Size())
    for part in (thinker.model, tokenizer, extractor):
        part.save_pretrained(folder)
    return folder


def tiny(demo: Path, base: Path, *changes: str) -> TuneSettings:
    always = (
        f"data.path={demo}",
        f"model.checkpoint={base}",
        "model.min_pixels=1",
        "train.steps=2",
        "tracker=none",
        "train.save_every=1",
    )
    return read_settings(CONFIGS / "tiny.yaml", [*always, *changes])


def killed(settings: TuneSettings, out: Path, step: int) -> None:
    """Run in a process of its own and kill that as soon as the checkpoint of ``step`` is there."""
    child = os.fork()
    if child == 0:
        try:
            tune(settings, out)
        finally:
            os._exit(1)
    folder = out / "checkpoints" / f"step-{step:08d}"
    for _ in range(6000):
        if folder.exists():
            break
        assert os.waitpid(child, os.WNOHANG) == (0, 0), "the run ended before it was killed"
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL


def dry_run(base: Path, out: Path, *changes: str) -> tuple[int, str, str]:
    settings = [f"model.checkpoint={base}", "model.min_pixels=1", "tracker=none", *changes]
    arguments = ["tune", "--config", str(CONFIGS / "tiny.yaml"), "--out", str(out), "--dry-run"]
    result = run_command(
        sys.executable, "-m", "mma_bench", *arguments, *(f"--set={change}" for change in settings), check=False
    )
    return result.returncode, result.stdout, result.stderr


def test_a_dry_run_computes_a_step_and_writes_nothing(demo: Path, base: Path, tmp_path: Path) -> None:
    code, said, errors = dry_run(base, tmp_path / "out", f"data.path={demo}")
    assert code == 0, errors
    assert f"model transformers:{base}: a folder" in said
    assert "clips to train on" in said
    assert "the first step of each mix and of each term was computed" in said
    assert not (tmp_path / "out").exists()


def test_a_dry_run_names_all_that_would_stop_the_run(tmp_path: Path) -> None:
    code, said, errors = dry_run(tmp_path / "nowhere", tmp_path / "out", f"data.path={tmp_path}")
    assert code == 2
    lines = errors.splitlines()
    assert any(line.startswith("error: there is no folder") for line in lines)
    assert any("is not a dataset; build one with" in line for line in lines)
    assert "each step takes" in said


def test_an_interrupted_run_keeps_its_checkpoints(demo: Path, base: Path, tmp_path: Path) -> None:
    settings = [f"data.path={demo}", f"model.checkpoint={base}", "model.min_pixels=1", "tracker=none"]
    settings += ["train.steps=500", "train.save_every=1"]
    out = tmp_path / "out"
    command = ["mma_bench", "tune", "--config", str(CONFIGS / "tiny.yaml"), "--out", str(out)]
    command += [f"--set={setting}" for setting in settings]
    begun = out / "checkpoints" / "step-00000001"
    code, said = interrupted(command, lambda _: begun.exists(), signal.SIGTERM, whole_group=False)
    assert code == 128 + signal.SIGTERM
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith("interrupted; the checkpoints so far are kept: run the same command again")


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_killed_run_resumes_to_the_same_weights(demo: Path, base: Path, tmp_path: Path) -> None:
    settings = tiny(demo, base, "train.steps=3")
    assert tune(settings, tmp_path / "dry", dry_run=True) is None
    assert not (tmp_path / "dry").exists()
    whole = tune(settings, tmp_path / "whole")
    killed(settings, tmp_path / "killed", 1)
    assert not (tmp_path / "killed" / "adapter").exists()
    resumed = tune(settings, tmp_path / "killed")
    assert whole
    assert resumed
    undisturbed, again = (load_file(found.adapter / "adapter_model.safetensors") for found in (whole, resumed))
    assert undisturbed.keys() == again.keys()
    assert all(torch.equal(undisturbed[name], again[name]) for name in undisturbed)
    assert any(weight.abs().max() > 0 for name, weight in undisturbed.items() if "lora_B" in name)
    towers = ("audio_tower", "visual")
    assert not any(tower in name for name in undisturbed for tower in towers)
    assert all("q_proj" in name or "v_proj" in name for name in undisturbed)
    logs = [(tmp_path / name / "metrics.jsonl").read_text() for name in ("whole", "killed")]
    assert logs[0] == logs[1]
    before, first = (json.loads(line) for line in logs[0].splitlines()[:2])
    assert before["step"] == 0
    low, high = before["intervals"]["held out/accuracy"]
    assert 0 <= low <= before["held out/accuracy"] <= high <= 1
    assert {"loss/sft", "loss/consistency", "loss/adversarial", "gradient norm"} < first.keys()
    card = (whole.adapter / "README.md").read_text()
    assert "aligned 1, misaligned 1" in card
    assert "| data | `mma-bench`, config" in card  # no path of this machine
    assert json.loads((whole.adapter / "tuning.json").read_text())["configuration_sha256"] in card

    with pytest.raises(MMABenchError, match=r"another configuration.*\(data; train.seed was 0, is 1\)"):
        tune(tiny(demo, base, "train.steps=3", "train.seed=1"), tmp_path / "whole")
    tune(tiny(demo, base, "train.steps=3", "train.save_every=2", "model.encoder_cache_mb=1"), tmp_path / "whole")
    merge(whole.adapter, tmp_path / "merged")
    engine, _ = load_checkpoint(str(tmp_path / "merged"), Settings(max_pixels=3136, min_pixels=1))
    before = load_file(base / "model.safetensors")
    after = load_file(tmp_path / "merged" / "model.safetensors")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert len(changed) == 4
    assert all("q_proj" in name or "v_proj" in name for name in changed)
    assert engine.frame_format.mean == pytest.approx(engine.thinker.mean)


def test_the_gradient_does_not_depend_on_the_micro_batch(demo: Path, base: Path) -> None:
    changes = ["lora.dropout=0", "objective.adversarial.scale=absolute", "objective.adversarial.alpha=100"]
    changes += ["objective.adversarial.eps=0.5", "objective.consistency.weight=1", "held_out=null"]
    changes += ["train.gradient_checkpointing=false", "data.mix=[{clips: {aligned: 1, misaligned: 1}}]"]
    gradients: dict[tuple[int, bool], torch.Tensor] = {}
    losses: dict[tuple[int, bool], dict[str, float]] = {}
    for size, shared in ((1, True), (3, True), (4, True), (1, False), (4, False)):
        chosen = [f"train.micro_batch={size}", f"objective.adversarial.share_gradient={shared}"]
        settings = tiny(demo, base, *changes, *chosen)
        torch.manual_seed(0)
        model = load_for_tuning(settings)
        weights = trainable(model.whole)
        with torch.no_grad():
            for weight in weights.values():
                weight.normal_(0, 0.1)
        examples = Mixture(settings, model.prepare).step(0)
        losses[size, shared] = step_losses(model, settings, examples, 0, model.prepare.fillers())
        found = [weight.grad.flatten() for weight in weights.values() if weight.grad is not None]
        gradients[size, shared] = torch.cat(found)
    for (size, shared), gradient in gradients.items():
        whole = gradients[4, shared]  # with a random start, the shared gradient is another one
        assert torch.allclose(gradient, whole, rtol=1e-3, atol=1e-5 * float(whole.abs().max())), (size, shared)
        assert losses[size, shared] == pytest.approx(losses[4, shared], rel=1e-3)
    assert losses[4, True]["adversarial"] > losses[4, True]["sft"]
    assert losses[4, True]["consistency"] > 0


def test_pairs_of_held_out_clips_are_looked_for_in_many_epochs(demo: Path, base: Path) -> None:
    held_out = "held_out={share: 0.3, clips: 6, every: 1, conditions: [misaligned]}"
    settings = tiny(demo, base, held_out)
    found = held_out_examples(settings, load_for_tuning(settings).prepare)
    for asked in Modality:
        pairs = [(e.video_key, e.audio_key) for e in found if e.asked == asked]
        assert len(pairs) == len(set(pairs)) == 6
    videos = {e.video_key: e.video for e in found}
    assert all(e.video is videos[e.video_key] for e in found)  # one copy in memory
    with pytest.raises(MMABenchError, match="no clip is held out for misaligned"):
        held_out_examples(tiny(demo, base, held_out.replace("0.3", "0.01")), load_for_tuning(settings).prepare)


def test_a_clip_is_decoded_once_for_all_streams(demo: Path, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[str] = []
    frames = Media.frames

    def counted(media: Media, *arguments: Any, **names: Any) -> Any:
        decoded.append(media.key)
        return frames(media, *arguments, **names)

    monkeypatch.setattr(Media, "frames", counted)
    examples: dict[int, list[Example]] = {}
    counts: dict[int, int] = {}
    for megabytes in (0, 64):
        settings = tiny(demo, base, f"data.decoded_cache_mb={megabytes}")
        decoded.clear()
        mixture = Mixture(settings, load_for_tuning(settings).prepare)
        examples[megabytes] = [example for step in range(3) for example in mixture.step(step)]
        counts[megabytes] = len(decoded)
    assert counts[64] == len({example.video_key for example in examples[64]}) < counts[0]
    for plain, kept in zip(examples[0], examples[64], strict=True):
        assert torch.equal(plain.video.pixels, kept.video.pixels)
        assert torch.equal(plain.audio, kept.audio)


def test_each_step_has_the_mix_and_no_held_out_clip(demo: Path, base: Path) -> None:
    mix = "data.mix=[{clips: {aligned: 1, audio_removed: 1}}, {from_step: 1, clips: {misaligned: 2}}]"
    settings = tiny(demo, base, mix, "train.gradient_checkpointing=false")
    model = load_for_tuning(settings)
    mixture = Mixture(settings, model.prepare)
    first, second = mixture.step(0), mixture.step(1)
    assert [(e.question.condition, str(e.asked)) for e in first] == [
        (condition, asked) for condition in ("aligned", "audio_removed") for asked in ("visual", "audio")
    ]
    assert [e.question.condition for e in second] == ["misaligned"] * 4
    assert first[3].target == "There is nothing to hear in this video."
    assert first[2].target == first[2].video_label
    for visual, audio in (first[:2], first[2:], second[:2], second[2:]):  # one clip, two questions
        assert (visual.video_key, visual.audio_key) == (audio.video_key, audio.audio_key)
    assert all(e.video_label != e.audio_label for e in second)

    def clips(examples: list[Any]) -> set[str]:
        keys = {key for e in examples for key in (e.video_key, e.audio_key)}
        return {key.rpartition("/")[0] for key in keys if not key.startswith(("silence", "black"))}

    later = [e for step in range(1, 4) for e in mixture.step(step)]
    apart = held_out_examples(settings, model.prepare)
    assert apart
    assert all(is_held_out(key, 0.3) for key in clips(apart))
    assert not any(is_held_out(key, 0.3) for key in clips([*first, *second, *later]))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("train.stepz=1", "train.stepz"),
        ("data.mix=[{clips: {alinged: 1}}]", "no condition 'alinged'"),
        ("data.mix=[{clips: {aligned: 0}}]", "has no clip"),
        ("data.mix=[{from_step: 3, clips: {aligned: 1}}]", "must begin at step 0"),
        ("objective.adversarial.eps=0", "greater than 0"),
        ("objective.consistency.from_step=6", "from_step is 6, but the last step is 5"),
        ("train", "write it as NAME=VALUE"),
    ],
)
def test_wrong_settings_are_named(change: str, says: str) -> None:
    with pytest.raises(MMABenchError, match=says):
        read_settings(CONFIGS / "tiny.yaml", [change])


def test_a_projection_that_is_not_there_is_named(demo: Path, base: Path) -> None:
    with pytest.raises(MMABenchError, match=r"no 'w_q'; it has .*q_proj"):
        load_for_tuning(tiny(demo, base, "lora.projections=[w_q]"))


STAND_INS = ("Qwen2_5OmniThinkerForConditionalGeneration", "Qwen3OmniMoeThinkerForConditionalGeneration")


@pytest.mark.slow
@pytest.mark.parametrize("architecture", STAND_INS)
@pytest.mark.parametrize("name", ["alignment", "interference", "robust", "tiny"])
def test_every_config_starts_with_a_stand_in(demo: Path, tmp_path: Path, name: str, architecture: str) -> None:
    changes = [
        f"data.path={demo}",
        "data.config=aligned",
        "data.size=56",
        "data.workers=0",
        f"model.checkpoint=random:{architecture}",
        "model.fps=1",
        "model.max_pixels=3136",
        "train.steps=1",
        "held_out={share: 0.3, clips: 1, every: 1, conditions: [aligned]}",
    ]
    settings = read_settings(CONFIGS / f"{name}.yaml", changes)
    if name == "robust":  # its later mix
        changes.append(f"data.mix=[{{clips: {json.dumps(dict(settings.data.mix[1].clips))}}}]")
        settings = read_settings(CONFIGS / f"{name}.yaml", changes)
    result = tune(settings, tmp_path / "out")
    assert result
    assert (result.adapter / "adapter_model.safetensors").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("architecture", STAND_INS)
def test_two_processes_train_one_adapter(demo: Path, tmp_path: Path, architecture: str) -> None:
    out = tmp_path / "out"
    # What `accelerate launch` starts on GPUs; on CPUs it starts one process, however many were asked for.
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"]
    command += ["-m", "mma_bench", "tune", "--out", str(out)]
    checkpoint = f"model.checkpoint=random:{architecture}"
    changes = [f"data.path={demo}", checkpoint, "model.min_pixels=1", "train.steps=2"]
    command += ["--config", str(CONFIGS / "tiny.yaml"), *(part for change in changes for part in ("--set", change))]
    run_command(*command)
    states = [torch.load(path, weights_only=True) for path in sorted(out.glob("checkpoints/step-00000002/rank-*.pt"))]
    assert len(states) == 2
    for name, weight in states[0]["weights"].items():
        assert torch.equal(weight, states[1]["weights"][name])  # gradients were averaged
    assert any(weight.abs().max() > 0 for name, weight in states[0]["weights"].items() if "lora_B" in name)
    prints = [{name: stream["fingerprint"] for name, stream in state["data"].items()} for state in states]
    assert prints[0] == prints[1]  # one order of one dataset, of which each takes its part
    with pytest.raises(MMABenchError, match="saved by 2 processes"):
        tune(read_settings(CONFIGS / "tiny.yaml", changes), out)


def test_the_mix_changes_at_its_step() -> None:
    data = DataSettings(path="x", mix=({"clips": {"aligned": 2}}, {"from_step": 5, "clips": {"misaligned": 1}}))  # type: ignore[arg-type]
    assert [data.clips_at(step) for step in (0, 4, 5)] == [{"aligned": 2}, {"aligned": 2}, {"misaligned": 1}]


def test_a_term_begins_at_its_step(demo: Path, base: Path) -> None:
    same = ("train.steps=9", "lora.dropout=0")
    later = tiny(demo, base, *same, "objective.adversarial.from_step=4", "objective.consistency.from_step=5")
    assert later.changes == [0, 4, 5]
    always = tiny(demo, base, *same)
    assert "from_step" not in json.dumps(always.model_dump()["objective"])  # the record of older runs
    settings = {"later": later, "always": always, "never": tiny(demo, base, *same, "objective={}")}
    found: dict[str, list[Any]] = {}
    for name, given in settings.items():
        torch.manual_seed(0)
        model = load_for_tuning(given)
        examples = Mixture(given, model.prepare).step(0)
        found[name] = []
        for step in (3, 4, 5):
            losses = step_losses(model, given, examples, step, model.prepare.fillers())
            weights = trainable(model.whole).values()
            found[name].append((losses, torch.cat([weight.grad.flatten() for weight in weights])))  # type: ignore[union-attr]
            for weight in weights:
                weight.grad = None
    begun = [[name for name, loss in losses.items() if loss] for losses, _ in found["later"]]
    assert begun == [["sft"], ["sft", "adversarial"], ["sft", "consistency", "adversarial"]]
    assert torch.equal(found["later"][0][1], found["never"][0][1])
    assert torch.equal(found["later"][2][1], found["always"][2][1])
    assert not torch.equal(found["later"][1][1], found["always"][1][1])
    assert all(losses.keys() == found["always"][0][0].keys() for losses, _ in found["later"])
