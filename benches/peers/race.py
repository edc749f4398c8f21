#!/usr/bin/env python3
"""Races whole processes on the same data, each paired with the program written by hand, and prints a table.

    python3 benches/peers/race.py                   the table of docs/performance.md: 200,000 customers, 1,000,000 purchases
    python3 benches/peers/race.py --size L          1,000,000 and 5,000,000
    python3 benches/peers/race.py --world second    three sources, templates, decimal commas
    python3 benches/peers/race.py --world shopify   200,000 lines of an order export, the order repeated on every line
    python3 benches/peers/race.py --start           what one flight costs from start to exit
    python3 benches/peers/race.py --growth          CPU per row, from 10,000 to 1,000,000 customers
    python3 benches/peers/race.py --bad 0.1         a tenth of the rows bad, against the clean data
    python3 benches/peers/race.py --xwalk-flags "--memory 64MiB" [--size L] [--skew]
                                                    xwalk with these flags, against xwalk without them

No time is taken before all outputs were found equal.
"""

import argparse
import datetime
import hashlib
import os
import pathlib
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile

import trials
from measure import Failed, MIB, Stopwatch, ratio, summary, table
from peers import SIZES, WORLDS, all_peers, yardstick

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
KEPT = ROOT / "target" / "peers"
# Whoever takes this many times the CPU of the yardstick runs only thrice: its figure is no close call.
SLOW = 5


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--world", choices=tuple(WORLDS), default="sales")
    parser.add_argument("--size", choices=tuple(SIZES), default="M")
    parser.add_argument("-n", "--runs", type=int, default=7, help="how many pairs each figure is the median of")
    parser.add_argument("--peers", metavar="A,B", help="only these: xwalk, polars, duckdb, duckdb-kept, python, ...")
    parser.add_argument("--skew", action="store_true", help="half of all purchases belong to one customer")
    parser.add_argument("--xwalk", type=pathlib.Path, metavar="FILE", help="this binary, instead of building one")
    parser.add_argument("--xwalk-flags", type=shlex.split, default=[], metavar="FLAGS")
    parser.add_argument("--scratch", type=pathlib.Path, metavar="DIR", help="where outputs go [default: memory]")
    parser.add_argument("--bad", type=float, metavar="RATE")
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--start", action="store_true")
    return parser.parse_args()


class Setup:
    """What every trial needs: programs that are built, data that is made, a place for outputs."""

    def __init__(self, asked, scratch):
        self.asked, self.scratch, self.world = asked, scratch, WORLDS[asked.world]
        cargo("--release", "--manifest-path", HERE / "handwritten" / "Cargo.toml", "--target-dir", KEPT / "build")
        if not asked.xwalk:
            # As what is released, and as the programs written by hand: optimised as a whole.
            cargo("--profile", "dist")
        self.binary = asked.xwalk.resolve() if asked.xwalk else ROOT / "target" / "dist" / "xwalk"
        if not self.binary.exists():
            raise Failed(f"there is no {self.binary}")
        built = KEPT / "build" / "release"
        self.handwritten = built / self.world.yardstick
        self.yardstick = yardstick(self.handwritten, self.world)
        self.stopwatch = Stopwatch(built / "measure", ROOT, scratch)

    def data(self, parents, children, bad=0.0, skew=False):
        """The folder with these data, made if it is not there; another generator means another folder."""
        generator = HERE / "generate.py"
        stamp = hashlib.sha256(generator.read_bytes()).hexdigest()[:8]
        name = f"{self.asked.world}-{parents}-{children}{'-skew' if skew else ''}{f'-bad{bad}' if bad else ''}-{stamp}"
        folder, made = KEPT / "data" / name, KEPT / "data" / (name + ".part")
        if not folder.exists():
            say(f"making {name}")
            more = ["--bad", str(bad)] if bad else []
            more += ["--skew"] if skew else []
            sizes = [str(parents), str(children)]
            subprocess.run([sys.executable, generator, made, *sizes, "--world", self.asked.world, *more], check=True)
            made.rename(folder)
        for file in folder.iterdir():
            # What is read first must not pay for a cold disk.
            file.read_bytes()
        return folder

    def rows(self, parents, children):
        """How many rows there are, in words."""
        skew = f", half of them of one of the {self.world.parents}" if self.asked.skew else ""
        return f"{parents:,} {self.world.parents} and {children:,} {self.world.children}{skew}"

    def run(self, peer, data, out, expected=None):
        return self.stopwatch.run(peer.command(data, out, expected), peer.accepted)

    def digest(self, path):
        said = subprocess.run([sys.executable, HERE / "compare.py", path], capture_output=True, text=True)
        if said.returncode != 0:
            raise Failed(f"{path} does not hold JSON:\n{said.stderr[-1500:]}")
        return said.stdout.split()


def cargo(*more):
    subprocess.run(["cargo", "build", "--locked", "--quiet", *map(str, more)], cwd=ROOT, check=True)


def say(text):
    print(text, file=sys.stderr, flush=True)


