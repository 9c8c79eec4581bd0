"""Tests that pass or fail by what another program left in the user's home say nothing about this project."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

LIBRARIES = """
import os
import datasets, huggingface_hub.constants, matplotlib, mlcroissant._src.core.constants as croissant, torch.hub
from mma_bench.files.cache import cache_folder
for place in (datasets.config.HF_DATASETS_CACHE, huggingface_hub.constants.HF_HOME, matplotlib.get_cachedir(),
              matplotlib.get_configdir(), croissant.CROISSANT_CACHE, torch.hub.get_dir(), cache_folder()):
    print(os.fspath(place))
"""


def test_no_library_keeps_files_in_the_home_of_the_user() -> None:
    users = Path(pwd.getpwuid(os.getuid()).pw_dir)
    assert Path.home() != users
    started = subprocess.run([sys.executable, "-c", LIBRARIES], check=True, capture_output=True, text=True)
    places = [Path(line) for line in started.stdout.splitlines()]
    assert len(places) == 7
    assert [place for place in places if not place.is_relative_to(Path.home())] == []
    import datasets

    assert Path(datasets.config.HF_DATASETS_CACHE).is_relative_to(Path.home())  # also where it was imported early
