"""Parts that pages share: colours, words, downloads, effects and changes of a plan."""

from __future__ import annotations

import csv
import io
import re
from datetime import date, timedelta

import polars as pl
import pytest
from support.dashboard_pages import drawn

from app.dashboard import theme, words
from app.dashboard.views.what_if import charts as what_if
from app.dashboard.views.what_if import effects
from app.dashboard.views.what_if.plan_changes import (
    KINDS,
    Change,
    are_promotions,
    from_text,
    to_text,
)
from app.spreadsheets import csv_text
from rossmann_ml.serving.what_if import PlanChange

WHITE, DARK = "#FFFFFF", "#171614"


# Colours


def parts_of(color: str) -> list[float]:
    """Return red, green and blue of a colour, 0 to 1."""
    return [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]


def luminance(color: str) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in parts_of(color)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("page", [WHITE, DARK])
@pytest.mark.parametrize("color", [*theme.LINES, theme.GREY])
def test_every_line_has_enough_contrast_on_a_white_and_on_a_dark_page(
    color: str, page: str
) -> None:
    assert contrast(color, page) >= 3


def as_seen_without(kind: str, color: str) -> list[float]:
    """Return a colour as people see it who lack one kind of cone (Viénot et al., 1999)."""
    red, green, blue = (part**2.2 for part in parts_of(color))
    if kind == "deutan":
        common = 0.29275 * red + 0.70725 * green
        seen = (common, common, -0.02234 * red + 0.02234 * green + blue)
    else:
        common = 0.10889 * red + 0.89111 * green
        seen = (common, common, 0.00447 * red - 0.00447 * green + blue)
    return [max(part, 0) ** (1 / 2.2) for part in seen]


@pytest.mark.parametrize("kind", ["deutan", "protan"])
def test_lines_are_told_apart_by_people_who_see_few_colours(kind: str) -> None:
    seen = [as_seen_without(kind, color) for color in theme.LINES]
    for number, one in enumerate(seen):
        for other in seen[number + 1 :]:
            distance = sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5
            assert distance > 0.12


def test_after_the_colours_the_dash_changes() -> None:
    styles = [theme.line_style(number) for number in range(12)]
    assert len({(style["color"], style["dash"]) for style in styles}) == 12


@pytest.mark.parametrize("color", theme.SEQUENTIAL)
def test_a_tile_can_be_read(color: str) -> None:
    red, green, blue = parts_of(color)
    # Plotly's rule for text on a heatmap
    is_dark = 0.299 * red + 0.587 * green + 0.114 * blue < 128 / 255
    assert contrast(color, WHITE if is_dark else "#444444") >= 4.5


# Words


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (words.euro(None), words.NONE),
        (words.euro(1234.4), "1,234 €"),
        (words.euro(274_187_381.3), "274.19 M€"),
        (words.signed_euro(None), words.NONE),
        (words.signed_euro(12), "+12 €"),
        (words.signed_euro(-12), "-12 €"),
        (words.percent(None), words.NONE),
        (words.signed_percent(0.0123), "+1.2%"),
        (words.signed_percent(-0.0004), "0.0%"),
        (words.signed_euro(0.4), "0 €"),
        (words.count(1, "store"), "1 store"),
        (words.count(1200, "store"), "1,200 stores"),
        (words.state_name("HB,NI"), "Bremen or Lower Saxony"),
        (words.state_name("unknown"), "unknown"),
        (words.segment("weekday", "1"), "Monday"),
        (words.segment("weekday", "holiday"), "holiday"),
        (words.segment("state", "HE"), "Hesse"),
        (words.segment("promo", "no promo"), "no promo"),
    ],
)
def test_numbers_and_names_are_written_for_planners(said: str, expected: str) -> None:
    assert said == expected


def test_a_store_is_described_with_the_facts_that_are_known() -> None:
    row = {
        "store_type": "a", "assortment": "c", "state": None, "has_promo2": True,
        "competition_distance_m": None,
    }  # fmt: skip
    assert words.store(row) == "type a · extended assortment · state unknown · second promotion"
    known = row | {"state": "BE", "has_promo2": False, "competition_distance_m": 1270.0}
    assert words.store(known).endswith("Berlin · competitor 1,270 m away")


def test_the_plan_of_a_day_is_written_in_words() -> None:
    row = {
        "is_open": False, "is_promo": True, "state_holiday": "b", "is_school_holiday": True,
        "plan_source": "assumed",
    }  # fmt: skip
    assert words.plan(row) == "closed, promotion, Easter, school holiday, assumed"


