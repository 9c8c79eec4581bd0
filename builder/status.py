"""The state of a work folder: the funnel and the dropped clips."""

from itertools import takewhile
from pathlib import Path
from typing import Any

from builder.funnel import Funnel, availability
from builder.manifest_file import Manifest
from builder.work_folder import manifest_of, stages_in
from mma_bench.errors import MMABenchError


def status_of(work: Path) -> dict[str, Any]:
    """Return the funnel up to the last finished stage, and each dropped clip with its reason.

    Raises:
        MMABenchError: no build has run in ``work``.
    """
    names = stages_in(work)
    finished = list(takewhile(lambda stage: manifest_of(work, stage).is_file(), names))
    if not finished:
        raise MMABenchError(f"{work} does not contain a build; pass the --work folder of `python -m builder run`")
    manifest = Manifest(manifest_of(work, finished[-1]))
    dropped = [
        {
            "clip_id": row.clip_id,
            "file": row.file,
            "stage": row.dropped_by,
            "reason": row.reason,
            "detail": row.detail,
        }
        for row in manifest.rows()
        if not row.kept
    ]
    dropped.sort(key=lambda clip: clip["stage"] == "select")  # a list can drop thousands: show them last
    unfinished = names[len(finished) :]
    found = {"funnel": Funnel.of(manifest).stages(finished), "unfinished": unfinished, "dropped": dropped}
    if "fetch" in finished and "audioset" in manifest.column("source", kept_only=False).unique().to_pylist():
        found["availability"] = availability(manifest)
    return found


def format_status(status: dict[str, Any], *, dropped: int) -> str:
    """Return ``status`` as text, with at most ``dropped`` clips listed."""
    lines = [f"{'stage':<10} {'in':>8} {'kept':>8}  dropped"]
    for stage in status["funnel"]:
        reasons = ", ".join(f"{reason} {count}" for reason, count in stage["dropped"].items())
        lines.append(f"{stage['stage']:<10} {stage['in']:>8} {stage['kept']:>8}  {reasons or '-'}")
    if classes := status.get("availability"):
        lines += ["", f"{'class':<28} {'candidates':>10} {'available':>10}  failures"]
        for entry in classes:
            failures = ", ".join(f"{reason} {count}" for reason, count in entry["failures"].items()) or "-"
            lines.append(f"{entry['class']:<28} {entry['candidates']:>10} {entry['available']:>10}  {failures}")
    if status["unfinished"]:
        lines.append(f"not finished yet: {', '.join(status['unfinished'])}")
    listed = status["dropped"][:dropped]
    if listed:
        lines += ["", "dropped clips"]
        lines += [f"  {c['file']}  [{c['stage']}: {c['reason']}]  {c['detail']}" for c in listed]
    if more := len(status["dropped"]) - len(listed):
        lines.append(f"  ... and {more} more (--dropped {len(status['dropped'])} or --json lists all)")
    return "\n".join(lines)
