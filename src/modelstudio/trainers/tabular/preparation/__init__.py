"""The preparation that comes before every tabular engine.

Fitted on the training table, saved as JSON beside the model, applied to tables and single rows.
"""

from modelstudio.trainers.tabular.preparation.column import Feature, PreparedColumn
from modelstudio.trainers.tabular.preparation.counting import Counts
from modelstudio.trainers.tabular.preparation.preparation import Preparation

__all__ = ["Counts", "Feature", "Preparation", "PreparedColumn"]
