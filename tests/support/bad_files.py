"""Bad files as people and programs send them, each with its expected outcome.

A file is refused with a message, is landed with some rows quarantined with their reason, or is
landed because it is harmless. Rows that were landed before stay.
"""

from __future__ import annotations

import bz2
import gzip
import io
import zipfile
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from support.retailer import (
    PLAN_HEADER,
    SALES_HEADER,
    STORE_HEADER,
    STORE_LINES,
    plan_lines,
    sales_line,
    sales_lines,
    text,
)


class End(StrEnum):
    """Outcome of landing a file."""

    REFUSED = "refused"  # as a whole, with a message
    QUARANTINED = "rows quarantined"  # the others are landed
    HARMLESS = "landed"  # same content as a good file


@dataclass(frozen=True)
class BadFile:
    """One file.

    Attributes:
        what: Description of the fault.
        name: File name.
        content: Bytes of the file.
        end: Expected outcome.
        says: Texts in the message, or in the reason of the quarantined row.
    """

    what: str
    name: str
    content: bytes
    end: End
    says: tuple[str, ...] = ()


SALES, PLAN, STORES, STATES = (
    "sales_2015-06-12.csv",
    "plan_2015-06-19.csv",
    "store.csv",
    "store_states.csv",
)
GOOD = text(SALES_HEADER, sales_lines())
GOOD_PLAN = text(PLAN_HEADER, plan_lines())
GOOD_STORES = text(STORE_HEADER, STORE_LINES)
DAY = date(2015, 6, 3)
ROW = sales_line(2, DAY)
NEXT_YEAR = date.today() + timedelta(days=366)


def _instead(row: str) -> bytes:
    assert GOOD.count(ROW) == 1
    return GOOD.replace(ROW, row).encode()


def _with(**changes: object) -> bytes:
    """Return a good file in which one row of store 2 has other values."""
    return _instead(sales_line(2, DAY, **changes))  # type: ignore[arg-type]


def _zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(SALES, GOOD)
    return packed.getvalue()


def _refused(what: str, content: str | bytes, *says: str, name: str = SALES) -> BadFile:
    data = content if isinstance(content, bytes) else content.encode()
    return BadFile(what, name, data, End.REFUSED, says)


def _quarantined(what: str, content: str | bytes, *says: str, name: str = SALES) -> BadFile:
    data = content if isinstance(content, bytes) else content.encode()
    return BadFile(what, name, data, End.QUARANTINED, says)


def _harmless(what: str, content: str | bytes, name: str = SALES) -> BadFile:
    data = content if isinstance(content, bytes) else content.encode()
    return BadFile(what, name, data, End.HARMLESS)


NOT_TEXT = (
    _refused("empty", "", "the file is empty"),
    _refused("blank lines alone", "\n \n\t\n", "the file is empty"),
    _refused("UTF-16 with mark", GOOD.encode("utf-16"), "line 1", "UTF-16 text"),
    _refused("UTF-16 without mark", GOOD.encode("utf-16-le"), "a NUL byte"),
    _refused("UTF-32", GOOD.encode("utf-32"), "UTF-16 text"),
    _refused("Latin-1", GOOD.replace(",0,0\n", ",ü,0\n", 1).encode("latin-1"), "byte 0xFC"),
    _refused("Windows-1252", GOOD.replace("4203", "€4203").encode("cp1252"), "byte 0x80"),
    _refused("a NUL byte", GOOD.replace("4101", "4\x00101"), "line 35, byte 17", "NUL byte"),
    _refused("a zip archive", _zip(), "a zip archive or an Excel workbook"),
    _refused("a gzip archive", gzip.compress(GOOD.encode()), "a gzip archive"),
    _refused("half a gzip archive", gzip.compress(GOOD.encode())[:60], "a gzip archive"),
    _refused("a bzip2 archive", bz2.compress(GOOD.encode()), "expected CSV text"),
    _refused("a Parquet file", b"PAR1" + bytes(range(256)), "NUL byte"),
    _refused("a DuckDB file", bytes(8) + b"DUCK" + bytes(100), "NUL byte"),
    _refused("a PDF", "%PDF-1.7\n1 0 obj\n", "column 'Store' is missing"),
    _refused("a web page", "<!DOCTYPE html>\n<html><body>Login</body></html>\n", "is missing"),
    _refused("JSON", '[{"Store": 1, "Sales": 5}]\n', "column 'Sales' is missing"),
    _refused("a line without end", text(SALES_HEADER, ["1" * 18_000_000]), "longer than 1,048,576"),
)

