"""From a plan to sealed raw files: claims of a provider, and the board's own neutral rounds.

Knows no statistic: a window is judged later, from the committed files.
"""

from fairlead.campaign.claims import figures_as_claims, measure_claim, register, registered, submit
from fairlead.campaign.field import Calibrate, Gear, Job, Progress, Report
from fairlead.campaign.plans import (
    CampaignError,
    Target,
    find_target,
    neutral_rounds,
    targets_of,
    tokenizer_pins,
)
from fairlead.campaign.rounds import RerunPlan, measure_rerun, measure_rounds, plan_rerun
from fairlead.campaign.spending import (
    ESTIMATE_RULES,
    CampaignSpending,
    claim_spending,
    rounds_spending,
    scenario_spending,
)

__all__ = [
    "ESTIMATE_RULES",
    "Calibrate",
    "CampaignError",
    "CampaignSpending",
    "Gear",
    "Job",
    "Progress",
    "Report",
    "RerunPlan",
    "Target",
    "claim_spending",
    "figures_as_claims",
    "find_target",
    "measure_claim",
    "measure_rerun",
    "measure_rounds",
    "neutral_rounds",
    "plan_rerun",
    "register",
    "registered",
    "rounds_spending",
    "scenario_spending",
    "submit",
    "targets_of",
    "tokenizer_pins",
]
