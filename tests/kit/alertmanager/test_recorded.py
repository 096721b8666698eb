"""The model tells what Alertmanager 0.25.0, 0.33.1 and 0.35.0 told, as recorded."""

import pytest

from kit.alertmanager.differential import agreement
from kit.alertmanager.differential.record import FOLDER, read

FILES = sorted(FOLDER.glob("*.json.gz"))


@pytest.mark.parametrize("file", FILES, ids=[file.name.removesuffix(".json.gz") for file in FILES])
def test_the_model_tells_what_alertmanager_told(file):
    version = file.name.split("-")[0]
    assert not agreement.compared(read(file), version)
