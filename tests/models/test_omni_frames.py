"""Omni models: frames become the patches that the official processors make of them."""

import numpy as np
import pytest
import torch

from mma_bench.models.omni.frames import to_patches
from mma_bench.models.omni.random_weights import Size, random_thinker

FAMILY = "Qwen2_5OmniThinkerForConditionalGeneration"


@pytest.mark.parametrize("size", [(112, 84), (100, 75), (30, 400)])
def test_patches_are_those_of_the_official_image_processor(size: tuple[int, int]) -> None:
    """The official processor of videos needs torchvision; that of pictures, with the same steps, does not."""
    pytest.importorskip("transformers.models.qwen2_vl.image_processing_pil_qwen2_vl")
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    thinker, _, _ = random_thinker(FAMILY, Size())
    frame_format = thinker.frame_format({}, 56 * 56, 112 * 112)
    rows, columns = np.mgrid[: size[0], : size[1]]
    picture = np.stack([rows * 2 % 256, columns % 256, (rows + columns) % 200], axis=-1).astype(np.uint8)
    official = Qwen2VLImageProcessorPil(size={"shortest_edge": 56 * 56, "longest_edge": 112 * 112})
    expected = official(picture, return_tensors="pt")
    ours = to_patches(np.stack([picture, picture]), frame_format)
    assert [list(ours.grid)] == expected["image_grid_thw"].tolist()
    # Pillow and torch round the resized levels differently, by one level of 255 at most.
    assert torch.allclose(ours.pixels, expected["pixel_values"], atol=1.01 / 255 / min(frame_format.std))
