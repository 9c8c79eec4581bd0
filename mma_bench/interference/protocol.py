"""What is asked and what is changed: fixed in a file and known by its hash, like the protocol of an evaluation."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from string import Formatter
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, field_validator, model_validator

from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_json
from mma_bench.files.settings import read_settings
from mma_bench.schema import Checked

DEFAULT = Path(__file__).with_name("protocol.yaml")

Text = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]


class TaskKind(StrEnum):
    """What a question cannot be answered without."""

    VISUAL = "visual"
    AUDIO = "audio"
    TEXT = "text"
    BOTH = "both"


KINDS: dict[TaskKind, str] = {
    TaskKind.VISUAL: "visual-heavy",
    TaskKind.AUDIO: "audio-heavy",
    TaskKind.TEXT: "text-heavy",
    TaskKind.BOTH: "media-and-text",
}
"""What tables and figures call each kind of task."""

_PLACES = {
    (False, "question"): ["options", "suffix"],
    (True, "question"): ["options", "question", "suffix"],
}


class _Part(Checked):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Wording(_Part):
    """Templates of the prompts of one kind of task."""

    question: Text = Field(description="the prompt, with {options}, {suffix}, and {question} where the data has one")
    options: Text = Field(description="the list of options, with {options}")
    suffix: Text = Field(description="how to answer")
    misleading: Text = Field(description="the sentence that suggests a wrong option, with {option}")
    lettered: bool = Field(description="options on lines that begin with a letter; otherwise joined by comma and space")

    @field_validator("options", "misleading")
    @classmethod
    def _has_its_place(cls, template: str, info: "object") -> str:
        name = {"options": "options", "misleading": "option"}[str(getattr(info, "field_name", ""))]
        if places_of(template) != [name]:
            raise ValueError(f"needs {{{name}}} once, and no other place")
        return template


class Protocol(_Part):
    """All that decides which questions are asked and what is changed in them."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")
    version: int = Field(ge=1)
    description: str = Field(max_length=500)
    seed: int = Field(ge=0, description="of the order of items, of distractors, and of all that interventions draw")
    options: int = Field(ge=2, le=26, description="options of a question about a class; data with options keep theirs")
    distractors: Literal["random", "hard"] = Field(
        description="wrong options: drawn at random, or the classes whose names are most similar to the right one"
    )
    interventions: list[str] | Literal["all"] = Field(description="names, or NAME:STRENGTH")
    draws: int = Field(ge=1, le=100, description="how often each intervention that draws is drawn per item")
    still_seconds: float = Field(ge=0.5, le=60, description="length of the still video that a picture becomes")
    sound_seconds: float = Field(ge=0.5, le=600, description="longest part of a sound that is used")
    picture_pixels: int = Field(ge=32, le=4096, description="longer side of a picture; larger ones are scaled down")
    wording: dict[TaskKind, Wording]
    class_names: dict[str, Text] = Field(description="what prompts call a class, by the name that the data have")
    parser_version: str = Field(description="version of the parser that the protocol was fixed with")

    @model_validator(mode="after")
    def _has_every_wording(self) -> Self:
        if missing := [kind for kind in TaskKind if kind not in self.wording]:
            raise ValueError(f"wording: {missing[0]} is missing")
        for kind, wording in self.wording.items():
            wanted = _PLACES[kind in (TaskKind.TEXT, TaskKind.BOTH), "question"]
            if sorted(places_of(wording.question)) != wanted:
                raise ValueError(f"wording.{kind}.question: needs each of {', '.join(wanted)} in braces once")
        return self

    @property
    def interventions_listed(self) -> list[str]:
        """The interventions, if they are listed."""
        return [] if self.interventions == "all" else list(self.interventions)

    @property
    def sha256(self) -> str:
        """Hash of the content, however the file is laid out."""
        return sha256_json(self.model_dump(mode="json"))

    @property
    def title(self) -> str:
        """Name, version and the beginning of the hash, for people."""
        return f"{self.name} {self.version} ({self.sha256[:12]})"


def load_protocol(path: str | Path | None = None, overrides: Sequence[str] = ()) -> Protocol:
    """Return a protocol.

    Args:
        path: YAML file; by default the one that comes with the package.
        overrides: changes such as `options=6`.

    Raises:
        MMABenchError: the file cannot be used, or a setting is unknown or wrong.
    """
    file = DEFAULT if path is None else Path(path)
    if not file.is_file():
        raise MMABenchError(f"there is no protocol {file}; copy {DEFAULT.name} of mma_bench.interference and change it")
    return read_settings(
        Protocol, file, overrides, example="mma_bench/interference/protocol.yaml", override="options=6"
    )


def places_of(template: str) -> list[str]:
    """Return the places of a template, in order.

    Raises:
        ValueError: braces do not match, or a place has a format.
    """
    found = []
    for _, place, form, how in Formatter().parse(template):
        if place is not None:
            if form or how:
                raise ValueError(f"a place has no format; got {place}:{form}")
            found.append(place)
    return found
