"""A LLaVA with random weights: pictures and text through its own processor, no audio."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
import transformers
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil

from mma_bench import MMABenchError, evaluate, models
from mma_bench.diagnosis.run import diagnose
from mma_bench.evaluation.rescoring import rescore
from mma_bench.evaluation.store import open_run
from mma_bench.interference.run import interfere
from mma_bench.models.omni import Asked, AudioStream, VideoStream
from mma_bench.models.plain.llava import Llava
from mma_bench.models.plain.model import PlainModel
from mma_bench.probe import read_probe
from mma_bench.schema import Modality
from scripts.official.family_checkpoints import SPREAD, template, tokenizer
from tests.interference.conftest import write_picture, write_sound

OPTIONS = {"dtype": "float32", "fps": "1", "max_new_tokens": "5"}
QUESTIONS = [Asked(f"What is it, {number}? " + "z" * 9 * number, ("Cat", "Church bell", "X")) for number in range(3)]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint as on the hub."""
    place = tmp_path_factory.mktemp("llava")
    found = tokenizer(["<image>"], {"image_token": "<image>"}, "</s>", bos="<s>")
    torch.manual_seed(0)
    config = transformers.LlavaConfig(
        vision_config=transformers.CLIPVisionConfig(
            hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=2, image_size=28,
            patch_size=14, projection_dim=16, initializer_factor=4.0,
        ),
        text_config=transformers.LlamaConfig(
            vocab_size=len(found), hidden_size=48, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, initializer_range=SPREAD, pad_token_id=found.pad_token_id,
            bos_token_id=found.bos_token_id, eos_token_id=found.eos_token_id,
        ),
        image_token_index=found.convert_tokens_to_ids("<image>"),
        image_seq_length=4,
    )  # fmt: skip
    transformers.LlavaForConditionalGeneration(config).save_pretrained(place)
    transformers.LlavaProcessor(
        image_processor=LlavaImageProcessorPil(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28}),
        tokenizer=found,
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=template("<s>", "ROLE: ", "\n", "ASSISTANT:", image="<image>\n"),
    ).save_pretrained(place)
    return place


def frames(seed: int) -> VideoStream:
    values = np.random.default_rng(seed).integers(0, 256, (2, 60, 80, 3), dtype=np.uint8)
    return VideoStream(f"video {seed}", lambda fps: values)


def test_it_answers_as_its_own_generate_does_from_one_pass_over_the_pictures(folder: Path) -> None:
    model = cast("PlainModel", models.load(f"transformers:{folder}", OPTIONS))
    engine = model.engine
    assert isinstance(engine.family, Llava)
    media = engine.prompts.media(frames(1), None)
    expected = []
    for question in QUESTIONS:
        inputs = engine.prompts.inputs(media, question.prompt)
        assert (inputs["input_ids"] == engine.family.model.config.image_token_index).sum() == 2 * 4
        written = engine.family.model.generate(**inputs, do_sample=False, max_new_tokens=5)
        ids = written[0, inputs["input_ids"].shape[1] :].tolist()
        expected.append(tuple(ids[: ids.index(engine.stop_ids[0])] if engine.stop_ids[0] in ids else ids))
    replies = engine.answer(frames(1), None, QUESTIONS)
    assert [reply.token_ids for reply in replies] == expected
    assert len(set(expected)) > 1
    assert engine.passes == 1
    assert [reply.token_ids for reply in engine.answer(frames(2), None, QUESTIONS)] != expected
    sound = AudioStream("sound", lambda: np.zeros(16_000, np.float32))
    assert [reply.token_ids for reply in engine.answer(frames(1), sound, QUESTIONS)] == expected, "audio is left out"


def test_questions_about_audio_get_the_answer_of_a_model_without_it(demo: Path, folder: Path, tmp_path: Path) -> None:
    name = f"transformers:{folder}"
    assert models.load(name, OPTIONS).modalities == (Modality.VISUAL,)
    run = tmp_path / "run"
    evaluate(
        name, demo, run=run, options=OPTIONS, condition="aligned", limit=1, protocol="paper", allow_empty=True,
        progress=False,
    )  # fmt: skip
    assert open_run(run).withheld == [Modality.AUDIO]
    found = read_probe(run)
    assert found is not None
    assert [finding.modality for finding in found.findings] == ["visual"]
    assert any("the model gets no audio input" in note for note in rescore(run).notes)
    for kind in ("Dog", "Owl"):
        write_picture(tmp_path / "photos" / kind / "1.png", len(kind))
        write_sound(tmp_path / "sounds" / kind / "1.flac", len(kind))
    asked = {"options": OPTIONS, "interventions": ["misleading_text"], "allow_empty": True, "progress": False}
    seen = interfere(name, tmp_path / "photos", run=tmp_path / "seen", check_reach=False, **asked)  # type: ignore[arg-type]
    assert [one.kind for one in seen.clean] == ["visual"]
    with pytest.raises(MMABenchError, match="gets none of the media of these questions"):
        interfere(name, tmp_path / "sounds", run=tmp_path / "heard", check_reach=False, **asked)  # type: ignore[arg-type]


def test_it_is_diagnosed_but_whole_prompts_are_not_patched(demo: Path, folder: Path, tmp_path: Path) -> None:
    name, asked = f"transformers:{folder}", {"options": OPTIONS, "condition": "misaligned", "limit": 1}
    with pytest.raises(
        MMABenchError, match=r"not for this family: .*the part patching needs media that this project encodes"
    ):
        diagnose(name, demo, run=tmp_path / "x", parts=["attention", "patching"], progress=False, **asked)  # type: ignore[arg-type]
    assert not (tmp_path / "x").exists()
    found = diagnose(name, demo, run=tmp_path / "run", progress=False, **asked)  # type: ignore[arg-type]
    assert set(found.head.parts) == {"tokens", "attention", "cohens_d", "lens", "knockout", "heads", "repair"}
    masses = found.measured.tables["attention"].to_pandas()
    assert {"video", "question", "option", "template"} == set(masses["group"]), "it gets no audio"
    sums = masses.groupby(["question_id", "source", "layer"])["mass"].sum()
    assert sums.to_numpy() == pytest.approx(1, abs=1e-5)
    assert {number.part for number in found.numbers} >= {"attention", "cohens_d", "lens", "knockout"}
    assert "Attention mass" in (tmp_path / "run" / "index.html").read_text("utf-8")
