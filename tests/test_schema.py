"""Records are copied with changes only to fields that they have, and only to values that those fields can hold."""

import pytest
from pydantic import ValidationError

from builder.manifest import ManifestRow
from mma_bench.schema import Question

ROW = ManifestRow(clip_id="a_0", file="a.mp4", visual_label="dog", audio_label="dog", source="folder")
QUESTION = Question(
    question_id="a/aligned/visual",
    condition="aligned",
    modality="visual",
    prompt="What is seen?",
    options=["dog", "cat"],
    answer="dog",
    distractor=None,
    answerable=True,
)


def test_a_change_keeps_all_else_and_the_record_itself() -> None:
    changed = ROW.changed(start_seconds=3, licence="CC0")
    assert (changed.start_seconds, changed.licence) == (3.0, "CC0")
    assert isinstance(changed.start_seconds, float)
    assert changed.model_dump(exclude={"start_seconds", "licence"}) == ROW.model_dump(
        exclude={"start_seconds", "licence"}
    )
    assert ROW.start_seconds == 0
    assert changed.model_fields_set == ROW.model_fields_set | {"start_seconds", "licence"}


def test_a_misspelled_field_is_an_error_and_not_lost() -> None:
    with pytest.raises(TypeError, match="ManifestRow has no field license"):
        ROW.changed(license="CC0")


@pytest.mark.parametrize("value", [{"answer": 3}, {"options": "dog"}, {"answerable": "perhaps"}])
def test_a_value_of_the_wrong_type_is_an_error(value: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        QUESTION.changed(**value)
