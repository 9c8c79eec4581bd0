"""Which clips pass the checks. Uses only stored answers, so thresholds can change without asking again."""

from collections.abc import Mapping

from builder.manifest import CheckResult, ManifestRow
from builder.verify.settings import CheckName
from mma_bench.files.text import one_line
from mma_bench.parsing import read_yes_no


def decide(row: ManifestRow, thresholds: Mapping[CheckName, float], verifier: str) -> ManifestRow:
    """Return ``row`` as verified, or dropped for the first check that it did not pass.

    The reason is `check_failed_{check}`, or `check_unparsed_{check}` if the model said neither yes nor no. The detail
    quotes the answer to every check that was not passed.
    """
    checks = [_judged(check, thresholds) for check in row.checks]
    judged = row.changed(checks=checks, verifier=verifier)
    failed = [check for check in checks if not check.passed]
    if not failed:
        return judged
    first = failed[0]
    kind = "unparsed" if first.said == "unparsed" else "failed"
    return judged.drop("verify", f"check_{kind}_{first.check}", "; ".join(_in_words(check) for check in failed))


def _judged(check: CheckResult, thresholds: Mapping[CheckName, float]) -> CheckResult:
    said = read_yes_no(check.text)
    threshold = {str(name): value for name, value in thresholds.items()}.get(check.check)
    if threshold is not None and check.yes_probability is not None:
        passed = check.yes_probability >= threshold
    else:
        passed = said == "yes"
    return check.changed(said=said, passed=passed)


def _in_words(check: CheckResult) -> str:
    probability = "" if check.yes_probability is None else f", yes {check.yes_probability:.2f}"
    return f'{check.check} "{one_line(check.text, 60, hidden=" ")}"{probability}'
