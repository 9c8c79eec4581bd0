"""Checkpoints of any family: their own processor and `generate`, and one pass over the media where it is right."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
import transformers
from transformers.models.gemma4.image_processing_pil_gemma4 import Gemma4ImageProcessorPil

from mma_bench import MMABenchError, evaluate, models
from mma_bench.diagnosis.run import diagnose
from mma_bench.evaluation import AnswerStore
from mma_bench.models.omni import Asked, AudioStream, Settings, VideoStream
from mma_bench.models.plain import PlainEngine, PlainFamily
from mma_bench.models.plain.gemma import Gemma4
from mma_bench.models.plain.model import PlainModel
from mma_bench.probe import probe
from scripts.official.family_checkpoints import GEMMA4_NAMES, GEMMA4_TEMPLATE, gemma4_model, gemma4_tokenizer, tokenizer
from tests.models.own_code.configuration_tiny import TinyConfig
from tests.models.own_code.modeling_tiny import TinyOmni

OPTIONS = ("Cat", "Church bell", "X")
QUESTIONS = [Asked(text, OPTIONS) for text in ("What is seen?", "z" * 40, "Is a dog heard? Yes or no.", "Cat!", "?")]
SETTINGS = Settings(max_new_tokens=5)
OWN_CODE = Path(__file__).parent / "own_code"
TRUST = {"trust_remote_code": "true", "dtype": "float32", "max_new_tokens": "4"}


def video(seed: int = 1) -> VideoStream:
    values = np.random.default_rng(seed).integers(0, 256, (3, 60, 80, 3), dtype=np.uint8)
    return VideoStream(f"video {seed}", lambda fps: values)


def sound(seed: int = 1, seconds: float = 2.3) -> AudioStream:
    values = np.random.default_rng(seed).normal(0, 0.1, round(seconds * 16_000)).astype(np.float32)
    return AudioStream(f"sound {seed}", lambda: values)


STREAMS: dict[str, tuple[VideoStream | None, AudioStream | None]] = {
    "video and audio": (video(), sound()),
    "video": (video(), None),
    "audio": (None, sound()),
    "nothing": (None, None),
}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Pictures(transformers.Gemma4Processor):
    """Gemma 4's own processor without the part for videos, which needs torchvision: frames are pictures."""

    def __init__(self, feature_extractor: Any, image_processor: Any, tokenizer: Any, chat_template: str) -> None:
        for name in GEMMA4_NAMES:
            setattr(self, name, getattr(tokenizer, name))
        self.image_token_id, self.audio_token_id = tokenizer.image_token_id, tokenizer.audio_token_id
        self.audio_seq_length, self.audio_ms_per_token = 750, 40
        transformers.ProcessorMixin.__init__(
            self, feature_extractor, image_processor, tokenizer, chat_template=chat_template
        )


class Unshared(PlainFamily):
    """What a family that is not known does."""


def gemma(kind: type[PlainFamily] = Gemma4, template: str = GEMMA4_TEMPLATE, **settings: Any) -> PlainEngine:
    torch.manual_seed(0)
    found = gemma4_tokenizer()
    processor = Pictures(
        transformers.Gemma4AudioFeatureExtractor(), Gemma4ImageProcessorPil(max_soft_tokens=70), found, template
    )
    model = gemma4_model(found).eval()
    return PlainEngine(kind(model, processor, "", {}), SETTINGS.model_copy(update=settings))


def generated(engine: PlainEngine, streams: tuple[VideoStream | None, AudioStream | None]) -> list[tuple[int, ...]]:
    """What `generate` answers to the processor's inputs."""
    media, found = engine.prompts.media(*streams), []
    for question in QUESTIONS:
        inputs = engine.prompts.inputs(media, question.prompt)
        written = engine.family.model.generate(**inputs, do_sample=False, max_new_tokens=SETTINGS.max_new_tokens)
        ids = written[0, inputs["input_ids"].shape[1] :].tolist()
        ends = [place for place, token in enumerate(ids) if token in engine.stop_ids]
        found.append(tuple(ids[: ends[0]] if ends else ids))
    return found