HEADERS = (
    _refused("a header and no row", f"{SALES_HEADER}\n", "there is a header but no row"),
    _refused("no header", GOOD.partition("\n")[2], "column 'Store' is missing"),
    _refused("a column too few", GOOD.replace("Sales,", "", 1), "'Sales' is missing"),
    _refused("a misspelt column", GOOD.replace("Customers", "Costumers"), "'Costumers' meant?"),
    _refused("lower case", GOOD.replace(SALES_HEADER, SALES_HEADER.lower()), "'store' meant?"),
    _refused("German names", GOOD.replace("Store,", "Filiale,", 1), "Found Filiale"),
    _refused(
        "a column twice",
        text(f"{SALES_HEADER},Open", (f"{line},1" for line in sales_lines())),
        "column Open",
        "more than once",
    ),
    _refused("semicolons", GOOD.replace(",", ";"), "a semicolon (';'); expected a comma"),
    _refused("tabs", GOOD.replace(",", "\t"), "separated by a tab"),
    _refused("vertical bars", GOOD.replace(",", "|"), "separated by a vertical bar"),
    _refused("Excel's first line", "sep=;\n" + GOOD, "column 'Store' is missing"),
    _refused("a title above", "Sales of June 2015\n" + GOOD, "is missing", "line 1"),
    _refused("carriage returns alone", GOOD.replace("\n", "\r"), "carriage return alone"),
    _refused("quotes that do not pair", '"Store,DayOfWeek\n1,2\n', "header cannot be read"),
    _refused("300 columns", ",".join([SALES_HEADER, *map(str, range(300))]) + "\n1\n", "columns"),
    _refused("two marks", "\ufeff\ufeff" + GOOD, "column 'Store' is missing"),
    _harmless("a byte order mark", "\ufeff" + GOOD),
    _harmless("Windows line ends", GOOD.replace("\n", "\r\n")),
    _harmless("mixed line ends", GOOD.replace("\n", "\r\n", 9)),
    _harmless("blank lines between", GOOD.replace("\n", "\n\n")),
    _harmless("blanks around fields", GOOD.replace(",", " , ")),
    _harmless(
        "every field in quotes",
        "\n".join(",".join(f'"{field}"' for field in line.split(",")) for line in GOOD.split())
        + "\n",
    ),
    _harmless(
        "columns in another order",
        "\n".join(",".join(reversed(line.split(","))) for line in GOOD.split()) + "\n",
    ),
    _harmless("a column more", "\n".join(f"{line},x" for line in GOOD.split()) + "\n"),
    _harmless("no line end at the end", GOOD.rstrip("\n")),
)

SWAPPED = (
    _refused("stores under the name of sales", GOOD_STORES, "these are the columns of stores"),
    _refused("a plan under the name of sales", GOOD_PLAN, "these are the columns of plan"),
    _refused("sales under the name of a plan", GOOD, "these are the columns of sales", name=PLAN),
    _refused("sales under the name of stores", GOOD, "columns of sales", name=STORES),
    _refused("states under the name of stores", "Store,State\n1,HE\n", "states", name=STORES),
    _refused("stores under the name of states", GOOD_STORES, "stores", name=STATES),
)

