"""Build the reference pages on settings, features and the API from the code.

``docs/reference/cli.md`` has the commands, :mod:`documentation.tables` builds the page on
tables.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from fastapi.openapi.docs import get_swagger_ui_html
from pydantic import SecretStr
from pydantic_settings import BaseSettings

from app.api.settings import ApiSettings
from rossmann_ml.base import errors
from rossmann_ml.base.params import load_params
from rossmann_ml.base.settings import PROJECT_DIR, DeliverySettings, Settings
from rossmann_ml.base.variables import variable_of
from rossmann_ml.features.driver_groups import feature_groups
from rossmann_ml.features.history import history_feature_names
from rossmann_ml.features.panel import STORE_FEATURES
from rossmann_ml.features.plan import plan_feature_names

GROUP_TITLES = {
    "linear": "linear forecast",
    "level": "the store's level",
    "weekday": "weekday",
    "promo": "promotion",
    "holidays": "holidays and closings",
    "season": "season",
    "trend": "trend, recent and last year's departures",
    "competition": "competition",
}


def settings_page() -> str:
    """Return the page of environment variables with defaults, and of exit codes."""
    lines = [
        "# Settings and exit codes\n\nSettings are environment variables. Folders are below the "
        "checkout unless they begin with a slash. `params.yaml` has the parameters of data, models "
        "and forecasts.\n"
    ]
    for title, settings in (
        ("The product", Settings),
        ("Delivery of alerts", DeliverySettings),
        ("The API", ApiSettings),
    ):
        lines += [f"## {title}", "", "| variable | default | meaning |", "|---|---|---|"]
        lines += [*_setting_rows(settings), ""]
    lines += ["## Exit codes\n", "| code | when |", "|---|---|", "| `0` | The command succeeded. |"]
    kinds = {each.exit_code: each for each in errors.RossmannError.__subclasses__()}
    for code, kind in sorted({1: errors.RossmannError, **kinds}.items()):
        lines.append(f"| `{code}` | {inspect.cleandoc(kind.__doc__ or '').splitlines()[0]} |")
    lines.append("| 128 + number | A signal ended the command, for example 143 for SIGTERM (15). |")
    return "\n".join([*lines, ""])


def _setting_rows(settings: type[BaseSettings]) -> Iterator[str]:
    # griffe-pydantic documents attributes, but has no names of environment variables
    attributes = inspect.cleandoc(settings.__doc__ or "").partition("Attributes:")[2]
    meanings = dict(re.findall(r"^    (\w+): (.+(?:\n        .+)*)", attributes, re.MULTILINE))
    for name, field in settings.model_fields.items():
        default = field.get_default()
        if isinstance(default, SecretStr):
            default = default.get_secret_value()
        if field.default_factory:
            shown = "depends on the machine"
        elif default == PROJECT_DIR:
            shown = "the checkout"
        else:
            shown = "" if default in {None, ""} else f"`{default}`"
        yield f"| `{variable_of(settings, name)}` | {shown} | {' '.join(meanings[name].split())} |"


def api_page(document: dict[str, Any]) -> str:
    """Return a Swagger UI page that holds an OpenAPI document.

    Args:
        document: OpenAPI document of the API.
    """
    page = get_swagger_ui_html(
        openapi_url="",
        title=document["info"]["title"],
        swagger_js_url="swagger-ui-bundle.js",
        swagger_css_url="swagger-ui.css",
        swagger_favicon_url="data:,",
        # the page has no server that could answer
        swagger_ui_parameters={"spec": document, "supportedSubmitMethods": []},
    )
    return bytes(page.body).decode()


def features_page() -> str:
    """Return the page of features: name, meaning, source and group of drivers."""
    params = load_params(PROJECT_DIR / "params.yaml").features
    catalogue = {
        "horizon_days": ("days from the origin to the target day, from 1", "plan"),
        **{name: (meaning, "plan") for name, meaning in plan_feature_names().items()},
        **{name: (meaning, "store") for name, meaning in STORE_FEATURES.items()},
        **{name: (text, "history") for name, text in history_feature_names(params).items()},
    }
    groups = feature_groups(catalogue)
    lines = [
        "# Features\n\nA row of a panel is (forecast origin, store, target day). *Plan* features "
        "come from the plan of promotions and holidays, *history* features from sales on or before "
        "the origin. Residuals are log sales minus the linear forecast. "
        f"There are {len(catalogue)} features in `rossmann_ml.features`.\n"
    ]
    for group, title in GROUP_TITLES.items():
        lines += [
            f"## {title[0].upper()}{title[1:]}\n",
            "| feature | from | meaning |",
            "|---|---|---|",
        ]
        lines += [
            f"| `{name}` | {source} | {meaning} |"
            for name, (meaning, source) in catalogue.items()
            if groups[name] == group
        ]
        lines += [""]
    return "\n".join(lines)


def without_tracking(page: str) -> str:
    """Remove the tracking script from the page that dbt generates."""
    return re.sub(r'"//[a-z0-9]+\.cloudfront\.net/[^"]*"', '"data:,"', page)
