"""Which media files may be opened: they are hostile until looked at."""

CONTAINERS = "mov,mp4,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,m4v,h264"
"""Formats that are opened. Playlists (hls, concat, dash) are not: they could name other files or servers."""

MAX_PIXELS = 8192 * 8192
"""Of a frame."""
