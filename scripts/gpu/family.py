"""One more family on this device: Phi-4-multimodal with random weights, against its own processor and `generate`.

python scripts/gpu/family.py
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.bench.figures import Figures

FAMILY = "Phi-4-multimodal"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="file for the figures")
    figures = Figures(parser.parse_args().json)
    try:
        import peft  # noqa: F401
        import torchvision  # noqa: F401
    except ImportError as error:
        figures.add(family=FAMILY, streams="-", result=f"not run: needs {error.name}")
        return 0
    from scripts.official.family_checkpoints import make
    from scripts.official.family_parity import STREAMS, compare, load

    wrong = 0
    with tempfile.TemporaryDirectory() as work:
        engine, _ = load(make(FAMILY, Path(work) / "model"))
        for kind in STREAMS:
            row = compare(FAMILY, engine, kind)
            wrong += not (row.same_ids and row.same_answers)
            figures.add(
                family=FAMILY,
                streams=kind,
                result="ran",
                device=str(engine.family.model.device),
                same_ids=row.same_ids,
                same_answers=row.same_answers,
                largest_gap_nats=row.score_gap,
            )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
