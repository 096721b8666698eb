"""A real Alertmanager and those that it tells, one for each module."""

from contextlib import ExitStack

import pytest

from alertmanager.chain import Chain
from alertmanager.people import People


@pytest.fixture(scope="module")
def chain(root, tmp_path_factory):
    """Alertmanager, Slack, PagerDuty and the mail server; gone afterwards."""
    with ExitStack() as exit_stack:
        yield Chain(root, tmp_path_factory.mktemp("messages"), exit_stack)


@pytest.fixture(scope="module")
def people(root, tmp_path_factory):
    """Alertmanager as generated, and everybody whom it tells; gone afterwards."""
    with ExitStack() as exit_stack:
        yield People(root, tmp_path_factory.mktemp("people"), exit_stack)