def days_ahead(letters: str) -> list[dict[str, object]]:
    """Return days from 2014-12-30 on: ``-`` not selling, ``p`` planned closed, ``P`` open."""
    return [
        {
            "target_date": date(2014, 12, 30) + timedelta(days=number),
            "is_open": letter == "P",
            "plan_source": "not_selling" if letter == "-" else "planned",
        }
        for number, letter in enumerate(letters)
    ]


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("PPpP", ""),
        ("--pPP", "Closed until Fri 02 Jan 2015, when its plan opens it. No sales are forecast for "
                  "2 days."),
        ("PP--", "Closed from Thu 01 Jan 2015 on, because its plan leaves it out. No sales are "
                 "forecast for 2 days."),
        ("P--P", "Closed from Wed 31 Dec 2014 until Fri 02 Jan 2015, because its plan leaves it "
                 "out. No sales are forecast for 2 days."),
        ("--", "No sales are forecast for 2 days: no plan opens the store."),
    ],
)  # fmt: skip
def test_a_page_says_from_when_to_when_a_store_does_not_sell(letters: str, expected: str) -> None:
    assert words.not_selling(days_ahead(letters)) == expected


# Downloads


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_a_downloaded_cell_is_never_a_formula(text: str) -> None:
    (row,) = csv.DictReader(io.StringIO(csv_text(pl.DataFrame({"name": [text]})), newline=""))
    assert row["name"] == f"'{text}"


def test_numbers_days_and_harmless_text_are_downloaded_as_they_are() -> None:
    row = {"c": "HB,NI", "a": -1.5, "b": date(2015, 8, 1), "d": None}
    assert csv_text(pl.DataFrame([row])) == 'c,a,b,d\r\n"HB,NI",-1.5,2015-08-01,\r\n'


# Changes of the plan

FIRST, LAST = date(2015, 8, 1), date(2015, 9, 11)


@pytest.mark.parametrize("kind", KINDS)
def test_an_address_holds_every_kind_of_change(kind: str) -> None:
    changes = [Change(kind, FIRST, FIRST), Change(kind, date(2015, 8, 3), LAST)]
    assert from_text(to_text(changes), first=FIRST, last=LAST) == (changes, [])


@pytest.mark.parametrize(
    "text",
    [
        "promotion",
        "promotion_2015-08-03",
        "promotion_2015-08-03_yesterday",
        "party_2015-08-03_2015-08-04",
        "promotion_2015-08-04_2015-08-03",
        "promotion_2015-07-31_2015-08-03",
        "promotion_2015-09-11_2015-09-12",
    ],
)
def test_invalid_changes_are_returned_and_the_others_kept(text: str) -> None:
    kept = Change("closed", FIRST, LAST)
    assert from_text(f"{text}~{to_text([kept])}", first=FIRST, last=LAST) == ([kept], [text])


def test_a_change_is_written_in_words_and_converted_for_the_library() -> None:
    change = Change("holiday", date(2015, 8, 3), date(2015, 8, 4))
    assert str(change) == "public holiday, closed from Mon 03 Aug to Tue 04 Aug"
    assert str(Change("open", FIRST, FIRST)) == "open on Sat 01 Aug"
    assert change.as_plan_change() == PlanChange(
        date(2015, 8, 3), date(2015, 8, 4), is_open=False, state_holiday="a"
    )


def test_promotions_are_distinguished_from_other_changes() -> None:
    promotion, closing = Change("promotion", FIRST, LAST), Change("closed", FIRST, LAST)
    assert are_promotions([promotion])
    assert not are_promotions([promotion, closing])


# Effects


def scored(*rows: tuple[int, int, bool, bool, float, float | None]) -> pl.DataFrame:
    """Store, day of August, open, promotion, forecast, stored forecast."""
    names = ("store_id", "day", "is_open", "is_promo", "sales_forecast", "stored_forecast")
    frame = pl.DataFrame([dict(zip(names, row, strict=True)) for row in rows])
    return frame.with_columns(
        target_date=pl.date(2015, 8, pl.col("day")),
        lower_80=pl.col("sales_forecast") * 0.9,
        upper_80=pl.col("sales_forecast") * 1.1,
        is_changed=pl.col("sales_forecast") != pl.col("stored_forecast").fill_null(-1),
        state_holiday=pl.lit("0"),
        is_school_holiday=pl.lit(False),
    )