@pytest.mark.parametrize("kind", STREAMS)
def test_one_pass_over_the_media_answers_as_generate_does(kind: str) -> None:
    engine, apart = gemma(), gemma(Unshared)
    replies = engine.answer(*STREAMS[kind], QUESTIONS)
    expected = generated(engine, STREAMS[kind])
    assert len(set(expected)) > 1, "answers must depend on the question for this to show anything"
    assert [reply.token_ids for reply in replies] == expected
    assert engine.passes == (len(QUESTIONS) if kind == "nothing" else 1)
    others = apart.answer(*STREAMS[kind], QUESTIONS)
    assert [reply.token_ids for reply in others] == expected
    assert apart.passes == len(QUESTIONS)
    for reply, other in zip(replies, others, strict=True):
        assert reply.option_scores == pytest.approx(other.option_scores, abs=1e-4)
        assert reply.option_tokens == {option: len(option) for option in OPTIONS}
        assert reply.input_tokens == other.input_tokens


def test_frames_whose_tokens_see_ahead_are_read_in_one_pass_too() -> None:
    """In larger Gemma 4 models, the tokens of a frame attend to each other in both directions."""
    engine = gemma()
    causal = engine.answer(*STREAMS["video and audio"], QUESTIONS)
    engine.family.model.config.text_config.use_bidirectional_attention = "vision"
    expected = generated(engine, STREAMS["video and audio"])
    replies = engine.answer(*STREAMS["video and audio"], QUESTIONS)
    assert [reply.token_ids for reply in replies] == expected
    assert replies[0].option_scores != pytest.approx(causal[0].option_scores, abs=1e-3)


def test_media_after_the_question_are_read_with_each_question() -> None:
    parts = "{{ m.content[-1].text }}{% for p in m.content %}{% if p.type == 'audio' %}<|audio|>{% endif %}{% endfor %}"
    engine = gemma(template="<bos>{% for m in messages %}" + parts + "{% endfor %}<|turn>model\n")
    expected = generated(engine, STREAMS["audio"])
    assert [reply.token_ids for reply in engine.answer(*STREAMS["audio"], QUESTIONS)] == expected
    assert engine.passes == len(QUESTIONS)


def test_what_a_model_would_not_read_as_asked_is_refused() -> None:
    engine = gemma()
    with pytest.raises(MMABenchError, match=r"31\.00 s.*silently drop all after 30 s"):
        engine.answer(None, sound(seconds=31), QUESTIONS)
    with pytest.raises(MMABenchError, match=r"contains <\|audio\|>, which this model's tokenizer reads as a marker"):
        engine.answer(*STREAMS["audio"], [Asked("Say <|audio|>.")])
    with pytest.raises(MMABenchError, match="sound must be"):
        engine.answer(None, AudioStream("nan", lambda: np.full(16_000, np.nan, np.float32)), QUESTIONS)
    with pytest.raises(MMABenchError, match="takes no video"):
        gemma(frames_as="video")
    engine.family.model.config.text_config.max_position_embeddings = 60
    with pytest.raises(MMABenchError, match="are more than the 60 that Gemma4"):
        engine.answer(*STREAMS["video"], QUESTIONS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with its own code."""
    place = tmp_path_factory.mktemp("tiny")
    found = tokenizer(["<image>", "<audio>"], {"image_token": "<image>", "audio_token": "<audio>"}, "<end>")
    torch.manual_seed(0)
    config = TinyConfig(
        vocab_size=len(found),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        initializer_range=0.3,
        image_token_id=found.convert_tokens_to_ids("<image>"),
        audio_token_id=found.convert_tokens_to_ids("<audio>"),
        pad_token_id=found.pad_token_id,
        bos_token_id=found.bos_token_id,
        eos_token_id=found.eos_token_id,
    )
    TinyOmni(config).save_pretrained(place)
    found.save_pretrained(place)
    template = "{% for p in messages[-1].content %}{{ p.text if p.type == 'text' else '<' ~ p.type ~ '>' }}{% endfor %}"
    (place / "chat_template.jinja").write_text(template)
    stored = json.loads((place / "config.json").read_text())
    stored["auto_map"] = {
        "AutoConfig": "configuration_tiny.TinyConfig",
        "AutoModelForCausalLM": "modeling_tiny.TinyOmni",
    }
    (place / "config.json").write_text(json.dumps(stored))
    own = {"processor_class": "TinyProcessor", "auto_map": {"AutoProcessor": "processing_tiny.TinyProcessor"}}
    (place / "processor_config.json").write_text(json.dumps(own))
    for name in ("configuration_tiny.py", "modeling_tiny.py", "processing_tiny.py"):
        shutil.copy(OWN_CODE / name, place / name)
    return place


@pytest.fixture(autouse=True)
def code_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where transformers copies code of checkpoints before it is run."""
    place = tmp_path / "modules"
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(place))
    return place