CUT = (
    _refused("cut within a row", GOOD[: GOOD.rindex(",0,0")], "line 37: the file is cut off"),
    _refused("the last row short", GOOD[: GOOD.rindex(",0,0")] + "\n", "the file is cut off"),
    _refused("cut within quotes", GOOD.rstrip("\n") + ',"0', "the file is cut off"),
    _refused("a count of rows below", GOOD + "(36 rows)\n", "the file is cut off", "(36 rows)"),
    _refused(
        "a comma after every row",
        GOOD.replace("\n", ",\n").replace(SALES_HEADER + ",", SALES_HEADER),
        "does not have 9 fields: 36",
    ),
)

NUMBERS = (
    _quarantined("negative sales", _with(Sales=-5), "Sales", "Sales is negative"),
    _quarantined("no sales", _with(Sales=""), "Sales", "Sales is missing"),
    _quarantined("not a number", _with(Sales="NaN"), "Sales", "is not a number"),
    _quarantined("infinite", _with(Sales="inf"), "Sales", "is not a number"),
    _quarantined("beyond all numbers", _with(Sales="1e999"), "Sales", "is not a number"),
    _quarantined("a huge number", _with(Sales="9" * 40), "Sales", "is above 1,000,000,000"),
    _quarantined("hexadecimal", _with(Sales="0x10F0"), "Sales", "is not a number"),
    _quarantined("words", _with(Sales="many"), "Sales", "is not a number"),
    _quarantined("NULL in words", _with(Sales="NULL"), "Sales", "is not a number"),
    _quarantined("a currency", _with(Sales="5206 EUR"), "Sales", "is not a number"),
    _quarantined("a blank within", _with(Sales="5 206"), "Sales", "is not a number"),
    _quarantined("a point for thousands", _with(Sales="1.234.567"), "Sales", "is not a number"),
    _quarantined("a comma for thousands", _with(Sales='"5,206"'), "Sales", "is not a number"),
    _quarantined("a decimal comma", _with(Sales="5206,50"), "the line does not have 9 fields"),
    _quarantined("Arabic digits", _with(Sales="\u0665\u0662\u0660\u0666"), "is not a number"),
    _quarantined("a formula", _with(Sales="=1+1"), "Sales", "is not a number"),
    _quarantined("half a customer", _with(Customers="400.5"), "Customers", "is not a whole number"),
    _quarantined("Open is 2", _with(Open=2), "Open", "Open is neither 0 nor 1"),
    _quarantined("Open in words", _with(Open="true"), "Open", "Open is neither 0 nor 1"),
    _quarantined("Promo in words", _with(Promo="yes"), "Promo", "Promo is neither 0 nor 1"),
    _quarantined("sales on a closed day", _with(Open=0), "Sales", "Sales on a closed day"),
)

CODES = (
    _quarantined(
        "a holiday in words", _with(StateHoliday="Easter"), "StateHoliday is none of 0; a"
    ),
    _quarantined("a holiday in capitals", _with(StateHoliday="A"), "StateHoliday is none of"),
    _quarantined("a command", _with(StateHoliday="=cmd|'/C calc'!A0"), "StateHoliday is none of"),
    _quarantined("SQL", _with(StateHoliday="0'; DROP TABLE raw.sales; --"), "StateHoliday is none"),
    _quarantined("a control character", _with(StateHoliday="\x01"), "StateHoliday is none of"),
    _quarantined("a picture", _with(StateHoliday="\U0001f3c4"), "StateHoliday is none of"),
    _quarantined("no school holiday", _with(SchoolHoliday=""), "SchoolHoliday is missing"),
)

