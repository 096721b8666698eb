"""What a receiver that loses nothing can't do without, and nothing else: the floor of `intake`.

Flask and one SQLite transaction per request: the body is parsed as JSON and stored as one row,
WAL with synchronous=FULL, so that an answered delivery is on disk. No token is checked, no payload
validated, nothing logged or decided.
"""

import json
import os
import sqlite3
import threading

from flask import Flask, Response, jsonify, request

from bench.deliveries import PATH

DATABASE = "BENCH_FLOOR_DATABASE"


def make() -> Flask:
    """Return the application; the variable BENCH_FLOOR_DATABASE names its file."""
    app = Flask(__name__)
    writing = threading.Lock()
    database = sqlite3.connect(
        os.environ[DATABASE], isolation_level=None, check_same_thread=False, cached_statements=8
    )
    for statement in (
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=FULL",
        "CREATE TABLE delivery (id INTEGER PRIMARY KEY, alerts INTEGER, body BLOB)",
    ):
        database.execute(statement)

    @app.post(PATH)
    def take() -> Response:
        body = request.get_data(cache=False)
        alerts = len(json.loads(body)["alerts"])
        with writing:
            database.execute("INSERT INTO delivery (alerts, body) VALUES (?, ?)", (alerts, body))
        return jsonify(accepted=alerts)

    return app
