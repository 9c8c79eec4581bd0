"""A number with its interval."""

from dataclasses import dataclass

Z = 1.959963984540054
"""97.5% point of the normal distribution."""


@dataclass(frozen=True)
class Estimate:
    """A number with its 95% interval.

    Attributes:
        value: the estimate; NaN if there is nothing to estimate it from.
        low: lower bound; NaN where no interval can be given.
        high: upper bound.
        clips: number of clips (or stimuli) that it rests on.
    """

    value: float
    low: float
    high: float
    clips: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval of a difference lies on one side of zero."""
        return self.low > 0 or self.high < 0


NOTHING = Estimate(float("nan"), float("nan"), float("nan"), 0)


def around(value: float, low: float, high: float, clips: int) -> Estimate:
    """Return an estimate whose interval is widened, if it must be, to hold the value itself."""
    return Estimate(value, min(low, value), max(high, value), clips)
