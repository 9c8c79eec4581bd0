"""Thresholds of the `inspect` stage."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer


class InspectSettings(BaseModel):
    """When a stream is too little to see or hear. The defaults drop only what shows or says nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    frames_per_second: float = Field(default=2.0, gt=0, le=240, description="frames looked at")

    min_peak: float = Field(default=0.0005, description="a quieter peak is digital silence (-66 dB full scale)")
    min_rms_db: float = Field(default=-70.0, description="quieter sounds are dropped, dB relative to full scale")
    silence_db: float = Field(default=-60.0, description="a window that is quieter is silent, dB")
    max_silence_share: float = Field(default=0.97, description="more silent windows, and the sound is dropped")
    max_clipping_share: float = Field(default=0.1, description="more samples at full scale, and the sound is dropped")

    min_luma: float = Field(default=24.0, description="a frame whose 99th percentile of luma is darker is black")
    max_black_share: float = Field(default=0.9, description="more black frames, and the video is dropped")
    min_motion: float = Field(default=6.0, description="a frame that changes less from the last, of 255, is frozen")
    max_frozen_share: float = Field(default=0.99, description="more frozen frames, and the video is dropped")

    max_duration_difference: float = Field(default=3.0, ge=0, description="between the two streams, seconds")
    min_source_size: int = Field(default=90, ge=0, description="shorter side of the source's frames, pixels")
    min_source_frame_rate: float = Field(default=5.0, ge=0, description="of the source, frames a second")
    checks: list[str] = Field(default_factory=list, description="further checks, of packages of yours, by name")

    @model_serializer(mode="wrap")
    def _without_none(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out `checks` where there are none, as in builds of versions that had no such setting."""
        plain: dict[str, Any] = handler(self)
        if not plain.get("checks", True):
            del plain["checks"]
        return plain

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Return the settings that a stage is recognised by."""
        return [(name, value) for name, value in super().__repr_args__() if name != "checks" or value]
