"""Coverage-guided fuzzing of the answer parser with atheris, which is installed for this alone.

    pip install atheris
    python -m tests.faults.fuzz_parser -max_total_time=600 -max_len=4000

Any option of libFuzzer can follow. It stops at the first answer that raises, takes longer than a second, gives a label
that is not an option, or is read differently when it is read again.
"""

import sys
import time

_OPTIONS = (
    ("Bird", "Dog", "Singing_bowl", "Singing", "Rain", "Glass", "Breaking", "Tools", "Scissors"),
    ("Yes", "No"),
    ("1", "10", "A", "None of the above", "Brass instrument", "Accordion (music)"),
)
_SLOWEST = 1.0


def check(text: str, number: int) -> None:
    """Parse ``text`` twice and raise AssertionError if the result cannot be right."""
    from mma_bench.parsing import parse_answer

    options = _OPTIONS[number % len(_OPTIONS)]
    begin = time.process_time()
    found = parse_answer(text, options)
    seconds = time.process_time() - begin
    assert seconds < _SLOWEST, f"{seconds:.1f} s for {len(text)} characters"
    assert found.label is None or found.label in options, found
    assert parse_answer(text, options) == found


def main() -> None:
    """Fuzz until libFuzzer's limits are reached."""
    import atheris

    with atheris.instrument_imports(include=["mma_bench.parsing"]):
        import mma_bench.parsing  # noqa: F401

    words = [word for options in _OPTIONS for word in options]
    words += [
        "not",
        "is",
        "neither",
        "nor",
        "answer:",
        "**",
        "<think>",
        "</think>",
        "\\boxed{",
        "}",
        "I",
        "hear",
        "see",
    ]

    def one_input(data: bytes) -> None:
        provider = atheris.FuzzedDataProvider(data)
        number = provider.ConsumeIntInRange(0, len(_OPTIONS) - 1)
        parts = []
        for _ in range(provider.ConsumeIntInRange(0, 12)):
            if provider.ConsumeBool():
                parts.append(words[provider.ConsumeIntInRange(0, len(words) - 1)])
            else:
                parts.append(provider.ConsumeUnicode(provider.ConsumeIntInRange(0, 40)))
        parts.append(provider.ConsumeUnicode(provider.remaining_bytes()))
        check(" ".join(parts), number)

    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