def test_code_of_a_checkpoint_is_run_only_if_it_is_trusted(folder: Path, code_cache: Path, tmp_path: Path) -> None:
    with pytest.raises(
        MMABenchError, match=r"brings its own code \(configuration_tiny\.TinyConfig\).*trust_remote_code"
    ):
        models.load(f"transformers:{folder}")
    assert not code_cache.exists()
    first = models.load(f"transformers:{folder}", TRUST).fingerprint()
    assert first["code"] == "of the checkpoint"
    assert first["setting trust_remote_code"] == "True"
    changed = tmp_path / "changed"
    shutil.copytree(folder, changed)
    with (changed / "modeling_tiny.py").open("a") as file:
        file.write("# another version\n")
    second = models.load(f"transformers:{changed}", TRUST).fingerprint()
    assert {key for key in first if first[key] != second[key]} == {"model", "weights"}


def test_code_is_neither_taken_from_elsewhere_nor_from_an_unnamed_commit(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = "1" * 40
    hub = tmp_path / "hub/models--org--tiny"
    shutil.copytree(folder, hub / "snapshots" / commit)
    (hub / "refs").mkdir()
    (hub / "refs/main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    for revision in ({}, {"revision": "main"}):
        with pytest.raises(MMABenchError, match="needs the commit that you have read"):
            models.load("transformers:org/tiny", {**TRUST, "local_files_only": "true", **revision})
    found = models.load("transformers:org/tiny", {**TRUST, "local_files_only": "true", "revision": commit})
    assert found.fingerprint()["weights"] == f"commit {commit}"
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"]["AutoConfig"] = "other/place--configuration_tiny.TinyConfig"
    shutil.copytree(folder, tmp_path / "elsewhere")
    (tmp_path / "elsewhere/config.json").write_text(json.dumps(config))
    with pytest.raises(MMABenchError, match="takes code from another repository"):
        models.load(f"transformers:{tmp_path / 'elsewhere'}", TRUST)


def test_a_benchmark_is_evaluated_through_the_checkpoints_own_processor(
    demo: Path, folder: Path, tmp_path: Path
) -> None:
    model = cast("PlainModel", models.load(f"transformers:{folder}", TRUST))
    asked = {"condition": ("aligned", "audio_removed"), "limit": 1, "protocol": "paper", "allow_empty": True}
    evaluate(model, demo, run=tmp_path / "run", probe=False, progress=False, **asked)
    stored = AnswerStore(tmp_path / "run").read()
    assert len(stored) == model.engine.passes == 4
    assert all(set(answer.option_scores) == set(answer.option_tokens) for answer in stored.values())
    assert all(answer.input_tokens and answer.option_scores for answer in stored.values())
    assert "through its own processor" in models.preview(f"transformers:{folder}", TRUST)


def test_the_probe_finds_what_reaches_it(folder: Path) -> None:
    found = probe(models.load(f"transformers:{folder}", TRUST))
    assert [finding.verdict for finding in found.findings] == ["reaches", "reaches"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_pixels": "99"}, "not for this family: --model-option max_pixels"),
        ({"batch_size": "2"}, "not for this family: --model-option batch_size"),
        ({"frames_as": "video"}, "TinyProcessor takes no video"),
    ],
)
def test_options_of_other_families_are_refused(folder: Path, options: dict[str, str], message: str) -> None:
    with pytest.raises(MMABenchError, match=message):
        models.load(f"transformers:{folder}", {**TRUST, **options})


def test_what_needs_the_tokens_of_a_known_family_says_so(folder: Path, tmp_path: Path, demo: Path) -> None:
    with pytest.raises(MMABenchError, match=r"not for this family: .*whether its cache can be copied"):
        diagnose(f"transformers:{folder}", demo, run=tmp_path / "run", options=TRUST)
    with pytest.raises(MMABenchError, match="only transformers models of the families"):
        models.load(f"transformers:{folder}+contrast", TRUST)
    gain = tmp_path / "gain.json"
    gain.write_text('{"format": "mma-bench head gain", "gains": [{"layer": 0, "head": 0, "gain": 0}]}')
    with pytest.raises(MMABenchError, match="not for this family: --model-option head_gain"):
        models.load(f"transformers:{folder}", {**TRUST, "head_gain": str(gain)})
