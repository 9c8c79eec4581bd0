"""What the answers of a run say, as pure functions of its verdicts."""

from mma_bench.evaluation.analysis.abstention import Abstention
from mma_bench.evaluation.analysis.analysis import Analysis, analyse
from mma_bench.evaluation.analysis.baselines import Baseline
from mma_bench.evaluation.analysis.calibration import Bin, Calibration, RiskPoint
from mma_bench.evaluation.analysis.changes import Change
from mma_bench.evaluation.analysis.competence import CompetenceSplit
from mma_bench.evaluation.analysis.doses import DosePoint, DoseResponse
from mma_bench.evaluation.analysis.joint import JointAccuracy
from mma_bench.evaluation.analysis.power import Power
from mma_bench.evaluation.analysis.reliance import Reliance
from mma_bench.evaluation.analysis.sensitivity import Sensitivity, VariantScore
from mma_bench.evaluation.analysis.table import VerdictTable, verdict_table
from mma_bench.evaluation.statistics import Estimate

__all__ = [
    "Abstention",
    "Analysis",
    "Baseline",
    "Bin",
    "Calibration",
    "Change",
    "CompetenceSplit",
    "DosePoint",
    "DoseResponse",
    "Estimate",
    "JointAccuracy",
    "Power",
    "Reliance",
    "RiskPoint",
    "Sensitivity",
    "VariantScore",
    "VerdictTable",
    "analyse",
    "verdict_table",
]
