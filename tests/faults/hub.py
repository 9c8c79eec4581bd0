"""Uploads that are killed: a version on the hub is absent or whole, and the same command finishes it."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.builder.publish.hub_server import TOKEN, Hub
from tests.faults.kills import KillTrial, finish, kill, prepared
from tests.faults.targets import REPOSITORY, publishing

_INITIAL = 1
"""Commits of a repository that a hub makes itself."""


def upload_trial(data: Path, kills: int, folder: Path, seed: int = 0) -> KillTrial:
    """Kill uploads of ``data`` to hubs on loopback; each is finished by the same command."""
    found = KillTrial("upload")
    with _hub() as hub:
        target = publishing(data, hub.url, TOKEN)
        prepared(target, folder / "undisturbed")
        begin = time.monotonic()
        code, said = finish(target, folder / "undisturbed")
        found.seconds = time.monotonic() - begin
        if code != 0:
            found.wrong.append(f"fails undisturbed: {said[-500:]}")
        expected = _versions(hub)
    draw = random.Random(f"{seed}/upload")
    number = 0
    while found.kills < kills and found.runs < 4 * kills and not found.wrong:
        trial = folder / f"trial{number}"
        with _hub() as hub:
            target = publishing(data, hub.url, TOKEN)
            prepared(target, trial)
            for _ in range(draw.randint(1, 3)):
                found.runs += 1
                found.kills += kill(target, trial, draw.uniform(0.1, 1.0) * found.seconds)
                if _versions(hub) not in ([], expected):
                    found.wrong.append(f"{trial.name}: after a kill the hub has half a version")
                if found.kills == kills:
                    break
            code, said = finish(target, trial)
            if code != 0 or _versions(hub) != expected:
                found.wrong.append(f"{trial.name}: is not finished by the same command: {said[-300:]}")
        number += 1
    return found


@contextmanager
def _hub() -> Iterator[Hub]:
    with Hub() as hub:
        thread = threading.Thread(target=hub.serve_forever, daemon=True)
        thread.start()
        yield hub
        hub.shutdown()
        thread.join()


def _versions(hub: Hub) -> list[dict[str, bytes]]:
    """Return the files of each version that a publisher made."""
    repository = hub.repositories.get(REPOSITORY)
    return [files for _, files, _ in repository.commits[_INITIAL:]] if repository else []
