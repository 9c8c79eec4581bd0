"""The filters between a decoded frame and the stored one."""

from fractions import Fraction

from builder.normalise.probe import Probe
from builder.normalise.settings import NormaliseSettings

_TO_BT709 = (
    "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=709,tonemap=mobius:param=0.5:desat=0,"
    "zscale=t=709:m=709:r=limited"
)
"""Colours below half of the reference white are unchanged; brighter ones are rolled off instead of clipped."""


def video_filters(found: Probe, settings: NormaliseSettings, *, rate: Fraction, lead: float) -> str:
    """Return ffmpeg's description of the filters.

    Args:
        found: the source.
        settings: the size and fit of the stored frames.
        rate: frames per second of the stored video.
        lead: seconds before the segment that were decoded because seeking is not exact; they are cut off.
    """
    steps = []
    if found.interlaced:
        steps.append("bwdif=mode=send_frame")
    if lead:
        steps += [f"trim=start={lead:.6f}", f"setpts=PTS-{lead:.6f}/TB"]
    steps.append(f"fps=fps={rate.numerator}/{rate.denominator}:start_time=0")
    # To square pixels and one size for the whole segment: a no-op for most files.
    steps += [f"scale={found.width}:{found.height}:flags=bicubic", "setsar=1"]
    steps += _square(settings)
    if found.high_dynamic_range:
        steps.append(_TO_BT709)
    return ",".join([*steps, "setsar=1"])


def _square(settings: NormaliseSettings) -> list[str]:
    size = settings.size
    if settings.fit == "crop":
        return [r"crop=min(iw\,ih):min(iw\,ih)", f"scale={size}:{size}:flags=bicubic"]
    inside = f"scale={size}:{size}:flags=bicubic:force_original_aspect_ratio=decrease:force_divisible_by=2"
    return [inside, f"pad={size}:{size}:(ow-iw)/2:(oh-ih)/2"]
