"""Tells what a tabular model does: held-out metrics, tables that explain it, and warnings.

It knows no engine: a trainer hands over a function that predicts raw rows. ``write`` is the way in.
"""

from modelstudio.trainers.tabular.report.subject import Predictions, Subject
from modelstudio.trainers.tabular.report.writing import write

__all__ = ["Predictions", "Subject", "write"]
