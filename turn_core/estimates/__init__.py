"""Honest numbers: how much is wrong, how much is left, what reviewing brings, when to stop.

Pure numpy, so that the web process may import it. docs/quality.md gives every number its formula,
its source, and when it misleads.
"""

from turn_core.estimates.agreement import Kappa, cohen_kappa, fleiss_kappa
from turn_core.estimates.calibration import calibration_error, expected_error_gap
from turn_core.estimates.confident import ConfidentLearning, confident_learning
from turn_core.estimates.consensus import Consensus, dawid_skene
from turn_core.estimates.cuts import Cut, Outlook, StopAdvice, outlook
from turn_core.estimates.effort import EffortCurve, effort_curve, effort_saved, share_found
from turn_core.estimates.expected import MIN_DECISIONS, Forecast, Pool, forecast
from turn_core.estimates.intervals import errors_among, wilson_interval
from turn_core.estimates.joint import Joint, Pair, joint_matrix

__all__ = [
    "MIN_DECISIONS",
    "ConfidentLearning",
    "Consensus",
    "Cut",
    "EffortCurve",
    "Forecast",
    "Joint",
    "Kappa",
    "Outlook",
    "Pair",
    "Pool",
    "StopAdvice",
    "calibration_error",
    "cohen_kappa",
    "confident_learning",
    "dawid_skene",
    "effort_curve",
    "effort_saved",
    "errors_among",
    "expected_error_gap",
    "fleiss_kappa",
    "forecast",
    "joint_matrix",
    "outlook",
    "share_found",
    "wilson_interval",
]
