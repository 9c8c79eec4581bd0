"""Frames of a run: types that hold, numbers that agree with scores.json, texts that survive files."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mma_bench
from mma_bench import MMABenchError
from mma_bench.evaluation import AnswerStore, Scores, rescore
from mma_bench.records import table_names
from tests.records.asked import CLASSES, NASTY, add_costs
from tests.records.conftest import COSTS, MISSING


@pytest.fixture(scope="module")
def answers(run: Path) -> pd.DataFrame:
    return mma_bench.read_run(run)


@pytest.fixture(scope="module")
def scores(run: Path) -> Scores:
    return rescore(run).scores


def test_one_row_for_each_stored_answer_with_its_question(run: Path, asked: Path, answers: pd.DataFrame) -> None:
    stored = AnswerStore(run).read()
    assert sorted(answers.answer_id) == sorted(stored)
    assert len(stored) == 8 * 6 * 2 * 3 * 2 - MISSING
    by_id = answers.set_index("answer_id")
    for key, answer in stored.items():
        row = by_id.loc[key]
        assert (row.question_id, row["repeat"]) == (answer.question_id, answer.repeat)
        assert row.text == answer.text or "\ud83d" in answer.text
    questions = mma_bench.load(asked).to_frame().set_index("question_id")
    standard = answers[answers.variant == "standard"].set_index("question_id")
    for column in ("clip_id", "visual_label", "audio_label", "answer", "distractor", "level", "condition"):
        pd.testing.assert_series_equal(standard[column], questions.loc[standard.index, column], check_categorical=False)
    heard = questions[(questions.condition == "misaligned") & (questions.modality == "audio")]
    assert heard.clip_id.tolist() == heard.audio_clip_id.tolist() != heard.video_clip_id.tolist()
    removed = questions[(questions.condition == "audio_removed") & (questions.modality == "audio")]
    assert removed.clip_id.tolist() == removed.video_clip_id.tolist()  # the clip asked about is the one that is left
    assert removed.audio_clip_id.isna().all()
    assert not removed.answerable.any()


def test_columns_have_types_that_hold_missing_values(answers: pd.DataFrame) -> None:
    types = {name: str(kind) for name, kind in answers.dtypes.items()}
    for name in ("condition", "modality", "variant", "answer", "label", "rule", "verdict", "distractor"):
        assert types[name] == "category"
    for name in ("text", "question_id", "clip_id", "finish_reason", "served_by"):
        assert types[name] == "string"
    assert {types[name] for name in ("level", "confidence", "seconds")} == {"Float64"}
    assert {types[name] for name in ("input_tokens", "output_tokens")} == {"Int64"}
    assert {types[name] for name in ("headline", "answerable", "correct", "distracted")} == {"bool"}
    assert answers.modality.cat.categories.tolist() == ["visual", "audio"]
    assert answers.condition.cat.categories[:2].tolist() == ["aligned", "misaligned"]  # the order of the tables
    named = answers[(answers.outcome == "answered") & answers.answerable]
    assert ((named.label == named.answer) == named.correct).all()  # class columns compare: one set of categories
    assert answers.level.isna().sum() == (answers.condition != "mixed_audio").sum()


def test_option_scores_are_aligned_with_options(answers: pd.DataFrame) -> None:
    scored = answers[answers.option_scores.notna()]
    assert 0 < len(scored) < len(answers)
    long = scored.explode(["options", "option_scores", "option_tokens"])
    assert len(long) == scored.options.map(len).sum()
    given = long.option_scores.astype(float)
    assert (given.dropna() < 0).all()
    whole = scored[scored.option_scores.map(lambda values: not np.isnan(values).any())]
    assert 0 < len(whole) < len(scored)  # the others lack the score of their last option
    assert whole.confidence.notna().all()
    assert scored.drop(whole.index).confidence.isna().all()
    assert (long.groupby(level=0).option_scores.first() == -1).all()  # the first option has the first score


def test_costs_are_read_where_a_run_recorded_them(run: Path, tmp_path: Path) -> None:
    if "seconds" not in AnswerStore(run).read().popitem()[1].__slots__:
        pytest.skip("this version stores no costs")
    copy = tmp_path / "run"
    copy.mkdir()
    for file in run.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    add_costs(copy, COSTS)
    frame = mma_bench.read_run(copy).set_index("answer_id")
    first, second = (frame.loc[key] for key in list(AnswerStore(copy).read())[:2])
    assert (first.input_tokens, first.output_tokens, first.seconds) == (700, 3, 0.25)
    assert (first.finish_reason, first.served_by) == ("stop", "fp_[U+D800]")
    assert first.reasoning == "hm[U+D800]"
    assert second.output_tokens == 4
    assert second[["input_tokens", "seconds", "finish_reason", "served_by"]].isna().all()


def test_frames_say_what_scores_json_says(run: Path, answers: pd.DataFrame, scores: Scores) -> None:
    plain = json.loads(json.dumps(scores.to_json()))
    cells = scores.to_frame("cells")
    for row, cell in zip(cells.itertuples(index=False), plain["cells"], strict=True):
        for name, value in cell.items():
            found = getattr(row, name)
            assert value == (round(found, 6) if isinstance(value, float) else found), name
    headline = answers[answers.headline].groupby(["condition", "modality"], observed=True, sort=False)
    by_class = answers[answers.headline].groupby(["condition", "modality", "answer"], observed=True).correct.mean()
    macro = by_class.groupby(["condition", "modality"], observed=True).mean()
    for cell in scores.cells:
        place = cell.condition, str(cell.modality)
        assert headline.correct.mean()[place] == pytest.approx(cell.accuracy)
        assert headline.distracted.mean()[place] == pytest.approx(cell.distraction_rate)
        assert headline.size()[place] == cell.questions
        assert headline.clip_id.nunique()[place] == cell.clips
        assert macro[place] == pytest.approx(cell.macro_accuracy, abs=0.02)  # ours weighs clips of a class alike
    measures = scores.to_frame().set_index(["condition", "modality", "measure"])
    first = plain["cells"][0]
    row = measures.loc[(first["condition"], first["modality"], "macro_accuracy")]
    bounds = first["macro_accuracy"], first["macro_low"], first["macro_high"]
    assert tuple(round(row[name], 6) for name in ("value", "low", "high")) == bounds


def test_every_analysis_is_a_table_by_its_name(scores: Scores) -> None:
    plain = scores.to_json()["analysis"]
    assert set(table_names(scores)) - {"measures", "cells"} == set(plain) - {"variants"}
    for name in table_names(scores):
        frame = scores.to_frame(name)
        assert not frame.columns.has_duplicates
        if name in plain and plain[name] and len(frame) == len(plain[name]):
            for found, said in zip(frame.to_dict("records"), plain[name], strict=True):
                for key, value in said.items():
                    if isinstance(value, dict) and "value" in value and value["value"] is not None:
                        assert round(found[key], 6) == value["value"]
                        assert round(found[f"{key}_low"], 6) == value["low"]
    doses = scores.to_frame("doses")
    assert sorted(doses.point_level.unique()) == [-10, 10]
    assert set(scores.to_frame("calibration").part) == {"bins", "risk_coverage"}
    with pytest.raises(MMABenchError, match=r"no table 'relianc'; they have measures, cells, .*reliance"):
        scores.to_frame("relianc")


def test_any_text_survives_parquet_and_csv(answers: pd.DataFrame, tmp_path: Path) -> None:
    halves = {text for text in NASTY if "\ud83d" in text}
    assert set(NASTY) - halves <= set(answers.text)
    assert "half a pair: [U+D83D], and two halves the wrong way round: [U+DE00][U+D83D]" in set(answers.text)
    answers.to_parquet(tmp_path / "answers.parquet")
    back = pd.read_parquet(tmp_path / "answers.parquet")
    lists = ["options", "option_scores", "option_tokens"]
    pd.testing.assert_frame_equal(back.drop(columns=lists), answers.drop(columns=lists))
    for name in lists:
        for one, other in zip(back[name], answers[name], strict=True):
            assert (one is None and other is None) or np.array_equal(one, other, equal_nan=name != "options")
    answers.to_csv(tmp_path / "answers.csv", index=False)
    back = pd.read_csv(tmp_path / "answers.csv", keep_default_na=False, lineterminator="\n")
    assert back.text.tolist() == answers.text.tolist()
    assert back.correct.tolist() == answers.correct.tolist()


def test_an_empty_benchmark_and_a_wrong_folder(asked: Path, tmp_path: Path) -> None:
    empty = mma_bench.dataset.load.Benchmark(asked, []).to_frame()
    assert len(empty) == 0
    assert str(empty.condition.dtype) == "category"
    assert set(mma_bench.load(asked).to_frame().answer.cat.categories) == set(CLASSES)
    with pytest.raises(MMABenchError, match="is not a run"):
        mma_bench.read_run(tmp_path / "none")