DATES = (
    _quarantined("day first", _with(Date="03.06.2015"), "Date", "is not a day written YYYY-MM-DD"),
    _quarantined("month first", _with(Date="06/03/2015"), "is not a day written YYYY-MM-DD"),
    _quarantined("without zeros", _with(Date="2015-6-3"), "is not a day written YYYY-MM-DD"),
    _quarantined("without hyphens", _with(Date="20150603"), "is not a day written YYYY-MM-DD"),
    _quarantined("with a time", _with(Date="2015-06-03 00:00:00"), "is not a day written YYYY"),
    _quarantined("a number of days", _with(Date="42158"), "is not a day written YYYY-MM-DD"),
    _quarantined("no such day", _with(Date="2015-02-30"), "is not a day written YYYY-MM-DD"),
    _quarantined("no day", _with(Date=""), "Date", "Date is missing"),
    _quarantined("the year 9999", _with(Date="9999-12-31"), "Date is outside 1990 to 2100"),
    _quarantined("the year 1", _with(Date="0001-01-01"), "Date is outside 1990 to 2100"),
    _quarantined("a year from now", _instead(sales_line(2, NEXT_YEAR)), "Date", "in the future"),
    _quarantined("the wrong weekday", _with(DayOfWeek=5), "DayOfWeek contradicts Date"),
    _quarantined("an eighth weekday", _with(DayOfWeek=8), "DayOfWeek is outside 1 to 7"),
)

ROWS = (
    _quarantined("an unknown store", _with(Store=99), "Store", "Store is not in store.csv"),
    _quarantined("store 0", _with(Store=0), "Store is below 1"),
    _quarantined("half a store", _with(Store=2.5), "Store is not a whole number"),
    _quarantined("no store", _with(Store=""), "Store is missing"),
    _quarantined(
        "a row that contradicts another",
        GOOD + sales_line(2, DAY, Sales=1) + "\n",
        "Store, Date",
        "more than once with different values",
    ),
    _quarantined("the header again", _instead(SALES_HEADER), "Store is not a whole number"),
    _quarantined("a comment", _instead("# corrected"), "the line does not have 9 fields"),
    _quarantined(
        "a quote that does not pair", _instead('"' + ROW), "the quotes of the line do not"
    ),
    _quarantined("a total below", GOOD + "Total,,,190000,,,,,\n", "Store is not a whole number"),
    _harmless("a row twice", GOOD + ROW + "\n"),
    _harmless("negative zero", GOOD.replace(",7,2015-06-07,0,", ",7,2015-06-07,-0,")),
    _harmless("whole numbers with a point", GOOD.replace(",1,0,0,0\n", ",1.0,0.0,0,0\n")),
)

OTHER_KINDS = (
    _quarantined(
        "a plan that is half open", GOOD_PLAN.replace(",1,1,0,0\n", ",3,1,0,0\n", 1),
        "Open is neither 0 nor 1", name=PLAN,
    ),
    _quarantined(
        "a store without a type", GOOD_STORES.replace("1,c,a", "1,,a"),
        "StoreType is missing", name=STORES,
    ),
    _quarantined(
        "a thirteenth month", GOOD_STORES.replace("570,11,2007", "570,13,2007"),
        "CompetitionOpenSinceMonth is outside 1 to 12", name=STORES,
    ),
    _quarantined(
        "the year 20015", GOOD_STORES.replace("570,11,2007", "570,11,20015"),
        "CompetitionOpenSinceYear is outside 1800 to 2100", name=STORES,
    ),
    _quarantined(
        "a store twice", GOOD_STORES + STORE_LINES[2].replace("3,b", "3,d") + "\n",
        "more than once with different values", name=STORES,
    ),
    _harmless("a store that is gone", text(STORE_HEADER, STORE_LINES[:2]), name=STORES),
    _quarantined(
        "a state in words", "Store,State\n1,Hessen\n2,BY\n3,BY\n",
        "State is no place such as HE", name=STATES,
    ),
)  # fmt: skip

CORPUS: tuple[BadFile, ...] = (
    *NOT_TEXT, *HEADERS, *SWAPPED, *CUT, *NUMBERS, *CODES, *DATES, *ROWS, *OTHER_KINDS,
)  # fmt: skip
