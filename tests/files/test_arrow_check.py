"""Tables of unknown origin are checked in a process of their own."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mma_bench import MMABenchError
from mma_bench.files.arrow_check import check_tables
from tests.conftest import ROOT


def test_more_files_than_a_command_has_room_for_are_checked(tmp_path: Path) -> None:
    table, damaged = tmp_path / "a\nb - 日.parquet", tmp_path / "damaged.parquet"
    pq.write_table(pa.table({"number": [1]}), table)
    damaged.write_bytes(b"PAR1")
    many = [table] * (os.sysconf("SC_ARG_MAX") // len(str(table)) + 1)
    for files in ([damaged, *many], [table, damaged, *many]):
        with pytest.raises(MMABenchError, match=r"damaged\.parquet is not a Parquet table: "):
            check_tables(files)
    check_tables([table])


@pytest.mark.parametrize(
    ("module", "code", "message"),
    [
        ("__init__", "import os\nos.kill(os.getpid(), 9)", r"was killed \(status -9\), which .* when memory runs out"),
        ("parquet", "raise MemoryError('malloc of size 9 failed')", r"not enough memory to read it \(malloc of size 9"),
    ],
)
def test_a_lack_of_memory_is_not_a_damaged_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, code: str, message: str
) -> None:
    """The check imports a pyarrow to which happens what the system does to a process without memory."""
    path = tmp_path / "intact.parquet"
    pq.write_table(pa.table({"number": [1]}), path)
    (tmp_path / "pyarrow").mkdir()
    (tmp_path / "pyarrow" / "__init__.py").write_text("class ArrowException(Exception): ...\n")
    (tmp_path / "pyarrow" / f"{module}.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(MMABenchError, match=rf"intact\.parquet: .*{message}") as caught:
        check_tables([path])
    assert "not a Parquet table" not in str(caught.value)


def test_only_a_few_rows_with_media_are_in_memory_at_once(tmp_path: Path) -> None:
    path = tmp_path / "media.parquet"
    cell = np.random.default_rng(0).bytes(1 << 17)
    cells = [number.to_bytes(4, "little") + cell for number in range(1000)]
    # 100 rows in a group, as `datasets` writes media
    pq.write_table(pa.table({"image": cells}), path, use_dictionary=False, row_group_size=100)
    code = (
        "import sys, pyarrow\nfrom mma_bench.files.arrow_check import read_all\n"
        "assert read_all(sys.argv[1:]) == 0\nprint(pyarrow.default_memory_pool().max_memory())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "ARROW_DEFAULT_MEMORY_POOL": "system"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout.split()[-1]) < 80e6, "64 cells of 131 kB, read and unpacked, are 17 MB; all are 131 MB"
