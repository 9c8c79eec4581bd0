"""The history in a dataset's CHANGES.md: what each published version changed."""

import re
from collections.abc import Sequence

_SECTION = "## Of the dataset\n"


def changelog_entry(before: set[str] | None, after: set[str], notes: Sequence[str]) -> list[str]:
    """Return what happened to the clips since the published version, and the publisher's notes."""
    if before is None:
        lines = [f"First published version: {len(after)} clips."]
    else:
        gone, new = sorted(before - after), sorted(after - before)
        lines = [f"{len(after)} clips: {len(new)} added, {len(gone)} removed since the version before."]
        if gone:
            lines.append(f"Removed: {', '.join(gone)}.")
    return [*lines, *notes]


def merge_changes(local: str, remote: str | None, version: str, entry: Sequence[str]) -> str:
    """Return the local CHANGES.md with ``entry`` for ``version``, and the published history below it."""
    head = local.partition(_SECTION)[0]
    history = (remote or "").partition(_SECTION)[2]
    older = [part for part in re.split(r"(?m)^(?=### )", history) if part.startswith("### ")]
    kept = [part.strip() for part in older if part.splitlines()[0] != f"### {version}"]
    newest = "\n".join([f"### {version}", "", *(f"- {line}" for line in entry)])
    return head + _SECTION + "\n" + "\n\n".join([newest, *kept]) + "\n"
