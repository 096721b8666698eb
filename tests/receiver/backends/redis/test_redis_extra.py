"""The package redis is wanted by this kind of backend alone."""

import subprocess
import sys

import pytest

from featurewatch_receiver.backends.redis import RedisClient
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.errors import ConfigError
from receiver.backends.redis.servers import settings


def test_the_package_is_not_imported_before_a_redis_is_opened() -> None:
    code = "import sys, featurewatch_receiver.checks; print('redis' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_without_the_package_the_fix_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.delitem(sys.modules, "featurewatch_receiver.backends.redis_server", raising=False)
    with pytest.raises(ConfigError, match=r"pip install 'featurewatch-receiver\[redis\]'"):
        RedisClient(settings(6379), None, Deadline(1))
