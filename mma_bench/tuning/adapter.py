"""The adapter on disk (peft's files, a card, a record of its inputs), and merging it into a checkpoint."""

import json
from pathlib import Path
from typing import Any

from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import atomic_folder, write_json, write_text
from mma_bench.files.documents import parse_json
from mma_bench.files.regular import read_inside
from mma_bench.models.omni.checkpoint import COMMIT
from mma_bench.models.omni.encode_once import EncodeOnce
from mma_bench.tuning.foreign import CONFIGURATION, WEIGHTS, read_foreign
from mma_bench.tuning.model import RANDOM, TunedModel, load_base
from mma_bench.tuning.record import RunRecord
from mma_bench.tuning.settings import BaseModelSettings, TuneSettings

_RECORD = "tuning.json"


def save_adapter(
    folder: Path, model: TunedModel, settings: TuneSettings, record: RunRecord, result: dict[str, Any]
) -> None:
    """Write an adapter; the folder appears, or is replaced, when it is complete."""
    with atomic_folder(folder, replace=True) as staging:
        model.whole.save_pretrained(staging)
        config = parse_json((staging / "adapter_config.json").read_text("utf-8"))
        random_base = settings.model.checkpoint.startswith(RANDOM)
        config["base_model_name_or_path"] = None if random_base else settings.model.checkpoint
        write_json(staging / "adapter_config.json", config)
        _describe(staging, settings, record, result)


def save_checkpoint(
    folder: Path, model: TunedModel, settings: TuneSettings, record: RunRecord, result: dict[str, Any]
) -> None:
    """Write a model whose layers were tuned, in the type of the base; the folder appears when it is complete."""
    dtype = model.thinker.model.get_input_embeddings().weight.dtype
    for weight in model.thinker.decoder.parameters():  # no buffers: the angles of the positions must stay float32
        weight.data = weight.data.to(dtype)
    with atomic_folder(folder, replace=True) as staging:
        prepare = model.prepare
        _write_model(staging, model.whole, model.chat.tokenizer, prepare.extractor, prepare.frame_format)
        _describe(staging, settings, record, result)


def _describe(folder: Path, settings: TuneSettings, record: RunRecord, result: dict[str, Any]) -> None:
    write_json(folder / _RECORD, {**vars(record), "steps": result["steps"], "score": result["score"]})
    write_text(folder / "README.md", _card(settings, record, result))


def _write_model(folder: Path, model: Any, tokenizer: Any, extractor: Any, frame_format: Any) -> None:
    """Write everything that `transformers:FOLDER` needs."""
    for part in (extractor, model, tokenizer):
        part.save_pretrained(folder)
    # How frames are normalised, where the evaluator looks for it.
    colours = {"image_mean": list(frame_format.mean), "image_std": list(frame_format.std)}
    write_json(folder / "video_preprocessor_config.json", colours)


def merge(adapter: Path, out: Path, base: str | None = None) -> None:
    """Write the base model with an adapter's updates added to its weights: a checkpoint for `transformers:FOLDER`.

    It contains the thinker (the part that reads video, audio and text and answers), its tokenizer and its feature
    extractor. Other programs may also need the remaining files of the base model's processor.

    Args:
        adapter: folder that `save_adapter` wrote, or the LoRA adapter of another trainer (see `foreign`).
        out: folder to create; it must not exist, or be empty.
        base: name or folder of the base model, for an adapter of another trainer; by default the one it names.

    Raises:
        MMABenchError: there is no adapter, its base model is missing or has changed, or ``out`` is not empty.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise MMABenchError(f"{out} exists and is not empty; choose another folder or remove it")
    if (adapter / _RECORD).is_file() or not (adapter / CONFIGURATION).is_file():
        if base is not None:
            raise MMABenchError(f"{adapter} records its base model; --base is for adapters of other trainers")
        engine, merged = _merged(adapter)
    else:
        engine, merged = _merged_foreign(adapter, base)
    with atomic_folder(out) as staging:
        _write_model(staging, merged, engine.chat.tokenizer, engine.extractor, engine.frame_format)


def _merged(adapter: Path) -> tuple[EncodeOnce, Any]:
    import peft

    settings, weights = _read(adapter)
    engine, identity = load_base(settings)
    if identity["weights"] != weights:
        raise MMABenchError(
            f"{adapter} was made for {settings.checkpoint} with {weights}, which is now {identity['weights']}; restore "
            "the base model that it was tuned from"
        )
    try:
        model = peft.PeftModel.from_pretrained(engine.thinker.model, str(adapter))
        return engine, model.merge_and_unload(safe_merge=True)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise MMABenchError(f"{adapter} cannot be merged: {str(error).splitlines()[0]}") from error


def _merged_foreign(adapter: Path, base: str | None) -> tuple[EncodeOnce, Any]:
    found = read_foreign(adapter)
    name = base or found.base
    if name is None:
        raise MMABenchError(f"{adapter} does not say which model it was made for; pass it as --base")
    engine, _ = load_base(BaseModelSettings(checkpoint=name))
    if not found.add_to(engine.thinker.model):
        raise MMABenchError(f"{adapter / WEIGHTS} contains no update")
    return engine, engine.thinker.model


def _read(adapter: Path) -> tuple[BaseModelSettings, str]:
    path = adapter / _RECORD
    try:
        record = parse_json(read_inside(adapter, _RECORD))
        settings = BaseModelSettings.model_validate(record["configuration"]["model"])
        weights = str(record["model"]["weights"])
        if weights.startswith(COMMIT):  # the branch may have changed since
            settings = settings.changed(revision=weights.removeprefix(COMMIT))
        return settings, weights
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MMABenchError(f"{adapter} is not an adapter of `mma-bench tune`: {path.name} cannot be read") from error


def _card(settings: TuneSettings, record: RunRecord, result: dict[str, Any]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  (Markdown of our own settings)
    )
    name, data = settings.model.checkpoint, settings.data.path
    return environment.get_template("adapter_card.md.jinja").render(
        base=json.dumps(name),
        full=settings.train.weights == "full",
        base_on_hub=not name.startswith(RANDOM) and not Path(name).exists(),
        data=Path(data).name if Path(data).exists() else data,  # others have no such folder
        settings=settings,
        record=record,
        result=result,
        questions=2 * sum(settings.data.clips_at(0).values()) * record.processes,
    )
