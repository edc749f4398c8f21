"""Draws docs/terminal.svg, the picture of the README, from a real run.

    cargo build && python3 docs/terminal.py [XWALK]

XWALK is the program to run; target/debug/xwalk if not given.
The commands run in a temporary copy of what the repository ships, so nothing is left behind.
`cargo test --test docs` compares the text of the picture with what the program prints.
Needs Python 3.9 and a POSIX shell, and nothing else.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ["mappings", "schemas", "samples", "profiles.yaml"]

# Not shown: a flight whose second price has a comma.
BEFORE = "cp -r samples/flight-00 landed; sed 's/3.90/3,90/' samples/flight-00/purchases.csv > landed/purchases.csv"
SHOWN = ["xwalk convert landed"]

COLUMNS = 89
CHARACTER, LINE, MARGIN = 8.4, 19, 20
BACKGROUND, BORDER, TEXT, PROMPT = "#16191f", "#3a414d", "#d5d9e0", "#7c8796"
# The colours that the program uses, by their number in the escape sequence: all of them stand out from BACKGROUND.
COLORS = {31: "#ff7b72", 32: "#7ee787", 33: "#e3b341", 34: "#79c0ff", 35: "#d2a8ff", 36: "#76e3ea", 37: TEXT}


def printed(command, folder, xwalk):
    """What a command prints in a terminal with colours, stdout and stderr as they come."""
    colored = command.replace("xwalk", f"'{xwalk}'", 1) + " --color always"
    environment = {**os.environ, "XDG_STATE_HOME": str(folder / ".state"), "XWALK_PROFILE": "sandbox"}
    run = subprocess.run(["sh", "-c", f"exec 2>&1; {colored}"], cwd=folder, env=environment, stdout=subprocess.PIPE)
    text = run.stdout.decode()
    # The sandbox takes a free port; the picture must not change with it.
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:41234", text).rstrip("\n").split("\n")


def spans(line):
    """A line with escape sequences as pairs of a style and its text."""
    color, bold, parts = None, False, []
    for index, part in enumerate(re.split(r"\x1b\[([0-9;]*)m", line)):
        if index % 2 == 0:
            parts += [((color, bold), part)] if part else []
            continue
        codes = [int(code or 0) for code in part.split(";")]
        if codes[:2] == [38, 5]:
            # One of 256: the first sixteen are the colours of above.
            codes = [30 + codes[2] % 8] if codes[2] < 16 else []
        for code in codes:
            if code == 0:
                color, bold = None, False
            elif code == 1:
                bold = True
            elif 30 <= code <= 37 or 90 <= code <= 97:
                color = COLORS.get(code % 10 + 30)
    return parts


def wrapped(parts):
    """The lines that a terminal makes of one line."""
    lines, room = [[]], COLUMNS
    for style, text in parts:
        while len(text) > room:
            lines[-1].append((style, text[:room]))
            text, room = text[room:], COLUMNS
            lines.append([])
        lines[-1].append((style, text))
        room -= len(text)
    return lines


def drawn(parts, y, kind):
    """One line of text. Its length is fixed, so that carets stand below what they point at in every font."""
    length = sum(len(text) for _, text in parts)
    if length == 0:
        return f'<text class="{kind}"></text>'
    inside = ""
    for (color, bold), text in parts:
        style = (f' fill="{color}"' if color else "") + (' font-weight="bold"' if bold else "")
        # No-break spaces: viewers leave out others where several stand together.
        text = escape(text.replace(" ", "\u00a0"), quote=False)
        inside += f"<tspan{style}>{text}</tspan>"
    return f'<text class="{kind}" x="{MARGIN}" y="{y}" textLength="{length * CHARACTER:.1f}">{inside}</text>'


def picture(lines):
    """The whole picture: a dark window, good on light and on dark pages."""
    rows, y = [], MARGIN + 14
    for parts in lines:
        for number, row in enumerate(wrapped(parts)):
            rows.append(drawn(row, y, "wrapped" if number else "line"))
            y += LINE
    width, height = round(COLUMNS * CHARACTER + 2 * MARGIN), y - 14 + MARGIN - 4
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' role="img" aria-label="xwalk in a terminal">',
        "<!-- Made by docs/terminal.py from a real run. -->",
        f"<desc>{escape(BEFORE, quote=False)}</desc>",
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8" fill="{BACKGROUND}" stroke="{BORDER}"/>',
        f'<g fill="{TEXT}" font-size="14" font-family='
        "\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\">",
        *rows,
        "</g>",
        "</svg>",
        "",
    ])


def main():
    xwalk = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "target/debug/xwalk").resolve()
    lines = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for shipped in SHIPPED:
            source = ROOT / shipped
            (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / shipped)
        subprocess.run(["sh", "-ec", BEFORE], cwd=folder, check=True)
        for command in SHOWN:
            lines.append([((PROMPT, False), "$ "), ((None, True), command)])
            lines += [spans(line) for line in printed(command, folder, xwalk)]
    (ROOT / "docs/terminal.svg").write_text(picture(lines))


main()
