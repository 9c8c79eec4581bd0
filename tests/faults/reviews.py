"""A person's decisions through kills: whatever the page has confirmed is in the store."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from builder.review.store import DecisionStore
from tests.conftest import ROOT
from tests.faults.kills import KillTrial

_WRITER = """
import sys
from pathlib import Path
from builder.review.store import Decision, DecisionStore
store = DecisionStore(Path(sys.argv[1]))
store.open_alone()
for number in range(int(sys.argv[2]), 1_000_000):
    name = f"clip{number}"
    store.append(Decision(annotator="Ada", item_id=name, clip_id=name, sound_clip_id=name, decision="yes", blind=False))
    print(number, flush=True)
"""


def review_trial(kills: int, folder: Path, seed: int = 0) -> KillTrial:
    """Kill a process that stores decisions; the next one goes on after the last that is stored."""
    found = KillTrial("review")
    draw = random.Random(f"{seed}/review")
    confirmed = 0
    for _ in range(kills):
        with subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(folder), str(confirmed)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        ) as writer:
            assert writer.stdout is not None
            first = writer.stdout.readline()
            time.sleep(draw.uniform(0.0, 0.5))
            writer.send_signal(signal.SIGKILL)
            lines = [first, *writer.stdout.read().splitlines()]
        found.runs += 1
        found.kills += writer.returncode == -signal.SIGKILL
        said = 1 + max((int(line) for line in lines if line.strip()), default=confirmed - 1)
        stored = [decision.item_id for decision in DecisionStore(folder).read()]
        if len(stored) != len(set(stored)) or not said <= len(stored) <= said + 1:
            found.wrong.append(f"{said} decisions were confirmed and {len(stored)} are stored")
        confirmed = len(stored)
    return found