def given(frame: pl.DataFrame, *, was_promo: list[bool]) -> pl.DataFrame:
    return frame.select(
        "store_id", "target_date", was_open=pl.lit(True), was_promo=pl.Series(was_promo)
    )


def test_the_uplift_of_a_promo_day_includes_the_days_around_it() -> None:
    frame = scored((1, 3, True, True, 150.0, 100.0), (1, 4, True, False, 90.0, 100.0))
    effect = effects.effect(frame, given(frame, was_promo=[False, False]), 1.5)
    assert (effect.stores, effect.as_planned, effect.changed) == (1, 300.0, 360.0)
    assert effect.difference == 60.0
    assert effect.share == pytest.approx(0.2)
    assert effect.per_promo_day == 60.0


def test_removed_promotions_are_counted_on_open_days_only() -> None:
    frame = scored(
        (1, 3, True, False, 70.0, 100.0),
        (1, 4, True, False, 80.0, 100.0),
        (2, 3, False, True, 0.0, None),
    )
    effect = effects.effect(frame, given(frame, was_promo=[True, True, False]), 1.0)
    assert (effect.promo_days_added, effect.promo_days_removed) == (0, 2)
    assert effect.per_promo_day == -25.0


def test_there_is_no_uplift_per_day_if_promotions_were_added_and_removed_or_unchanged() -> None:
    frame = scored((1, 3, True, True, 150.0, 100.0), (1, 4, True, False, 90.0, 100.0))
    assert effects.effect(frame, given(frame, was_promo=[False, True]), 1.0).per_promo_day is None
    assert effects.effect(frame, given(frame, was_promo=[True, False]), 1.0).per_promo_day is None
    nothing = scored((1, 3, False, False, 0.0, 0.0))
    assert effects.effect(nothing, given(nothing, was_promo=[False]), 1.0).share is None


def test_days_are_summed_over_stores_and_only_one_store_has_a_range() -> None:
    one = scored((1, 3, True, True, 150.0, 100.0))
    two = scored((1, 3, True, True, 150.0, 100.0), (2, 3, True, True, 50.0, None))
    assert effects.by_day(one, 1.5).row(0, named=True)["lower_80"] == pytest.approx(135.0)
    day = effects.by_day(two, 1.5).row(0, named=True)
    assert (day["as_planned"], day["changed"], day["is_changed"]) == (150.0, 300.0, True)
    assert effects.by_day(one, 1.5)["changed"].to_list() == [150.0]  # no sum
    assert day["lower_80"] is None
    assert "80% range" in drawn(what_if.scenario_chart(effects.by_day(one, 1.5)))
    assert "80% range" not in drawn(what_if.scenario_chart(effects.by_day(two, 1.5)))


def test_a_plan_is_downloaded_in_the_form_of_a_plan_file() -> None:
    frame = scored((1, 3, True, True, 150.0, 100.0))
    assert effects.plan_file(frame).write_csv() == (
        "Store,DayOfWeek,Date,Open,Promo,StateHoliday,SchoolHoliday\n1,1,2015-08-03,1,1,0,0\n"
    )


@pytest.mark.parametrize(
    "text",
    ["http://a.example", "HTTPS://a.example", "Www.a.example", "mailto:a@a.example", "ftp://a"],
)
def test_a_plain_text_holds_nothing_that_streamlit_makes_a_link_of(text: str) -> None:
    shown = re.sub(r"\\(?=[!-/:-@\[-`{-~])", "", words.plain(f"see {text}"))
    assert shown.replace("\u2060", "") == f"see {text}"
    assert not re.search(r"://|www\.|\w@", shown, re.IGNORECASE)


def test_a_plain_text_has_one_line_and_no_markdown() -> None:
    assert words.plain("# a\n\n![b](c) `d` :e:") == r"\# a \!\[b\]\(c\) \`d\` \:e\:"


def test_a_backtick_ends_no_code_and_a_parenthesis_no_link() -> None:
    assert words.code("a` ![x](http://other.example)\n\n`b") == "`a ![x](http://other.example) b`"
    assert (
        words.link("look", "http://a/b?c=d) ![x](e") == "[look](http://a/b?c=d%29%20%21%5Bx%5D%28e)"
    )


def test_no_text_becomes_the_logo_of_streamlit() -> None:
    assert ":streamlit:" not in words.plain(":streamlit: :STREAMLIT:").replace("\\", "").lower()
