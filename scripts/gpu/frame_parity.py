"""Patches of our frames against transformers' official video processor, which needs torchvision.

python scripts/gpu/frame_parity.py
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mma_bench.models.omni.frames import to_patches
from mma_bench.models.omni.random_weights import Size, random_thinker
from mma_bench.models.omni.thinker import ARCHITECTURES
from scripts.bench.figures import Figures

SHAPES = ((8, 112, 84), (9, 504, 504), (20, 360, 640), (5, 64, 48), (3, 1080, 1920))
"""Frames, height, width: smaller and larger than the budget of pixels, odd numbers of frames."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="file for the figures")
    figures = Figures(parser.parse_args().json)
    try:
        import torchvision  # noqa: F401
        from transformers.models.qwen2_vl.video_processing_qwen2_vl import Qwen2VLVideoProcessor
    except ImportError as error:
        figures.add(family="-", shape="-", result=f"not run: needs {error.name}")
        return 0
    worst = 0.0
    for name in {family: name for name, family in ARCHITECTURES.items()}.values():
        thinker, _, _ = random_thinker(name, Size())
        frame_format = thinker.frame_format({}, None, None)
        processor = Qwen2VLVideoProcessor(
            size={"shortest_edge": frame_format.min_pixels, "longest_edge": frame_format.max_pixels},
            patch_size=frame_format.patch_size,
            image_mean=list(frame_format.mean),
            image_std=list(frame_format.std),
        )
        for shape in SHAPES:
            frames = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
            expected = processor([torch.from_numpy(frames).permute(0, 3, 1, 2)], return_tensors="pt")
            ours = to_patches(frames, frame_format)
            same_grid = [list(ours.grid)] == expected["video_grid_thw"].tolist()
            levels = float("inf")
            if same_grid:
                gap = (ours.pixels - expected["pixel_values_videos"]).abs().max().item()
                levels = gap * 255 * min(frame_format.std)
            worst = max(worst, levels)
            figures.add(family=name[:10], shape=str(shape), same_grid=same_grid, levels_of_255=levels)
    return 0 if worst <= 1.01 else 1


if __name__ == "__main__":
    sys.exit(main())
