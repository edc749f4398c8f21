"""Runs whole processes and says what they cost: CPU, wall time and peak memory."""

import pathlib
import statistics
import subprocess
from dataclasses import dataclass

MIB = 1024


class Failed(Exception):
    """A program did not do its work; the text says which and what to do."""


@dataclass
class Cost:
    """One run: seconds of CPU (user and system together), seconds on the clock, KiB at the peak."""

    cpu: float
    wall: float
    peak: int
    exit: int


class Stopwatch:
    """Runs commands under `measure`, which counts nothing of this interpreter."""

    def __init__(self, measure, root, scratch):
        self.measure, self.root, self.scratch = measure, root, scratch

    def run(self, command, accepted=(0,)):
        said, result = self.scratch / "stderr", self.scratch / "cost"
        with said.open("wb") as stderr:
            done = subprocess.run(
                [self.measure, result, *command], cwd=self.root, stdin=subprocess.DEVNULL, stderr=stderr
            ).returncode
        if done != 0:
            raise Failed(f"cannot run {command[0]}: {tail(said)}")
        cpu, wall, peak, code = result.read_text().split()
        if int(code) not in accepted:
            shown = " ".join(map(str, command))
            raise Failed(f"exit {code} of: {shown}\n{tail(said)}")
        return Cost(int(cpu) / 1e6, int(wall) / 1e6, int(peak), int(code))


def tail(path: pathlib.Path):
    return path.read_text(errors="replace")[-1500:].strip()


def middle(values):
    return statistics.median(values)


def ratio(pairs):
    """The median of CPU over CPU, of runs that followed each other."""
    return middle(run.cpu / beside.cpu for run, beside in pairs)


def summary(runs):
    """The medians of runs: CPU, wall, and the highest peak."""
    return middle(run.cpu for run in runs), middle(run.wall for run in runs), max(run.peak for run in runs)


def table(heads, rows, texts=1):
    """A Markdown table, its columns aligned: the first ones are text and go to the left, figures to the right."""
    cells = [heads, *[[str(cell) for cell in row] for row in rows]]
    widths = [max(3, *(len(row[at]) for row in cells)) for at in range(len(heads))]

    def line(row):
        padded = [cell.ljust(widths[at]) if at < texts else cell.rjust(widths[at]) for at, cell in enumerate(row)]
        return f"| {' | '.join(padded)} |"

    rule = ["-" * width if at < texts else "-" * (width - 1) + ":" for at, width in enumerate(widths)]
    return "\n".join([line(cells[0]), line(rule), *map(line, cells[1:])])
