"""Check that a running API serves a model: ``smoke_test.py ADDRESS MODEL_VERSION``.

It imports the standard library only, because it runs without the product.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

PATIENCE_SECONDS = 120


def ask(address: str) -> Any:
    """Return the JSON answer of an address."""
    with urlopen(address, timeout=30) as answer:  # noqa: S310 - the address is the caller's
        return json.load(answer)


def wait_until_ready(address: str) -> None:
    """Wait until the API has a published generation."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            ask(f"{address}/ready")
        except HTTPError as error:
            reason = f"{error.code} {error.read().decode(errors='replace')}"
        except (URLError, OSError) as error:
            reason = str(error)
        else:
            return
        if time.monotonic() > deadline:
            sys.exit(f"{address}/ready did not answer 200 in {PATIENCE_SECONDS} s: {reason}")
        time.sleep(1)


def main() -> None:
    """Compare the served model with the expected one, and check the forecasts of a store."""
    address, model_version = sys.argv[1:]
    wait_until_ready(address)
    served = ask(f"{address}/model_info")["champion"]["model_version"]
    if served != model_version:
        sys.exit(f"{address} serves the model {served}, not {model_version}")
    store = ask(f"{address}/stores?is_forecast=true&limit=1")["rows"][0]["store_id"]
    days = ask(f"{address}/stores/{store}/forecast")["days"]
    if not days or any(day["sales_forecast"] < 0 for day in days):
        sys.exit(f"{address} forecasts nothing usable for store {store}: {days[:2]}")
    print(f"{address} serves {served}: {len(days)} days of store {store}")


if __name__ == "__main__":
    main()
