"""More tables, which are not among those of the target.

``DEVELOPMENT_SETS`` may be looked at while a trainer is being changed. ``UNSEEN_SETS`` are for the
question whether a change helps tables that nobody looked at: fit them when it is done, and do not
change a trainer because of one of them.
"""

from __future__ import annotations

from bench.training.r_packages import mlbench, modeldata
from bench.training.sets import TabularSet

DEVELOPMENT_SETS = (
    TabularSet("sonar", "binary", "Class", mlbench("Sonar")),
    TabularSet("attrition", "binary", "Attrition", modeldata("attrition")),
    TabularSet("cells", "binary", "class", modeldata("cells"), drop=["case"]),
    TabularSet("vehicle", "multiclass", "Class", mlbench("Vehicle")),
    TabularSet("vowel", "multiclass", "Class", mlbench("Vowel")),
    TabularSet("hpc", "multiclass", "class", modeldata("hpc_data")),
    TabularSet("sacramento", "regression", "price", modeldata("Sacramento")),
    TabularSet("concrete", "regression", "compressive_strength", modeldata("concrete")),
)

UNSEEN_SETS = (
    TabularSet("stackoverflow", "binary", "Remote", modeldata("stackoverflow")),
    TabularSet("lending_club", "binary", "Class", modeldata("lending_club")),
    TabularSet("mlc_churn", "binary", "churn", modeldata("mlc_churn")),
    TabularSet("ionosphere", "binary", "Class", mlbench("Ionosphere")),
    TabularSet("satellite", "multiclass", "classes", mlbench("Satellite")),
    TabularSet("dna", "multiclass", "Class", mlbench("DNA")),
    TabularSet("soybean", "multiclass", "Class", mlbench("Soybean")),
    TabularSet("glass", "multiclass", "Type", mlbench("Glass")),
    TabularSet("car_prices", "regression", "Price", modeldata("car_prices")),
    TabularSet("check_times", "regression", "check_time", modeldata("check_times")),
    TabularSet("boston", "regression", "medv", mlbench("BostonHousing")),
    TabularSet("penguin_mass", "regression", "body_mass_g", modeldata("penguins")),
)
