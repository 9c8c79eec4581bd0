"""Items and interventions as the stimuli and questions that a model is asked."""

import functools
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from mma_bench.dataset.load import Sample
from mma_bench.dataset.media import Media as StimulusMedia
from mma_bench.interference.interventions import Change, Draw
from mma_bench.interference.items import Item, Media
from mma_bench.interference.pool import Pool
from mma_bench.interference.protocol import TaskKind
from mma_bench.interference.rules import Rule
from mma_bench.interference.sources.found import safe_id
from mma_bench.questions.prompts import render
from mma_bench.schema import Modality, Question, Stimulus

CLEAN = "clean"
AGAIN = "again"
"""The clean question asked a second time: what changes here, changes by itself."""


class UnroutedQuestion(Question):
    """A question that needs text alone, or a stream and text: no modality alone decides the answer."""

    concerns_one_modality: ClassVar[bool] = False


@dataclass(frozen=True)
class Asked:
    """One question of the run.

    Attributes:
        item: what it is made of.
        intervention: label of the intervention; `CLEAN` without one.
        changes: the channel that was changed; empty without an intervention.
        strength: of the intervention.
        draw: number of the draw.
        suggested: wrong option that the change suggests, if it does.
        question: as the model gets it.
        stimulus: as the model gets it.
    """

    item: Item
    intervention: str
    changes: str
    strength: float | None
    draw: int
    suggested: str | None
    question: Question
    stimulus: Stimulus


@dataclass
class Plan:
    """All that is asked.

    Attributes:
        samples: stimuli with their questions.
        clean: the stimuli with the questions without an intervention.
        asked: the questions by id.
        unmade: how many items an intervention could not be made for, by its label.
        unneeded: how many items are already what an intervention makes of them, by its label.
    """

    samples: list[Sample] = field(default_factory=list)
    clean: list[Sample] = field(default_factory=list)
    asked: dict[str, Asked] = field(default_factory=dict)
    unmade: Counter[str] = field(default_factory=Counter)
    unneeded: Counter[str] = field(default_factory=Counter)

    def lines(self) -> list[str]:
        """Return what was not made, one line per intervention."""
        unmade = [
            f"{label}: could not be made for {count} questions (too few unrelated sentences or media, or no option "
            "that is a clear lie)"
            for label, count in self.unmade.items()
        ]
        unneeded = [
            f"{label}: not made for {count} questions, which have it without an intervention"
            for label, count in self.unneeded.items()
        ]
        return [*unmade, *unneeded]


def make_plan(items: Sequence[Item], rules: Sequence[Rule], pool: Pool, *, seed: int, draws: int) -> Plan:
    """Return what is asked about ``items``.

    Args:
        items: questions without interventions.
        rules: the interventions.
        pool: unrelated pictures and sounds.
        seed: of all draws.
        draws: how often an intervention that draws is drawn per item.
    """
    plan = Plan()
    for item in items:
        changes: list[tuple[Rule | None, int, Change]] = [(None, 0, Change())]
        for rule in rules:
            changes += _changes(plan, item, rule, pool, seed, draws)
        _add(plan, item, changes)
    return plan


def _changes(
    plan: Plan, item: Item, rule: Rule, pool: Pool, seed: int, draws: int
) -> list[tuple[Rule | None, int, Change]]:
    one = rule.intervention
    if one.changes not in item.irrelevant:
        return []
    if one.name in item.clean and rule.is_default:
        plan.unneeded[rule.label] += 1
        return []
    found: list[tuple[Rule | None, int, Change]] = []
    for number in range(draws if one.draws else 1):
        name = f"{seed}/{rule.label}/{number}/{item.item_id}"
        draw = Draw(random.Random(name), name, rule.strength, pool)  # noqa: S311
        change = one.apply(item, draw)
        if change is not None:
            found.append((rule, number, change))
    if not found:
        plan.unmade[rule.label] += 1
    return found


def _add(plan: Plan, item: Item, changes: Sequence[tuple[Rule | None, int, Change]]) -> None:
    """Add the questions of an item: those about the same picture and sound share a stimulus."""
    groups: dict[tuple[str, str], list[tuple[Rule | None, int, Change]]] = {}
    for made in changes:
        picture, sound = made[2].picture or item.picture, made[2].sound or item.sound
        groups.setdefault((picture.name, sound.name), []).append(made)
    for group in groups.values():
        picture, sound = group[0][2].picture or item.picture, group[0][2].sound or item.sound
        questions = [_question(item, rule, number, change) for rule, number, change in group]
        stimulus = _stimulus(item, group[0], picture, sound, questions)
        media = StimulusMedia(
            key=stimulus.key,
            read_video=functools.partial(picture.read, item.seconds),
            read_audio=functools.partial(sound.read, item.seconds),
            seconds=item.seconds,
            regular_keys=picture.regular_keys,
        )
        sample = Sample(stimulus, questions, media)
        plan.samples.append(sample)
        for question, (rule, number, change) in zip(questions, group, strict=True):
            if rule is None:
                plan.clean.append(Sample(stimulus, [question], media))
            plan.asked[question.question_id] = Asked(
                item=item,
                intervention=rule.label if rule else CLEAN,
                changes=rule.intervention.changes if rule else "",
                strength=rule.strength if rule else None,
                draw=number,
                suggested=change.suggested,
                question=question,
                stimulus=stimulus,
            )


def _question(item: Item, rule: Rule | None, number: int, change: Change) -> Question:
    parts = item.parts
    if change.before:
        parts = parts.changed(before=" ".join(filter(None, (change.before, parts.before))))
    if change.caption:
        parts = parts.changed(caption=change.caption, caption_class=change.suggested)
    name = rule.label if rule else CLEAN
    made = Question if item.kind in (TaskKind.VISUAL, TaskKind.AUDIO) else UnroutedQuestion
    return made(
        question_id=f"{item.item_id}/{name}/{number}",
        condition=name,
        modality=modality_of(item),
        prompt=render(parts, item.options),
        parts=parts,
        options=list(item.options),
        answer=item.answer,
        distractor=change.suggested,
        answerable=True,
    )


def modality_of(item: Item) -> Modality:
    """Return the modality of an item's questions; those about a text alone count as visual, as there is no other."""
    if item.kind is TaskKind.AUDIO or (item.kind is TaskKind.BOTH and "picture" in item.irrelevant):
        return Modality.AUDIO
    return Modality.VISUAL


def _stimulus(
    item: Item, first: tuple[Rule | None, int, Change], picture: Media, sound: Media, questions: list[Question]
) -> Stimulus:
    rule, number, _ = first
    name = safe_id(f"{rule.label} {number}")[-30:] if rule else CLEAN
    return Stimulus(
        key=f"{item.item_id}-{name}",
        condition="interference",
        split="test",
        video=picture.stream(item.seconds),
        audio=sound.stream(item.seconds),
        seconds=item.seconds,
        questions=questions,
    )
