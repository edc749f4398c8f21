"""Random dirty drop folders, and what must come out of each, by Python's `csv` in strict mode and straightforward code.

    python3 oracle.py FOLDER FIRST COUNT ROWS

writes the folders FIRST, FIRST + 1, ... with a mapping and `expected.json` in each: whether the folder must or may be refused,
the documents, which of them may be held back, and how many rows of each source end in which bucket. It shares no code and no
table with the program; the rules are those of docs/mapping.md.
"""
import csv
import datetime
import decimal
import gzip
import json
import pathlib
import random
import re
import sys

csv.field_size_limit(1 << 30)
UNDEFINED = b"\x81\x8d\x8f\x90\x9d"
MARK = b"\xef\xbb\xbf"


class Refused(Exception):
    """Nothing of the folder may come out."""


# ---- The reader ----

class Record:
    """A record of a file: its text, its cells if they are certain, and whether it must be rejected."""

    def __init__(self, raw, cells, bad):
        self.raw, self.cells, self.bad = raw, cells, bad
        self.certain = cells is not None


def lines_of(text):
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", text)


def is_strict(raw, delimiter, quote):
    if not quote:
        return True
    cell = r"(?:Q(?:[^Q]|QQ)*Q|[^Q\r\n%s]*)".replace("Q", quote) % re.escape(delimiter)
    return re.fullmatch(r"%s(?:%s%s)*(?:\r\n|\r|\n)?" % (cell, re.escape(delimiter), cell), raw) is not None


def split(text, delimiter, quote):
    """The records of a text of Latin-1 characters, each with its lines; what is in doubt has no cells."""
    lines = lines_of(text)
    kind = {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE, "quotechar": None}
    at = 0
    while at < len(lines):
        used = [at]

        def feed():
            while used[0] < len(lines):
                used[0] += 1
                yield lines[used[0] - 1]

        wrong, first = None, at
        try:
            cells = next(csv.reader(feed(), delimiter=delimiter, strict=True, **kind))
        except csv.Error as error:
            cells, wrong = None, str(error)
        at = used[0]
        raw = "".join(lines[first:at])
        if cells == []:
            continue
        if wrong is None and is_strict(raw, delimiter, quote):
            yield raw, cells
            continue
        # The damage is only known to end with its line if quotes pair up there, or only blank lines come behind. A quote that
        # stays open takes in no further record if it may have opened in the last line.
        rest = [line for line in lines[first + 1:] if line.strip("\r\n")]
        is_last = not rest or at == len(lines) and wrong == "unexpected end of data" and quote in rest[-1]
        if not is_last and (at - first > 1 or raw.count(quote) % 2):
            raise Refused("quotes do not pair up")
        yield raw, None


def decoded(cell, encoding):
    """The text of a cell of Latin-1 characters; None: it is not in the encoding."""
    data = cell.encode("latin-1")
    try:
        if encoding == "windows-1252" or encoding == "auto" and not is_utf8(data):
            return None if any(byte in UNDEFINED for byte in data) else data.decode("cp1252").replace("ï»¿", "\ufeff")
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def is_utf8(data):
    try:
        data.decode("utf-8")
        return True
    except UnicodeDecodeError:
        return False


