"""A real Prometheus over samples of the past, asked for ranges."""

import json
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests

from bench.figures import BenchError
from bench.targets import HOST
from featurewatch_kit import programs
from featurewatch_kit.demo.clients import Prometheus
from featurewatch_kit.demo.processes import Processes, free_port

#: A series as PromQL names it, Unix time, value.
Sample = tuple[str, int, float]

START_SECONDS = 60.0
BACKFILL_SECONDS = 600
ANSWER_SECONDS = 120.0
# Blocks of the usual two hours would be thousands.
_BLOCK = "1000h"
_KEPT = "100y"
# Of one query.
_POINTS = 5000


class Past(Prometheus):
    """A Prometheus that scrapes nothing."""

    def __init__(self, url: str):
        super().__init__(url)
        self._range = f"{url}/api/v1/query_range"

    def times(self, expression: str, first: int, last: int, step: int) -> Iterator[int]:
        """Unix times, `step` seconds apart, at which the expression has any sample."""
        for start in range(first, last + 1, step * _POINTS):
            end = min(last, start + step * (_POINTS - 1))
            found = self._ask(query=expression, start=start, end=end, step=step)
            yield from sorted({int(time) for series in found for time, _ in series["values"]})

    def _ask(self, **parameters: str | int) -> list[dict[str, list[tuple[float, str]]]]:
        try:
            answer = requests.post(self._range, data=parameters, timeout=ANSWER_SECONDS).json()
            return answer["data"]["result"]  # type: ignore[no-any-return]
        except (requests.RequestException, KeyError) as error:
            raise BenchError(f"no answer to {parameters['query']}: {error!r}") from error


@contextmanager
def backfilled(
    root: Path, folder: Path, samples: Iterable[Sample], rule_files: Sequence[Path] = ()
) -> Iterator[Past]:
    """A Prometheus that has these samples already.

    Raises:
        BenchError: promtool does not take them.

    """
    folder.mkdir(parents=True, exist_ok=True)
    _blocks(root, folder, samples)
    config = folder / "prometheus.yaml"
    config.write_text(json.dumps({"rule_files": list(map(str, rule_files))}), encoding="utf-8")
    address = f"{HOST}:{free_port()}"
    options = {
        "config.file": config,
        "storage.tsdb.path": folder / "data",
        "storage.tsdb.retention.time": _KEPT,
        "web.listen-address": address,
    }
    with Processes(folder / "logs") as processes:
        program = programs.find(programs.PROMETHEUS, root)
        processes.start_program("prometheus", program, root, options)
        past = Past(f"http://{address}")
        try:
            processes.wait_until(
                "Prometheus starts", lambda: past.answers("/-/ready"), START_SECONDS
            )
            yield past
        finally:
            past.close()


def _blocks(root: Path, folder: Path, samples: Iterable[Sample]) -> None:
    text = folder / "samples.txt"
    with text.open("w", encoding="utf-8") as lines:
        lines.writelines(f"{series} {value!r} {time}\n" for series, time, value in samples)
        lines.write("# EOF\n")
    promtool = programs.find(programs.PROMTOOL, root)
    command = ["tsdb", "create-blocks-from", f"--max-block-duration={_BLOCK}", "--quiet"]
    done = subprocess.run(
        [str(promtool), *command, "openmetrics", str(text), str(folder / "data")],
        check=False,
        capture_output=True,
        text=True,
        timeout=BACKFILL_SECONDS,
        cwd=programs.start_folder(promtool, root),
    )
    if done.returncode:
        raise BenchError(f"promtool takes no samples: {done.stderr.strip()}")
