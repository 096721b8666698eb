"""One table of acts: the API, its description, the console's forms and the audit derive from it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import featurewatch_receiver
from featurewatch_receiver.acts import ACTS
from featurewatch_receiver.acts.base import Act
from featurewatch_receiver.history.changes import BEGINS
from featurewatch_receiver.web.api import CALLS
from featurewatch_receiver.web.openapi import describe

PACKAGE = Path(featurewatch_receiver.__file__).parent
POSTS = {call.name: call for call in CALLS if call.method == "POST"}
NEW_ACT = '''
"""Thanking somebody: an act that the test adds."""

from featurewatch_receiver.acts.base import Act, SubjectKind

ACTS = (
    Act(
        name="thank",
        on=SubjectKind.EPISODE,
        verb="thank",
        summary="Thank whoever has an episode.",
        title="Say thank you",
        done="Thanked.",
        run=lambda doing: None,
        foretell=lambda core, row, form: iter(["They will be glad."]),
    ),
)
'''
LOOK = """
from featurewatch_receiver.acts import ACTS
from featurewatch_receiver.console.forms import key_of
from featurewatch_receiver.web.api import CALLS
from featurewatch_receiver.web.openapi import describe
from featurewatch_receiver.web.parameters import DeedsWithin

document = describe(CALLS)
print(document["paths"]["/episodes/{episode_id}/thank"]["post"]["summary"])
print(ACTS["thank"].title, key_of(ACTS["thank"]))
print(DeedsWithin(act=["thank"]).act)
"""


@pytest.mark.parametrize("act", ACTS.values(), ids=list(ACTS))
def test_each_act_is_a_call_with_its_body_role_and_words(act: Act) -> None:
    call = POSTS[act.name]
    assert (call.body, call.role, call.summary) == (act.body, act.role, act.summary)
    assert act.summary.endswith(".")
    assert act.title
    assert act.done.endswith(".")


def test_nothing_else_can_be_posted() -> None:
    assert POSTS.keys() == ACTS.keys()
    described = describe(CALLS)["paths"].values()
    assert sum("post" in path for path in described) == len(ACTS)


def test_what_begins_by_an_act_begins_by_one_of_the_table() -> None:
    assert BEGINS.keys() <= ACTS.keys()


def test_a_new_act_is_one_module(tmp_path: Path) -> None:
    copy = tmp_path / PACKAGE.name
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "acts" / "thank.py").write_text(NEW_ACT.lstrip(), encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    said = subprocess.run(
        [sys.executable, "-c", LOOK],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.splitlines() == [
        "Thank whoever has an episode.",
        "Say thank you episode_id",
        "['thank']",
    ]