def read_file(data, dialect, used, header_before, doubts):
    """The header and the records of a file."""
    delimiter, quote, encoding, tail = (dialect[key] for key in ("delimiter", "quote", "encoding", "tail"))
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Refused("UTF-16")
    if data.startswith(MARK):
        if encoding == "windows-1252":
            raise Refused("a mark of another encoding")
        data = data[len(MARK):]
    data = data.rstrip(b"\0")
    if not data.strip(b"\r\n "):
        raise Refused("empty")
    header, records = None, []
    for raw, cells in split(data.decode("latin-1"), delimiter, quote):
        one_by_one = encoding if encoding != "auto" or not is_utf8(raw.encode("latin-1")) else "utf-8"
        if encoding == "auto" and one_by_one == "auto":
            one_by_one = "windows-1252"
        if header is None:
            names = None if cells is None else [decoded(cell, one_by_one) for cell in cells]
            if names is None or "\0" in raw or None in names:
                raise Refused("the header")
            for name in used:
                if names.count(name) != 1:
                    raise Refused("a column of the mapping")
            if header_before is not None and names != header_before:
                raise Refused("another header")
            header = names
            continue
        if cells is None:
            doubts.append(raw + '"')
            records.append(Record(raw, None, True))
            continue
        texts = [decoded(cell, one_by_one) for cell in cells]
        marked = raw.startswith(MARK.decode("latin-1"))
        plain = [decoded(cell, one_by_one) for cell in [cells[0][3:]] + cells[1:]] if marked else texts
        if plain == header:
            continue
        bad = len(cells) != len(header) or "\0" in raw or None in texts or MARK.decode("latin-1") in raw
        shown = ["\ufffd" if text is None else text for text in texts]
        # What stands in a cell that cannot be decoded is not known.
        record = Record(raw.rstrip("\r\n"), shown, bad)
        record.certain = None not in texts and "\0" not in raw
        if not record.certain:
            doubts.append(raw)
        records.append(record)
    if header is None:
        raise Refused("empty")
    if records and tail == "strict" and not data.endswith((b"\n", b"\r")):
        last = list(split(data.decode("latin-1"), delimiter, quote))[-1][0]
        if records[-1].raw == last.rstrip("\r\n"):
            records[-1].bad = True
    return header, records


class Source:
    """All records of a source, with a status each."""

    def __init__(self, files, dialect, used, doubts, kinds=None):
        header, self.records, self.kinds = None, [], kinds or {}
        for _, data in sorted(files.items()):
            header, records = read_file(data, dialect, used, header, doubts)
            self.records += records
        self.at = {name: header.index(name) for name in used}
        self.width = len(header)
        self.status = ["rejected" if record.bad else "good" for record in self.records]

    def cell(self, row, name):
        cells = self.records[row].cells
        return cells[self.at[name]] if cells and self.at[name] < len(cells) else None

    def key(self, row, names):
        return self.key_of([self.cell(row, name) for name in names], names)

    def key_of(self, cells, names):
        """The value of a key; None: a cell is empty, or not of the type of its column."""
        values = []
        for cell, name in zip(cells, names):
            kind = self.kinds.get(name, "text")
            if not cell or kind != "text" and value(kind, cell) is None or kind == "integer" and cell == "-0":
                return None
            values.append(decimal.Decimal(cell) if kind == "decimal" else cell)
        return tuple(values)

    def check_key(self, names, is_left_out):
        """A cell that is not of the type of its column is no key, and what is left out needs none."""
        for row, status in enumerate(self.status):
            if status == "good" and all(self.cell(row, name) for name in names) and self.key(row, names) is None:
                (self.filter if is_left_out(row) else self.reject)(row)

    def second_key(self, row, names):
        """The key of the second of two records on one line; None: there are not two whole ones."""
        cells = self.records[row].cells
        if not cells or len(cells) <= self.width or len(cells) not in (2 * self.width, 2 * self.width - 1):
            return None
        second = cells[len(cells) - self.width:]
        return self.key_of([second[self.at[name]] for name in names], names)

    def reject(self, row):
        self.status[row] = "rejected"

    def filter(self, row):
        if self.status[row] == "good":
            self.status[row] = "filtered"

    def index(self, names, policy, is_left_out=None):
        """The owner of each key; what is left out needs no key, and is a duplicate only where one of all is chosen."""
        owners, rows_of = {}, {}
        is_left_out = is_left_out or (lambda row: False)
        self.check_key(names, is_left_out)
        for row, status in enumerate(self.status):
            if status == "good":
                key = self.key(row, names)
                if key is not None:
                    rows_of.setdefault(key, []).append(row)
                elif is_left_out(row):
                    self.filter(row)
                else:
                    self.reject(row)
        for key, rows in rows_of.items():
            owners[key] = rows[0]
            if len(rows) > 1 and policy in ("reject", "error"):
                for row in filter(is_left_out, rows):
                    self.filter(row)
                rows = [row for row in rows if self.status[row] == "good"]
                owners[key] = (rows or [owners[key]])[0]
                if not rows:
                    continue
            if len(rows) == 1:
                continue
            if len({self.records[row].raw for row in rows}) == 1:
                for row in rows[1:]:
                    self.filter(row)
            elif policy == "error":
                raise Refused("a key twice")
            elif policy == "reject":
                for row in rows:
                    self.reject(row)
            else:
                owners[key] = rows[0] if policy == "keep_first" else rows[-1]
                for row in rows:
                    if row != owners[key]:
                        self.filter(row)
        for row, status in enumerate(self.status):
            if status == "rejected" and self.key(row, names) is not None:
                owners.setdefault(self.key(row, names), row)
        return owners


