"""What the answers of a run say, as pure functions of its verdicts."""

from mma_bench.evaluation.analyses.abstention import Abstention
from mma_bench.evaluation.analyses.analysis import Analysis, analyse
from mma_bench.evaluation.analyses.baselines import Baseline
from mma_bench.evaluation.analyses.calibration import Bin, Calibration, RiskPoint
from mma_bench.evaluation.analyses.changes import Change
from mma_bench.evaluation.analyses.competence import CompetenceSplit
from mma_bench.evaluation.analyses.detection import Detection
from mma_bench.evaluation.analyses.doses import DosePoint, DoseResponse
from mma_bench.evaluation.analyses.joint import JointAccuracy
from mma_bench.evaluation.analyses.position import PositionPreference
from mma_bench.evaluation.analyses.power import Power
from mma_bench.evaluation.analyses.reliance import Reliance
from mma_bench.evaluation.analyses.sensitivity import Sensitivity, VariantScore
from mma_bench.evaluation.analyses.table import VerdictTable, verdict_table
from mma_bench.evaluation.analyses.transcripts import Transcript
from mma_bench.evaluation.statistics import Estimate

__all__ = [
    "Abstention",
    "Analysis",
    "Baseline",
    "Bin",
    "Calibration",
    "Change",
    "CompetenceSplit",
    "Detection",
    "DosePoint",
    "DoseResponse",
    "Estimate",
    "JointAccuracy",
    "PositionPreference",
    "Power",
    "Reliance",
    "RiskPoint",
    "Sensitivity",
    "Transcript",
    "VariantScore",
    "VerdictTable",
    "analyse",
    "verdict_table",
]
