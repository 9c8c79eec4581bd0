"""What a user can do without training: models made of other models, named `MODEL+WRAPPER`.

Each wrapper is an ordinary model, so an evaluation shows its harm as well as its gain, with tokens and time. From
Python: `Contrast(model, alpha=0.5)`, or `load("transformers:FOLDER+contrast", {"contrast.alpha": "0.5"})`.
"""

from mma_bench.models.wrappers.adaptive import Adaptive
from mma_bench.models.wrappers.contrast import Contrast
from mma_bench.models.wrappers.naming import split_name
from mma_bench.models.wrappers.prompt import Prompt
from mma_bench.models.wrappers.rewriting import Rewriting
from mma_bench.models.wrappers.solo import Solo
from mma_bench.models.wrappers.withheld import Blind, Deaf, TextOnly
from mma_bench.models.wrappers.wrapper import WRAPPERS, Setting, Wrapper, split_options, wrapper

__all__ = [
    "WRAPPERS",
    "Adaptive",
    "Blind",
    "Contrast",
    "Deaf",
    "Prompt",
    "Rewriting",
    "Setting",
    "Solo",
    "TextOnly",
    "Wrapper",
    "split_name",
    "split_options",
    "wrapper",
]
