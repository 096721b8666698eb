"""The console's routes: who gets in, and what a browser may do with what it is shown."""

import secrets
from collections.abc import Callable
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    g,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from featurewatch_receiver import logs
from featurewatch_receiver.acts import ACTS
from featurewatch_receiver.acts.base import Act, Doing, Said, SubjectKind
from featurewatch_receiver.acts.bodies import Why
from featurewatch_receiver.console import exports, page_parameters
from featurewatch_receiver.console.forms import about, key_of
from featurewatch_receiver.console.links import address, kept, own_path, page_address
from featurewatch_receiver.console.pages import PAGES, ConsolePage, Elsewhere, show_around
from featurewatch_receiver.console.sign_in import FIELD, FORM, SESSION, Visits
from featurewatch_receiver.core import Core
from featurewatch_receiver.errors import (
    AlertmanagerError,
    ConflictError,
    MissingError,
    NoteError,
    ReceiverError,
)
from featurewatch_receiver.labels import SEVERITIES
from featurewatch_receiver.phrases import FILTERS
from featurewatch_receiver.states import Role, Status
from featurewatch_receiver.store.queue import WorkQueue
from featurewatch_receiver.web.calls import CODES, Asked, QuestionError, check, code_of

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # Addresses hold names of alerts; other sites need not know them.
    "Referrer-Policy": "same-origin",
}
_AWAY = "The database is not available; nothing was stored. Try again in a moment."
_NOT_OURS = "This form is not of this page, or you have signed in anew since. Open it again."


def console(core: Core, queue: WorkQueue) -> Blueprint:
    """Return the blueprint; all but the sign-in page and its files is for people who are known."""
    return _Console(core, queue).blueprint


