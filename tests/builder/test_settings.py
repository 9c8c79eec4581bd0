"""Settings are checked before anything runs, and the error names the setting."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from builder.cli import main
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("normalise.size=503", "normalise.size: Input should be a multiple of 2"),
        ("normalize.size=504", "normalize: there is no such setting; did you mean 'normalise'?"),
        ("assemble.conditions=[algined]", "unknown condition 'algined'; did you mean 'aligned'? Known: aligned"),
        ("source.kind=flickr", "--set source.kind=flickr: source.kind: unknown value 'flickr'; known: demo, folder"),
        ("seed", "--set seed: write it as NAME=VALUE"),
        ("package.shards=12", "package.shards: Input should be a multiple of 8"),
    ],
)
@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_a_wrong_setting_stops_the_build_before_it_starts(
    override: str, message: str, dry: list[str], tmp_path: Path
) -> None:
    config = str(ROOT / "builder" / "configs" / "demo.yaml")
    arguments = ["run", "--config", config, "--work", str(tmp_path / "w"), "--out", str(tmp_path / "o")]
    result = CliRunner().invoke(main, [*arguments, "--set", override, *dry])
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())
