"""All cells, on two processes."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from simulator.cells import Cell, Effort, Shown, every_cell, measure
from simulator.service import Service, load_service

PROCESSES = 2
_service: list[Service] = []


def _prepare(root: Path, overlays: list[Path]) -> None:
    _service[:] = [load_service(root, overlays)]


def _one(cell: Cell, effort: Effort, number: int) -> Shown:
    return measure(_service[0], cell, effort, number)


def run(
    root: Path, overlays: list[Path], effort: Effort, sections: set[str] | None = None
) -> Iterator[tuple[Cell, Shown]]:
    """Each cell with what it shows, in their order."""
    numbered = list(enumerate(every_cell(load_service(root, overlays))))
    wanted = [(n, cell) for n, cell in numbered if not sections or cell.section in sections]
    with ProcessPoolExecutor(PROCESSES, initializer=_prepare, initargs=(root, overlays)) as pool:
        futures = [pool.submit(_one, cell, effort, number) for number, cell in wanted]
        for (_, cell), future in zip(wanted, futures, strict=True):
            yield cell, future.result()
