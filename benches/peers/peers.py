"""Who takes part in a race, how each is called, and what to install where one is missing."""

import importlib.metadata
import pathlib
import shutil
import subprocess
import sys
from dataclasses import dataclass, field

HERE = pathlib.Path(__file__).parent
PROGRAMS = HERE / "programs"
SCHEMA = "schemas/customers.schema.json"
WHOLE = "whole contract"
# A price or quantity that is no number stops these programs; nothing else is looked at.
NUMBERS = "numbers"


@dataclass
class World:
    """One mapping, and the program written by hand for it."""

    mapping: str
    yardstick: str
    parents: str
    children: str
    # How many of each there are, by the name of the size.
    sizes: dict
    # The contract, where the yardstick checks it; a peer does the same without.
    schema: str = ""


SIZES = {"S": (1_000, 4_000), "M": (200_000, 1_000_000), "L": (1_000_000, 5_000_000)}
LINES = {"S": (400, 1_000), "M": (80_000, 200_000), "L": (800_000, 2_000_000)}
SHOPIFY = "benches/peers/shopify"
WORLDS = {
    "sales": World("mappings/inflight-sales.yaml", "sales", "customers", "purchases", SIZES),
    "second": World("benches/peers/second/mapping.yaml", "second", "orders", "lines", SIZES),
    "shopify": World(
        f"{SHOPIFY}/mapping.yaml", "shopify", "orders", "lines", LINES, schema=f"{SHOPIFY}/schema.json"
    ),
}


@dataclass
class Peer:
    """One line of the table. `command` takes the data's folder, the output's path and that of the expected output."""

    key: str
    name: str
    checks: str
    command: object
    # Whether documents and lists come in the input's order.
    ordered: bool = True
    # The exit codes that mean the work was done.
    accepted: tuple = (0,)
    modules: tuple = ()
    program: str = ""
    install: str = ""
    worlds: tuple = field(default=("sales",))

    def missing(self):
        """What is not installed."""
        absent = [name for name in self.modules if not version_of(name)]
        if self.program and not shutil.which(self.program):
            absent.append(self.program)
        return absent

    def version(self):
        if self.program:
            said = subprocess.run([self.program, "--version"], capture_output=True, text=True).stdout
            return said.split("\n")[0].strip()
        return ", ".join(f"{name} {version_of(name)}" for name in self.modules)


def version_of(module):
    try:
        return importlib.metadata.version(module)
    except importlib.metadata.PackageNotFoundError:
        return None


def python(program, *more):
    return lambda data, out, expected: [sys.executable, PROGRAMS / program, data, out, *more]


def xwalk(binary, mapping, flags=(), findings="concise"):
    """The command of a conversion; findings are written to stderr, one to a line unless asked otherwise."""
    quiet = ["-q", "--color", "never", "--message-format", findings]
    return lambda data, out, expected: [binary, "convert", data, "-m", mapping, "-o", out, *quiet, *flags]


def yardstick(binary, world):
    """The program written by hand, which checks the contract where it can."""
    more = [world.schema] if world.schema else []
    checks = WHOLE if more else NUMBERS
    return Peer("handwritten", "hand-written Rust", checks, lambda data, out, expected: [binary, data, out, *more])


def all_peers(binary, world, handwritten):
    """Everybody but the yardstick, whose binary is `handwritten`."""
    everywhere = tuple(WORLDS)
    with_contract = tuple(name for name, known in WORLDS.items() if known.schema)
    return [
        # Exit 1: there were findings, and there are, because some purchases have no customer.
        Peer(
            "xwalk",
            "**xwalk**",
            WHOLE,
            xwalk(binary, WORLDS[world].mapping),
            accepted=(0, 1),
            worlds=everywhere,
        ),
        Peer(
            "unchecked",
            "hand-written Rust, without the contract",
            NUMBERS,
            lambda data, out, expected: [handwritten, data, out],
            worlds=with_contract,
        ),
        Peer(
            "polars",
            "polars, lazy",
            NUMBERS,
            python("polars_lazy.py"),
            modules=("polars",),
            install="pip install polars",
        ),
        Peer(
            "duckdb",
            "DuckDB, any order",
            NUMBERS,
            python("duckdb_sql.py", "any"),
            ordered=False,
            modules=("duckdb",),
            install="pip install duckdb",
        ),
        Peer(
            "duckdb-kept",
            "DuckDB, order kept",
            NUMBERS,
            python("duckdb_sql.py", "kept"),
            modules=("duckdb",),
            install="pip install duckdb",
        ),
        Peer("python", "Python, csv + json", NUMBERS, python("python_csv.py")),
        Peer(
            "python-contract",
            "Python, csv + json + jsonschema-rs",
            WHOLE,
            python("python_csv.py", SCHEMA),
            modules=("jsonschema-rs",),
            install="pip install jsonschema-rs",
        ),
        Peer(
            "miller",
            "Miller",
            NUMBERS,
            lambda data, out, expected: [PROGRAMS / "miller.sh", data, out],
            program="mlr",
            install="apt-get install -y miller",
        ),
        Peer(
            "cat",
            "`cat` of input and output: the limit",
            "none",
            lambda data, out, expected: [PROGRAMS / "cat.sh", data, out, expected],
            worlds=everywhere,
        ),
    ]
