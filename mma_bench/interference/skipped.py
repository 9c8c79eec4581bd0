"""What of the data could not be used, by name and reason."""

from collections import Counter
from dataclasses import dataclass, field

from mma_bench.files.text import escaped, one_line

_NAMED = 50
_LISTED = 3


@dataclass
class Skipped:
    """Files and rows that are left out.

    Attributes:
        counts: how many for each reason.
        names: the first names for each reason.
    """

    counts: Counter[str] = field(default_factory=Counter)
    names: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, reason: str) -> None:
        """Leave something out."""
        plain = one_line(reason, 300)
        self.counts[plain] += 1
        named = self.names.setdefault(plain, [])
        if len(named) < _NAMED:
            named.append(escaped(name))

    def lines(self) -> list[str]:
        """Return one line per reason, with the first names."""
        found = []
        for reason, count in self.counts.most_common():
            names = self.names[reason]
            more = f" and {count - _LISTED} more" if count > _LISTED else ""
            found.append(f"left out {count}: {', '.join(names[:_LISTED])}{more} {reason}")
        return found

    def to_json(self) -> dict[str, object]:
        """Return counts and names by reason."""
        return {reason: {"count": count, "names": self.names[reason]} for reason, count in sorted(self.counts.items())}
