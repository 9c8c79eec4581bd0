"""Adapters of other trainers, such as LLaMA-Factory and ms-swift: LoRA files as peft writes them, on the whole model.

They name modules as the trainer's version of transformers does, which has renamed them: the same projection is
`thinker.model.layers.0...` up to 5.19 and `thinker.model.language_model.layers.0...` since 5.23, without the prefix
`thinker.` if only the thinker was tuned. Therefore this module adds the updates to the weights by the matching names.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mma_bench.errors import MMABenchError
from mma_bench.files.documents import parse_json
from mma_bench.files.faults import first_fault
from mma_bench.files.regular import read_inside

if TYPE_CHECKING:
    import torch

CONFIGURATION, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_UNUSABLE = ("use_dora", "modules_to_save", "fan_in_fan_out", "trainable_token_indices", "lora_bias", "use_qalora")
_KEY = re.compile(r"(?:base_model\.model\.)?(?P<module>.+)\.lora_(?P<side>[AB])(?:\.default)?\.weight")
_ELSEWHERE = (
    "merge it with the trainer's own command (llamafactory-cli export, swift export --merge_lora true), evaluate that"
)
_TOWERS = ("audio_tower.", "visual.", "language_model.")


_Alpha = Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]


class Configuration(BaseModel):
    """The relevant fields of `adapter_config.json`. Names in `alpha_pattern` are matched exactly, not as patterns."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    base_model_name_or_path: str | None = None
    lora_alpha: _Alpha | None = None
    alpha_pattern: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_.]+$")], _Alpha] = {}
    use_rslora: bool = False


@dataclass(frozen=True)
class ForeignAdapter:
    """A LoRA adapter that `mma-bench tune` did not make.

    Attributes:
        folder: where it is.
        configuration: what `adapter_config.json` says.
    """

    folder: Path
    configuration: "Configuration"

    @property
    def base(self) -> str | None:
        """Name or folder of the model that it was made for, if it says so."""
        return self.configuration.base_model_name_or_path or None

    def add_to(self, model: Any) -> int:
        """Add the updates to the weights of ``model``, in place.

        Args:
            model: the thinker.

        Returns:
            Number of weights that changed.

        Raises:
            MMABenchError: a file cannot be read, or a module of the adapter is not in the model, or has another shape.
        """
        import torch

        added = 0
        with torch.no_grad():
            for name, down, up in self._updates():
                if down.ndim != 2 or up.ndim != 2 or not 0 < down.shape[0] == up.shape[1]:
                    raise MMABenchError(f"{self.folder}: {name} is not a low-rank update")
                module = _find(model, name)
                weight = getattr(module, "weight", None)
                if weight is None or tuple(weight.shape) != (up.shape[0], down.shape[1]):
                    raise MMABenchError(f"{self.folder}: the base model has no {name} of {up.shape[0]}x{down.shape[1]}")
                # In float32 and rounded once, as peft does.
                update = self._scale(name, down.shape[0]) * (up.float() @ down.float())
                changed = weight.float() + update.to(weight.device)
                if not torch.isfinite(changed).all():
                    raise MMABenchError(f"{self.folder}: with {name}, weights are not finite (NaN or inf)")
                weight.copy_(changed.to(weight.dtype))
                added += 1
        return added

    def _updates(self) -> "Iterator[tuple[str, torch.Tensor, torch.Tensor]]":
        from safetensors.torch import load_file

        try:
            stored = load_file(self.folder / WEIGHTS)
        except (OSError, ValueError, RuntimeError) as error:
            raise MMABenchError(f"{self.folder / WEIGHTS} cannot be read: {str(error).splitlines()[0]}") from error
        except Exception as error:  # safetensors has its own exception class
            raise MMABenchError(f"{self.folder / WEIGHTS} is not a safetensors file") from error
        pairs: dict[str, dict[str, torch.Tensor]] = {}
        for key, tensor in stored.items():
            found = _KEY.fullmatch(key)
            if found is None:
                raise MMABenchError(
                    f"{self.folder}: {key} is not a LoRA update; merge it with the trainer's own command"
                )
            pairs.setdefault(found["module"], {})[found["side"]] = tensor
        for name, sides in sorted(pairs.items()):
            if sides.keys() != {"A", "B"}:
                raise MMABenchError(f"{self.folder}: {name} has only one half of an update")
            yield name, sides["A"], sides["B"]

    def _scale(self, name: str, rank: int) -> float:
        alpha = self.configuration.lora_alpha or float(rank)
        for part, value in self.configuration.alpha_pattern.items():
            if name == part or name.endswith(f".{part}"):
                alpha = value
                break  # like peft, which takes the first one
        return float(alpha / (rank**0.5 if self.configuration.use_rslora else rank))


def read_foreign(folder: Path) -> ForeignAdapter:
    """Return the adapter in ``folder``.

    Raises:
        MMABenchError: there is none, or it is of a kind whose merge is more than adding updates.
    """
    path = folder / CONFIGURATION
    try:
        said = parse_json(read_inside(folder, path.name))
        kind = said.get("peft_type")
        used = [name for name in _UNUSABLE if said.get(name)]
        if said.get("bias", "none") != "none":
            used.append("bias")
    except (OSError, ValueError, AttributeError) as error:
        raise MMABenchError(f"{folder} is not an adapter: {path.name} cannot be read") from error
    if kind != "LORA" or used:
        what = f"a LoRA adapter with {used[0]}" if kind == "LORA" else f"an adapter of type {kind}"
        raise MMABenchError(f"{folder} is {what}; {_ELSEWHERE}")
    try:
        return ForeignAdapter(folder, Configuration.model_validate(said))
    except ValidationError as error:
        raise MMABenchError(f"{path}: {first_fault(error)}; {_ELSEWHERE}") from error


def _find(model: Any, name: str) -> Any:
    """Return the module of ``model`` that ``name`` refers to in any version of transformers, or None."""
    modules = dict(model.named_modules())
    plain = name.removeprefix("thinker.").removeprefix("model.")
    inner = plain.removeprefix("language_model.")
    starts = ("",) if plain.startswith(_TOWERS[:2]) else ("", "language_model.")
    for candidate in (f"{front}{start}{inner}" for front in ("", "model.") for start in starts):
        if candidate in modules:
            return modules[candidate]
    return None
