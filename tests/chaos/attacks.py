"""How often receivers are attacked, and settings that give an attack much to hit."""

import os

from receiver.payloads import Json

#: How often receivers are killed, on both databases together.
KILLS = int(os.environ.get("CHAOS_KILLS", "10"))


def let_act(settings: Json, database: str, names: list[str]) -> None:
    """One action for each alert of each extractor; there is time enough to be killed often."""
    settings["receiver"]["database"] = database
    settings["responses"] |= {"timeout": "10m", "storm": {"episodes": 100_000, "window": "5m"}}
    default = settings["targets"]["feature_extractor"]
    settings["targets"] = {name: default | {"deployment": name, "cache": name} for name in names}