# ---- Values ----

def json_text(text):
    return json.dumps(text, ensure_ascii=False)


def number(text, pattern):
    return text if re.fullmatch(pattern, text, re.ASCII) else None


def value(kind, text, codes=None):
    """The JSON of a cell; None: it cannot be made; False: the field is left out."""
    if text is None:
        return None
    if kind == "text":
        return json_text(text)
    if kind == "id":
        kind = codes[2]
        if kind == "text":
            return json_text(text)
    if text == "":
        return None
    if kind == "integer":
        return number(text, r"-?(0|[1-9][0-9]*)")
    if kind == "decimal":
        return number(text, r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
    if kind == "date":
        try:
            return json_text(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII) and datetime.date.fromisoformat(text) else None
        except ValueError:
            return None
    table, policy, _ = codes
    if text in table:
        return json_text(table[text])
    return {"reject": None, "omit": False, "set_null": "null", "keep": json_text(text)}.get(policy, json_text("Other"))


def fields_of(source, row, fields, codes):
    """The members of a record as JSON; None: one of them cannot be made."""
    members = []
    for name, column, kind in fields:
        made = value(kind, source.cell(row, column), codes)
        if made is None:
            return None
        if made is not False:
            members.append(json_text(name) + ":" + made)
    return members


# ---- What must come out ----

PART = [("part", "part", "text"), ("size", "size", "integer")]
CUSTOMER = [("id", "id", "id"), ("title", "title", "code"), ("name", "name", "text"), ("city", "city", "text")]
PURCHASE = [("no", "no", "text"), ("quantity", "quantity", "integer"), ("price", "price", "decimal"), ("date", "date", "date")]


def left_out(plan, name, source):
    """Whether every use of a source leaves a record out, by the condition of the mapping."""
    column, value = {"customers": ("city", "Nice"), "purchases": ("quantity", "2")}[name]
    has_condition = plan["where_" + column] and (name == "purchases" or plan["shape"] == "list")
    return lambda row: has_condition and source.cell(row, column) == value


def check_where(plan, purchases):
    """A condition reads its column by its type, before it is asked."""
    for row, status in enumerate(purchases.status):
        text = purchases.cell(row, "quantity")
        if status == "good" and plan["where_quantity"] and text and value("integer", text) is None:
            purchases.reject(row)


def attach_parts(plan, purchases, parts, owners):
    """The parts of each purchase, and the purchases of which a part was rejected before."""
    children, held = {}, set()
    for row, status in enumerate(parts.status):
        owner = owners.get(parts.key(row, ["purchase"]))
        if status == "rejected":
            held |= {owner, owners.get(parts.second_key(row, ["purchase"]))} - {None}
        elif owner is None:
            (parts.reject if plan["orphan"] == "reject" else parts.filter)(row)
        elif purchases.status[owner] == "filtered":
            parts.filter(row)
        elif purchases.status[owner] == "rejected":
            parts.reject(row)
        else:
            children.setdefault(owner, []).append(row)
    return children, held


def parts_of(plan, parts, rows):
    """The parts of a purchase as JSON, and whether one of them is bad."""
    items, is_short = [], False
    for row in rows:
        item = fields_of(parts, row, PART, None)
        if item is None:
            parts.reject(row)
            is_short = True
        else:
            items.append("{" + ",".join(item) + "}")
    return '"parts":[' + ",".join(items) + "]", is_short


def with_list(plan, customers, purchases, parts, codes, expected):
    """Customers, each with a list of purchases, and those with a list of parts."""
    owners = customers.index(["id"], plan["customers_twice"], left_out(plan, "customers", customers))
    is_left_out = left_out(plan, "purchases", purchases)
    owners_of_parts = purchases.index(["no"], plan["purchases_twice"], is_left_out) if plan["purchases_twice"] else {}
    purchases.check_key(["customer"], is_left_out)
    for row, status in enumerate(customers.status):
        if status == "good" and plan["where_city"] and customers.cell(row, "city") == "Nice":
            customers.filter(row)
    check_where(plan, purchases)
    children, held = {}, set()
    for row, status in enumerate(purchases.status):
        if status == "filtered":
            continue
        if status == "good" and plan["where_quantity"] and purchases.cell(row, "quantity") == "2":
            purchases.filter(row)
            continue
        key = purchases.key(row, ["customer"])
        owner = owners.get(key)
        if status == "rejected":
            held |= {owner, owners.get(purchases.second_key(row, ["customer"]))} - {None}
        elif owner is None:
            (purchases.reject if plan["orphan"] == "reject" else purchases.filter)(row)
        elif customers.status[owner] == "filtered":
            purchases.filter(row)
        else:
            children.setdefault(owner, []).append(row)
    parts_by_purchase, held_parts = attach_parts(plan, purchases, parts, owners_of_parts) if parts else ({}, set())
    for root, status in enumerate(customers.status):
        if status == "filtered":
            continue
        rows = children.get(root, [])
        if plan["order"]:
            def by_price(row):
                text = purchases.cell(row, "price")
                made = value("decimal", text)
                return (made is not None, decimal.Decimal(made or 0))
            rows = sorted(rows, key=by_price)
        members = fields_of(customers, root, CUSTOMER, codes) if status == "good" else None
        items, is_short = [], root in held
        for row in rows:
            item = fields_of(purchases, row, PURCHASE, codes)
            of_parts = parts_by_purchase.get(row, [])
            if parts:
                list_of_parts, misses_parts = parts_of(plan, parts, of_parts)
                if plan["parts_incomplete"] == "reject" and (misses_parts or row in held_parts):
                    item = None
            if item is None:
                purchases.reject(row)
                for part in of_parts:
                    parts.reject(part)
                is_short = True
            else:
                if parts:
                    item.append(list_of_parts)
                items.append("{" + ",".join(item) + "}")
        if members is None or is_short and plan["incomplete"] == "reject":
            customers.reject(root)
            for row in rows:
                purchases.reject(row)
                for part in parts_by_purchase.get(row, []):
                    parts.reject(part)
        else:
            members.append('"purchases":[' + ",".join(items) + "]")
            expected["documents"].append("{" + ",".join(members) + "}")
            expected["keys"].append(customers.cell(root, "id"))


def with_lookup(plan, customers, purchases, _, codes, expected):
    """Purchases, each with its customer."""
    owners = customers.index(["id"], plan["customers_twice"])
    is_left_out = left_out(plan, "purchases", purchases)
    if plan["purchases_twice"]:
        purchases.index(["no"], plan["purchases_twice"], is_left_out)
    purchases.check_key(["customer"], is_left_out)
    check_where(plan, purchases)
    holders = {}
    for row, status in enumerate(purchases.status):
        if status == "good" and plan["where_quantity"] and purchases.cell(row, "quantity") == "2":
            purchases.filter(row)
        if purchases.status[row] == "filtered":
            continue
        owner = owners.get(purchases.key(row, ["customer"]))
        members = fields_of(purchases, row, PURCHASE, codes) if status == "good" else None
        if owner is None:
            who = {"reject": None, "omit": False, "set_null": "null"}[plan["missing"]]
        else:
            of = fields_of(customers, owner, CUSTOMER, codes) if customers.status[owner] == "good" else None
            who = None if of is None else "{" + ",".join(of) + "}"
        is_sent = members is not None and who is not None
        if owner is not None:
            holders.setdefault(owner, []).append(is_sent)
        if not is_sent:
            purchases.reject(row)
            continue
        if who:
            members.append('"who":' + who)
        expected["documents"].append("{" + ",".join(members) + "}")
        expected["keys"].append(purchases.cell(row, "customer"))
    for row, status in enumerate(customers.status):
        if status == "good" and row not in holders:
            customers.filter(row)
        elif status == "good" and not any(holders[row]):
            customers.reject(row)


UNITS = ["a unit of some length"]


def sums_of(purchases):
    """The amounts of each unit by bucket, and how many records have none that can be read. Units are named that are listed, or
    look like a code."""
    def named(unit):
        digits = sum(character in "0123456789" for character in unit)
        is_code = re.fullmatch(r"[A-Za-z0-9._/-]{1,12}", unit, re.ASCII) and (digits or len(unit) <= 3)
        return unit if unit == "" or unit in UNITS or is_code else "other"
    sums = {}
    for row, status in enumerate(purchases.status):
        cells = purchases.records[row].cells
        is_whole = cells is not None and len(cells) == purchases.width
        unit, amount = (purchases.cell(row, "unit"), value("decimal", purchases.cell(row, "price"))) if is_whole else (None, None)
        of = sums.setdefault("unknown" if unit is None else named(unit), {"good": decimal.Decimal(0), "rejected": decimal.Decimal(0), "filtered": decimal.Decimal(0), "unreadable": 0})
        if amount is None:
            of["unreadable"] += 1
        else:
            of[status] += decimal.Decimal(amount)
    plain = lambda amount: amount if isinstance(amount, int) else format(amount, "f")
    return [{"by": unit, **{bucket: plain(amount) for bucket, amount in of.items()}} for unit, of in sums.items()]


def expect(plan, files, codes):
    """What must come out of a folder."""
    expected = {"refuse": "no", "documents": [], "keys": [], "maybe": [], "loose": [], "sources": {}, "exact": True}
    doubts = []
    try:
        if codes is None:
            raise Refused("the code table")
        ids = plan["ids"]
        customers = Source(files["customers"], plan["customers"], ["id", "title", "name", "city"], doubts, {"id": ids})
        columns = ["no", "customer", "quantity", "price", "unit", "date"]
        purchases = Source(files["purchases"], plan["purchases"], columns, doubts, {"customer": ids})
        rows, parts = {"customers": customers, "purchases": purchases}, None
        if plan["parts"]:
            parts = rows["parts"] = Source(files["parts"], plan["parts"], ["part", "purchase", "size"], doubts)
        join = with_list if plan["shape"] == "list" else with_lookup
        join(plan, customers, purchases, parts, (codes, plan["unknown"], ids), expected)
    except Refused as why:
        return {"refuse": "must", "why": str(why)}
    # Of a record whose quotes are in doubt nobody knows the key: what it may belong to may be held back.
    words = {word for raw in doubts for word in re.split(r'[^0-9a-z-]+', raw)}
    if any('"' in raw for raw in doubts):
        expected["refuse"] = "may"
    if doubts:
        expected["exact"] = False
        if plan["parts"]:
            # A purchase of which such a part may be one is left out, where purchases may be.
            expected["loose"] = list(range(len(expected["documents"])))
        all_may = plan["ids"] == "decimal" or plan["parts"] or len(words) > 1000
        expected["maybe"] += [at for at, key in enumerate(expected["keys"]) if all_may or any(key in word for word in words)]
    if expected["maybe"] or expected["loose"]:
        expected["exact"] = False
    for name, source in rows.items():
        counts = {status: source.status.count(status) for status in ("good", "rejected", "filtered")}
        expected["sources"][name] = {"rows": len(source.status), **counts}
    expected["sums"] = sums_of(rows["purchases"])
    return expected


# ---- Folders ----

def cell_text(dice, text, delimiter, quote):
    """A cell as a recorder may write it, quoted where it must be."""
    roll = dice.random()
    if roll < 0.03:
        text = text + dice.choice(["\n", "\r\n", "\r", delimiter, quote, 2 * quote, delimiter + quote]) + text
    if not quote:
        return text
    if any(sign in text for sign in (quote, "\r", "\n", delimiter)) or roll > 0.9:
        return quote + text.replace(quote, 2 * quote) + quote
    return text


def spoil_line(dice, line, delimiter, quote, others):
    """One line with damage."""
    quote = quote.encode() or b'"'
    at = dice.randrange(len(line) + 1)
    mark = delimiter.encode()
    cells = line.split(mark)
    pick = dice.randrange(len(cells))

    def with_cell(text):
        return mark.join(cells[:pick] + [text] + cells[pick + 1:])

    cell = cells[pick]
    return dice.choice([
        lambda: line[:at] + quote + line[at:],
        lambda: with_cell(b"a " + quote + b"b" + quote + b" c"),
        lambda: with_cell(quote + cell),
        lambda: with_cell(cell + quote),
        lambda: with_cell(quote + cell + quote + b" x"),
        lambda: with_cell(b" " + quote + cell + quote),
        lambda: with_cell(2 * quote + cell + 2 * quote),
        lambda: with_cell(3 * quote + cell.replace(quote, b"") + 3 * quote),
        lambda: with_cell(quote + cell + b"\n" + cell),
        lambda: line[:at] + b"\0" + line[at:],
        lambda: line[:at] + b"\xe9" + line[at:],
        lambda: line[:at] + bytes([dice.choice(UNDEFINED)]) + line[at:],
        lambda: line[:at] + MARK + line[at:],
        lambda: MARK + line,
        lambda: line.replace(mark, b"", 1),
        lambda: line + mark,
        lambda: line + mark + b"x",
        lambda: line[:at],
        lambda: line + dice.choice(others),
        lambda: line + mark + dice.choice(others),
        lambda: line[:at] + dice.choice([b"\r", b"\n", b"\r\n"]) + line[at:],
        lambda: b"",
        lambda: b"  ",
        lambda: b"\n\r\n" + line,
        lambda: line[:at] + mark + line[at:],
    ])()


def file_of(dice, header, rows, dialect, dirty):
    """The bytes of a file."""
    delimiter, quote, encoding = dialect["delimiter"], dialect["quote"], dialect["encoding"]
    codec = {"windows-1252": "cp1252"}.get(encoding, "utf-8")
    end = dice.choice(["\n", "\n", "\r\n", "\r", "mixed"])
    lines = []
    for row in [header] + rows:
        lines.append(delimiter.join(cell_text(dice, cell, delimiter, quote) if row is not header else cell for cell in row).encode(codec))
    if dirty:
        for _ in range(dice.choice([1, 1, 2, 4])):
            roll = dice.random()
            if len(lines) > 1 and roll < 0.85:
                at = dice.randrange(1, len(lines))
                lines[at] = spoil_line(dice, lines[at], delimiter, quote, lines)
            elif not lines:
                break
            elif roll < 0.90:
                lines.insert(dice.randrange(1, len(lines) + 1), lines[0])
            elif roll < 0.92:
                lines[0] = spoil_line(dice, lines[0], delimiter, quote, lines)
            elif roll < 0.96:
                lines = [line + delimiter.encode() for line in lines]
            else:
                lines.pop(0)
    ends = {"mixed": [b"\n", b"\r\n", b"\r"]}.get(end, [end.encode()])
    data = b"".join(line + dice.choice(ends) for line in lines)
    if dice.random() < 0.1 and encoding != "windows-1252":
        data = MARK + data
    if dice.random() < 0.15:
        data = data.rstrip(b"\r\n")
    if dirty and dice.random() < 0.1:
        data = dice.choice([
            lambda: data[:dice.randrange(len(data) + 1)],
            lambda: data + b"\0" * dice.choice([1, 30, 600]),
            lambda: b"",
            lambda: b"\r\n\n",
            lambda: b"\n\n" + data,
            lambda: b"\xff\xfe" + data.decode("latin-1").encode("utf-16-le"),
        ])()
    # Whether a last record without a line end is whole is decided by the size there; that has cases of its own.
    if len(data) % 512 == 0 and not data.endswith((b"\r", b"\n")) and data:
        data += b"\n"
    return data


def code_table(dice):
    """The bytes of a code table, and what it says; None: it cannot be trusted."""
    lines = ["code,name", "1,Female", '2,"Male, or so"', "x,Mx"]
    if dice.random() < 0.95:
        return "\n".join(lines) + "\n", {"1": "Female", "2": "Male, or so", "x": "Mx"}
    text = "\n".join(lines) + "\n"
    return dice.choice([
        text.replace("Mx", 'M"x'), text.replace("x,Mx", 'x,"Mx'), text.replace("Mx", "M\0x"), text.replace(",Mx", ""),
        text + "1,Again\n", text + "9,a,b\n", text[:-1], text.replace("Female", '"Fem"ale'), text + ",none\n",
    ]), None


def draw(dice, rows):
    """A plan, the files of a folder and its code table."""
    pick = dice.choice
    dialect = lambda: {
        "delimiter": pick([",", ";", "\t", "|"]), "quote": pick(['"', '"', '"', "'", ""]), "encoding": pick(["utf-8", "utf-8", "auto", "windows-1252"]),
        "tail": pick(["auto", "accept", "accept", "strict"]),
    }
    plan = {
        "shape": pick(["list", "list", "lookup"]), "customers": dialect(), "purchases": dialect(),
        "customers_twice": pick(["reject", "reject", "keep_first", "keep_last", "error"]),
        "purchases_twice": pick([None, "reject", "keep_first", "keep_last"]),
        "where_city": pick([False, False, True]), "where_quantity": pick([False, True]), "order": pick([False, True]),
        "orphan": pick(["reject", "warn", "ignore"]), "incomplete": pick(["reject", "send"]),
        "parts": None, "parts_incomplete": pick(["reject", "send"]), "ids": pick(["text", "text", "integer", "decimal"]),
        "missing": pick(["reject", "omit", "set_null"]), "unknown": pick(["reject", "omit", "set_null", "keep", "use"]),
    }
    if plan["shape"] == "list" and plan["purchases_twice"] and dice.random() < 0.5:
        plan["parts"] = dialect()
    count = rows or pick([0, 1, 2, 3, 8, 20])
    ways = {"text": ["{}", "{}", "key-of-{}"], "integer": ["{}"], "decimal": ["{}", "{}.0", "{}.00"]}[plan["ids"]]
    ids = [pick(ways).format(at) for at in range(count)]
    other = lambda: pick(ids) if ids and dice.random() < 0.95 else pick(["", "nobody", "-0", "01", "7777"])
    again = lambda key: pick(ways).format(key.split(".")[0]) if plan["ids"] == "decimal" else key
    rate = 0.02 if rows < 100 else 0.0005
    customers = []
    for key in ids:
        if dice.random() < rate:
            key = other()
        customers.append([key, pick(["1", "2", "x"]) if dice.random() > rate else pick(["", "9"]),
                          pick(["Ann", "Bob", "Zoë", "Al", "", " Al "]), pick(["Nice", "Paris", "Orléans"])])
        if dice.random() < rate:
            customers.append(list(pick(customers)))
        if dice.random() < rate:
            # A total, which the condition leaves out, and a second customer of whom it may leave out one.
            customers.append(pick([["", "", "Total", "Nice"], ["Total", "", "", "Nice"], ["", "1", "Al", "Paris"]]))
            customers.append([pick(ids), "1", "Ann", pick(["Nice", "Paris"])])
    purchases = []
    for at in range(count * pick([0, 1, 2, 4]) if count else pick([0, 2])):
        no = str(at) if dice.random() > rate else str(at // 2)
        is_good = dice.random() > rate
        purchases.append([no, again(other()), pick(["1", "2", "30"]) if is_good else pick(["", "x", "-0", "01", "1.0"]),
                          pick(["1", "2.50", "10", "0.1", "-3"]) if is_good else pick(["", "3,90", "1e3", "+1"]),
                          pick(["EUR", "EUR", "JPY", "", "a unit of some length"]),
                          pick(["2026-06-15", "2024-02-29"]) if is_good else pick(["", "2026-02-30", "x"])])
        if dice.random() < rate:
            purchases.append(list(pick(purchases)))
        if dice.random() < rate:
            purchases.append([pick(["", "Total", no]), pick(["", "-0", "Total"]), pick(["2", "2", "1"]), "7", "EUR", "2026-06-15"])
    parts = []
    if plan["parts"]:
        for at in range(len(purchases)):
            no = pick(purchases)[0] if dice.random() > rate else pick(["", "nobody"])
            parts.append([f"part {at}", no, pick(["1", "20"]) if dice.random() > rate else pick(["", "y"])])
    files = {}
    for name, header, records in [("parts", ["part", "purchase", "size"], parts), ("customers", ["id", "title", "name", "city"], customers),
                                  ("purchases", ["no", "customer", "quantity", "price", "unit", "date"], purchases)]:
        if not plan[name]:
            continue
        more = pick([[], [], ["note"], ["note", "note"], [""]])
        order = list(range(len(header) + len(more)))
        if dice.random() < 0.3:
            dice.shuffle(order)
        whole = [header + more] + [record + [pick(["", "n", "Zoë"]) for _ in more] for record in records]
        whole = [[record[at] for at in order] for record in whole]
        parts = pick([1, 1, 1, 2, 3])
        files[name] = {}
        for part in range(parts):
            share = whole[1 + part * len(records) // parts:1 + (part + 1) * len(records) // parts]
            data = file_of(dice, whole[0], share, plan[name], dice.random() < 0.4)
            ending = ".gz" if dice.random() < 0.1 else ""
            files[name][f"{name}-{part}.csv{ending}"] = data
    return plan, files, *code_table(dice)


def source_of(name, plan, key, twice, columns, more=None):
    return {"path": f"{name}-*.csv*", "dialect": plan[name], **(more or {}), **({"key": key, "on_duplicate_key": twice} if twice else {}),
            **({"columns": columns} if columns else {})}


def mapping_of(plan):
    """The mapping of a plan; JSON is YAML."""
    ids = {"type": plan["ids"]}
    typed = {"customer": ids, "quantity": {"type": "integer"}, "price": {"type": "decimal"}, "date": {"type": "date"}}
    unknown = {"use": "Other"} if plan["unknown"] == "use" else plan["unknown"]
    customer = {name: {"from": column, "codes": "titles"} if kind == "code" else column for name, column, kind in CUSTOMER}
    purchase = {name: column for name, column, _ in PURCHASE}
    quantity = {"where": "quantity != 2"} if plan["where_quantity"] else {}
    part = {name: column for name, column, _ in PART}
    if plan["parts"]:
        purchase["parts"] = {"many": "parts", "match": {"purchase": "no"}, "on_orphan": plan["orphan"],
                             "on_incomplete": plan["parts_incomplete"], "fields": part}
    if plan["shape"] == "list":
        many = {"many": "purchases", "match": {"customer": "id"}, "on_orphan": plan["orphan"], "on_incomplete": plan["incomplete"],
                **quantity, **({"order_by": "price"} if plan["order"] else {}), "fields": purchase}
        output = {"each": "customers", **({"where": "city != 'Nice'"} if plan["where_city"] else {}),
                  "fields": {**customer, "purchases": many}}
    else:
        one = {"one": "customers", "match": {"id": "customer"}, "on_missing": plan["missing"], "fields": customer}
        output = {"each": "purchases", **quantity, "fields": {**purchase, "who": one}}
    return {
        "mapping": 1, "name": "random", "contract": "contract.json", "request": {"method": "PUT", "path": "/"},
        "sources": {"customers": source_of("customers", plan, "id", plan["customers_twice"], {"id": ids}),
                    "purchases": source_of("purchases", plan, "no", plan["purchases_twice"], typed,
                                           {"total": {"sum": "price", "by": "unit", "units": UNITS}}),
                    **({"parts": source_of("parts", plan, None, None, {"size": {"type": "integer"}})} if plan["parts"] else {})},
        "codes": {"titles": {"file": "titles.txt", "on_unknown": unknown}}, "output": output,
    }


def main():
    root, first, count, rows = pathlib.Path(sys.argv[1]), *map(int, sys.argv[2:5])
    for number in range(first, first + count):
        dice = random.Random(number)
        plan, files, table, codes = draw(dice, rows)
        folder = root / str(number)
        folder.mkdir()
        for data in files.values():
            for name, text in data.items():
                (folder / name).write_bytes(gzip.compress(text, 1, mtime=0) if name.endswith(".gz") else text)
        (folder / "titles.txt").write_bytes(table.encode())
        (folder / "mapping.yaml").write_text(json.dumps(mapping_of(plan), ensure_ascii=False))
        (folder / "contract.json").write_text('{"type": "array", "items": {"type": "object"}}')
        expected = expect(plan, files, codes)
        expected["documents"] = "[" + ",".join(expected.get("documents", [])) + "]"
        (folder / "expected.json").write_text(json.dumps(expected, ensure_ascii=False))


main()
