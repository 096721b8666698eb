"""Tokens are replaced while the receiver runs."""

from collections.abc import Callable
from pathlib import Path

import pytest
from waiting import eventually

from receiver.in_process import TOKEN, Receiver
from receiver.payloads import Json, alert, payload

NEW = "battery-staple"


def post(receiver: Receiver, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    status: int = receiver.post(payload(alert()), headers=headers).status_code
    return status


def write(file: Path, text: str) -> None:
    """Replace the file as a careful tool does, in one step."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


def soon_refused(receiver: Receiver, token: str) -> bool:
    """Whether a token that held is refused within seconds: for one, it may not be looked for."""
    return eventually(lambda: post(receiver, token) == 401)


def test_a_new_token_holds_at_once_and_the_one_before_soon_no_more(
    receiver: Receiver, tmp_path: Path
) -> None:
    assert [post(receiver, TOKEN), post(receiver, NEW)] == [200, 401]
    write(tmp_path / "token", NEW)
    assert [post(receiver, NEW), post(receiver, TOKEN)] == [200, 401]


def test_a_token_that_was_replaced_is_refused_though_nobody_has_sent_the_new_one(
    receiver: Receiver, tmp_path: Path
) -> None:
    assert post(receiver, TOKEN) == 200
    write(tmp_path / "token", NEW)
    assert soon_refused(receiver, TOKEN)


def test_a_token_of_the_same_length_written_in_place_is_seen(
    receiver: Receiver, tmp_path: Path
) -> None:
    other = TOKEN[::-1]
    for token in (other, TOKEN, other):
        (tmp_path / "token").write_text(token)
        assert post(receiver, token) == 200


@pytest.mark.parametrize("text", [None, "", "two words", "\x00\xff"])
def test_without_a_good_file_the_last_good_token_holds_and_it_is_said_once(
    receiver: Receiver, tmp_path: Path, text: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "token"
    assert post(receiver, TOKEN) == 200
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    assert [post(receiver, token) for token in (NEW, TOKEN, NEW, TOKEN)] == [401, 200] * 2
    assert caplog.text.count("token file can't be used") == 1
    write(file, NEW)
    assert [post(receiver, NEW), post(receiver, TOKEN)] == [200, 401]


def test_the_old_token_holds_as_long_as_its_file_is_there(
    make_receiver: Callable[[], Receiver], settings: Json, tmp_path: Path
) -> None:
    old = tmp_path / "old-token"
    settings["receiver"]["old_token_file"] = str(old)
    receiver = make_receiver()
    write(old, TOKEN)
    write(tmp_path / "token", NEW)
    assert [post(receiver, TOKEN), post(receiver, NEW), post(receiver, "third")] == [200, 200, 401]
    old.unlink()
    assert soon_refused(receiver, TOKEN)
    assert post(receiver, NEW) == 200


def test_an_old_token_file_that_was_emptied_lets_nobody_in(
    make_receiver: Callable[[], Receiver], settings: Json, tmp_path: Path
) -> None:
    old = tmp_path / "old-token"
    settings["receiver"]["old_token_file"] = str(old)
    receiver = make_receiver()
    write(old, NEW)
    assert post(receiver, NEW) == 200
    write(old, "")
    assert soon_refused(receiver, NEW)
    assert [post(receiver, NEW), post(receiver, ""), post(receiver, TOKEN)] == [401, 401, 200]
