"""The page that a message's runbook link opens. It tells of no alert, so it is for everyone."""

from flask import Blueprint, Response, abort, render_template, request

from featurewatch_receiver import runbook
from featurewatch_receiver.console.blueprint import HEADERS
from featurewatch_receiver.console.markdown import as_html
from featurewatch_receiver.core import Core

TEXT, PAGE = "text/plain", "text/html"


def runbook_page(core: Core) -> Blueprint:
    """Return the blueprint: a page for browsers, the text for others."""
    blueprint = Blueprint("runbook", __name__, template_folder="templates")
    file = runbook.path(core.config.receiver.runbook_file)

    @blueprint.get("/runbook/<alertname>")
    def show(alertname: str) -> Response | str:
        section = runbook.section(file.read_text(encoding="utf-8"), alertname)
        if section is None:
            abort(404, f"runbook: has no heading for this alert; add it to {file.name}")
        if request.accept_mimetypes.best_match((TEXT, PAGE)) != PAGE:
            return Response(section, content_type=f"{TEXT}; charset=utf-8")
        return render_template("runbook.html", alertname=alertname, text=as_html(section))

    @blueprint.after_request
    def guard(response: Response) -> Response:
        response.headers.update(HEADERS)
        return response

    return blueprint
