"""Render the list of tables in ``warehouse/README.md`` from the contract.

Run ``python -m documentation.tables`` after a change of ``contract.yaml``; a test fails
while the page and the contract differ.
"""

from __future__ import annotations

from rossmann_ml.base.settings import PROJECT_DIR
from rossmann_ml.publish.vintages import ARCHIVED_TABLE
from rossmann_ml.serving.contract import QUANTILE_COLUMNS, Column, Contract, load_contract

README_PATH = PROJECT_DIR / "warehouse" / "README.md"
BEGIN = "<!-- tables: begin (rendered from rossmann_ml/serving/contract.yaml) -->"
END = "<!-- tables: end -->"


def render_tables(contract: Contract) -> str:
    """Return the tables and views as Markdown: an overview, then the columns of each table."""
    lines = ["| table | one row is |", "|---|---|"]
    grains = {each.name: each.grain for each in contract.tables}
    grains |= {each.name: each.grain for each in contract.views}
    lines += [f"| [`{name}`](#{name}) | {grain} |" for name, grain in sorted(grains.items())]
    for table in contract.tables:
        lines += ["", f"### `{table.name}`", "", table.meaning.strip(), ""]
        key = ", ".join(f"`{name}`" for name in table.key) or "none"
        order = ", ".join(f"`{name}`" for name in table.order_by)
        lines += [f"One row: {table.grain}. Key: {key}. Rows are sorted by {order}.", ""]
        if table.is_vintage:
            older = "; older ones are in `vintages/`" if table.name == ARCHIVED_TABLE else ""
            lines += [f"Holds the published origins only{older}.", ""]
        lines += ["| column | type | unit | NULL | meaning |", "|---|---|---|---|---|"]
        lines += [_row(column) for column in table.columns]
        for view in contract.views:
            if view.table == table.name:
                view_key = ", ".join(f"`{name}`" for name in view.key)
                lines += ["", f"### `{view.name}`", "", view.meaning.strip()]
                lines += ["", f"A view. One row: {view.grain}. Key: {view_key}."]
            if view.table == table.name and view.has_quantiles:
                names = ", ".join(f"`{column.name}`" for column in QUANTILE_COLUMNS)
                lines[-1] += f" Its columns are those of `{table.name}`, and {names} in EUR."
                lines += [
                    "",
                    f"`{view.name}_at([0.7, 0.95])` is a table function with quantiles of any "
                    "levels from 0.01 to 0.99: one row per row and level, with the columns "
                    f"of `{table.name}`, `quantile_level` and `quantile` (EUR).",
                ]
    return "\n".join(lines)


def _row(column: Column) -> str:
    """Return a column's row of the Markdown table."""
    null = "yes" if column.nullable else "no"
    return f"| `{column.name}` | {column.type} | {column.unit or ''} | {null} | {column.meaning} |"


def with_part(text: str, part: str, *, begin: str, end: str) -> str:
    """Return a document with the text between two marks replaced.

    Args:
        text: Document that contains both marks.
        part: New text between the marks.
        begin: Mark before the part.
        end: Mark after the part.

    Raises:
        ValueError: A mark is missing.
    """
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"the document has no part between {begin!r} and {end!r}")
    return f"{before}{begin}\n{part}\n{end}{after}"


def write_document() -> None:
    """Rewrite the list of tables in :data:`README_PATH` from the contract."""
    text = README_PATH.read_text(encoding="utf-8")
    tables = render_tables(load_contract())
    README_PATH.write_text(with_part(text, tables, begin=BEGIN, end=END), encoding="utf-8")


if __name__ == "__main__":
    write_document()
