"""The `assemble` stage: choose partners, streams and questions. Only graded conditions encode anything."""

from builder.assemble.plan import AssemblePlan, check_conditions, check_groups, check_label_conditions, label_inputs
from builder.assemble.settings import AssembleSettings

__all__ = [
    "AssemblePlan",
    "AssembleSettings",
    "check_conditions",
    "check_groups",
    "check_label_conditions",
    "label_inputs",
]
