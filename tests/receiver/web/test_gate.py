"""Who may call what: people by token or by their proxy, and the webhook's token nowhere else."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from featurewatch_receiver.cli import main
from featurewatch_receiver.config.access_rules import UsersFile
from featurewatch_receiver.config.file import load
from featurewatch_receiver.web.api import CALLS
from receiver.api import PREFIX, WHY, Api
from receiver.in_process import AUTHORIZED, TOKEN, Receiver
from receiver.payloads import Json, alert, payload
from receiver.people import RESPONDER, VIEWER, users, write_users

UNKNOWN = {
    "error": "Authorization: is missing or wrong; send 'Bearer TOKEN'"
    " ('featurewatch-receiver token' makes one)"
}
READS = [call for call in CALLS if call.method == "GET"]
ACTS = [call for call in CALLS if call.method == "POST"]
SAID = {"X-Forwarded-User": "ada", "X-Requested-With": "console"}


def path_of(call: Any) -> str:
    """A path of the call that is about nothing."""
    for name in ("path:remediation_id", "path:lease_id", "path:extractor", "episode_id"):
        call_path = call.path.replace(f"<{name}>", "none")
        if call_path != call.path:
            return PREFIX + call_path
    return PREFIX + call.path.replace("<fingerprint>", "none")


def ask(receiver: Receiver, call: Any, headers: dict[str, str]) -> Any:
    body = WHY if call.method == "POST" else None
    return receiver.client.open(path_of(call), method=call.method, headers=headers, json=body)


STRANGERS: tuple[dict[str, str], ...] = (
    {},
    {"Authorization": "Bearer wrong"},
    {"Authorization": RESPONDER["Authorization"].removeprefix("Bearer ")},
    {"Authorization": RESPONDER["Authorization"].replace("Bearer", "Basic")},
    {"Authorization": RESPONDER["Authorization"] + "x"},
    {"Authorization": "Bearer \xe9\xff"},
    {"X-Forwarded-User": "ada"},
)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_nobody_unknown_gets_in(receiver: Receiver, call: Any) -> None:
    for headers in STRANGERS:
        reply = ask(receiver, call, headers)
        assert (reply.status_code, reply.json) == (401, UNKNOWN), headers
        assert reply.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("call", READS, ids=lambda call: call.name)
def test_a_viewer_reads_everything(receiver: Receiver, call: Any) -> None:
    assert ask(receiver, call, VIEWER).status_code in (200, 404)


@pytest.mark.parametrize("call", ACTS, ids=lambda call: call.name)
def test_a_viewer_does_nothing(receiver: Receiver, call: Any) -> None:
    reply = ask(receiver, call, VIEWER)
    expected = {"error": "role: vic is a viewer; this needs a responder"}
    assert (reply.status_code, reply.json) == (403, expected)
    assert Api(receiver).deeds() == []


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_the_token_of_deliveries_opens_nothing_else(receiver: Receiver, call: Any) -> None:
    reply = ask(receiver, call, AUTHORIZED)
    assert reply.status_code == 403
    assert reply.json["error"].startswith("Authorization: this token delivers alerts and nothing")


def test_the_token_of_deliveries_is_nobodys_even_if_the_file_says_so(
    receiver: Receiver, tmp_path: Path
) -> None:
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    entry = {"name": "eve", "role": "responder", "token_sha256": digest}
    write_users(tmp_path, [entry])
    assert ask(receiver, READS[1], AUTHORIZED).status_code == 403


@pytest.mark.parametrize("headers", [RESPONDER, VIEWER])
def test_a_person_can_not_deliver(receiver: Receiver, headers: dict[str, str]) -> None:
    assert receiver.post(payload(alert()), headers=headers).status_code == 401
    assert receiver.episodes() == []


def test_people_learn_who_they_are(receiver: Receiver) -> None:
    assert Api(receiver).read("/me") == {"name": "ada", "role": "responder"}
    assert Api(receiver, "vic").read("/me") == {"name": "vic", "role": "viewer"}


def test_answers_are_kept_nowhere(receiver: Receiver) -> None:
    for headers in (VIEWER, {}):
        reply = receiver.client.get(f"{PREFIX}/me", headers=headers)
        assert reply.headers["Cache-Control"] == "no-store"


# --- the users' file


def test_a_changed_file_counts_at_once(receiver: Receiver, tmp_path: Path) -> None:
    assert Api(receiver).get("/me")[0] == 200
    write_users(tmp_path, [user for user in users() if user["name"] == "vic"])
    assert Api(receiver).get("/me")[0] == 401
    write_users(tmp_path, [user | {"role": "viewer"} for user in users()])
    assert Api(receiver).read("/me")["role"] == "viewer"


@pytest.mark.parametrize("text", ["users: 7", "", "users:\n  - {name: ada}", None])
def test_a_broken_file_lets_nobody_in_until_it_is_fixed(
    receiver: Receiver, tmp_path: Path, text: str | None
) -> None:
    file = tmp_path / "users.yaml"
    assert Api(receiver).get("/me")[0] == 200
    file.unlink() if text is None else file.write_text(text)
    expected = {"error": "access.users_file: can't be used; see the receiver's log"}
    assert Api(receiver).get("/me") == (503, expected)
    write_users(tmp_path)
    assert Api(receiver).get("/me")[0] == 200


def test_without_people_nobody_gets_in(
    make_receiver: Callable[[], Receiver], settings: Json
) -> None:
    del settings["access"]
    assert Api(make_receiver()).get("/me") == (401, UNKNOWN)


PASTED = "a-token-that-somebody-pasted"


@pytest.mark.parametrize(
    ("entries", "fault"),
    [
        (
            [{"name": "ada", "role": "boss", "token_sha256": "0" * 64}],
            "users.0.role: must be 'viewer' or 'responder' (here: boss); write for example"
            " 'role: viewer'",
        ),
        (
            [{"name": "ada", "role": "viewer", "token_sha256": PASTED}],
            "users.0: token_sha256 is not 64 hexadecimal digits; write what"
            " 'featurewatch-receiver token' prints",
        ),
        (
            [{"name": "a,b", "role": "viewer", "token_sha256": "0" * 64}],
            "users.0: name is none; write a short text without commas",
        ),
        (
            [
                {"name": "ada", "role": "viewer", "token_sha256": "0" * 64},
                {"name": "bob", "role": "viewer", "token_sha256": "0" * 64},
            ],
            "users.1: its token is there twice; leave one of them",
        ),
    ],
)
def test_a_mistake_in_the_file_is_one_line_before_anything_starts(
    write_config: Callable[[], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    entries: list[Json],
    fault: str,
) -> None:
    file = write_config()
    write_users(tmp_path, entries)
    assert main(["serve", "--config", str(file)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.partition(": ")[2] == fault
    assert PASTED not in line


def test_the_command_makes_an_entry_that_lets_its_token_in(
    receiver: Receiver, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["token", "--name", "zoë o'neil", "--role", "responder"]) == 0
    told = capsys.readouterr()
    (tmp_path / "users.yaml").write_text(f"users:\n{told.out}")
    assert load([tmp_path / "users.yaml"], UsersFile).users[0].name == "zoë o'neil"
    token = told.err.split()[-1]
    assert token not in told.out
    reply = receiver.client.get(f"{PREFIX}/me", headers={"Authorization": f"Bearer {token}"})
    assert reply.json == {"name": "zoë o'neil", "role": "responder"}


# --- a proxy


@pytest.fixture
def proxied(make_receiver: Callable[[], Receiver], settings: Json) -> Receiver:
    """A receiver behind a proxy on this machine that signs people in."""
    settings["access"]["proxy"] = {
        "user_header": "X-Forwarded-User",
        "responders": ["ada"],
        "addresses": ["127.0.0.0/8"],
    }
    return make_receiver()


def signed_in(receiver: Receiver, name: str, address: str = "127.0.0.1") -> tuple[int, Any]:
    reply = receiver.client.get(
        f"{PREFIX}/me",
        headers={"X-Forwarded-User": name},
        environ_overrides={"REMOTE_ADDR": address},
    )
    return reply.status_code, reply.json


def test_the_proxys_people_have_the_role_that_the_configuration_gives(proxied: Receiver) -> None:
    assert signed_in(proxied, "ada") == (200, {"name": "ada", "role": "responder"})
    assert signed_in(proxied, "bob") == (200, {"name": "bob", "role": "viewer"})
    assert signed_in(proxied, "zoë".encode().decode("latin-1"))[1]["name"] == "zoë"


@pytest.mark.parametrize("address", ["10.0.0.1", "", "128.0.0.1", "::1", "unix"])
def test_the_header_counts_for_nothing_from_elsewhere(proxied: Receiver, address: str) -> None:
    assert signed_in(proxied, "ada", address) == (401, UNKNOWN)


@pytest.mark.parametrize("name", ["", " ", "eve,ada", "a" * 201])
def test_a_header_that_holds_no_name_is_none(proxied: Receiver, name: str) -> None:
    assert signed_in(proxied, name) == (401, UNKNOWN)


def test_tokens_count_beside_the_proxy(proxied: Receiver) -> None:
    assert Api(proxied, "vic").read("/me")["name"] == "vic"


@pytest.mark.parametrize(
    ("headers", "content_type", "code"),
    [
        (SAID, "application/json", 200),
        ({"X-Forwarded-User": "ada"}, "application/json", 403),
        (SAID, "text/plain", 415),
        (SAID, "application/x-www-form-urlencoded", 415),
    ],
)
def test_another_sites_page_can_not_act_with_a_persons_sign_in(
    proxied: Receiver, headers: dict[str, str], content_type: str, code: int
) -> None:
    reply = proxied.client.post(
        f"{PREFIX}/kill-switch/engage",
        headers=headers,
        data='{"reason": "x"}',
        content_type=content_type,
    )
    assert reply.status_code == code
    assert len(Api(proxied).deeds()) == (code == 200)
