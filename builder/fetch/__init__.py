"""The `fetch` stage: make the media of each clip a local file."""
