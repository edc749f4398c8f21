#!/usr/bin/env python3
"""What documents a file holds, as a digest: equal digests, equal documents. compare.py FILE

The file is a JSON array or a run of JSON values, and is read in chunks. Numbers count by their value as doubles (91.20
is 91.2), and the order of an object's keys does not count. Prints how many documents there are and two digests: one in
which every order counts, and one in which neither the order of the documents nor that within their lists does.
"""

import hashlib
import json
import sys

CHUNK = 1 << 20
DECODER = json.JSONDecoder(parse_int=float)


def documents(file):
    """Each value of the array or of the lines."""
    text, at, size = file.read(CHUNK), 0, CHUNK
    while True:
        while at < len(text) and text[at] in "[], \t\r\n":
            at += 1
        try:
            document, end = DECODER.raw_decode(text, at)
        except json.JSONDecodeError:
            more = file.read(size)
            if not more:
                if at < len(text):
                    raise
                return
            # One long document takes a doubled chunk each time, so that it is not begun again too often.
            text, at, size = text[at:] + more, 0, size * 2
            continue
        size = CHUNK
        yield document
        at = end


def sorted_lists(value):
    if isinstance(value, list):
        return sorted((sorted_lists(item) for item in value), key=canonical)
    if isinstance(value, dict):
        return {key: sorted_lists(item) for key, item in value.items()}
    return value


def canonical(value):
    return json.dumps(value, sort_keys=True)


def digests(path):
    count, ordered, unordered = 0, hashlib.sha256(), 0
    with open(path, encoding="utf-8") as file:
        for document in documents(file):
            count += 1
            ordered.update(canonical(document).encode() + b"\n")
            # A sum knows no order, and a document that is there twice counts twice.
            own = hashlib.sha256(canonical(sorted_lists(document)).encode()).digest()
            unordered = (unordered + int.from_bytes(own, "big")) % (1 << 256)
    return count, ordered.hexdigest(), f"{unordered:064x}"


if __name__ == "__main__":
    print(*digests(sys.argv[1]))
