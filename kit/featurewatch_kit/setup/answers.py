"""What `featurewatch init` must know: from its options, or asked on a terminal."""

import getpass
import sys
from collections.abc import Callable
from dataclasses import dataclass

from featurewatch_kit.errors import ArgumentError

#: Where a service shows its metrics, by the name of its extractor.
Extractors = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Where metrics come from, who is told by which channels, and who may act in the console."""

    extractors: Extractors
    email: str
    on_call: str
    manager: str
    smarthost: str
    sender: str
    slack: str | None
    pagerduty: bool
    grafana: str | None
    responder: str


@dataclass(frozen=True, kw_only=True)
class Question:
    """One option: what it is, and what stands in for it, of the answers before."""

    option: str
    text: str
    otherwise: Callable[[dict[str, str]], str | None] = lambda _: None


def _sender(given: dict[str, str]) -> str:
    return f"featurewatch@{given['email'].rpartition('@')[2]}"


#: Without an answer to what has no stand-in nothing can be written.
QUESTIONS = (
    Question(option="extractor", text="Metrics of a service, as NAME=HOST:PORT"),
    Question(option="email", text="Mail address of the team"),
    Question(
        option="on-call", text="Mail address of who is on call", otherwise=lambda g: g["email"]
    ),
    Question(
        option="manager", text="Mail address of the last level", otherwise=lambda g: g["on-call"]
    ),
    Question(option="smarthost", text="Mail server", otherwise=lambda _: "localhost:25"),
    Question(option="from", text="Sender of the mails", otherwise=_sender),
    Question(
        option="slack", text="Slack channel, as #NAME; empty for none", otherwise=lambda _: ""
    ),
    Question(option="pagerduty", text="PagerDuty, yes or no", otherwise=lambda _: "no"),
    Question(option="grafana", text="Grafana's address; empty for none", otherwise=lambda _: ""),
    Question(
        option="responder",
        text="Who acts in the console first",
        otherwise=lambda _: getpass.getuser(),
    ),
)


def collect(options: dict[str, str | None]) -> Answers:
    """Complete the options: by asking on a terminal, else by what stands in for them.

    Raises:
        ArgumentError: something is missing that nothing stands in for, or is not as it should be.

    """
    given: dict[str, str] = {}
    for question in QUESTIONS:
        answer = options.get(question.option)
        given[question.option] = _ask(question, given) if answer is None else answer
    return Answers(
        extractors=_extractors(given["extractor"]),
        email=given["email"],
        on_call=given["on-call"],
        manager=given["manager"],
        smarthost=given["smarthost"],
        sender=given["from"],
        slack=given["slack"] or None,
        pagerduty=_is_yes(given["pagerduty"]),
        grafana=given["grafana"] or None,
        responder=given["responder"],
    )


def _ask(question: Question, given: dict[str, str]) -> str:
    otherwise = question.otherwise(given)
    answer = _typed(question.text, otherwise) if sys.stdin.isatty() else ""
    if not answer and otherwise is None:
        raise ArgumentError(f"init: --{question.option} is missing; {question.text}")
    return answer or otherwise or ""


def _typed(text: str, otherwise: str | None) -> str:
    try:
        return input(f"{text} [{otherwise}]: " if otherwise else f"{text}: ").strip()
    except EOFError as error:
        raise ArgumentError("init: the answers ended; nothing was written") from error


def _extractors(text: str) -> Extractors:
    pairs = [pair.strip().partition("=") for pair in text.split(",")]
    for name, _, address in pairs:
        if not name or ":" not in address:
            wrong = f"{name}={address}" if address else name
            raise ArgumentError(f"init: --extractor: {wrong!r} is not NAME=HOST:PORT; write that")
    return {name: address for name, _, address in pairs}


def _is_yes(text: str) -> bool:
    if text.lower() not in ("yes", "no", "y", "n"):
        raise ArgumentError(f"init: --pagerduty: {text!r} is neither yes nor no; write one of them")
    return text.lower().startswith("y")
