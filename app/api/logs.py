"""Log of the API process: JSON lines on standard error, with the request id.

The log contains refused requests, failures and changes of generation, and never an API key, a
header or a query string. See :mod:`app.api.request_log` for the records of all requests.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

# A fixed list, so that no secret in the extra fields of a library reaches the log.
_FIELDS = ("request_id", "method", "path", "status", "milliseconds", "key_name")


class JsonLines(logging.Formatter):
    """Formatter that writes a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return time, level, logger, message and the fields of the request as JSON."""
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
    """Send all logs of this process to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
