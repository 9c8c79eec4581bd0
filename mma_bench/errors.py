"""The one exception that a user is meant to read."""

from mma_bench.files.text import escaped

_LONGEST = 2000


class MMABenchError(Exception):
    """Something outside the program is wrong: an input, a setting, a missing package, a full disk.

    The message says what is wrong, where (file, row, clip id) and what to do. Command lines print it
    as one line on standard error and exit with code 2.

    The message is made one line here, whatever it quotes: pydantic, Arrow and ffmpeg write several, and a name from a
    dataset can hold characters that move a terminal's cursor.
    """

    def __init__(self, message: object = "") -> None:
        text = " ".join(line.strip() for line in str(message).splitlines() if line.strip()).replace("\t", " ")
        if len(text) > _LONGEST:
            text = f"{text[: _LONGEST - 400]} ... {text[-380:]}"
        super().__init__(escaped(text))
