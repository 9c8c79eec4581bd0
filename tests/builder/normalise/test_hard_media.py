"""Files as cameras, discs, phones and calls make them: what is stored is held against the drawing it was made from."""

import subprocess
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from builder.manifest import ManifestRow
from builder.normalise import NormaliseClips, NormaliseSettings, second_decoder
from builder.stage import Dropped

SIZE, RATE = 96, 30
DRAWING = f"testsrc2=s=320x180:r={RATE}"
TONE = "sine=440:sample_rate=48000"
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "12", "-g", "60")

Frames = NDArray[np.float64]


def ffmpeg(*arguments: object) -> None:
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)], check=True)


def drawn(seconds: float, picture: str = DRAWING, sound: str = TONE) -> tuple[str, ...]:
    return ("-f", "lavfi", "-i", f"{picture}:d={seconds}", "-f", "lavfi", "-i", f"{sound}:d={seconds}")


def normalise(
    path: Path, start: float = 0.0, seconds: float = 10.0, size: int = SIZE
) -> tuple[ManifestRow, Frames, Frames]:
    """Return the manifest's row, the frames as RGB, and the sound, of what is stored of a segment."""
    row = ManifestRow(
        clip_id="clip",
        file=path.name,
        visual_label="a",
        audio_label="a",
        source="test",
        start_seconds=start,
        end_seconds=start + seconds,
        media=path.name,
        media_start_seconds=start,
    )
    step = NormaliseClips(path.parent / f"{path.name}-out", path.parent, NormaliseSettings(size=size))
    video, sound = step.outputs(row.clip_id)
    video.parent.mkdir(parents=True, exist_ok=True)
    done = step.process(row)
    assert sorted(video.parent.iterdir()) == sorted([video, sound]), "nothing else may be left"
    with av.open(str(video)) as container:
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    with av.open(str(sound)) as container:
        samples = np.concatenate([frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)])
    return done, frames.astype(np.float64), samples / 32768


