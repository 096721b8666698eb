#!/bin/sh
# A worker of gunicorn has the signal handlers of the process that it was forked from until it sets its
# own. Told to end in between, it does not hear it: gunicorn waits for its whole graceful_timeout (30 s
# unless set, 5 s here), in which that worker serves on, and kills it. post_fork makes the moment a
# second long, as a busy machine or a worker class that patches much does by itself.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check gunicorn==27.0.1
cd "$folder"
cat > app.py <<'PYTHON'
def app(environ, start_response):
    start_response("200 OK", [])
    return [b""]
PYTHON
cat > gunicorn.conf.py <<'PYTHON'
import time

bind, workers, graceful_timeout, control_socket_disable = "127.0.0.1:0", 1, 5, True


def post_fork(server, worker):
    open("forked", "w").close()
    time.sleep(1)


def post_worker_init(worker):
    open("began", "w").close()
PYTHON
cat > drive.py <<'PYTHON'
import os
import subprocess
import sys
import time


def seconds_to_end(after):
    for name in ("forked", "began"):
        if os.path.exists(name):
            os.unlink(name)
    server = subprocess.Popen(["venv/bin/gunicorn", "app:app"], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not os.path.exists(after):
        if time.monotonic() > deadline:
            server.kill()
            sys.exit("gunicorn did not start")
        time.sleep(0.02)
    told = time.monotonic()
    server.terminate()
    server.wait(60)
    return time.monotonic() - told


early, late = seconds_to_end("forked"), seconds_to_end("began")
print(f"gunicorn 27.0.1: SIGTERM in the moment of a fork ends it after {early:.1f} s, later after {late:.1f} s")
sys.exit(not early >= 5 > late)
PYTHON
python3 drive.py
