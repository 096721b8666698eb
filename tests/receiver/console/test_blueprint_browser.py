"""The console in a real browser."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from waiting import eventually

from featurewatch_receiver.store import schema
from receiver.api import Api
from receiver.console import story
from receiver.console.browsing import WHY, Seen
from receiver.in_process import Receiver
from receiver.live_alertmanager import LiveAlertmanager
from receiver.payloads import alert, at
from receiver.people import TOKENS
from receiver.web.test_reads import row, store

Open = Callable[..., Seen]
PHONE = {"viewport": {"width": 360, "height": 740}}
HOSTILE = "<img src=x onerror=document.title='owned'><script>document.title='owned'</script>"


# Adds up how far things jump, as browsers count it (Layout Instability).
SHIFTS = """window.shifts = 0; new PerformanceObserver((list) => {
  for (const shift of list.getEntries()) window.shifts += shift.value;
}).observe({ type: "layout-shift", buffered: true });"""
RENEW = "document.dispatchEvent(new Event('visibilitychange'))"


def jumped(page: Any) -> float:
    """How far what is shown has jumped since the page was opened."""
    page.screenshot()  # a frame is drawn, so that all of it is counted
    return float(page.evaluate("window.shifts"))


def fits(page: Any) -> bool:
    """Whether nothing is wider than the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_after_signing_in_the_overview_tells_what_fires(open_browser: Open, told: Receiver) -> None:
    seen = open_browser(told)
    seen.go("/")
    assert seen.page.url.endswith("/sign-in")
    seen.sign_in(TOKENS["ada"])
    assert seen.page.inner_text("#incidents h2") == "5 open"
    assert seen.page.locator("article").count() == 2
    assert seen.complaints == []


def test_a_wrong_token_is_refused_in_the_form(open_browser: Open, told: Receiver) -> None:
    seen = open_browser(told)
    seen.go("/")
    seen.sign_in("wrong")
    assert seen.page.inner_text("#fault").startswith("Nobody has this token")
    assert seen.page.evaluate("document.activeElement.id") == "token"


def test_acknowledging_on_a_phone(
    open_browser: Open, joined: Receiver, live: LiveAlertmanager
) -> None:
    seen = open_browser(joined, **PHONE, has_touch=True)
    seen.go("/")
    seen.sign_in(TOKENS["ada"])
    assert fits(seen.page)
    seen.page.get_by_role("link", name="Acknowledge", exact=True).tap()
    seen.page.wait_for_url("**/acts/acknowledge/*")
    assert fits(seen.page)
    assert seen.page.evaluate("document.activeElement.id") == "reason"
    seen.page.fill("#reason", "looking into it")
    seen.page.get_by_role("button", name="Acknowledge").tap()
    seen.page.wait_for_selector(".banner.good")
    assert re.search(
        r"acknowledged by ada until \S+ \S+: looking into it", seen.page.inner_text("#head")
    )
    (silence,) = live.silences()
    assert silence["createdBy"] == "ada"
    assert Api(joined).deeds()[0]["reason"] == "looking into it"
    assert seen.complaints == []


@pytest.mark.parametrize("size", [PHONE, {"viewport": {"width": 1100, "height": 900}}])
def test_every_page_fits_and_breaks_no_policy(
    open_browser: Open, course: str, told: Receiver, size: Any
) -> None:
    seen = open_browser(told, **size)
    seen.go("/")
    seen.sign_in(TOKENS["ada"])
    paths = ["/", f"/episodes/{story.SPIKE}", "/history", "/remediations", "/controls"]
    paths += [f"/remediations/{story.INCIDENT}:clear_cache:1", f"/acts/silence/{story.INCIDENT}"]
    for path in paths:
        seen.go(path)
        assert fits(seen.page), path
    assert seen.complaints == []


def test_details_draw_the_course_of_the_value(
    open_browser: Open, course: str, told: Receiver
) -> None:
    seen = open_browser(told)
    seen.go(f"/episodes/{story.SPIKE}")
    seen.sign_in(TOKENS["vic"])
    box = seen.page.locator("polyline.course").bounding_box()
    assert box["width"] > 500
    assert box["height"] > 50
    assert seen.page.locator("#timeline li").count() == 3


def test_times_are_local_with_utc_on_hover(open_browser: Open, told: Receiver) -> None:
    seen = open_browser(told, timezone_id="Asia/Kolkata")
    seen.go(f"/episodes/{story.SPIKE}")
    seen.sign_in(TOKENS["vic"])
    time = seen.page.locator(".facts time").first
    assert time.inner_text() == "2026-01-02 09:17:00"
    assert time.get_attribute("title") == "2026-01-02 03:47:00 UTC"


