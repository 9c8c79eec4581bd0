"""LLaVA, LLaVA-NeXT and LLaVA-OneVision: text with pictures or a video, no audio.

A checkpoint without a video processor gets frames as pictures. Questions about audio get the answer of a model that is
not given it: an evaluation asks and says so, `mma-bench interference` leaves them out.
"""

from mma_bench.models.plain.family import FAMILIES, PlainFamily


class Llava(PlainFamily):
    """LLaVA: positions count tokens, and no picture's token attends to those after it."""

    shares_media = True


for _name in ("Llava", "LlavaNext", "LlavaNextVideo", "LlavaOnevision"):
    FAMILIES.add(f"{_name}ForConditionalGeneration", Llava)
