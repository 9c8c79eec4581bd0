"""Uploads that are killed: a version on the hub is absent or whole, and the same command finishes it."""

import random
import threading
import time
from pathlib import Path

from tests.builder.publish.hub_server import TOKEN, Hub
from tests.faults.kills import KillTrial, finish, kill, prepared
from tests.faults.targets import publishing


def upload_trial(data: Path, kills: int, folder: Path, seed: int = 0) -> KillTrial:
    """Kill uploads of ``data`` to a hub on loopback; each is finished by the same command."""
    found = KillTrial("upload")
    with Hub() as hub:
        thread = threading.Thread(target=hub.serve_forever, daemon=True)
        thread.start()
        target = publishing(data, hub.url, TOKEN)
        prepared(target, folder / "undisturbed")
        begin = time.monotonic()
        code, said = finish(target, folder / "undisturbed")
        found.seconds = time.monotonic() - begin
        if code != 0:
            found.wrong.append(f"fails undisturbed: {said[-500:]}")
        expected = _versions(hub, "undisturbed")
        draw = random.Random(f"{seed}/upload")
        number = 0
        while found.kills < kills and found.runs < 4 * kills and not found.wrong:
            name = f"trial{number}"
            prepared(target, folder / name)
            for _ in range(draw.randint(1, 3)):
                found.runs += 1
                found.kills += kill(target, folder / name, draw.uniform(0.1, 1.0) * found.seconds)
                if any(files != expected[-1] for files in _versions(hub, name)):
                    found.wrong.append(f"{name}: after a kill the hub has half a version")
            code, said = finish(target, folder / name)
            if code != 0 or _versions(hub, name)[-1:] != expected[-1:]:
                found.wrong.append(f"{name}: is not finished by the same command: {said[-300:]}")
            number += 1
        hub.shutdown()
        thread.join()
    return found


def _versions(hub: Hub, name: str) -> list[dict[str, bytes]]:
    """Return the files of each version that readers can see, without those that a hub adds."""
    repository = hub.repositories.get(f"my-org/{name}")
    commits = repository.commits if repository else []
    plain = [{path: content for path, content in files.items() if path != ".gitattributes"} for _, files, _ in commits]
    return [files for files in plain if files]