def test_without_script_everything_is_there_in_utc(open_browser: Open, told: Receiver) -> None:
    seen = open_browser(told, java_script_enabled=False)
    seen.go(f"/episodes/{story.SPIKE}")
    seen.sign_in(TOKENS["ada"])
    assert seen.page.inner_text(".facts time") == "2026-01-02 03:47:00 UTC"
    seen.page.get_by_role("link", name="Resolve").click()
    seen.page.wait_for_url("**/acts/resolve/*")
    assert "What it does" in seen.page.inner_text("main")


def test_history_is_filtered_and_leads_to_details(open_browser: Open, told: Receiver) -> None:
    seen = open_browser(told)
    seen.go("/history")
    seen.sign_in(TOKENS["vic"])
    seen.page.select_option("select[name=status]", "silenced")
    with seen.page.expect_navigation():
        seen.page.get_by_role("button", name="Show").click()
    assert seen.page.locator("tbody tr").count() == 1
    seen.page.get_by_role("link", name=story.FALLBACK).click()
    seen.page.wait_for_url("**/episodes/*")
    assert "silenced by bob" in seen.page.inner_text("#head")
    assert seen.complaints == []


def test_a_script_in_a_label_value_is_shown_and_does_not_run(
    open_browser: Open, receiver: Receiver
) -> None:
    hostile = alert(HOSTILE, extractor=HOSTILE, severity=HOSTILE, shard=HOSTILE)
    hostile["annotations"] = {"summary": HOSTILE, "dashboard_url": f"https://x/{HOSTILE}"}
    receiver.deliver(hostile)
    seen = open_browser(receiver)
    seen.go("/")
    seen.sign_in(TOKENS["ada"])
    for path in ("/", "/history", f"/episodes/{receiver.episodes()[0]['id']}"):
        seen.go(path)
        assert HOSTILE in seen.page.inner_text("main")
        assert "owned" not in seen.page.title()
    assert seen.complaints == []


def test_what_changes_shows_without_a_reload_and_without_losing_the_place(
    open_browser: Open, told: Receiver
) -> None:
    seen = open_browser(told)
    seen.page.clock.install()
    seen.go("/")
    seen.sign_in(TOKENS["ada"])
    seen.page.evaluate("window.same = true")
    seen.page.locator("a.name").first.focus()
    place = seen.page.evaluate("document.activeElement.href")
    store(told, schema.episodes, row(1, at(60), severity="high"))

    def renewed() -> bool:
        seen.page.clock.run_for(10_000)
        return bool(seen.page.inner_text("#incidents h2") == "6 open")

    eventually(renewed)
    assert seen.page.evaluate("window.same") is True
    assert seen.page.evaluate("document.activeElement.href") == place
    assert "UTC" not in seen.page.inner_text("#waiting")
    assert seen.complaints == []


def test_a_receiver_that_is_away_is_said_and_what_was_known_stays(
    open_browser: Open, told: Receiver
) -> None:
    seen = open_browser(told)
    seen.page.clock.install()
    seen.go("/")
    seen.sign_in(TOKENS["ada"])
    seen.page.route("**/*", lambda route: route.abort())

    def said() -> bool:
        seen.page.clock.run_for(10_000)
        return bool(seen.page.is_visible("#stale"))

    eventually(said)
    assert "The receiver does not answer. What you see is as of" in seen.page.inner_text("#stale")
    assert seen.page.inner_text("#incidents h2") == "5 open"
    seen.page.unroute("**/*")
    eventually(lambda: seen.page.clock.run_for(10_000) or not seen.page.is_visible("#stale"))


def test_who_is_signed_out_meanwhile_is_told_so(open_browser: Open, told: Receiver) -> None:
    seen = open_browser(told)
    seen.page.clock.install()
    seen.go("/")
    seen.sign_in(TOKENS["ada"])
    seen.page.context.clear_cookies()

    def said() -> bool:
        seen.page.clock.run_for(10_000)
        return bool(seen.page.is_visible("#left"))

    eventually(said)
    assert "You have been signed out" in seen.page.inner_text("#left")
    assert not seen.page.is_visible("#stale")
    seen.page.get_by_role("link", name="Sign in").click()
    seen.page.wait_for_url("**/sign-in")


