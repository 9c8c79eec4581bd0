"""Thresholds of the `inspect` stage."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer


class InspectSettings(BaseModel):
    """When a stream has too little content. The defaults drop only streams without content."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    frames_per_second: float = Field(default=2.0, gt=0, le=240, description="frames per second that are inspected")

    min_peak: float = Field(default=0.0005, description="below this peak, audio is digital silence (-66 dB full scale)")
    min_rms_db: float = Field(default=-70.0, description="quieter audio is dropped, dB relative to full scale")
    silence_db: float = Field(default=-60.0, description="quieter windows are silent, dB")
    max_silence_share: float = Field(default=0.97, description="audio with a higher share of silent windows is dropped")
    max_clipping_share: float = Field(
        default=0.1, description="audio with a higher share of samples at full scale is dropped"
    )

    min_luma: float = Field(default=24.0, description="a frame with a lower 99th percentile of luma is black")
    max_black_share: float = Field(default=0.9, description="video with a higher share of black frames is dropped")
    min_motion: float = Field(
        default=6.0, description="a frame that differs less from the previous one, of 255, is frozen"
    )
    max_frozen_share: float = Field(default=0.99, description="video with a higher share of frozen frames is dropped")

    max_duration_difference: float = Field(
        default=3.0, ge=0, description="maximum difference in length of the two streams, seconds"
    )
    min_source_size: int = Field(
        default=90, ge=0, description="minimum of the shorter side of the source's frames, pixels"
    )
    min_source_frame_rate: float = Field(
        default=5.0, ge=0, description="minimum frame rate of the source, frames per second"
    )
    checks: list[str] = Field(default_factory=list, description="names of additional checks from your own packages")

    @model_serializer(mode="wrap")
    def _without_none(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Omit `checks` if it is empty, as in builds of versions without this setting."""
        plain: dict[str, Any] = handler(self)
        if not plain.get("checks", True):
            del plain["checks"]
        return plain

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Return the settings that identify the stage's result."""
        return [(name, value) for name, value in super().__repr_args__() if name != "checks" or value]
