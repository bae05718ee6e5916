"""The commands that evaluate and promote models, as a person types them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support.trained_chain import Chain, add_model, rmspe_of

from rossmann_ml.base.errors import NoDataError

pytestmark = pytest.mark.integration


def rossmann(chain: Chain, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command on the chain's warehouse, with its small parameters."""
    params = chain.settings.state_path / "params.yaml"
    params.write_text(yaml.safe_dump(chain.params.model_dump(), sort_keys=False), encoding="utf-8")
    places = {
        "ROSSMANN_WAREHOUSE_DIR": chain.settings.warehouse_path,
        "ROSSMANN_STATE_DIR": chain.settings.state_path,
        "ROSSMANN_PARAMS_FILE": params,
        "ROSSMANN_THREADS": 1,
        "COLUMNS": 80,
    }
    command = Path(sys.executable).with_name("rossmann")
    return subprocess.run(
        [command, *arguments],
        env=os.environ | {name: str(value) for name, value in places.items()},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_backtest_prints_one_table_that_fits_a_terminal(chain: Chain) -> None:
    done = rossmann(chain, "backtest")
    assert done.returncode == 0, done.stderr
    table = done.stdout[done.stdout.index("origin ") :]
    assert all(
        name in table for name in ("blend", "catboost", "seasonal_naive", "2015-05-08", "all")
    )
    assert "\u2026" not in table, "a figure was cut off"
    assert rossmann(chain, "backtest", "--profile", "huge").returncode == 2


def test_a_model_card_is_printed_or_written_and_an_unknown_model_refused(
    chain: Chain, tmp_path: Path
) -> None:
    printed = rossmann(chain, "model-card")
    assert printed.returncode == 0, printed.stderr
    assert printed.stdout.startswith(f"# Model card: {chain.trained.model_version}\n")
    written = rossmann(
        chain, "model-card", chain.trained.model_version, "--output", str(tmp_path / "card.md")
    )
    assert (written.returncode, written.stdout) == (0, "")
    assert (tmp_path / "card.md").read_text(encoding="utf-8") == printed.stdout
    assert rossmann(chain, "model-card", "nonesuch").returncode == NoDataError.exit_code


def test_promote_and_rollback_say_what_serves_and_refuse_in_one_line(chain: Chain) -> None:
    promoted = rossmann(chain, "promote")
    assert promoted.returncode == 0, promoted.stderr
    assert f"{chain.trained.model_version}: serves" in promoted.stdout
    nowhere = rossmann(chain, "rollback", "model")
    assert nowhere.returncode == NoDataError.exit_code
    assert nowhere.stderr.startswith("error: there is no champion before")
    add_model(chain, "refit", rmspe=rmspe_of(chain) * 2)
    refused = rossmann(chain, "promote", "refit")
    assert refused.returncode == 2
    assert "beyond the limit" in refused.stdout
    add_model(chain, "good", rmspe=rmspe_of(chain))
    assert rossmann(chain, "promote", "good").returncode == 0
    back = rossmann(chain, "rollback", "model")
    assert f"{chain.trained.model_version} serves again" in back.stdout
