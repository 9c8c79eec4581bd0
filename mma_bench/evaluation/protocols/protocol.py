"""The file of a protocol, checked."""

from pathlib import Path
from string import Formatter
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from mma_bench.errors import MMABenchError, unknown
from mma_bench.files.documents import parse_yaml
from mma_bench.files.faults import first_fault
from mma_bench.files.hashing import sha256_json
from mma_bench.questions import STANDARD, find_variant
from mma_bench.schema import CONDITIONS, Checked

NAMES = ("paper", "robust", "controls", "phrasing", "detection")
"""Protocols that come with the package."""

_LARGEST_FILE = 1_000_000

Text = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]


class _Part(Checked):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Wording(_Part):
    """Templates of the prompt. The defaults are the paper's words, as the dataset stores them."""

    question: Text = Field(description="the question, with {modality}, {options} and {suffix}")
    options: Text = Field(description="the list of options, with {options}, which are joined by comma and space")
    suffix: Text = Field(description="how to answer")
    caption: Text = Field(description="the caption that names a class, before the question, with {caption}")
    caption_suffix: Text = Field(description="how to answer after a caption")

    @field_validator("question", "options", "caption")
    @classmethod
    def _has_its_places(cls, template: str, info: "object") -> str:
        name = str(getattr(info, "field_name", ""))
        wanted = {"question": ["modality", "options", "suffix"], "options": ["options"], "caption": ["caption"]}[name]
        try:
            places = [place for _, place, form, how in Formatter().parse(template) if place is not None]
            plain = all(not form and not how for _, _, form, how in Formatter().parse(template))
        except ValueError as error:
            raise ValueError(f"{error}; write a brace that is meant as {{{{ or }}}}") from error
        if sorted(places) != wanted or not plain:
            raise ValueError(f"needs each of {', '.join('{' + place + '}' for place in wanted)} once, and no other")
        return template


class VariantRule(_Part):
    """A wording of the questions, see `mma_bench.questions`."""

    name: str
    conditions: list[str] | Literal["all"] = Field(default="all", description="conditions that are asked so")

    @field_validator("name")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            find_variant(name)
        except MMABenchError as error:
            raise ValueError(str(error)) from error
        return name


class Protocol(_Part):
    """All that decides which questions are asked and how answers become numbers."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")
    version: int = Field(ge=1, description="raised with every change")
    description: str = Field(max_length=500)
    conditions: list[str] | Literal["all"] = Field(description="conditions that are asked; `all` the data has")
    variants: list[VariantRule] = Field(min_length=1, description="wordings that are asked")
    exclude_near_synonyms: bool = Field(
        default=False, description="whether a lie that is a near-synonym of the right class is replaced or left out"
    )
    headline: list[str] = Field(min_length=1, description="wordings that the main table averages over")
    average: Literal["micro", "macro"] = Field(description="the average that leads the tables; both are computed")
    seed: int = Field(ge=0, description="of shuffled options and all else that variants draw")
    wording: Wording
    content_order: tuple[Literal["video"], Literal["audio"], Literal["question"]] = Field(
        description="order of the parts of a request, unless `layout` names another"
    )
    layout: Literal["own", "interleaved", "video-first", "audio-first", "question-first"] = Field(
        default="own", description="order of video, audio and question; `own`: each adapter's default"
    )
    frames_per_second: float = Field(gt=0, le=60, description="frames that a model is shown")
    audio_rate: Literal[16000] = Field(description="samples a second; the dataset has no other")
    decoding: Literal["greedy", "sampling"] = Field(description="how answers are drawn; sampling goes with --repeats")
    parser_version: str = Field(description="version of the parser that the protocol was fixed with")
    judge: str | None = Field(default=None, description="never in a file: the judge that a run was scored with")

    @field_validator("conditions")
    @classmethod
    def _conditions_are_known(cls, names: list[str] | str) -> list[str] | str:
        return _known_conditions(names)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        names = [rule.name for rule in self.variants]
        if len(set(names)) < len(names):
            raise ValueError("variants: a variant is listed twice")
        if missing := [name for name in self.headline if name not in names]:
            raise ValueError(f"headline: {missing[0]} is not among the variants")
        if STANDARD not in names:
            raise ValueError(f"variants: {STANDARD} must be among them; the others are compared with it")
        for rule in self.variants:
            _known_conditions(rule.conditions)
        return self

    @property
    def sha256(self) -> str:
        """Hash of the content, however the file is laid out: any change changes it, and so does a judge."""
        # Fields that did not exist once are left out where they have their first value: old runs keep their hash.
        later = {
            "judge": self.judge,
            "exclude_near_synonyms": self.exclude_near_synonyms,
            "layout": self.layout != "own",
        }
        return sha256_json(self.model_dump(mode="json", exclude={name for name, value in later.items() if not value}))

    @property
    def title(self) -> str:
        """Name, version and the beginning of the hash, for people."""
        return f"{self.name} {self.version} ({self.sha256[:12]})" + (
            f" with the judge {self.judge}" if self.judge else ""
        )

    def asks(self, condition: str, variant: str) -> bool:
        """Return whether the questions of ``condition`` are asked in the wording ``variant``."""
        rule = next((rule for rule in self.variants if rule.name == variant), None)
        return (
            rule is not None
            and (self.conditions == "all" or condition in self.conditions)
            and (rule.conditions == "all" or condition in rule.conditions)
        )


def load_protocol(name: str | Path) -> Protocol:
    """Return a protocol.

    Args:
        name: ``paper``, ``robust``, ``controls``, ``phrasing``, ``detection``, or the path of a YAML file.

    Raises:
        MMABenchError: there is no such protocol, or the file cannot be used.
    """
    path = Path(__file__).parent / f"{name}.yaml" if str(name) in NAMES else Path(name)
    if not path.is_file():
        raise MMABenchError(f"{unknown('there is no protocol', str(name), NAMES)}, or the path of a YAML file")
    try:
        with open(path, "rb") as file:
            content = file.read(_LARGEST_FILE + 1)
        if len(content) > _LARGEST_FILE:
            raise MMABenchError(f"{path} is not a protocol: it is larger than a megabyte")
        protocol = Protocol.model_validate(parse_yaml(content.decode("utf-8")))
        if protocol.judge is not None:
            raise MMABenchError(
                f"{path} names a judge; leave it out, and score with `mma-bench score RUN --judge MODEL`"
            )
        return protocol
    except ValidationError as error:
        raise MMABenchError(f"{path}: {first_fault(error, Protocol)}; compare it with robust.yaml") from error
    except (OSError, ValueError) as error:
        raise MMABenchError(f"{path} cannot be read as YAML: {' '.join(str(error).split())[:200]}") from error


def _known_conditions(names: list[str] | str) -> list[str] | str:
    if not isinstance(names, str) and (wrong := sorted(set(names) - CONDITIONS.keys())):
        raise ValueError(unknown("conditions: there is no", wrong[0], CONDITIONS))
    return names
