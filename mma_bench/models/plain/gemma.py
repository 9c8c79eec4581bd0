"""Gemma 4 (E2B, E4B) and Gemma 3n."""

from mma_bench.models.plain.family import FAMILIES, PlainFamily


class Gemma4(PlainFamily):
    """Gemma 4: its processor writes the time of each frame, and keeps 30 s of audio.

    E2B and E4B attend causally. In larger ones the tokens of a frame also attend to those after them, but only within
    the frame, which is always read in one pass.
    """

    shares_media = True


class Gemma3n(PlainFamily):
    """Gemma 3n: frames are pictures without a time, audio always takes 188 tokens, of which 30 s are kept."""

    shares_media = True


FAMILIES.add("Gemma4ForConditionalGeneration", Gemma4)
FAMILIES.add("Gemma3nForConditionalGeneration", Gemma3n)
