"""The voice of the published spoken labels, and whether the same one speaks on this machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from builder.assemble.plan import SPOKEN
from builder.assemble.settings import AssembleSettings
from builder.voices import NoVoiceError, find_voice


@dataclass(frozen=True)
class HydrationVoice:
    """A voice, there and here.

    Attributes:
        name: its name in `assemble.voice`.
        published: its version in the published build; empty if that does not say.
        here: its version on this machine; empty if it cannot be used.
        trouble: why it cannot be used.
    """

    name: str
    published: str
    here: str
    trouble: str

    @property
    def differs(self) -> bool:
        """Whether another version speaks here, so that the samples may differ."""
        return bool(self.here and self.published and self.here != self.published)


def voice_of(provenance: Mapping[str, Any]) -> HydrationVoice | None:
    """Return the voice of a published dataset, or None if it has no spoken labels.

    Args:
        provenance: content of its `metadata/provenance.json`, which is not trusted.
    """
    settings = provenance["config"].get("assemble")
    graded = settings.get("graded") if isinstance(settings, dict) else None
    if not isinstance(graded, dict) or SPOKEN not in graded:
        return None
    name = str(settings.get("voice", AssembleSettings().voice))
    published = str(provenance.get("voice", ""))
    try:
        return HydrationVoice(name, published, find_voice(name).version(), "")
    except NoVoiceError as error:
        return HydrationVoice(name, published, "", str(error))
