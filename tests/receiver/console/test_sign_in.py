"""Who gets in, and what a browser may do with what it is shown."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from featurewatch_receiver.access.users import digest
from featurewatch_receiver.console import sign_in
from featurewatch_receiver.store import schema
from receiver.api import Api
from receiver.console.browsing import WHY, Visitor, text_of
from receiver.in_process import TOKEN, Receiver
from receiver.payloads import Json
from receiver.people import TOKENS, users, write_users

PATHS = ("/", "/history", "/history.csv", "/history.json", "/remediations", "/controls")
PATHS += ("/alerts", "/episodes/x", "/remediations/x", "/acts/engage_kill_switch")


@pytest.fixture
def nobody(receiver: Receiver) -> Visitor:
    """Somebody who has yet to sign in."""
    return Visitor(receiver, None)


def cookie(reply: Any, name: str) -> str:
    """The Set-Cookie header of this cookie."""
    (found,) = [c for c in reply.headers.getlist("Set-Cookie") if name in c.partition("=")[0]]
    return str(found)


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_shown_before_signing_in(nobody: Visitor, path: str) -> None:
    reply = nobody.get(path)
    assert reply.status_code == 303
    assert reply.location.startswith("/sign-in")


@pytest.mark.parametrize(
    "path", ["/sign-in", "/healthz", "/metrics", "/runbook/Latency", "/static/console.css"]
)
def test_what_needs_no_token_is_there(nobody: Visitor, path: str) -> None:
    assert nobody.get(path).status_code == 200


def test_after_signing_in_one_is_where_one_wanted_to_go(nobody: Visitor) -> None:
    to = nobody.get("/history?hours=9").location
    assert to == "/sign-in?to=/history?hours%3D9"
    page = nobody.page(to)
    assert 'name="to" value="/history?hours=9"' in page
    reply = nobody.send("/sign-in", page, token=TOKENS["ada"], to="/history?hours=9")
    assert (reply.status_code, reply.location) == (303, "/history?hours=9")
    assert "ada (responder)" in nobody.read("/")
    assert nobody.get(to).location == "/history?hours=9"


@pytest.mark.parametrize(
    "to",
    [
        "//evil.example",
        "///evil.example",
        "https://evil.example",
        "/\\evil.example",
        "evil",
        "/a\nb",
    ],
)
def test_signing_in_leads_to_no_other_site(nobody: Visitor, to: str) -> None:
    assert nobody.sign_in(TOKENS["ada"], to=to).location == "/"


@pytest.mark.parametrize("token", ["", "wrong", TOKEN, f"Bearer {TOKENS['ada']}"])
def test_a_wrong_token_opens_nothing(
    nobody: Visitor, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    reply = nobody.sign_in(token)
    assert reply.status_code == 401
    assert "Nobody has this token" in reply.text
    assert "wrong token" in caplog.messages
    assert token not in reply.text or not token
    assert nobody.get("/").status_code == 303


def test_the_cookie_is_for_us_alone_and_holds_no_token(receiver: Receiver) -> None:
    reply = Visitor(receiver, None).sign_in(TOKENS["ada"])
    found = cookie(reply, "featurewatch_session")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(found.split("; "))
    assert "Secure" not in found
    key = found.partition("=")[2].partition(";")[0]
    with receiver.core.reader.begin() as connection:
        (row,) = connection.execute(select(schema.sessions)).all()
    assert (row.id, row.name) == (digest(key), "ada")
    assert TOKENS["ada"] not in found
    assert key not in str(row)


def test_over_https_the_cookie_is_secure(
    make_receiver: Callable[[], Receiver], settings: Json
) -> None:
    settings["receiver"]["url"] = "https://receiver.example.com"
    nobody = Visitor(make_receiver(), None)
    https = {"base_url": "https://localhost"}
    page = nobody.get("/sign-in", **https).text
    word = re.search(r'form_word" value="(\w+)"', page)
    assert word
    data = {"token": TOKENS["ada"], "form_word": word[1]}
    found = cookie(nobody.client.post("/sign-in", data=data, **https), "session")
    assert found.startswith("__Host-featurewatch_session=")
    assert "Secure" in found


def test_a_session_ends_after_its_time(receiver: Receiver, ada: Visitor) -> None:
    receiver.clock.now += sign_in.LASTS - timedelta(seconds=1)
    ada.page("/")
    receiver.clock.now += timedelta(seconds=1)
    assert ada.get("/").status_code == 303


def test_signing_out_ends_the_session_also_for_who_kept_the_cookie(
    receiver: Receiver, ada: Visitor
) -> None:
    kept = ada.client.get_cookie("featurewatch_session")
    assert kept
    reply = ada.send("/sign-out", ada.page("/"))
    assert reply.location == "/sign-in"
    ada.client.set_cookie("featurewatch_session", kept.value)
    assert ada.get("/").status_code == 303


def test_a_token_that_is_taken_out_of_the_file_ends_its_sessions(
    receiver: Receiver, ada: Visitor, tmp_path: Path
) -> None:
    ada.page("/")
    write_users(tmp_path, [entry for entry in users() if entry["name"] != "ada"])
    assert ada.get("/").status_code == 303


def test_a_role_that_is_taken_away_counts_at_once(ada: Visitor, tmp_path: Path) -> None:
    write_users(tmp_path, [entry | {"role": "viewer"} for entry in users()])
    assert ada.get("/acts/engage_kill_switch").status_code == 403


def test_a_broken_users_file_lets_nobody_in_and_says_so(ada: Visitor, tmp_path: Path) -> None:
    (tmp_path / "users.yaml").write_text("users: 1")
    reply = ada.get("/")
    assert reply.status_code == 503
    assert "access.users_file" in reply.text


@pytest.mark.parametrize("spoil", ["missing", "wrong", "of another", "cross-site", "no cookie"])
def test_a_form_of_another_site_does_nothing(receiver: Receiver, spoil: str) -> None:
    ada = Visitor(receiver)
    page = ada.page("/acts/engage_kill_switch")
    headers = {}
    if spoil == "missing":
        reply = ada.client.post("/acts/engage_kill_switch", data=WHY)
    else:
        if spoil == "wrong":
            page = re.sub(r'form_word" value="\w+"', 'form_word" value="0123"', page)
        if spoil == "of another":
            page = Visitor(receiver, "bob").page("/acts/engage_kill_switch")
        if spoil == "cross-site":
            headers = {"Sec-Fetch-Site": "cross-site"}
        if spoil == "no cookie":
            ada.client.delete_cookie("featurewatch_form")
        word = re.search(r'form_word" value="(\w+)"', page)
        assert word
        reply = ada.client.post(
            "/acts/engage_kill_switch", data={**WHY, "form_word": word[1]}, headers=headers
        )
    assert reply.status_code == 403
    assert "This form is not of this page" in reply.text
    assert Api(receiver).read("/kill-switch")["engaged"] is False


def test_signing_in_and_out_need_a_form_of_ours_too(receiver: Receiver, ada: Visitor) -> None:
    assert ada.client.post("/sign-out").status_code == 403
    ada.page("/")
    nobody = Visitor(receiver, None)
    assert nobody.client.post("/sign-in", data={"token": TOKENS["ada"]}).status_code == 403


@pytest.mark.parametrize("path", ["/", "/sign-in", "/episodes/none", "/static/console.js"])
def test_headers_keep_scripts_frames_and_caches_out(ada: Visitor, path: str) -> None:
    headers = ada.get(path).headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "form-action")} == {"'self'"}
    assert (policy["base-uri"], policy["frame-ancestors"]) == ("'none'", "'none'")
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    kept = "no-cache" if path.startswith("/static") else "no-store"
    assert kept in headers["Cache-Control"]


def test_no_page_holds_inline_script_or_style(told: Receiver) -> None:
    ada = Visitor(told)
    for path in ("/", "/history", "/remediations", "/controls", "/acts/engage_kill_switch"):
        page = ada.page(path)
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]* src=)", page)


def test_from_a_link_in_a_mail_one_gets_to_the_page_though_the_cookie_is_held_back(
    nobody: Visitor,
) -> None:
    reply = nobody.get("/alerts?alertname=A", headers={"Sec-Fetch-Site": "cross-site"})
    assert reply.status_code == 200
    assert 'content="0;url=/sign-in?to=/alerts?alertname%3DA"' in reply.text


PROXY = {
    "user_header": "X-Forwarded-User",
    "responders": ["ada"],
    "addresses": ["127.0.0.1"],
}


def test_whom_a_proxy_signs_in_is_in_with_their_role(
    make_receiver: Callable[[], Receiver], settings: Json
) -> None:
    settings["access"] = {"users_file": None, "proxy": PROXY}
    receiver = make_receiver()
    nobody = Visitor(receiver, None)
    ada, vic = {"X-Forwarded-User": "ada"}, {"X-Forwarded-User": "vic"}
    assert "A proxy signs people in here" in nobody.read("/sign-in")
    assert "vic (viewer)" in text_of(nobody.get("/", headers=vic).text)
    assert nobody.get("/acts/engage_kill_switch", headers=vic).status_code == 403
    page = nobody.get("/acts/engage_kill_switch", headers=ada).text
    assert "Sign out" not in page
    assert nobody.client.post("/acts/engage_kill_switch", data=WHY, headers=ada).status_code == 403
    word = re.search(r'form_word" value="(\w+)"', page)
    assert word
    data = {**WHY, "form_word": word[1]}
    reply = nobody.client.post("/acts/engage_kill_switch", data=data, headers=ada)
    assert reply.status_code == 303
    elsewhere = {"REMOTE_ADDR": "192.0.2.1"}
    assert nobody.get("/", headers=ada, environ_base=elsewhere).status_code == 303


def test_without_a_section_access_the_page_says_that_nobody_can_sign_in(
    make_receiver: Callable[[], Receiver], settings: Json
) -> None:
    settings["access"] = {"users_file": None, "proxy": None}
    assert "Nobody can sign in" in Visitor(make_receiver(), None).read("/sign-in")