def race(setup):
    """The table: first everybody once, to compare what came out; then pairs of a peer and the yardstick."""
    asked = setup.asked
    parents, children = setup.world.sizes[asked.size]
    data = setup.data(parents, children, skew=asked.skew)
    peers = [peer for peer in all_peers(setup.binary, asked.world, setup.handwritten) if asked.world in peer.worlds]
    if asked.peers:
        wanted = asked.peers.split(",")
        if unknown := set(wanted) - {peer.key for peer in peers}:
            raise Failed(f"no peer {', '.join(sorted(unknown))} here; there are {', '.join(peer.key for peer in peers)}")
        peers = [peer for peer in peers if peer.key in wanted]
    missing = [peer for peer in peers if peer.missing()]
    peers = [peer for peer in peers if not peer.missing()]

    expected, out = setup.scratch / "expected", setup.scratch / "out"
    first = setup.run(setup.yardstick, data, expected)
    count, ordered, unordered = setup.digest(expected)
    rounds = {}
    for peer in peers:
        cost = setup.run(peer, data, out, expected)
        found = setup.digest(out)
        out.unlink()
        if found[0] != count or (found[1] != ordered if peer.ordered else found[2] != unordered):
            raise Failed(f"the output of {peer.name} is not that of {setup.yardstick.name}; no race")
        rounds[peer.key] = min(asked.runs, 3) if cost.cpu > SLOW * first.cpu else asked.runs
        say(f"{peer.key}: same {count} documents{'' if peer.ordered else ', in another order'}")

    pairs = {peer.key: [] for peer in peers}
    for at in range(asked.runs):
        for peer in peers:
            if at < rounds[peer.key]:
                beside = setup.run(setup.yardstick, data, out)
                pairs[peer.key].append((setup.run(peer, data, out, expected), beside))
        say(f"round {at + 1} of {asked.runs}")
    report(setup, data, count, peers, pairs, missing)


def report(setup, data, count, peers, pairs, missing):
    rows = []
    stood = [beside for of_peer in pairs.values() for _, beside in of_peer]
    cpu, wall, peak = summary(stood)
    figures = [f"{cpu:.3f}", f"{wall:.3f}", f"{peak / MIB:.0f}", "1", len(stood)]
    rows.append([setup.yardstick.name, setup.yardstick.checks, *figures])
    for peer in peers:
        cpu, wall, peak = summary([run for run, _ in pairs[peer.key]])
        figures = [f"{cpu:.3f}", f"{wall:.3f}", f"{peak / MIB:.0f}", f"{ratio(pairs[peer.key]):.2f}"]
        rows.append([peer.name, peer.checks, *figures, len(pairs[peer.key])])
    rows += [[peer.name, f"not installed: `{peer.install}`", "", "", "", "", ""] for peer in missing]
    size = sum(file.stat().st_size for file in data.glob("*.csv")) / 1e6
    print(table(["program", "checks", "CPU s", "wall s", "peak MiB", "CPU ratio", "pairs"], rows, texts=2))
    print()
    rows = setup.rows(*setup.world.sizes[setup.asked.size])
    print(f"{rows}: {size:.1f} MB in, {int(count):,} documents, all outputs equal.")
    unordered = [peer.name for peer in peers if not peer.ordered]
    if unordered:
        print(f"Compared without regard to order, which they do not keep: {', '.join(unordered)}.")
    print("Medians (of peaks the highest); the ratio is the median over pairs of runs with the hand-written program.")
    print(environment(setup, peers))


def environment(setup, peers):
    """What the figures depend on."""
    versions = [peer.version() for peer in peers if peer.version()]
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.strip()
    tools = ", ".join(dict.fromkeys([f"Python {platform.python_version()}", rustc, *versions]))
    where = "memory" if str(setup.scratch).startswith("/dev/shm") else "disk"
    command = "python3 benches/peers/race.py " + shlex.join(sys.argv[1:])
    return f"{datetime.date.today()}, {machine()}, outputs in {where}. {tools}. `{command.strip()}`"


def machine():
    """Model and number of CPUs, memory, kernel."""
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {os.cpu_count()} CPUs, {memory:.0f} GiB, {platform.system()} {platform.release()}"


def scratch_parent(asked):
    """Outputs go to memory where there is space, so that no disk is measured."""
    if asked.scratch:
        return asked.scratch
    memory = pathlib.Path("/dev/shm")
    if memory.is_dir() and shutil.disk_usage(memory).free > 4 << 30:
        return memory
    return KEPT


def main():
    asked = arguments()
    KEPT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="xwalk-race-", dir=scratch_parent(asked)) as scratch:
        try:
            setup = Setup(asked, pathlib.Path(scratch))
            if asked.start:
                trials.start(setup)
            elif asked.growth:
                trials.growth(setup)
            elif asked.bad:
                trials.bad(setup, *setup.world.sizes[asked.size])
            elif asked.xwalk_flags:
                trials.flags(setup, *setup.world.sizes[asked.size])
            else:
                return race(setup)
            print(environment(setup, []))
        except Failed as failed:
            sys.exit(f"race.py: {failed}")
        except subprocess.CalledProcessError as failed:
            sys.exit(f"race.py: exit {failed.returncode} of {shlex.join(map(str, failed.cmd))}")


if __name__ == "__main__":
    main()
