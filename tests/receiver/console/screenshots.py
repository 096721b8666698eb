"""Takes the pictures of docs/screenshots; scripts/screenshots.sh calls it."""

import logging
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from featurewatch_receiver.access.token_files import read_tokens
from featurewatch_receiver.config.receiver import ReceiverConfig
from featurewatch_receiver.core import open_core
from featurewatch_receiver.store.migrate import migrate
from receiver.console import story
from receiver.console.serving import browser, course_server, served
from receiver.in_process import Receiver, plain_settings
from receiver.people import TOKENS

ROOT = Path(__file__).parents[3]
DESK, PHONE = {"width": 960, "height": 800}, {"width": 360, "height": 720}
#: File, page, size, colours.
SHOTS = (
    ("overview-light", "/", DESK, "light"),
    ("overview-dark", "/", DESK, "dark"),
    ("overview-phone", "/", PHONE, "dark"),
    ("details-light", f"/episodes/{story.SPIKE}", DESK, "light"),
    ("history-light", "/history", DESK, "light"),
    ("remediations-dark", "/remediations", DESK, "dark"),
    ("acknowledge-phone", f"/acts/acknowledge/{story.INCIDENT}", PHONE, "light"),
)


class Now:
    """The moment that the pictures show."""

    now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


def main(folder: Path) -> None:
    """Write every picture."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # each request is no news
    folder.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="featurewatch-"))
    with course_server() as prometheus:
        settings = plain_settings(work, "http://127.0.0.1:1")
        settings["receiver"]["prometheus_url"] = prometheus
        settings["links"]["prometheus"] = "https://prometheus.example.com"
        settings["links"]["alertmanager"] = "https://alertmanager.example.com"
        settings["receiver"]["runbook_file"] = str(ROOT / "docs/runbook.md")
        story.members(settings)
        config = ReceiverConfig.model_validate(settings)
        migrate(config.receiver.database)
        clock: Any = Now()
        receiver = Receiver(open_core(config, read_tokens(config), clock), clock)
        story.tell(receiver, clock.now)
        with served(receiver.client.application) as url, browser() as chromium:
            for name, path, size, look in SHOTS:
                context = chromium.new_context(viewport=size, color_scheme=look, timezone_id="UTC")
                _shoot(context.new_page(), url, path, folder / f"{name}.png")
                context.close()
        receiver.close()
    shutil.rmtree(work)


def _shoot(page: Any, url: str, path: str, file: Path) -> None:
    page.goto(f"{url}/sign-in")
    page.fill("#token", TOKENS["ada"])
    with page.expect_navigation():
        page.click("button")
    page.goto(url + path)
    page.screenshot(path=str(file))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
