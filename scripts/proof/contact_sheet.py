"""Draw a sheet of the procedural classes: for each a name, four clips, and the sound of the first beside its motion.

python scripts/proof/contact_sheet.py docs/synthetic.jpg
"""

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mma_bench.files.atomic import atomic_path
from mma_bench.synthetic import CLASSES, clip_seed, draw_frames, make_scene, play

SIZE, FPS, CLIPS, COLUMNS = 80, 25, 4, 2


def row(name: str) -> NDArray[np.uint8]:
    """Return the clips of a class where they are loudest, then loudness (dark) and motion (red) of the first."""
    label = np.full((SIZE, 76, 3), 255, np.uint8)
    cv2.putText(label, name, (4, SIZE // 2 + 5), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    cells, scenes = [label], [make_scene(name, clip_seed("test", number)) for number in range(CLIPS)]
    for scene in scenes:
        moment = int(scene.activity.argmax() / 16_000 * FPS) + 1
        cells.append(draw_frames(scene, fps=FPS, size=SIZE)[min(moment, FPS - 1)])
    frames = draw_frames(scenes[0], fps=FPS, size=SIZE).astype(np.int16)
    motion = np.abs(np.diff(frames, axis=0)).mean((1, 2, 3))
    loudness = np.sqrt(np.mean(np.square(play(scenes[0])[: 24 * 640].reshape(24, 640)), axis=1))
    curves = np.full((SIZE, 2 * SIZE, 3), 255, np.uint8)
    for values, colour, top in ((loudness, (40, 40, 40), 4), (motion, (200, 0, 0), SIZE // 2 + 2)):
        height = (values / values.max() * (SIZE // 2 - 8)).astype(int)
        base = top + SIZE // 2 - 8
        for number, value in enumerate(height):
            left = 6 + number * 6
            cv2.rectangle(curves, (left, base - int(value)), (left + 4, base), colour, -1)
    return np.concatenate([*cells, curves], axis=1)


def main() -> None:
    """Write the sheet as JPEG."""
    rows = [row(name) for name in CLASSES]
    half = len(rows) // COLUMNS
    sheet = np.concatenate([np.concatenate(rows[start : start + half]) for start in range(0, len(rows), half)], axis=1)
    with atomic_path(Path(sys.argv[1])) as temporary:
        encoded = cv2.imencode(".jpg", sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])[1]
        temporary.write_bytes(encoded.tobytes())


if __name__ == "__main__":
    main()
