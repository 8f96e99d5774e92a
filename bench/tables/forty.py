"""The forty tables that fastnn's defaults were chosen on."""

import pandas as pd

from bench.tables.data import from_keel, from_r


def _date_in_parts(frame):
    date = pd.to_datetime(frame.pop("date"))
    return frame.assign(
        year=date.dt.year.astype(float), month=date.dt.month.astype(float), dow=date.dt.day_of_week.astype(str)
    )


def _common_rodents(frame):
    frame = frame[frame["taxa"] == "Rodent"]
    counts = frame["species_id"].value_counts()
    return frame[frame["species_id"].isin(counts[counts >= 200].index)]


FORTY = (
    from_keel("letter", "multiclass", "UCI letter recognition, 26 letters"),
    from_keel("optdigits", "multiclass", "UCI optical digits"),
    from_keel("satimage", "multiclass", "Statlog Landsat"),
    from_keel("texture", "multiclass", "ELENA texture, 11 textures"),
    from_keel("spambase", "binary", "UCI spambase"),
    from_keel("splice", "multiclass", "UCI splice junctions, 60 nucleotides"),
    from_keel("titanic", "binary", "3 attributes only"),
    from_keel("contraceptive", "multiclass", "UCI contraceptive method choice"),
    from_keel("german", "binary", "Statlog German credit"),
    from_keel("tic-tac-toe", "binary", "UCI endgames (complete enumeration)"),
    from_keel("mammographic", "binary", "UCI mammographic masses"),
    from_keel("australian", "binary", "Statlog Australian credit"),
    from_keel("wdbc", "binary", "UCI breast cancer Wisconsin (diagnostic)"),
    from_keel("ionosphere", "binary", "UCI ionosphere"),
    from_r("gss_wages", "stevedata", "gss_wages", "realrinc", "regression", "log(1 + real income)", log=True),
    from_r(
        "movies",
        "ggplot2movies",
        "movies",
        "rating",
        "regression",
        "IMDB rating; the votes' histogram is dropped",
        dropped="title r1 r2 r3 r4 r5 r6 r7 r8 r9 r10",
    ),
    from_r(
        "chem97",
        "mlmRev",
        "Chem97",
        "score",
        "regression",
        "A-level points",
        dropped="school student gcsecnt",
        categories="lea",
    ),
    from_r(
        "storms",
        "dplyr",
        "storms",
        "wind",
        "regression",
        "knots, from place, time and pressure; status and category are functions of wind",
        dropped="name status category tropicalstorm_force_diameter hurricane_force_diameter",
    ),
    from_r(
        "check_times",
        "modeldata",
        "check_times",
        "check_time",
        "regression",
        "log(1 + s)",
        dropped="package status",
        log=True,
    ),
    from_r("deliveries", "modeldata", "deliveries", "time_to_delivery", "regression", "minutes"),
    from_r("nox", "robustbase", "NOxEmissions", "LNOx", "regression", "log NOx in the air"),
    from_r(
        "chicago",
        "modeldata",
        "Chicago",
        "ridership",
        "regression",
        "lagged station counts, weather; date in parts",
        fix=_date_in_parts,
    ),
    from_r("gpa2", "wooldridge", "gpa2", "colgpa", "regression", "college grades", dropped="hsizesq"),
    from_r("ames", "modeldata", "ames", "Sale_Price", "regression", "house prices"),
    from_r("car_prices", "modeldata", "car_prices", "Price", "regression", "used GM cars"),
    from_r("boston", "MASS", "Boston", "medv", "regression", "has a racial attribute; for tests of regression only"),
    from_r("auto_mpg", "ISLR", "Auto", "mpg", "regression", "UCI auto mpg", dropped="name", categories="origin"),
    from_r(
        "stops_problem",
        "carData",
        "MplsStops",
        "problem",
        "binary",
        "police stop: suspicion or traffic; neighbourhoods of 84 levels",
        dropped="idNum date MDC citationIssued",
    ),
    from_r(
        "rodent_species",
        "ratdat",
        "complete",
        "species_id",
        "multiclass",
        "rodents' species from weight, foot, sex, plot",
        dropped="record_id genus species taxa",
        fix=_common_rodents,
    ),
    from_r("happiness", "wooldridge", "happiness", "vhappy", "binary", "very happy or not", dropped="happy"),
    from_r("taxi_tip", "modeldata", "taxi", "tip", "binary", "92 % yes"),
    from_r("lending_class", "modeldata", "lending_club", "Class", "binary", "5 % bad; 50 states"),
    from_r("health_insurance", "AER", "HealthInsurance", "insurance", "binary"),
    from_r("wa_churn", "modeldata", "wa_churn", "churn", "binary", "Telco churn"),
    from_r("wvs_poverty", "carData", "WVS", "poverty", "multiclass", "opinion, 3 answers"),
    from_r("mlc_churn", "modeldata", "mlc_churn", "churn", "binary", "churn of 5,000; 51 states"),
    from_r("hpc", "modeldata", "hpc_data", "class", "multiclass", "run time in 4 classes"),
    from_r(
        "kershaw_pitch",
        "Stat2Data",
        "Kershaw",
        "PitchType",
        "multiclass",
        "type of pitch",
        dropped="BatterNumber Outcome Class Result Swing Time Zone Nasty Count ABEvent Batter",
    ),
    from_r("hmda_deny", "AER", "HMDA", "deny", "binary", "12 % denied"),
    from_r("penguins", "palmerpenguins", "penguins", "species", "multiclass", "CC0"),
)
