"""What a message's runbook link opens, for whoever follows it."""

import pytest

from receiver.in_process import Receiver

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("name", "code", "answer"),
    [
        ("Latency", 200, "## Latency\n\nLook.\n"),
        ("Other", 200, "## Other\n\nNo.\n"),
        ("Late", 404, None),
        ("Runbook", 404, None),
        ("..%2Ftoken", 404, None),
    ],
)
def test_the_runbook_has_a_section_for_each_alert(
    receiver: Receiver, name: str, code: int, answer: str | None
) -> None:
    reply = receiver.client.get(f"/runbook/{name}")
    assert reply.status_code == code
    if answer:
        assert reply.content_type == "text/plain; charset=utf-8"
        assert reply.text == answer
    else:
        assert list(reply.json or {}) == ["error"]


def test_a_browser_gets_a_page(receiver: Receiver) -> None:
    reply = receiver.client.get("/runbook/Latency", headers=BROWSER)
    assert reply.status_code == 200
    assert reply.content_type == "text/html; charset=utf-8"
    assert "<h1>Latency</h1>" in reply.text
    assert '<div class="runbook"><p>Look.</p>' in reply.text
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
