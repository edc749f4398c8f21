"""The other questions: start, growth, bad rows, and what a flag costs. Each pairs xwalk with itself."""

import collections
import filecmp
import json
import subprocess

from measure import Failed, MIB, middle, ratio, summary, table
from peers import xwalk

# Customers, purchases, and how often each is run in a round: a short run is easily disturbed.
GROWTH = [(10_000, 50_000, 10), (100_000, 500_000, 3), (1_000_000, 5_000_000, 1)]
STARTS = 50


def convert(setup, data, out, flags=(), findings="concise"):
    command = xwalk(setup.binary, setup.world.mapping, flags, findings)(data, out, None)
    return setup.stopwatch.run(command, accepted=(0, 1))


def start(setup):
    """From start to exit on one flight: 300 customers, 900 purchases, nothing written."""
    command = [setup.binary, "convert", "samples/flight-01", "--validate-only", "-q", *setup.asked.xwalk_flags]
    runs = [setup.stopwatch.run(command) for _ in range(STARTS)]
    cpu, wall, peak = summary(runs)
    figures = [f"{cpu * 1000:.2f}", f"{wall * 1000:.2f}", f"{peak / MIB:.1f}", STARTS]
    print(table(["one flight, `--validate-only`", "CPU ms", "wall ms", "peak MiB", "runs"], [["xwalk", *figures]]))


def growth(setup):
    """CPU per row at three sizes. What a run on one customer costs is start-up, and taken off in the last column."""
    out = setup.scratch / "out"
    smallest = setup.data(1, 1)
    folders = [setup.data(parents, children, skew=setup.asked.skew) for parents, children, _ in GROWTH]
    starts = middle(convert(setup, smallest, out).cpu for _ in range(STARTS))
    runs = [[] for _ in folders]
    for _ in range(setup.asked.runs):
        for folder, of_size, (_, _, times) in zip(folders, runs, GROWTH):
            of_size += [convert(setup, folder, out, setup.asked.xwalk_flags) for _ in range(times)]
    rows, first = [], None
    for (parents, children, _), of_size in zip(GROWTH, runs):
        cpu, _, peak = summary(of_size)
        each, net = cpu / (parents + children), (cpu - starts) / (parents + children)
        first = first or (each, net)
        figures = [f"{cpu:.3f}", f"{peak / MIB:.0f}", f"{each * 1e9:.0f}", f"{each / first[0]:.2f}"]
        rows.append([f"{parents:,} + {children:,}", *figures, f"{net * 1e9:.0f}", f"{net / first[1]:.2f}"])
    print(table(["rows", "CPU s", "peak MiB", "ns/row", "ratio", "ns/row less start", "ratio"], rows))
    print(f"\nStart-up: {starts * 1000:.1f} ms. Medians of {setup.asked.runs} rounds.")


def bad(setup, parents, children):
    """Bad rows against clean ones, after every finding was counted: with the usual output, which draws the first findings of
    each code and counts all, and with every finding on a line of its own."""
    rate, flags, out = setup.asked.bad, setup.asked.xwalk_flags, setup.scratch / "out"
    clean, spoiled = setup.data(parents, children), setup.data(parents, children, bad=rate)
    for folder in clean, spoiled:
        findings_are_exact(setup, folder, out)
    beside, pairs, lines = [], [], []
    for _ in range(setup.asked.runs):
        beside.append(convert(setup, clean, out, flags, "full"))
        pairs.append((convert(setup, spoiled, out, flags, "full"), beside[-1]))
        lines.append((convert(setup, spoiled, out, flags), beside[-1]))
    rows = []
    spoilt = f"{rate:.0%} bad"
    for name, runs, compared in (
        ("clean", beside, "1"),
        (spoilt, [a for a, _ in pairs], f"{ratio(pairs):.2f}"),
        (f"{spoilt}, every finding printed", [a for a, _ in lines], f"{ratio(lines):.2f}"),
    ):
        cpu, wall, peak = summary(runs)
        rows.append([name, f"{cpu:.3f}", f"{wall:.3f}", f"{peak / MIB:.0f}", compared])
    print(table(["data", "CPU s", "wall s", "peak MiB", "CPU ratio"], rows))
    print(f"\nThe findings of each code are as many as were planted. Medians of {setup.asked.runs} pairs.")


def findings_are_exact(setup, folder, out):
    """Counts what xwalk finds by code, and compares it with what the generator planted."""
    planted = json.loads((folder / "truth.json").read_text())["findings"]
    quiet = ["-q", "--message-format", "json"]
    command = [setup.binary, "convert", folder, "-m", setup.world.mapping, "-o", out, *quiet]
    with subprocess.Popen(command, cwd=setup.stopwatch.root, stderr=subprocess.PIPE, text=True) as run:
        said = map(json.loads, run.stderr)
        # The last line is the summary, and no finding.
        found = collections.Counter(line["code"] for line in said if "code" in line)
    if dict(found) != planted:
        raise Failed(f"findings in {folder.name}: expected {planted}, found {dict(found)}")


def flags(setup, parents, children):
    """xwalk with flags against xwalk without, after both outputs were found to be the same bytes."""
    flags, asked = setup.asked.xwalk_flags, setup.asked
    data = setup.data(parents, children, skew=asked.skew)
    plain, other = setup.scratch / "plain", setup.scratch / "other"
    convert(setup, data, plain)
    convert(setup, data, other, flags)
    if not filecmp.cmp(plain, other, shallow=False):
        raise Failed(f"with {flags} the output has other bytes")
    other.unlink()
    pairs = []
    for _ in range(asked.runs):
        beside = convert(setup, data, plain)
        pairs.append((convert(setup, data, plain, flags), beside))
    rows = []
    for name, runs in ("xwalk", [b for _, b in pairs]), ("xwalk " + " ".join(flags), [a for a, _ in pairs]):
        cpu, wall, peak = summary(runs)
        rows.append([name, f"{cpu:.3f}", f"{wall:.3f}", f"{peak / MIB:.1f}"])
    rows[0].append("1")
    rows[1].append(f"{ratio(pairs):.2f}")
    print(table(["program", "CPU s", "wall s", "peak MiB", "CPU ratio"], rows))
    print(f"\n{setup.rows(parents, children)}; the same bytes. Medians of {asked.runs} pairs.")
