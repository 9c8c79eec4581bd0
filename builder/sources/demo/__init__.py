"""Source clips for the demo: photos and audio from Debian packages, combined into 10 s clips.

Both streams of a clip are real recordings of its class, but from different occasions: the photo is animated with a
synthetic pan and zoom, short audio is repeated, and nothing is synchronous. Each clip's notes say so.
"""

from builder.sources.demo.catalogue import CATALOGUE, Catalogue, DemoClip, MediaFile, load_catalogue
from builder.sources.demo.packages import fetch_media, missing_media
from builder.sources.demo.render import render_clip

__all__ = [
    "CATALOGUE",
    "Catalogue",
    "DemoClip",
    "MediaFile",
    "fetch_media",
    "load_catalogue",
    "missing_media",
    "render_clip",
]
