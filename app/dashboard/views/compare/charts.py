"""Draw charts that compare stores and segments: daily lines, weekly totals, a map of tiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import plotly.graph_objects as go

from app.dashboard import theme, words
from app.dashboard.shared_charts import add_band, add_line
from app.queries import Row

# Column and row of each state in a grid that keeps neighbours together and north on top. Each state
# has one tile, so that a small state is as visible as a large one.
TILES = {
    "SH": (1, 0), "MV": (2, 0),
    "HB": (0, 1), "HH": (1, 1), "BB": (3, 1), "BE": (2, 1),
    "NW": (0, 2), "NI": (1, 2), "ST": (2, 2), "SN": (3, 2),
    "RP": (0, 3), "HE": (1, 3), "TH": (2, 3),
    "SL": (0, 4), "BW": (1, 4), "BY": (2, 4),
}  # fmt: skip
_Tile = tuple[int, str, str]
"""A tile: position on the colour scale (0 is the lightest), text on it, and text of its tooltip."""


def tile_map(values: Mapping[str, float], text: Callable[[float], str]) -> go.Figure:
    """Draw a tile for each of Germany's 16 states; a darker tile means a greater value.

    A code that names two states (``HB,NI``) means stores in one of them. Its value
    is shown on the tiles of both, with an asterisk. If a state has a value of its own, its tile
    shows that value instead. The tile of a state without any value is empty.

    Args:
        values: Values by state code.
        text: Function that converts a value to the text on its tile.
    """
    by_tile = {part: (code, value) for code, value in values.items() for part in code.split(",")}
    # the value of one state is more exact than one that stores share with another
    by_tile |= {code: (code, value) for code, value in values.items() if code in TILES}
    least, most = min(values.values(), default=0.0), max(values.values(), default=0.0)
    tiles: dict[str, _Tile] = {}
    for tile, (code, value) in by_tile.items():
        share = (value - least) / (most - least) if most > least else 0.5
        shade = min(int(share * len(theme.SEQUENTIAL)), len(theme.SEQUENTIAL) - 1)
        name = f"{tile}*" if "," in code else tile
        tiles[tile] = (
            shade,
            f"<b>{name}</b><br>{text(value)}",
            f"{words.state_name(code)}: {text(value)}",
        )
    empty = {
        tile: (
            0,
            f"<b>{tile}</b><br>{words.NONE}",
            f"{words.state_name(tile)}: no stores, or no known value",
        )
        for tile in TILES.keys() - by_tile
    }
    figure = theme.figure(
        height=380,
        hovermode="closest",
        xaxis={"visible": False, "fixedrange": True, "range": [-0.55, 3.55]},
        yaxis={
            "visible": False, "fixedrange": True, "range": [4.55, -0.55],
            "scaleanchor": "x", "scaleratio": 0.8,
        },
    )  # fmt: skip
    last = len(theme.SEQUENTIAL) - 1
    scale = [[number / last, color] for number, color in enumerate(theme.SEQUENTIAL)]
    # Plotly writes white on dark tiles and dark grey on light ones
    _add_tiles(figure, tiles, colorscale=scale, zmax=last, textfont={"size": 13})
    _add_tiles(
        figure,
        empty,
        colorscale=[[0, theme.EMPTY_TILE], [1, theme.EMPTY_TILE]],
        zmax=1,
        textfont={"size": 13, "color": theme.GREY},
    )
    return figure


def _add_tiles(figure: go.Figure, tiles: Mapping[str, _Tile], **options: Any) -> None:
    cells = {place: tiles.get(tile) for tile, place in TILES.items()}
    shades, texts, hovers = (
        [
            [(cells.get((column, row)) or (None, "", ""))[part] for column in range(4)]
            for row in range(5)
        ]
        for part in range(3)
    )
    figure.add_heatmap(
        z=shades,
        text=texts,
        customdata=hovers,
        texttemplate="%{text}",
        hovertemplate="%{customdata}<extra></extra>",
        zmin=0,
        xgap=4,
        ygap=4,
        showscale=False,
        hoverongaps=False,
        **options,
    )


def store_lines(rows: Sequence[Row]) -> go.Figure:
    """Draw the daily forecasts for some stores, one line per store.

    A line has no points on closed days; it connects the open days before and after them.

    Args:
        rows: ``store_id, target_date, is_open, sales_forecast``, sorted by store and day.
    """
    figure = theme.days_figure(height=360)
    for number, (store, group) in enumerate(groupby(rows, key=itemgetter("store_id"))):
        days = [row for row in group if row["is_open"]]
        add_line(
            figure,
            number,
            [row["target_date"] for row in days],
            [row["sales_forecast"] for row in days],
            name=f"store {store}",
            hover="%{y:,.0f} €",
        )
    return figure


def week_totals(rows: Sequence[Row], label: Callable[[str], str]) -> go.Figure:
    """Draw unbiased weekly totals, one line per segment.

    Weeks with fewer than 7 forecast days have hollow markers. A segment's 80% interval is drawn if
    every week of the segment has an interval and the chart has at most four lines.

    Args:
        rows: Rows of table ``forecast_totals``, sorted by segment and week.
        label: Function that converts a segment to the text in the legend.
    """
    figure = theme.figure(
        height=380,
        yaxis={"title": {"text": "EUR a week"}, "rangemode": "tozero", "tickformat": ".3~s"},
        xaxis={"tickformat": "%d %b", "hoverformat": "week of %d %b %Y"},
    )
    segments = [(name, list(group)) for name, group in groupby(rows, key=itemgetter("segment"))]
    for number, (name, weeks) in enumerate(segments):
        starts = [row["week_start"] for row in weeks]
        if len(segments) <= len(theme.LINES) and has_range(weeks):
            add_band(
                figure,
                starts,
                [row["lower_80"] for row in weeks],
                [row["upper_80"] for row in weeks],
                color=theme.LINES[number],
                opacity=0.2,
                share="80",
            )
        mark = theme.symbol(number)
        marks = [mark if row["days"] == 7 else f"{mark}-open" for row in weeks]
        add_line(
            figure,
            number,
            starts,
            [row["sales_unbiased"] for row in weeks],
            name=label(name),
            hover="%{y:,.0f} €",
            marker={"symbol": marks, "size": 9},
        )
    return figure


def draws_ranges(rows: Sequence[Row]) -> bool:
    """Return whether the chart of `week_totals` shows ranges: few enough segments, all with bounds.

    Args:
        rows: Rows of table ``forecast_totals``.
    """
    return len({row["segment"] for row in rows}) <= len(theme.LINES) and has_range(rows)


def has_range(weeks: Sequence[Row]) -> bool:
    """Return whether the totals of all ``weeks`` have an 80% interval.

    There is no interval for a segment that had no stores when the forecast was made, and got its
    first store later, because a store's type or state changed.

    Args:
        weeks: Rows of table ``forecast_totals`` for one or more segments.
    """
    return all(row["lower_80"] is not None for row in weeks)
