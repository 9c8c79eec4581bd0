"""How the videos of a dataset are encoded, as far as readers and writers must agree on it."""

KEY_FRAME_SECONDS = 0.5
X264_PARAMETERS = "scenecut=0:open-gop=0:keyint=infinite"
