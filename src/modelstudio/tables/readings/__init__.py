"""How written values become values: one rule for a whole column, kept and applied everywhere.

    Evidence    what the values of a column allow; adds up over batches and files, plain JSON
    decide      evidence of a table's columns to a Decision for each: a reading, or a question
    Reading     reads a column, or one value, by the same rule bit for bit; plain JSON
    named       the reading of a name such as ``date dd.mm.yyyy``, as shown and as users write it

Importable without a table library; those functions that read columns import PyArrow themselves.
"""

from modelstudio.tables.readings.base import (
    MARKS,
    UNFIT,
    ColumnRead,
    Reading,
    Unfit,
    is_mark,
)
from modelstudio.tables.readings.booleans import BooleanReading
from modelstudio.tables.readings.deciding import Decision, decide
from modelstudio.tables.readings.evidence import Evidence
from modelstudio.tables.readings.moments import MomentReading
from modelstudio.tables.readings.naming import UnknownReadingError, named, of_state
from modelstudio.tables.readings.numbers import NumberReading
from modelstudio.tables.readings.texts import TextReading, text_of

__all__ = [
    "MARKS",
    "UNFIT",
    "BooleanReading",
    "ColumnRead",
    "Decision",
    "Evidence",
    "MomentReading",
    "NumberReading",
    "Reading",
    "TextReading",
    "Unfit",
    "UnknownReadingError",
    "decide",
    "is_mark",
    "named",
    "of_state",
    "text_of",
]
