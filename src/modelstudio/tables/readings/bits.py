"""The bits of a text's shape: which readings read it, and what tells one reading from another.

The shape of a text is a number of these bits. A column is known by how many of its values have
each shape: that is small, adds up over files, and is all that deciding on a reading needs.
"""

from __future__ import annotations

from typing import Final

# numbers: the notations that read it
PLAIN: Final = 1 << 0  # 1234.5
COMMA_GROUPS: Final = 1 << 1  # 1,234.5
POINT_GROUPS: Final = 1 << 2  # 1.234,5
SPACE_POINT: Final = 1 << 3  # 1 234.5 and 1'234.5
SPACE_COMMA: Final = 1 << 4  # 1 234,5
NUMBER: Final = PLAIN | COMMA_GROUPS | POINT_GROUPS | SPACE_POINT | SPACE_COMMA
POINT_DECIMAL: Final = PLAIN | COMMA_GROUPS | SPACE_POINT
COMMA_DECIMAL: Final = POINT_GROUPS | SPACE_COMMA
# numbers: what is in it
HAS_POINT: Final = 1 << 5
HAS_COMMA: Final = 1 << 6
HAS_EXPONENT: Final = 1 << 7
THREE_POINT: Final = 1 << 8  # 1.234: a thousand, or a little more than one
THREE_COMMA: Final = 1 << 9  # 1,234: the same
ENDS_IN_ZERO: Final = 1 << 10  # 1.230, which is no decimal number that a program writes short
SHORT_WHOLE: Final = 1 << 11  # up to three digits and nothing else
LONG_WHOLE: Final = 1 << 12  # four digits or more and nothing else
PADDED: Final = 1 << 13  # 007: a code
HUGE: Final = 1 << 14  # a whole number that 64 bits do not hold
INFINITE: Final = 1 << 15
PERCENT: Final = 1 << 16
PRECISE: Final = 1 << 22  # a whole number beyond 2**53, which a float would round
ADDRESS: Final = 1 << 23  # 192.168.100.200

FIRST_BOOLEAN: Final = 24  # two bits for each of at most 24 pairs

# moments: the forms that read it
_FORM: Final = 80
YMD: Final = 1 << _FORM  # 2024-01-31
DMY: Final = 1 << (_FORM + 1)  # 31/01/2024, 31 January 2024
MDY: Final = 1 << (_FORM + 2)  # 01/31/2024, January 31, 2024
YMD2: Final = 1 << (_FORM + 3)  # 24-01-31
DMY2: Final = 1 << (_FORM + 4)  # 31/01/24
MDY2: Final = 1 << (_FORM + 5)  # 01/31/24
COMPACT: Final = 1 << (_FORM + 6)  # 20240131, 20240131T0930
COMPACT2: Final = 1 << (_FORM + 7)  # 240131
COMPACT_DMY: Final = 1 << (_FORM + 8)  # 31012024
YEAR_MONTH: Final = 1 << (_FORM + 9)  # 202401
MONTH: Final = 1 << (_FORM + 10)  # 2024-01, 01/2024, January 2024
MONTH2: Final = 1 << (_FORM + 11)  # Jan-24
QUARTER: Final = 1 << (_FORM + 12)  # 2024Q1, Q1 2024
WEEK: Final = 1 << (_FORM + 13)  # 2024-W05, 2024-W05-1
YEAR: Final = 1 << (_FORM + 14)  # 2024
CLOCK: Final = 1 << (_FORM + 15)  # 09:30
DURATION: Final = 1 << (_FORM + 16)  # 75:30, a length of time
SECONDS: Final = 1 << (_FORM + 17)  # since 1970
MILLISECONDS: Final = 1 << (_FORM + 18)
MICROSECONDS: Final = 1 << (_FORM + 19)
MOMENT: Final = (MICROSECONDS << 1) - YMD  # any of these
# moments: what is in it
TIMED: Final = 1 << 110
LATER: Final = 1 << 111  # a time of day other than midnight
ZONED: Final = 1 << 112
TOLD_APART: Final = 1 << 113  # day before month and month before day are two days
DOTTED: Final = 1 << 114  # 31.01.2024
HALVED: Final = 1 << 115  # with AM or PM
UNPADDED: Final = 1 << 116  # 1.2.13 and 1-2-13, which may as well be versions or codes
SLASHED: Final = 1 << 117

FIRST_CURRENCY: Final = 120  # one bit for each of `numbers.CURRENCIES`
