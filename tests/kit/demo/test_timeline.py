"""What the demo prints of a notification."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from io import StringIO

import pytest

from featurewatch_kit.demo.timeline import Timeline

PLAIN = """\
 Level:     2
 Value:     412 ms
 Threshold: 150 ms

 Look at the dashboard.
"""


@pytest.fixture
def mail() -> EmailMessage:
    """A mail as it comes over SMTP, with CRLF at the end of each line."""
    sent = EmailMessage(policy=policy.SMTP)
    sent["To"], sent["Subject"] = "team@example.com", "[FIRING] Latency"
    sent.set_content(PLAIN)
    sent.add_alternative("<p>Look</p>", subtype="html")
    return message_from_bytes(sent.as_bytes(), policy=policy.default)


def test_a_mail_is_told_without_its_carriage_returns(mail: EmailMessage) -> None:
    body = mail.get_body(("plain",))
    assert body
    assert "\r\n" in body.get_content()
    out = StringIO(newline="")
    timeline = Timeline(out)
    timeline.notification("email", mail)
    timeline.flush()
    assert "\r" not in out.getvalue()
    lines = [line.strip() for line in out.getvalue().splitlines()]
    assert lines[0].endswith("email        to team@example.com")
    assert lines[1:] == ["[FIRING] Latency", "level 2, value 412 ms, threshold 150 ms"]
