"""The independent reader: Python's `csv`, strict, over UTF-8.

Reads requests from stdin, one JSON object a line (`path`, `delimiter`, `quote`), and answers each with a line: `rows`, the
cells of every record that is no blank line, or `wrong`, why it does not read the file.
"""
import csv
import gzip
import io
import json
import sys

csv.field_size_limit(1 << 30)


def read(request):
    with open(request["path"], "rb") as file:
        data = file.read()
    if request["path"].endswith(".gz"):
        data = gzip.decompress(data)
    text = data.decode("utf-8-sig")
    quote = request["quote"]
    kind = {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE, "quotechar": None}
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=request["delimiter"], strict=True, **kind)
    return [row for row in lines if row]


for line in sys.stdin:
    try:
        answer = {"rows": read(json.loads(line))}
    except (csv.Error, ValueError, TypeError, OSError, EOFError) as error:
        answer = {"wrong": str(error)}
    print(json.dumps(answer), flush=True)
