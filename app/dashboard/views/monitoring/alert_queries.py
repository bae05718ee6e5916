"""What the alerts section asks: alerts that are over. Those that are open are in the status."""

from __future__ import annotations

from typing import Any

from app.published import Reading

Row = dict[str, Any]


def history(reading: Reading, most: int) -> list[Row]:
    """Alerts of the generation, the newest first."""
    return reading.rows("SELECT * FROM alerts ORDER BY raised_at DESC, alert_id LIMIT ?", [most])
