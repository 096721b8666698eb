"""Which levels page people on call."""

from pathlib import Path

import pytest
import yaml

from featurewatch_kit.project import load_config
from simulator.people import People


@pytest.mark.parametrize(
    ("overlay", "pages"),
    [
        ({}, {"latency_violation": "-sp", "resource_critical": "sp", "default": "-"}),
        # Without pagers, whomever later levels tell is on call, the team too.
        (
            {"channels": {"pagerduty": {"enabled": False}}},
            {"latency_violation": "-ss", "resource_critical": "ss", "default": "-"},
        ),
        ({"channels": {"slack": {"enabled": False}}}, {"latency_violation": "--p"}),
    ],
)
def test_a_page_is_a_loud_level_for_people_on_call(
    overlay: dict, pages: dict[str, str], root: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "my.yaml"
    mine.write_text(yaml.dump(overlay))
    people = People(load_config(root, [mine]))
    short = {"slack": "s", "pagerduty": "p"}
    for policy, levels in pages.items():
        made = (
            short[people.channel(policy, f"{level}")] if people.pages(policy, f"{level}") else "-"
            for level in range(1, len(levels) + 1)
        )
        assert "".join(made) == levels
