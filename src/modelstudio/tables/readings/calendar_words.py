"""Words in dates: months in some languages, weekdays, and zones by their abbreviations."""

from __future__ import annotations

from typing import Final

_MONTHS: Final = (
    ("january", "jan", "januar", "jänner", "janvier", "janv", "enero", "ene", "gennaio", "gen",
     "janeiro", "januari", "stycznia", "styczeń", "sty"),
    ("february", "feb", "februar", "février", "févr", "fév", "febrero", "febbraio", "fevereiro",
     "fev", "februari", "lutego", "luty", "lut"),
    ("march", "mar", "märz", "mär", "mars", "marzo", "março", "maart", "mrt", "mrz", "marca",
     "marzec"),
    ("april", "apr", "avril", "avr", "abril", "abr", "aprile", "kwietnia", "kwiecień", "kwi"),
    ("may", "mai", "mayo", "maggio", "mag", "maio", "mei", "maj", "maja"),
    ("june", "jun", "juni", "juin", "junio", "giugno", "giu", "junho", "czerwca", "czerwiec",
     "cze"),
    ("july", "jul", "juli", "juillet", "juil", "julio", "luglio", "lug", "julho", "lipca",
     "lipiec", "lip"),
    ("august", "aug", "août", "aoû", "agosto", "ago", "augustus", "augusti", "sierpnia",
     "sierpień", "sie"),
    ("september", "sep", "sept", "septembre", "septiembre", "settembre", "set", "setembro",
     "września", "wrzesień", "wrz"),
    ("october", "oct", "oktober", "okt", "octobre", "octubre", "ottobre", "ott", "outubro",
     "out", "października", "październik", "paź"),
    ("november", "nov", "novembre", "noviembre", "novembro", "listopada", "listopad", "lis"),
    ("december", "dec", "dezember", "dez", "décembre", "déc", "diciembre", "dic", "dicembre",
     "dezembro", "desember", "des", "grudnia", "grudzień", "gru"),
)  # fmt: skip
#: Month by its name, in lower case and without a point.
MONTHS: Final = {name: number for number, names in enumerate(_MONTHS, 1) for name in names}
#: Minutes east of Greenwich of the abbreviations that mean one zone to nearly everybody.
ZONES: Final = {
    "z": 0, "utc": 0, "gmt": 0, "wet": 0, "west": 60, "bst": 60, "cet": 60, "cest": 120,
    "mez": 60, "mesz": 120, "eet": 120, "eest": 180, "msk": 180, "jst": 540, "kst": 540,
    "aest": 600, "aedt": 660, "acst": 570, "acdt": 630, "awst": 480, "nzst": 720, "nzdt": 780,
    "est": -300, "edt": -240, "cst": -360, "cdt": -300, "mst": -420, "mdt": -360, "pst": -480,
    "pdt": -420, "akst": -540, "akdt": -480, "hst": -600,
}  # fmt: skip
