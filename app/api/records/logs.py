"""Configure the API's log, which is written to standard error as JSON lines.

The log contains failures, switches to a new generation, and once a minute the number of refused
requests. At level ``DEBUG`` it contains each of them. It never contains an API key, a query string,
or a header other than ``X-Request-ID``. :mod:`app.api.records.request_log` records requests.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

# A fixed list, so that no secret in the extra fields of a library reaches the log.
_FIELDS = ("request_id", "method", "path", "status", "milliseconds", "key_name")


class JsonLines(logging.Formatter):
    """Formatter that converts a log record to one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a log record as a line of JSON.

        The line has the time, level, logger and message. If the record has a traceback or fields
        named in ``_FIELDS``, such as the path of a request, the line has these, too.
        """
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in _FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure(level: str) -> None:
    """Send log records of this process at ``level`` or above to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
