"""Agreement of the annotators, and their attention."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from builder.review.store import Decision

_CATEGORIES = ("yes", "no", "unsure")


def summary(standing: Mapping[str, Mapping[str, Decision]]) -> dict[str, Any]:
    """Return counts and attention checks of each annotator, and the agreement of all.

    Cohen's kappa for two annotators, Fleiss' kappa for more, over the clips that all of them judged, with the
    three categories yes, no and unsure. Kappa is None if it is undefined: no such clip, or only one category.
    """
    annotators = {name: _of_one(decisions) for name, decisions in sorted(standing.items()) if decisions}
    return {"annotators": annotators, "agreement": _agreement({name: standing[name] for name in annotators})}


def attention_share(decisions: Mapping[str, Decision]) -> float | None:
    """Return the share of swapped clips that an annotator rejected, or None if there were none."""
    checks = [decision.decision == "no" for decision in decisions.values() if decision.is_attention_check]
    return sum(checks) / len(checks) if checks else None


def _of_one(decisions: Mapping[str, Decision]) -> dict[str, Any]:
    real = Counter(str(decision.decision) for decision in decisions.values() if not decision.is_attention_check)
    checks = [decision for decision in decisions.values() if decision.is_attention_check]
    rejected = sum(decision.decision == "no" for decision in checks)
    return {
        **{category: real[category] for category in _CATEGORIES},
        "attention_checks": len(checks),
        "attention_passed": rejected,
    }


def _agreement(standing: Mapping[str, Mapping[str, Decision]]) -> dict[str, Any] | None:
    if len(standing) < 2:
        return None
    judged = [
        {item: str(decision.decision) for item, decision in decisions.items() if not decision.is_attention_check}
        for decisions in standing.values()
    ]
    shared = sorted(set.intersection(*(set(decisions) for decisions in judged)))
    votes = [[decisions[item] for decisions in judged] for item in shared]
    return {
        "measure": "Cohen's kappa" if len(judged) == 2 else "Fleiss' kappa",
        "annotators": len(judged),
        "clips": len(shared),
        "unanimous": sum(len(set(vote)) == 1 for vote in votes),
        "kappa": _kappa(votes),
    }


def _kappa(votes: list[list[str]]) -> float | None:
    """Return the kappa of votes, shape [clips][annotators]."""
    if len({vote for votes_of_one in votes for vote in votes_of_one}) < 2:
        return None  # chance agreement is 1: kappa is 0 / 0
    import numpy as np
    from statsmodels.stats.inter_rater import cohens_kappa, fleiss_kappa

    if len(votes[0]) == 2:
        table = np.zeros((len(_CATEGORIES), len(_CATEGORIES)))
        for first, second in votes:
            table[_CATEGORIES.index(first), _CATEGORIES.index(second)] += 1
        used = sorted(set(np.nonzero(table.sum(0) + table.sum(1))[0]))
        return float(cohens_kappa(table[np.ix_(used, used)], return_results=False))
    counts = np.array([[vote.count(category) for category in _CATEGORIES] for vote in votes])
    return float(fleiss_kappa(counts[:, counts.sum(axis=0) > 0], method="fleiss"))


def format_summary(found: dict[str, Any]) -> str:
    """Return a summary as text."""
    if not found["annotators"]:
        return "Nobody has judged a clip yet."
    lines = [f"{'annotator':<24} {'yes':>5} {'no':>5} {'unsure':>7}  attention checks passed"]
    for name, of_one in found["annotators"].items():
        passed = f"{of_one['attention_passed']} of {of_one['attention_checks']}"
        lines.append(f"{name[:24]:<24} {of_one['yes']:>5} {of_one['no']:>5} {of_one['unsure']:>7}  {passed}")
    if agreement := found["agreement"]:
        kappa = "not defined" if agreement["kappa"] is None else f"{agreement['kappa']:.3f}"
        lines += [
            "",
            f"{agreement['clips']} clips judged by all {agreement['annotators']}, "
            f"{agreement['unanimous']} of them alike; {agreement['measure']} {kappa}",
        ]
    return "\n".join(lines)
