"""The items to review: every kept clip, mixed with clips with the audio of another one as attention checks."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from builder.manifest import ManifestRow
from mma_bench.files.hashing import sha256_json


@dataclass(frozen=True)
class ReviewItem:
    """One clip to judge.

    Attributes:
        item_id: hash of the streams and labels: it does not reveal a swapped clip, and a decision about a clip that
            has changed since does not count.
        row: the clip of the video, the labels and the model's answers.
        sound: the clip of the audio; a different one in an attention check.
    """

    item_id: str
    row: ManifestRow
    sound: ManifestRow

    @property
    def is_attention_check(self) -> bool:
        """Whether the audio is another clip's, so that the right decision is no."""
        return self.sound.clip_id != self.row.clip_id

    @property
    def seconds(self) -> float:
        """Length to play."""
        return min(self.row.video_seconds or 0.0, self.sound.audio_seconds or 0.0)


def make_item(row: ManifestRow, sound: ManifestRow | None = None) -> ReviewItem:
    """Return the item of a clip, with the audio of another if one is given."""
    sound = sound or row
    shown = [row.video_sha256, sound.audio_sha256, row.visual_label, row.audio_label]
    return ReviewItem(sha256_json(shown)[:24], row, sound)


def make_items(rows: Sequence[ManifestRow], *, attention: float, seed: int) -> list[ReviewItem]:
    """Return the items of all kept clips, and attention checks for a share of them.

    The same rows, share and seed give the same items. Swapped audio has neither label of the clip, and differs in
    bytes from the clip's own audio.

    Args:
        rows: the manifest that the page shows.
        attention: attention checks per clip, 0 to 1; rounded up.
        seed: of the choice.
    """
    kept = [row for row in rows if row.kept]
    generator = random.Random(f"attention/{seed}")  # noqa: S311  (a draw of clips, not a secret)
    swapped: list[ReviewItem] = []
    for row in generator.sample(kept, len(kept)):
        if len(swapped) >= math.ceil(attention * len(kept)):
            break
        donors = [
            other
            for other in kept
            if other.audio_label not in {row.visual_label, row.audio_label} and other.audio_sha256 != row.audio_sha256
        ]
        if donors:
            swapped.append(make_item(row, generator.choice(donors)))
    by_id = {item.item_id: item for item in [*map(make_item, kept), *swapped]}
    return list(by_id.values())


def order_for(items: Sequence[ReviewItem], annotator: str, seed: int) -> list[ReviewItem]:
    """Return the items in the order in which ``annotator`` sees them: random, but always the same."""
    shuffled = sorted(items, key=lambda item: item.item_id)
    random.Random(f"order/{seed}/{annotator}").shuffle(shuffled)  # noqa: S311
    return shuffled