class _Console:
    def __init__(self, core: Core, queue: WorkQueue):
        self._core = core
        self._queue = queue
        self._visits = Visits(core)
        self._wrong = logs.Seldom("wrong token")
        self.blueprint = Blueprint(
            "console",
            __name__,
            template_folder="templates",
            static_folder="static",
            static_url_path="/static",
        )
        self._add_routes()

    def _add_routes(self) -> None:
        add = self.blueprint.add_url_rule
        for page in PAGES:
            add(page.path, page.name, self._page(page), merge_slashes=False)
        add("/history.csv", "history_csv", lambda: self._export("text/csv", exports.as_csv))
        add(
            "/history.json",
            "history_json",
            lambda: self._export("application/json", exports.as_json),
        )
        for methods, run in ((["GET"], self._ask), (["POST"], self._act)):
            for path in ("/acts/<act>", "/acts/<act>/<path:subject>"):
                add(path, run.__name__.strip("_"), run, methods=methods, merge_slashes=False)
        add("/sign-in", "sign_in", self._show_sign_in)
        add("/sign-in", "signs_in", self._sign_in, methods=["POST"])
        add("/sign-out", "sign_out", self._sign_out, methods=["POST"])
        self.blueprint.before_request(self._let_in)
        self.blueprint.after_request(self._guard)
        for kind in (*CODES, HTTPException, SQLAlchemyError):
            self.blueprint.register_error_handler(kind, self._refuse)

    # --- who gets in

    def _let_in(self) -> AnyResponse | None:
        open_ones = ("static", "sign_in", "signs_in")
        g.person = None
        if request.endpoint == "console.static":
            return None
        g.form_key, g.form_is_new = self._visits.form_key(request)
        g.person = self._visits.who(request)
        if request.method == "POST" and not self._visits.is_own_form(request):
            abort(403, _NOT_OURS)
        if g.person or (request.endpoint or "").rpartition(".")[2] in open_ones:
            return None
        if request.headers.get("Sec-Fetch-Site") == "cross-site":
            # Coming from a link in a mail, the browser keeps our cookie back; from this page it
            # does not.
            return make_response(render_template("bounce.html", to=self._sign_in_address()))
        return redirect(self._sign_in_address(), 303)

    def _guard(self, response: Response) -> Response:
        response.headers.update(HEADERS)
        if request.endpoint == "console.static":
            response.cache_control.no_cache = True
            return response
        response.cache_control.no_store = True
        if getattr(g, "form_is_new", False):
            self._visits.keep(request, response, FORM, g.form_key)
        return response

    def _sign_in_address(self) -> str:
        to = request.full_path.rstrip("?") if request.method == "GET" else "/"
        return url_for("console.sign_in", to=to if to != "/" else None)

    def _show_sign_in(self, fault: str | None = None) -> AnyResponse:
        if g.person:
            return redirect(own_path(request.values.get("to", "")), 303)
        page = render_template(
            "sign_in.html",
            takes_tokens=self._visits.takes_tokens,
            by_proxy=self._core.config.access.proxy is not None,
            to=request.values.get("to", ""),
            fault=fault,
            **self._form_word(),
        )
        return make_response(page, 401 if fault else 200)

    def _sign_in(self) -> AnyResponse:
        signed_in = self._visits.sign_in(request.form.get("token", "").strip())
        if signed_in is None:
            self._core.metrics.wrong_tokens.labels("console").inc()
            self._wrong.trouble(request.remote_addr, at="console")
            return self._show_sign_in("Nobody has this token. Look whether all of it was pasted.")
        person, key = signed_in
        logs.event("signed in", actor=person.name)
        response = make_response(redirect(own_path(request.form.get("to", "")), 303))
        self._visits.keep(request, response, SESSION, key)
        return response

    def _sign_out(self) -> AnyResponse:
        response = make_response(redirect(url_for("console.sign_in"), 303))
        self._visits.sign_out(request, response)
        return response

    # --- pages

    def _page(self, page: ConsolePage) -> Callable[..., AnyResponse]:
        def view(**path: str) -> AnyResponse:
            query = page_parameters.asked(page.query, request.args)
            asked = self._asked(path, query)
            try:
                shown = page.look(asked)
            except Elsewhere as other:
                return redirect(url_for(f"console.{other.page}", **other.values), 303)
            done = ACTS.get(getattr(query, "done", None) or "")
            return self._render(
                f"{page.name}.html",
                asked,
                title=page.title,
                here=page.name,
                query=query,
                notice=done.done if done else None,
                **shown,
            )

        return view

    def _export(self, kind: str, write: Callable[[Asked], Any]) -> AnyResponse:
        asked = self._asked(
            {}, page_parameters.asked(page_parameters.HistoryParameters, request.args)
        )
        response = Response(write(asked), mimetype=kind)
        name = f"history.{kind.rpartition('/')[2]}"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    # --- acts

    def _ask(self, act: str, subject: str = "") -> AnyResponse:
        form, asked = self._form(act, subject)
        return self._show_form(form, asked, dict(request.args.items()))

    def _act(self, act: str, subject: str = "") -> AnyResponse:
        form, asked = self._form(act, subject)
        given = form.values(request.form)
        if key_of(form) in form.body.model_fields:
            given |= asked.path
        where = about(form, asked)
        try:
            done = form.run(self._doing(subject, check(form.body, given)))
        except (QuestionError, ConflictError, AlertmanagerError, NoteError) as error:
            return self._show_form(form, asked, given, error)
        page, at = where.page, where.at
        if form.on is SubjectKind.ACTION:
            page, at = "remediation", {"remediation_id": done}
        return redirect(address(page, at | {page_parameters.DONE: act}), 303)

    def _doing(self, subject: str, body: Why) -> Doing:
        said = Said(user=g.person.name, reason=body.reason)
        return Doing(core=self._core, queue=self._queue, subject=subject, said=said, body=body)

    def _form(self, act: str, subject: str) -> tuple[Act, Asked]:
        form = ACTS.get(act)
        key = key_of(form) if form else None
        if form is None or bool(subject) != bool(key):
            raise MissingError("page: there is nothing here")
        if not g.person.role.includes(form.role):
            abort(403, f"{g.person.name} is a {g.person.role}; this needs a {form.role}.")
        return form, self._asked({key: subject} if key else {}, None)

    def _show_form(
        self, form: Act, asked: Asked, given: dict[str, str], fault: Exception | None = None
    ) -> AnyResponse:
        where = about(form, asked)
        page = self._render(
            "act.html",
            asked,
            title=form.title,
            form=form,
            where=where,
            says=list(form.foretell(self._core, where.row, given)),
            given=given,
            fault=_plain(fault) if fault else None,
            key=given.get("key") or secrets.token_urlsafe(16),
            address=url_for(
                "console.act", act=form.name, subject=next(iter(asked.path.values()), None)
            ),
        )
        page.status_code = code_of(fault) if fault else 200
        return page

    # --- what all have in common

    def _asked(self, path: dict[str, str], query: Any) -> Asked:
        if "\0" in "".join(path.values()):
            raise MissingError("page: there is nothing here")
        return Asked(
            core=self._core,
            queue=self._queue,
            person=g.person,
            path=path,
            query=query,
            body=None,
        )

    def _form_word(self) -> dict[str, str]:
        word = self._visits.form_word(request, g.form_key)
        return {"form_field": FIELD, "form_word": word}

    def _render(self, template: str, asked: Asked, **values: Any) -> Response:
        page = render_template(
            template,
            may_act=asked.person.role.includes(Role.RESPONDER),
            severities=list(reversed(SEVERITIES)),
            statuses=list(Status),
            forms=ACTS,
            kept=kept(),
            page_address=page_address,
            **FILTERS,
            **self._form_word(),
            **show_around(asked),
            **values,
        )
        return make_response(page)

    def _refuse(self, error: Exception) -> AnyResponse:
        if isinstance(error, HTTPException):
            code, text = error.code or 500, error.description or ""
        elif isinstance(error, SQLAlchemyError):
            logs.trouble("database unavailable", error)
            code, text = 503, _AWAY
        else:
            code, text = code_of(error), _plain(error)
        signed_in = bool(getattr(g, "person", None))
        return make_response(render_template("refusal.html", text=text, signed_in=signed_in), code)


def _plain(error: ReceiverError | QuestionError | Exception) -> str:
    """What the API says, without where to look in the API."""
    return str(error).partition("; see /api")[0]