@pytest.mark.parametrize("path", ["/history", "/remediations"])
def test_lists_show_what_is_new_without_a_reload(
    open_browser: Open, told: Receiver, path: str
) -> None:
    seen = open_browser(told)
    seen.page.clock.install()
    seen.go(path)
    seen.sign_in(TOKENS["ada"])
    seen.page.evaluate("window.same = true")
    before = seen.page.locator("#list tbody tr").count()
    Api(told).do(
        "/remediations", {"action": "clear_cache", "extractor": "feature_extractor", **WHY}
    )
    store(told, schema.episodes, row(1, at(60), severity="high"))

    def renewed() -> bool:
        seen.page.clock.run_for(10_000)
        return bool(seen.page.locator("#list tbody tr").count() == before + 1)

    eventually(renewed)
    assert seen.page.evaluate("window.same") is True


def test_the_chosen_action_stays_chosen_while_the_page_is_renewed(
    open_browser: Open, told: Receiver
) -> None:
    seen = open_browser(told)
    seen.page.clock.install()
    seen.go(f"/episodes/{story.SPIKE}")
    seen.sign_in(TOKENS["ada"])
    seen.page.select_option("#run-action", "restart_deployment")
    seen.page.focus("#run-action")
    seen.page.keyboard.press("Tab")
    Api(told).do(
        "/remediations",
        {
            "action": "clear_cache",
            "extractor": "feature_extractor",
            "episode_id": story.SPIKE,
            **WHY,
        },
    )

    def renewed() -> bool:
        seen.page.clock.run_for(10_000)
        return "clear_cache" in seen.page.inner_text("#remediations")

    eventually(renewed)
    assert seen.page.input_value("#run-action") == "restart_deployment"
    assert seen.page.evaluate("document.activeElement.textContent") == "Preview"


@pytest.mark.parametrize("size", [PHONE, {"viewport": {"width": 1100, "height": 900}}])
def test_nothing_jumps_while_a_page_loads_and_is_renewed(
    open_browser: Open, course: str, told: Receiver, size: Any
) -> None:
    seen = open_browser(told, **size)
    seen.page.context.add_init_script(SHIFTS)
    seen.go("/")
    seen.sign_in(TOKENS["ada"])
    for path in ("/", f"/episodes/{story.SPIKE}", "/history", "/remediations", "/controls"):
        seen.go(path)
        with seen.page.expect_response(lambda answer: answer.request.resource_type == "fetch"):
            seen.page.evaluate(RENEW)
        assert jumped(seen.page) == 0, path
    seen.page.evaluate("document.querySelector('h1').style.marginTop = '9rem'")
    assert jumped(seen.page) > 0  # or the count says nothing


def test_a_link_from_another_site_leads_to_the_alert_of_who_is_signed_in(
    open_browser: Open, told: Receiver
) -> None:
    seen = open_browser(told)
    seen.go("/")
    seen.sign_in(TOKENS["ada"])
    path = f"{seen.url}/alerts?alertname={story.LATENCY}&extractor=feature_extractor"
    mail = f'<a href="{path.replace("&", "&amp;")}">Console</a>'
    seen.page.route(
        "http://mail.example/", lambda route: route.fulfill(body=mail, content_type="text/html")
    )
    seen.page.goto("http://mail.example/")
    seen.page.get_by_role("link", name="Console").click()
    seen.page.wait_for_url(f"**/episodes/{story.SPIKE}")
    assert story.LATENCY in seen.page.inner_text("h1")


def test_the_keyboard_gets_everywhere_with_a_visible_focus(
    open_browser: Open, told: Receiver
) -> None:
    seen = open_browser(told)
    seen.go("/")
    seen.sign_in(TOKENS["ada"])
    seen.go("/")
    reached = []
    for _ in range(25):
        seen.page.keyboard.press("Tab")
        reached.append(seen.page.evaluate("document.activeElement.textContent.trim()"))
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert seen.page.evaluate(outline) == "solid"
    assert reached[:5] == [
        "Skip to the content",
        "Overview",
        "History",
        "Remediations",
        "Controls",
    ]
    assert {"Sign out", "Approve", "Deny", "Acknowledge", story.CASCADE} <= set(reached)


def test_a_storm_of_alerts_is_counted_and_stays_usable(
    open_browser: Open, receiver: Receiver
) -> None:
    names = [f"extractor_{n % 40}" for n in range(500)]
    many = [row(n, severity="high", extractor=name) for n, name in enumerate(names)]
    store(receiver, schema.episodes, *many)
    seen = open_browser(receiver, **PHONE)
    seen.go("/")
    seen.sign_in(TOKENS["ada"])
    assert seen.page.inner_text("#incidents h2") == "500 open"
    assert seen.page.locator(".line").count() == 200
    assert fits(seen.page)
    assert seen.complaints == []
