"""What the verifier finds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a dataset.

    Attributes:
        kind: what sort of damage, as a code for scripts.
        where: file below the dataset's folder, with the key of the sample where there is one.
        detail: what was found, in words.
    """

    kind: str
    where: str
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}  {self.where}: {self.detail}"
