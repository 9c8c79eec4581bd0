"""The control of a knock-out cuts other positions, and only such as the tokens that cannot look do see."""

import numpy as np
import pyarrow as pa

from mma_bench.diagnosis.parts.attention import ANSWERING, WORDS
from mma_bench.diagnosis.parts.knockout import BLOCKED, TEXT, KnockOut, _cuts
from mma_bench.diagnosis.registry import Measured, schema_of
from tests.diagnosis.models import FAMILIES, STREAMS, make_engine, subject_of


def test_the_control_is_outside_the_group_and_before_all_sources() -> None:
    subject = subject_of(make_engine(FAMILIES[0]), "Dog", "Water", STREAMS)
    case = subject.conflicts[0]
    found = case.prompt.map
    cuts = list(_cuts(case, subject))
    pairs = {(cut.source, str(cut.group)) for cut in cuts}
    assert {source for source, _ in pairs} == {ANSWERING, WORDS, TEXT}
    fewer = []
    for source, group in pairs:
        both = [cut for cut in cuts if (cut.source, cut.group) == (source, group)]
        own, control = ([cut for cut in both if cut.control == is_control] for is_control in (False, True))
        targets, drawn = own[0].targets, control[0].targets
        sources = found.media_end + np.flatnonzero(own[0].blocking.sources)
        assert not (targets & drawn).any()
        assert np.flatnonzero(drawn).max() < sources.min()
        there = int((~targets[: sources.min()]).sum())
        assert drawn.sum() == min(targets.sum(), there)
        fewer.append(drawn.sum() < targets.sum())
        assert len(own) == len(control)
        assert all(np.array_equal(cut.targets, drawn) for cut in control)
    assert any(fewer), "a group must be most of the prompt for this to show anything"
    assert not all(fewer)


def test_the_numbers_say_how_many_positions_are_cut() -> None:
    row = {"question_id": "q", "key": "k", "clip": "c", "condition": "misaligned", "variant": "standard",
           "modality": "visual", "source": TEXT, "group": "video", "first_layer": 0, "last_layer": 0,
           "right_before": 0.0, "right": 0.0, "first_token_changed": False}  # fmt: skip
    rows = [{**row, "control": control, "blocked": blocked} for control, blocked in ((False, 30), (True, 20))]
    table = pa.Table.from_pylist(rows, schema=schema_of(KnockOut))
    numbers = KnockOut().numbers(Measured({"knockout": table}, layers=1, heads=1, seed=0))
    found = {number.detail: number.value for number in numbers if number.quantity == BLOCKED}
    assert found == {f"from {TEXT}": 30, f"from {TEXT}, random control": 20}
