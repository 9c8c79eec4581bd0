"""Whole media files of many formats, drawn by ffmpeg, and files that are hostile as they are."""

import subprocess
from pathlib import Path

from tests.faults.mutator import Mutant, Seed

_X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "12")
_FORMATS: dict[str, tuple[str, ...]] = {
    "plain.mp4": (*_X264, "-c:a", "aac"),
    "fragmented.mp4": (*_X264, "-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"),
    "phone.mov": (*_X264, "-c:a", "aac", "-movflags", "faststart"),
    "hevc.mp4": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error", "-c:a", "aac"),
    "browser.webm": ("-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus"),
    "matroska.mkv": (*_X264, "-c:a", "flac"),
    "old.avi": ("-c:v", "mpeg4", "-c:a", "mp3"),
    "broadcast.ts": (*_X264, "-c:a", "aac"),
    "disc.mpg": ("-c:v", "mpeg2video", "-c:a", "mp2"),
    "stream.flv": (*_X264, "-c:a", "aac"),
    "theora.ogg": ("-c:v", "libtheora", "-c:a", "libvorbis"),
    "windows.wmv": ("-c:v", "wmv2", "-c:a", "wmav2"),
}


def ffmpeg(*arguments: object) -> None:
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)], check=True)


def draw(path: Path, *how: str, seconds: float = 1, size: str = "128x96", rate: int = 12) -> None:
    """Draw a moving picture with a tone."""
    picture = ("-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}")
    sound = ("-f", "lavfi", "-i", f"sine=440:d={seconds}:sample_rate=16000")
    ffmpeg(*picture, *sound, "-pix_fmt", "yuv420p", *how, path)


def seeds(folder: Path) -> list[Seed]:
    """Draw a whole file of each format that this ffmpeg can write."""
    found = []
    for name, how in _FORMATS.items():
        path = folder / name
        try:
            draw(path, *how)
        except subprocess.CalledProcessError:
            continue  # an encoder that this build of ffmpeg lacks
        found.append(Seed(name, path.read_bytes()))
    return found


def hostile(folder: Path, canary_url: str) -> list[Mutant]:
    """Return files that are not damaged but want something: addresses to open, files to read, memory, time."""
    secret = folder / "secret.txt"
    secret.write_text("nobody may read this")
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{canary_url}/a.ts\n#EXT-X-ENDLIST\n"
    texts = {
        "playlist.mp4": playlist,
        "playlist_of_files.mp4": playlist.replace(f"{canary_url}/a.ts", secret.as_uri()),
        "key.ts": playlist.replace("#EXTINF", f'#EXT-X-KEY:METHOD=AES-128,URI="{canary_url}/key"\n#EXTINF'),
        "concat.mp4": f"ffconcat version 1.0\nfile {secret}\nfile {canary_url}/b.mp4\n",
        "session.mp4": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n"
        f"u={canary_url}\n",
        "manifest.mp4": f'<?xml version="1.0"?><MPD><BaseURL>{canary_url}/</BaseURL><Period/></MPD>',
        "picture.mkv": f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{canary_url}/c.png"/></svg>',
        "entities.mkv": '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><x>&a;</x>',
        "empty.mp4": "",
        "text.mp4": "not a video\n" * 1000,
    }
    found = [Mutant(name, text.encode(), name.partition(".")[0]) for name, text in texts.items()]
    bombs: dict[str, tuple[str, ...]] = {
        # 64 megapixels per frame from a few kilobytes, an hour of one frame per minute, a thousand frames per second
        "large.mp4": ("color=s=8192x8192:r=1:d=2", "sine=440:d=2", *_X264, "-c:a", "aac"),
        "long.mkv": ("color=s=32x32:r=1/60:d=14400", "sine=440:d=2", *_X264, "-c:a", "flac"),
        "fast.mkv": ("color=s=32x32:r=1000:d=20", "sine=440:d=20", *_X264, "-c:a", "flac"),
        "silent_hours.mkv": ("color=s=32x32:r=1:d=2", "anullsrc=r=48000:cl=7.1:d=7200", *_X264, "-c:a", "flac"),
    }
    for name, (picture, sound, *how) in bombs.items():
        path = folder / name
        ffmpeg("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, "-pix_fmt", "yuv420p", *how, path)
        found.append(Mutant(name, path.read_bytes(), name.partition(".")[0].replace("_", " ")))
        path.unlink()
    return found
