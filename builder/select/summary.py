"""How many segments came in, how many are candidates, and why the others are not."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from builder.select.judged_list import JudgedList, videos_in_several_lists
from builder.select.label_filter import MEANINGS, Reason


@dataclass(frozen=True)
class ListSummary:
    """Counts of one segment list. ``rows`` = sum of ``classes`` + sum of ``dropped``."""

    name: str
    sha256: str
    rows: int
    declared: int | None
    read_back: int
    bad_rows: dict[str, int]
    candidates: int
    classes: dict[str, int]
    dropped: dict[str, int]


@dataclass(frozen=True)
class Summary:
    """Counts of all lists together and of each.

    ``published_clips``: how many published clips there are, are in the lists, are candidates, and are candidates
    with their published class; None if the rules have other classes.
    """

    rows: int
    candidates: int
    classes: dict[str, int]
    dropped: dict[str, int]
    videos_in_several_lists: int
    published_clips: dict[str, int] | None
    lists: tuple[ListSummary, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def summarise(
    lists: Sequence[JudgedList], class_names: Sequence[str], published_clips: dict[str, int] | None = None
) -> Summary:
    """Count. Every class of ``class_names`` has an entry, in their order, even without a candidate."""
    parts = tuple(_summarise_list(judged) for judged in lists)
    classes = {name: sum(part.classes[name] for part in parts) for name in class_names}
    dropped = {
        reason.value: sum(part.dropped.get(reason.value, 0) for part in parts)
        for reason in Reason
        if any(reason.value in part.dropped for part in parts)
    }
    rows, candidates = sum(part.rows for part in parts), sum(classes.values())
    if candidates + sum(dropped.values()) != rows:
        raise AssertionError(f"{rows} rows, but {candidates} candidates and {dropped}")  # a bug of ours
    return Summary(rows, candidates, classes, dropped, videos_in_several_lists(lists), published_clips, parts)


def _summarise_list(judged: JudgedList) -> ListSummary:
    classes, dropped = judged.counts()
    return ListSummary(
        name=judged.segments.name,
        sha256=judged.segments.sha256,
        rows=judged.segments.rows,
        declared=judged.segments.declared,
        read_back=len(judged.segments.read_back),
        bad_rows=dict(Counter(entry.fault.name.lower() for entry in judged.segments.skipped)),
        candidates=sum(classes.values()),
        classes=classes,
        dropped=dropped,
    )


def format_summary(summary: Summary) -> str:
    """Return the funnel as text."""
    lines = [f"{summary.rows:>10,}  segments in {', '.join(part.name for part in summary.lists)}"]
    lines += [f"{-count:>+10,}  {reason}: {MEANINGS[Reason(reason)]}" for reason, count in summary.dropped.items()]
    filled = {name: count for name, count in summary.classes.items() if count}
    lines.append(f"{summary.candidates:>10,}  candidates in {len(filled)} of {len(summary.classes)} classes")
    largest = Counter(filled).most_common(5)
    lines.append(f"{'':>10}  largest: {', '.join(f'{name} {count:,}' for name, count in largest) or '-'}")
    if (found := summary.published_clips) and found["in_lists"]:
        lines.append(
            f"{'':>10}  of {found['in_lists']} published clips in the lists {found['candidates']} are candidates, "
            f"{found['with_published_class']} with their published class"
        )
    if empty := [name for name in summary.classes if name not in filled]:
        more = f" and {len(empty) - 8} more" if len(empty) > 8 else ""
        lines.append(f"{'':>10}  without a candidate: {', '.join(empty[:8])}{more}")
    return "\n".join([*lines, *warnings(summary)])


def warnings(summary: Summary) -> list[str]:
    """Return notes for the reader of the counts."""
    found = []
    for part in summary.lists:
        if part.declared is not None and part.declared != part.rows:
            found.append(f"warning: {part.name} has {part.rows:,} segments, but its header states {part.declared:,}")
        if part.read_back:
            found.append(f"warning: {part.name}: {part.read_back:,} rows with damaged quoting were read back")
        if part.bad_rows:
            kinds = ", ".join(f"{fault} {count:,}" for fault, count in part.bad_rows.items())
            found.append(f"warning: {part.name}: {sum(part.bad_rows.values()):,} rows could not be read ({kinds})")
    if summary.videos_in_several_lists:
        found.append(f"warning: {summary.videos_in_several_lists:,} videos occur in more than one list")
    return found
