"""The finished model: which checkpoint is the base, and writing it as a folder that `transformers:FOLDER` loads."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import atomic_folder, write_json
from mma_bench.files.hashing import sha256_file
from mma_bench.schema import Modality
from mma_bench.smol_omni.states import put, read_row, read_state
from mma_bench.smol_omni.towers import join_towers

if TYPE_CHECKING:
    from mma_bench.smol_omni.making import Making

STAGES = "connector", "updates"
"""The stages that leave snapshots, in order."""

RECORD = "smol_omni.json"
"""File next to the weights that records how they were made."""


def read_looks(states: Path) -> list[dict[str, Any]]:
    """Return the measurements along the training, in order.

    Raises:
        MMABenchError: one is damaged.
    """
    found = [read_row(path, "stage", "step") for path in states.glob("look-*.json")]
    return sorted(found, key=lambda row: (STAGES.index(row["stage"]), row["step"]))


def choose_base(looks: list[dict[str, Any]], competent: float) -> dict[str, Any]:
    """Return the first measurement with each modality alone at ``competent``; if there is none, the last one.

    What the model does under conflict plays no part: a base that was chosen by its bias would prove nothing.
    """
    able = [row for row in looks if all(row.get(f"{modality} alone", 0.0) >= competent for modality in Modality)]
    return (able or looks[-1:])[0]


def is_written(folder: Path) -> bool:
    """Return whether the model is in ``folder``.

    Raises:
        MMABenchError: something else is, or files are missing or damaged.
    """
    if not folder.exists():
        return False
    record = folder / RECORD
    stored = read_row(record, "sha256")["sha256"] if record.is_file() else None
    if not isinstance(stored, dict) or any(_changed(folder / name, hash_) for name, hash_ in stored.items()):
        raise MMABenchError(f"{folder} is not a complete model; delete it, and the same command writes it again")
    return True


def _changed(path: Path, sha256: str) -> bool:
    return not path.is_file() or sha256_file(path) != sha256


def write_checkpoint(making: "Making", chosen: dict[str, Any], folder: Path) -> None:
    """Write the model as it was at a measurement; the folder appears when it is complete.

    Args:
        making: a new one, whose language model is still in float32; it cannot be used afterwards.
        chosen: the measurement.
        folder: of the checkpoint.
    """
    states, step = making.folder, chosen["step"]
    for modality, tower in making.towers.items():
        path = states / f"{modality.value}.pt"
        stored = read_state(path, "weights")["weights"]
        put({f"tower.{name}": weight for name, weight in tower.module.named_parameters()}, stored, path)
    weights = making.connector_weights()
    wrapped = None
    if chosen["stage"] == "updates":
        wrapped = making.add_updates()
        weights |= making.update_weights()
    path = states / f"{chosen['stage']}-{step}.pt"
    put(weights, read_state(path, "weights")["weights"], path)
    model = making.thinker.model if wrapped is None else wrapped.merge_and_unload()
    join_towers(making.towers)
    with atomic_folder(folder, replace=True) as staging:
        for part in (making.extractor, model, making.chat.tokenizer):
            part.save_pretrained(staging)
        colours = {"image_mean": list(making.thinker.mean), "image_std": list(making.thinker.std)}
        write_json(staging / "video_preprocessor_config.json", colours)
        hashes = {path.name: sha256_file(path) for path in sorted(staging.iterdir())}
        write_json(staging / RECORD, {**_origin(making), "measured": chosen, "sha256": hashes})


def _origin(making: "Making") -> dict[str, Any]:
    import torch
    import transformers

    from mma_bench import __version__

    return {
        "settings": json.loads(making.settings.model_dump_json()),
        "language model": making.language_model,
        "versions": {
            "mma_bench": __version__,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
    }
