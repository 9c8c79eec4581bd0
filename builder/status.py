"""What a work folder holds: the funnel and the clips that were dropped."""

from itertools import takewhile
from pathlib import Path
from typing import Any

from builder.funnel import CLIP_STAGES, funnel
from builder.manifest import read_manifest
from mma_bench.errors import MMABenchError


def status_of(work: Path) -> dict[str, Any]:
    """Return the funnel up to the last finished stage, and each dropped clip with its reason.

    Raises:
        MMABenchError: no build has run in ``work``.
    """
    finished = list(takewhile(lambda stage: (work / stage / "manifest.parquet").is_file(), CLIP_STAGES))
    if not finished:
        raise MMABenchError(f"{work} holds no build; give the folder that was --work of `python -m builder run`")
    rows = read_manifest(work / finished[-1] / "manifest.parquet")
    dropped = [
        {
            "clip_id": row.clip_id,
            "file": row.file,
            "stage": row.dropped_by,
            "reason": row.reason,
            "detail": row.detail,
        }
        for row in rows
        if not row.kept
    ]
    stages = [entry for entry in funnel(rows) if entry["stage"] in finished]
    return {"funnel": stages, "unfinished": [s for s in CLIP_STAGES if s not in finished], "dropped": dropped}


def format_status(status: dict[str, Any], *, dropped: int) -> str:
    """Return ``status`` as text, with at most ``dropped`` clips listed."""
    lines = [f"{'stage':<10} {'in':>8} {'kept':>8}  dropped"]
    for stage in status["funnel"]:
        reasons = ", ".join(f"{reason} {count}" for reason, count in stage["dropped"].items())
        lines.append(f"{stage['stage']:<10} {stage['in']:>8} {stage['kept']:>8}  {reasons or '-'}")
    if status["unfinished"]:
        lines.append(f"not finished yet: {', '.join(status['unfinished'])}")
    listed = status["dropped"][:dropped]
    if listed:
        lines += ["", "dropped clips"]
        lines += [f"  {c['file']}  [{c['stage']}: {c['reason']}]  {c['detail']}" for c in listed]
    if more := len(status["dropped"]) - len(listed):
        lines.append(f"  ... and {more} more (--dropped {len(status['dropped'])} or --json lists all)")
    return "\n".join(lines)
