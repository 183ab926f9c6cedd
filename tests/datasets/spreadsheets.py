"""Writes small spreadsheets by hand, as no library here does."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_EPOCH = dt.datetime(1899, 12, 30)  # noqa: DTZ001 - cells have no zone
_NS = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PKG = "http://schemas.openxmlformats.org/package/2006"
_STYLES = (
    f"<styleSheet {_NS}><fonts><font/></fonts><fills><fill/></fills><borders><border/></borders>"
    '<cellStyleXfs><xf/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/>'
    '<xf numFmtId="22"/></cellXfs></styleSheet>'
)


def spreadsheet(sheets: Mapping[str, Sequence[Sequence[Any]]]) -> bytes:
    """Return a file of these sheets; None is an empty cell."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        numbers = range(1, len(sheets) + 1)
        file.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{_PKG}/content-types"><Default Extension="xml" '
            'ContentType="application/xml"/><Default Extension="rels" ContentType='
            '"application/vnd.openxmlformats-package.relationships+xml"/></Types>',
        )
        file.writestr("_rels/.rels", _relations({"rId1": ("officeDocument", "xl/workbook.xml")}))
        listed = "".join(
            f'<sheet name="{escape(name)}" sheetId="{number}" r:id="rId{number}"/>'
            for number, name in zip(numbers, sheets, strict=True)
        )
        file.writestr(
            "xl/workbook.xml",
            f'<workbook {_NS} xmlns:r="{_REL}"><sheets>{listed}</sheets></workbook>',
        )
        targets = {f"rId{n}": ("worksheet", f"worksheets/sheet{n}.xml") for n in numbers}
        targets["rId99"] = ("styles", "styles.xml")
        file.writestr("xl/_rels/workbook.xml.rels", _relations(targets))
        file.writestr("xl/styles.xml", _STYLES)
        for number, rows in zip(numbers, sheets.values(), strict=True):
            file.writestr(f"xl/worksheets/sheet{number}.xml", _sheet(rows))
    return packed.getvalue()


def _relations(targets: Mapping[str, tuple[str, str]]) -> str:
    listed = "".join(
        f'<Relationship Id="{name}" Type="{_REL}/{kind}" Target="{target}"/>'
        for name, (kind, target) in targets.items()
    )
    return f'<Relationships xmlns="{_PKG}/relationships">{listed}</Relationships>'


def _sheet(rows: Sequence[Sequence[Any]]) -> str:
    made = []
    for number, row in enumerate(rows, start=1):
        cells = "".join(
            _cell(f"{chr(65 + place)}{number}", value)
            for place, value in enumerate(row)
            if value is not None
        )
        made.append(f'<row r="{number}">{cells}</row>')
    return f"<worksheet {_NS}><sheetData>{''.join(made)}</sheetData></worksheet>"


def _cell(where: str, value: Any) -> str:
    if isinstance(value, bool):
        return f'<c r="{where}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{where}"><v>{value!r}</v></c>'
    if isinstance(value, dt.date):
        is_time = isinstance(value, dt.datetime)
        moment = value if is_time else dt.datetime.combine(value, dt.time())
        days = (moment - _EPOCH) / dt.timedelta(days=1)
        return f'<c r="{where}" s="{2 if is_time else 1}"><v>{days!r}</v></c>'
    return f'<c r="{where}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
