"""What `headwater-dbt` says of column lineage that is unknown."""

import json
from pathlib import Path

from tests.support.dbt.fake_dbt import FakeDbt, manifest


def test_headwater_dbt_says_so(tmp_path: Path) -> None:
    """Before the last line; not where column lineage is switched off."""
    scenario = "begin(); model('model.shop.orders'); say('CommandCompleted', success=True)"
    dbt = FakeDbt(tmp_path, scenario)
    document = manifest("raw", "orders")
    document["nodes"]["model.shop.orders"]["compiled_code"] = "select * from dev.main.raw, dev.main.unheard_of"
    (tmp_path / "dbt.d" / "manifest.json").write_text(json.dumps(document))
    first, *_, last = dbt.run("run").stderr.splitlines()
    assert first.startswith("headwater-dbt: column lineage of 1 of 1 model is unknown: model.shop.orders (")
    assert "4 sent" in last
    off = dbt.run("run", HEADWATER_REFINE__COLUMN_LINEAGE="false").stderr
    assert "unknown" not in off