@pytest.fixture(scope="module")
def truth() -> Frames:
    """The drawing as it should be stored: 12 s."""
    square = f"crop=min(iw\\,ih):min(iw\\,ih),scale={SIZE}:{SIZE}:flags=bicubic"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"{DRAWING}:d=12", "-vf", square]
    raw = subprocess.run([*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, SIZE, SIZE, 3).astype(np.float64)


def late_by(frames: Frames, truth: Frames, first: int) -> list[int]:
    """How many frames each of some stored frames is later than the drawing says."""
    found = []
    for number in range(0, len(frames), 15):
        near = range(max(0, first + number - 8), min(len(truth), first + number + 9))
        gaps = [np.abs(truth[index] - frames[number]).mean() for index in near]
        found.append(first + number - near[int(np.argmin(gaps))])
    return found


@pytest.mark.parametrize("suffix", ["ts", "mpg", "flv", "mkv", "mp4"])
@pytest.mark.parametrize("start", [0.0, 3.5])
def test_a_segment_begins_with_its_own_first_picture(suffix: str, start: float, tmp_path: Path, truth: Frames) -> None:
    path = tmp_path / f"clip.{suffix}"
    codec = ("-c:v", "mpeg2video", "-q:v", "2", "-g", "60") if suffix == "mpg" else X264
    ffmpeg(*drawn(8), *codec, "-c:a", "mp2" if suffix == "mpg" else "aac", path)
    _, frames, sound = normalise(path, start, 4.0)
    assert len(frames) == 4 * RATE
    # Containers begin with the sound, up to two frames before the picture.
    assert set(late_by(frames, truth, round(start * RATE))) <= {0, 1, 2}
    assert len(sound) / 16_000 == pytest.approx(4.0, abs=0.06)


def test_pixels_that_are_not_square_and_turned_pictures_come_out_as_they_are_seen(tmp_path: Path) -> None:
    box = "drawbox=x=150:y=100:w=59:h=84:color=white:t=fill,setsar=64/45"  # which makes it 84 wide
    for name, options in {"wide": (), "turned": ("-display_rotation", "90")}.items():
        path = tmp_path / f"{name}.mp4"
        ffmpeg(*drawn(2, "color=black:s=360x288:r=25"), "-vf", box, *X264, "-c:a", "aac", path)
        if options:
            turned = tmp_path / "rotated.mp4"
            subprocess.run(
                ["ffmpeg", "-v", "error", "-y", "-i", path, "-c", "copy", "-metadata:s:v", "rotate=90", turned],
                check=True,
            )
            path = turned
        row, frames, _ = normalise(path)
        white = frames[10].mean(-1) > 128
        height, width = int(white.any(1).sum()), int(white.any(0).sum())
        assert abs(height - width) <= 1
        assert height == pytest.approx(84 * SIZE / 288, abs=2)
        assert row.probe is not None
        assert {row.probe.source_width, row.probe.source_height} == {512, 288}


def test_sound_stays_in_time_when_picture_or_sound_change_inside_a_file(tmp_path: Path, truth: Frames) -> None:
    beep = "aevalsrc='0.5*sin(2*PI*440*t)*between(mod(t,2),0,0.2)':s={rate}:c={layout}"
    parts = []
    for number, (size, rate, layout) in enumerate((("320x180", 48000, "stereo"), ("640x360", 32000, "mono"))):
        parts.append(tmp_path / f"{number}.ts")
        sound = beep.format(rate=rate, layout=layout)
        ffmpeg(
            *drawn(4, f"testsrc2=s={size}:r={RATE}", sound), *X264, "-c:a", "aac",
            "-output_ts_offset", 4 * number, "-muxdelay", 0, parts[-1],
        )  # fmt: skip
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    _, frames, sound = normalise(joined, 0.0, 8.0)
    assert len(frames) >= 8 * RATE - 2
    assert len(sound) <= 8 * 16_000
    loud = np.sqrt((sound[: len(sound) // 160 * 160].reshape(-1, 160) ** 2).mean(1)) > 0.1  # 10 ms each
    begins = [
        index / 100 for index in range(1, len(loud)) if loud[index] and not loud[max(0, index - 20) : index].any()
    ]
    assert begins == pytest.approx([beat for beat in (2.0, 4.0, 6.0) if beat > 0], abs=0.03) or begins[
        1:
    ] == pytest.approx([2.0, 4.0, 6.0], abs=0.03)
    assert set(late_by(frames[4 * RATE :], truth, 0)) <= {-2, -1, 0, 1, 2}


@pytest.mark.parametrize("right", ["-1*c0", "-0.9*c0"])
def test_stereo_that_cancels_out_keeps_its_louder_channel(right: str, tmp_path: Path) -> None:
    path = tmp_path / "inverted.mkv"
    ffmpeg(*drawn(2), "-af", f"pan=stereo|FL=c0|FR={right}", *X264, "-c:a", "flac", path)
    _, _, inverted = normalise(path)
    ffmpeg(*drawn(2), "-af", "pan=stereo|FL=c0|FR=c0", *X264, "-c:a", "flac", path)
    _, _, plain = normalise(path)
    assert np.sqrt((inverted**2).mean()) == pytest.approx(np.sqrt((plain**2).mean()), rel=0.02)


def test_the_default_sound_track_is_taken_and_the_first_where_none_is(tmp_path: Path) -> None:
    for default, expected in ((1, 1200), (None, 440)):
        path = tmp_path / f"{default}.mkv"
        marks = [f"-disposition:a:{track}" for track in (0, 1)]
        values = ["default" if track == default else "0" for track in (0, 1)]
        ffmpeg(
            *drawn(2), "-f", "lavfi", "-i", "sine=1200:d=2", "-map", 0, "-map", 1, "-map", 2, *X264, "-c:a", "flac",
            *(part for pair in zip(marks, values, strict=True) for part in pair), path,
        )  # fmt: skip
        _, _, sound = normalise(path)
        assert np.abs(np.fft.rfft(sound[:16_000])).argmax() == expected


@pytest.mark.parametrize("transfer", ["arib-std-b67", "smpte2084"])
def test_high_dynamic_range_becomes_bt709_of_about_the_same_colour(transfer: str, tmp_path: Path) -> None:
    path = tmp_path / "phone.mov"
    to_hdr = f"zscale=t={transfer}:p=2020:m=2020_ncl:tin=709:pin=709:min=709:r=limited:npl=100,format=yuv420p10le"
    tags = f"log-level=error:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc"
    ffmpeg(
        *drawn(1, f"color=0xC61C1D:s=320x180:r={RATE}"), "-vf", f"format=gbrp,zscale=m=709:r=limited,{to_hdr}",
        "-c:v", "libx265", "-x265-params", tags, "-c:a", "aac", path,
    )  # fmt: skip
    _, frames, _ = normalise(path)
    assert frames[10].mean((0, 1)) == pytest.approx([198, 28, 29], abs=25)
    with av.open(str(next((tmp_path / "phone.mov-out" / "clips").rglob("*.mp4")))) as container:
        context: Any = container.streams.video[0].codec_context
        assert (context.color_trc, context.color_primaries) == (1, 1)


def test_no_combs_are_left_of_interlaced_fields(tmp_path: Path) -> None:
    path = tmp_path / "interlaced.mpg"
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=s=320x288:r=50:d=2,scroll=h=0.02,tinterlace=interleave_top", "-f", "lavfi", "-i",
        "sine=440:d=2", "-c:v", "mpeg2video", "-flags", "+ilme+ildct", "-q:v", "2", "-c:a", "mp2", path,
    )  # fmt: skip
    with av.open(str(path)) as container:
        first = next(iter(container.decode(video=0))).to_ndarray(format="gray").astype(np.float64)
    _, frames, _ = normalise(path, size=288)  # as many lines as in the source: scaling down would hide the combs
    assert combs(first) > 3 * combs(frames[10].mean(-1))


def combs(picture: Frames) -> float:
    """How much neighbouring lines differ more than lines of the same field."""
    return float((np.abs(picture[1:-1] - (picture[:-2] + picture[2:]) / 2)).mean())


@pytest.mark.parametrize(
    ("name", "reason"),
    [("short_sound", "zero_length"), ("cut_short", "truncated"), ("no_box", "undecodable")],
)
def test_what_cannot_be_used_is_dropped_with_its_reason(name: str, reason: str, tmp_path: Path) -> None:
    path, start = tmp_path / "clip.mp4", 0.0
    if name == "short_sound":
        ffmpeg(*drawn(6), "-af", "atrim=end=2", *X264, "-c:a", "aac", path)
        start = 4.0
    elif name == "no_box":
        ffmpeg(*drawn(2), *X264, "-c:a", "aac", path)
        data = bytearray(path.read_bytes())
        at = data.find(b"stbl")
        data[at - 4 : at] = (7).to_bytes(4, "big")
        path.write_bytes(data)
    else:
        path = tmp_path / "clip.mkv"
        ffmpeg(*drawn(4), *X264, "-c:a", "flac", path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(Dropped) as dropped:
        normalise(path, start)
    assert dropped.value.reason == reason
    assert str(tmp_path) not in dropped.value.detail


def test_half_of_an_ogg_file_which_states_no_length_is_a_shorter_clip(tmp_path: Path) -> None:
    path = tmp_path / "clip.ogg"
    ffmpeg(*drawn(4), "-c:v", "libtheora", "-c:a", "libvorbis", path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    row, _, _ = normalise(path)
    assert 1 < (row.video_seconds or 0) < 3


DAMAGED = {
    "h264.mp4": [*X264, "-c:a", "aac"],
    "vp8.webm": ["-c:v", "libvpx", "-b:v", "800k", "-c:a", "libopus"],
    "mpeg4.avi": ["-c:v", "mpeg4", "-c:a", "libmp3lame"],
}


DEEP = ("-c:v", "libvpx-vp9", "-cpu-used", "8", "-deadline", "realtime", "-c:a", "libopus")


@pytest.mark.parametrize("offset", [0, 100])
@pytest.mark.parametrize(("pixels", "profile"), [("yuv420p", 0), ("yuv420p10le", 2), ("yuv444p10le", 3)])
def test_clean_vp9_of_any_depth_is_not_reported_as_damaged(
    pixels: str, profile: int, offset: int, tmp_path: Path
) -> None:
    path = tmp_path / "clip.webm"
    ffmpeg(*drawn(2), *DEEP, "-pix_fmt", pixels, "-profile:v", profile, "-output_ts_offset", offset, path)
    row, _, _ = normalise(path, 0.0, 1.5)
    assert row.probe is not None
    assert (row.probe.decoder_complaints, row.probe.first_complaint) == (0, None)


@pytest.mark.parametrize("program", ["raise SystemExit(1)", "print('not a number')", "import os; os.abort()"])
def test_a_second_decoder_that_fails_drops_no_clip(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "clip.webm"
    ffmpeg(*drawn(1), *DAMAGED["vp8.webm"], path)
    (tmp_path / "program.py").write_text(program)
    monkeypatch.setattr(second_decoder, "__file__", str(tmp_path / "program.py"))
    row, _, _ = normalise(path)
    assert row.probe is not None
    assert row.probe.decoder_complaints == 0


@pytest.mark.parametrize(("name", "offset"), [*((name, 0) for name in DAMAGED), ("vp8.webm", 100)])
def test_damage_in_the_middle_is_in_the_manifest(name: str, offset: int, tmp_path: Path) -> None:
    path = tmp_path / name
    ffmpeg(*drawn(4), *DAMAGED[name], "-output_ts_offset", offset, path)
    whole, _, _ = normalise(path, 0.0, 3.5)
    data = bytearray(path.read_bytes())
    middle = len(data) // 3
    for at in range(middle, middle + 6000, 100):
        data[at : at + 6] = b"\0\xff\0\xff\0\xff"
    path.write_bytes(data)
    damaged, _, _ = normalise(path, 0.0, 3.5)
    assert whole.probe is not None
    assert (whole.probe.decoder_complaints, whole.probe.first_complaint) == (0, None)
    assert damaged.probe is not None
    assert damaged.probe.decoder_complaints
    assert damaged.probe.first_complaint


def test_a_timeline_that_does_not_start_at_0_is_no_missing_video(tmp_path: Path) -> None:
    path = tmp_path / "recording.webm"
    ffmpeg(*drawn(3), "-c:v", "libvpx", "-c:a", "libopus", "-output_ts_offset", "100", path)
    row, _, _ = normalise(path)
    assert 2.8 < (row.video_seconds or 0) < 3.2
