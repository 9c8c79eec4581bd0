"""Partners by super-class, and where super-classes come from."""

from collections import Counter
from pathlib import Path

import pytest

from builder.assemble.partners import choose_partners
from builder.assemble.settings import PartnerPolicy
from builder.select.ontology import read_ontology
from builder.select.rules import DEFAULT_RULES, read_rules
from builder.sources.super_classes import audioset_super_classes
from mma_bench.schema import Clip
from tests.builder.test_demo_build import clip

GROUPS = {"Bird": "Animal", "Cat": "Animal", "Dog": "Animal", "Drum": "Music", "Flute": "Music", "Rain": "Nature"}
SIZES = {"Bird": 9, "Cat": 4, "Dog": 3, "Drum": 8, "Flute": 6, "Rain": 2}
CLIPS = [clip(f"{label}{i}", label) for label, size in SIZES.items() for i in range(size)]


def met(policy: PartnerPolicy, clips: list[Clip], seed: int = 0) -> Counter[tuple[str, str]]:
    donors = choose_partners(clips, seed, policy, GROUPS).donors
    return Counter((c.visual_label, donors[c.clip_id].audio_label) for c in clips if c.clip_id in donors)


def test_policies_choose_the_super_class_of_the_partner_and_stay_balanced() -> None:
    other, same = met("other_super_class", CLIPS), met("same_super_class", CLIPS)
    assert other.total() == len(CLIPS)
    assert all(GROUPS[video] != GROUPS[audio] for video, audio in other)
    # 16 animals and 16 others fill each other: of Bird's 9 videos half get the 8 drums, fewer flutes and rain.
    assert [other["Bird", name] for name in ("Drum", "Flute", "Rain")] in ([5, 3, 1], [4, 4, 1], [5, 4, 0], [4, 3, 2])
    assert all(GROUPS[video] == GROUPS[audio] and video != audio for video, audio in same)
    assert same.total() == 14 + 12  # Bird has 9 of 16 animals, Drum 8 of 14: the surplus and Rain stay alone
    assert (
        choose_partners(CLIPS, 1, "same_super_class", GROUPS).donors
        != choose_partners(CLIPS, 0, "same_super_class", GROUPS).donors
    )


def test_a_super_class_that_holds_more_than_half_stays_partly_unpaired() -> None:
    clips = [c for c in CLIPS if c.visual_label in ("Bird", "Cat", "Rain")]
    pairing = choose_partners(clips, 0, "other_super_class", GROUPS)
    assert len(pairing.donors) == 4
    assert len(pairing.unpaired) == 11


def test_super_classes_are_the_roots_of_audiosets_ontology(shared: Path) -> None:
    ontology = read_ontology(shared / "audioset" / "ontology.json")
    roots = set(ontology.roots)
    rules = read_rules(DEFAULT_RULES).classes
    listed = audioset_super_classes(list(rules))
    for name, rule in rules.items():
        nodes = {ontology.resolve(root) for root in rule.roots}
        above = {top for node in nodes for top in (ontology.ancestors(node) | {node}) & roots}
        assert {listed[name]} == {ontology.name(top) for top in above}, name


@pytest.mark.parametrize("policy", ["any_other_class", "other_super_class", "same_super_class"])
def test_every_sound_is_lent_once(policy: PartnerPolicy) -> None:
    pairing = choose_partners(CLIPS, 3, policy, GROUPS)
    assert sorted(d.clip_id for d in pairing.donors.values()) == sorted(pairing.donors)
    assert len(pairing.donors) + len(pairing.unpaired) == len(CLIPS)


@pytest.mark.parametrize("policy", ["any_other_class", "other_super_class", "same_super_class"])
def test_near_synonyms_do_not_meet_if_that_is_asked(policy: PartnerPolicy) -> None:
    hands = "Human" if policy == "same_super_class" else "Hands"
    groups = {"Applause": "Human", "Clapping": hands, "Cough": "Human", "Bird": "Wild", "Fowl": "Farm", "Pig": "Farm"}
    clips = [clip(f"{label}{i}", label) for label in groups for i in range(4)]
    labels = {c.clip_id: c.audio_label for c in clips}
    close = ({"Applause", "Clapping"}, {"Bird", "Fowl"})
    is_needed = False
    for seed in range(8):
        default = choose_partners(clips, seed, policy, groups)
        avoiding = choose_partners(clips, seed, policy, groups, avoid_near_synonyms=True)
        is_needed |= any({labels[name], donor.audio_label} in close for name, donor in default.donors.items())
        assert not any({labels[name], donor.audio_label} in close for name, donor in avoiding.donors.items())
        assert len(avoiding.donors) + len(avoiding.unpaired) == len(clips)
        assert avoiding.donors == choose_partners(clips, seed, policy, groups, avoid_near_synonyms=True).donors
    assert is_needed
