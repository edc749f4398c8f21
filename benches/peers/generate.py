#!/usr/bin/env python3
"""Makes recordings for races: the same arguments give the same bytes on every machine.

generate.py OUTDIR CUSTOMERS PURCHASES [--bad RATE] [--skew] [--world sales|second|shopify]

sales   customers.csv and purchases.csv, as mappings/inflight-sales.yaml takes them.
second  orders.csv, lines.csv and products.csv, as benches/peers/second/mapping.yaml takes them;
        CUSTOMERS counts the orders, PURCHASES their lines.
shopify orders_export.csv, as benches/peers/shopify/mapping.yaml takes it: one line for each item, and the order on the
        first of its lines. CUSTOMERS counts the orders, PURCHASES the lines, one to six of each order.

--bad RATE  this share of the rows of each file has one bad cell (sales only)
--skew      half of all purchases belong to one customer (not shopify)

`truth.json`, beside the files, says what is in them: rows, and findings by their code.
Only `random.random` is used, and exact arithmetic on it, so that no mathematics library has a say.
"""

import argparse
import itertools
import json
import pathlib
import random
import unicodedata
from bisect import bisect

LAST = """
Norris Müller Ødegård Çelik García Núñez Dupont Lefèvre Nguyễn Schröder Håkansson Björk Łukasiewicz Dvořák
Smith Jones Taylor Brown Martin Bernard Petit Durand Leroy Moreau Laurent Bertrand Fournier Girard André
Mercier Guérin Garnier François Legrand Clément Masson Lemaire Noël Rivière Martínez O'Brien D'Angelo
Saint-Exupéry Παπαδόπουλος Иванов Шевченко 田中 佐藤 김 الخطيب ใจดี כהן शर्मा
""".split()
FIRST = """
Chuck Frédérique Zoë Søren José Renée Łucja Jiří Anaïs Gwenaëlle Émile Chloé Léa Manon Camille Louis Hugo
Jules Raphaël Maël Noah Paul Alice Emma Louise Rose Anna Inès Ambre Julia Mia Agathe Jeanne Élise Marie Pierre
Jean-Luc Marie-Ève Όλγα Дмитрий 花子 太郎 지훈 محمد สมชาย
""".split()
CITY = """
Fréjus Paris Lyon Marseille Saint-Étienne Besançon Orléans Nîmes Béziers Épinal Zürich København Kraków Reims
Lille Nantes Toulouse Nice Rennes Dijon Angers Toulon Brest Limoges Tours Metz
""".split()
TITLES = ["Crème brûlée", "Eau de parfum", "Montre homme", '"Coffret ""Voyage"""', "Foulard en soie", "Dětská hračka", "緑茶"]
MAIL = ["norris.example", "example.com", "mail.example.org", "orange.example", "free.example"]
# Title, cents, article number, shipped, taxed; a title with a comma in it stands in quotes.
ARTICLES = [
    ('"Mug, blue"', 1250, "MUG-BL", True, True),
    ('"Mug, red"', 1250, "MUG-RD", True, True),
    ("Tray", 2990, "TRAY-1", True, True),
    ("Sticker", 1000, "STK", False, True),
    ("E-book", 900, "", False, False),
    ("Gift wrap", 250, "", False, True),
    ("T-shirt - M / Noir", 2495, "TS-M-BK", True, True),
    ("T-shirt - L / Écru", 2495, "TS-L-EC", True, True),
    ('"Poster, 30 × 40 cm"', 1800, "PST-3040", True, True),
    ('"Notebook ""Voyage"""', 740, "NB-VOY", True, True),
    ("Crème de jour", 4205, "CRM-J", True, True),
    ("Eau de parfum", 11900, "EDP-50", True, True),
    ("Gift card", 5000, "GIFT-50", False, False),
    ('"Lamp, brass"', 18990, "LMP-BR", True, True),
]
STREETS = ['"Rua A, 1"', '"12, rue de la Paix"', '"Hauptstraße 5, 2. OG"', "Väg 2", "Rd 3", "Via Roma 4", "Karl Johans gate 7"]
NOTES = ['"Ring\ntwice"', "Leave it at the door", '"Gift, no bill please"', '"She calls it ""the mug"""']
TAGS = ['"vip, gift"', "pos", "wholesale", '"b2b, net-30, vip"']
LANDS = ("PT", "SE", "IE", "IT", "FR", "DE", "NO")
NO_ADDRESS = ",,,,"
LINES_AT_MOST = 6
CURRENCY = ['"euros"'] * 6 + ["dollars", '"dollars"', "pounds"]
HEAVIEST = 300


def ascii_of(name):
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower().replace("'", "")
    return plain or "user"


class Dice:
    """Random choices, all made of `random.random`."""

    def __init__(self, seed):
        self.roll = random.Random(seed).random

    def below(self, count):
        return int(self.roll() * count)

    def one(self, things):
        return things[int(self.roll() * len(things))]

    def name(self):
        """A last name as it stands in a file; a few are quoted, and fewer need it."""
        name, odds = self.one(LAST), self.roll()
        if odds < 0.05:
            return f'"{name}"'
        if odds < 0.06:
            return f'"{name}; Jr"'
        if odds < 0.07:
            return f'"{name} ""{self.one(FIRST)}"" {self.one(LAST)}"'
        if odds < 0.0702:
            return f'"{name}\n{self.one(LAST)}"'
        if odds < 0.0704:
            return name + "\\"
        if odds < 0.0706:
            return f"{name}\t{self.one(LAST)}"
        return name

    def owners(self, parents, skew):
        """A function that picks a parent: a few have much, one in seven has nothing; with `skew`, one has half."""
        weight = lambda: 0 if self.roll() < 0.15 else min(int(1 / (1 - self.roll())), HEAVIEST)
        totals = list(itertools.accumulate(weight() for _ in range(parents)))
        totals[-1] += 1
        most = parents // 2
        return lambda: most if skew and self.roll() < 0.5 else bisect(totals, self.roll() * totals[-1])


def customers(dice, rows, numbers, bad, findings):
    """The rows; `numbers` gets the number of each customer."""
    number = 0
    yield "customer_id;title;lastname;firstname;postal_code;city;email\n"
    for _ in range(rows):
        number += 1 + dice.below(3)
        numbers.append(number)
        title, first = "12"[dice.below(2)], dice.one(FIRST)
        if bad and dice.roll() < bad:
            title = "3"
            found(findings, "transform/not-in-code-table")
        mail = f"{ascii_of(first)}.{number}@{dice.one(MAIL)}"
        yield f"{number};{title};{dice.name()};{first};{10000 + dice.below(85000)};{dice.one(CITY)};{mail}\n"


def purchases(dice, rows, numbers, skew, bad, findings):
    yield "purchase_identifier;customer_id;product_id;quantity;price;currency;date\n"
    owner, counts = dice.owners(len(numbers), skew), [0] * len(numbers)
    for _ in range(rows):
        at = owner()
        counts[at] += 1
        customer, cents, form = numbers[at], 50 + int(dice.roll() * dice.roll() * dice.roll() * 100000), dice.roll()
        price = str(cents // 100 + 1) if form < 0.25 else f"{cents / 100:.1f}" if form < 0.55 else f"{cents / 100:.2f}"
        quantity = 1 + int(dice.roll() * dice.roll() * 12)
        date = f"{2012 + dice.below(15)}-{1 + dice.below(12):02}-{1 + dice.below(28):02}"
        if dice.roll() < 0.001:
            customer += 10**9
            found(findings, "join/no-match")
        elif bad and dice.roll() < bad:
            quantity, price, date = spoiled(dice, quantity, price, date, findings)
        identifier, product = f"{numbers[at]}/{counts[at]:02}", 1000 + dice.below(9000)
        yield f"{identifier};{customer};{product:05};{quantity};{price};{dice.one(CURRENCY)};{date}\n"


def spoiled(dice, quantity, price, date, findings):
    """The cells of a purchase with one of them bad."""
    kind = dice.below(5)
    codes = ["transform/not-a-date"] * 2 + ["check/range"] * 2 + ["transform/not-a-decimal"]
    found(findings, codes[kind])
    if kind == 0:
        date = date[:5] + "13" + date[7:]
    elif kind == 1:
        date = date.replace("-", "/")
    elif kind == 2:
        quantity = 0
    elif kind == 3:
        price = "-" + price
    else:
        price = "n/a"
    return quantity, price, date


def found(findings, code):
    findings[code] = findings.get(code, 0) + 1


def orders(dice, rows):
    yield "order_no;shop;status;ordered_on;gift;first;last;email;country\n"
    for at in range(rows):
        first = dice.one(FIRST)
        date = f"{1 + dice.below(28):02}.{1 + dice.below(12):02}.{2012 + dice.below(15)}"
        status = "paid" if dice.roll() < 0.8 else "cancelled"
        mail = "" if dice.roll() < 0.1 else f"{ascii_of(first)}.{at}@{dice.one(MAIL)}"
        space, last = " " if dice.roll() < 0.1 else "", dice.name()
        # Nothing may stand behind a closing quote.
        last = last if last.startswith('"') else last + space
        shop, gift = dice.one(("par", "lyo", "nte")), dice.one(("oui", "non"))
        country = dice.one(("FR", "DE", "ES", "IT"))
        yield f"{at + 1:07};{shop};{status};{date};{gift};{space}{first}{space};{last};{mail};{country}\n"


def lines(dice, rows, order_count, products_count, skew):
    yield "order_no;line_no;sku;quantity;unit_price\n"
    owner, counts = dice.owners(order_count, skew), [0] * order_count
    for _ in range(rows):
        at = owner()
        counts[at] += 1
        cents = 50 + int(dice.roll() * dice.roll() * dice.roll() * 500000)
        whole = f"{cents // 100:,}".replace(",", ".") if dice.roll() < 0.5 else str(cents // 100)
        # A few articles are not in the list of products.
        sku = f"{dice.below(products_count + 5):05}"
        yield f"{at + 1:07};{counts[at]};{sku};{1 + int(dice.roll() * dice.roll() * 12)};{whole},{cents % 100:02}\n"


def products(dice, rows):
    yield "sku;title;weight\n"
    for at in range(rows):
        weight = "" if dice.roll() < 0.1 else f"{dice.below(5)},{dice.below(1000):03}"
        yield f"{at:05};{dice.one(TITLES)};{weight}\n"


def exported(dice, orders_count, lines_count):
    """The orders, each with its lines below each other; of one in 500 the last line stands below the next order."""
    yield (
        "Name,Email,Financial Status,Paid at,Fulfillment Status,Accepts Marketing,Currency,Subtotal,Shipping,Taxes,Total,"
        "Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,Lineitem price,"
        "Lineitem sku,Lineitem requires shipping,Lineitem taxable,Billing Name,Billing Street,Billing City,Billing Zip,"
        "Billing Country,Shipping Name,Shipping Street,Shipping City,Shipping Zip,Shipping Country,Notes,Payment Method,"
        "Id,Tags\n"
    )
    counts, late = [1] * orders_count, ""
    for _ in range(lines_count - orders_count):
        while counts[at := dice.below(orders_count)] == LINES_AT_MOST:
            pass
        counts[at] += 1
    for at, count in enumerate(counts):
        first, *more = exported_order(dice, at, count)
        kept = more.pop() if more and dice.roll() < 0.002 else ""
        yield first + "".join(more) + late
        late = kept
    yield late


def exported_order(dice, at, count):
    """The lines of one order: what is said of the order is on the first, what tells the lines apart on each."""
    bought = [(dice.one(ARTICLES), 1 + int(dice.roll() * dice.roll() * 4)) for _ in range(count)]
    shipped = any(article[3] for article, _ in bought)
    items = sum(article[1] * quantity for article, quantity in bought)
    code = dice.one(("SPRING", "WELCOME10", "VIP")) if dice.roll() < 0.15 else ""
    off = min(items, 500) if code else 0
    carriage = 490 if shipped and dice.roll() < 0.6 else 0
    total = items - off + carriage
    taxes = total * 16 // 116 if dice.roll() < 0.5 else 0
    status = "paid" if dice.roll() < 0.8 else dice.one(("pending", "authorized", "partially_paid", "refunded", "voided"))
    month, day, clock = 1 + dice.below(12), 1 + dice.below(28), dice.below(86_000)
    zone = "+0200" if 4 <= month <= 10 else "+0100"
    moment = lambda seconds: (
        f"2025-{month:02}-{day:02} {seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02} {zone}"
    )
    first = dice.one(FIRST)
    mail = "" if dice.roll() < 0.05 else f"{ascii_of(first)}.{at}@{dice.one(MAIL)}"
    name, created = f"#{1001 + at}", moment(clock)
    billing = f"{first} {dice.one(LAST)},{dice.one(STREETS)},{dice.one(CITY)},'{dice.below(100_000):05},{dice.one(LANDS)}"
    gift = f"{dice.one(FIRST)} {dice.one(LAST)},{dice.one(STREETS)},{dice.one(CITY)},'{dice.below(100_000):05},PT"
    shipping = NO_ADDRESS if not shipped else gift if dice.roll() < 0.1 else billing
    paid_at = moment(clock + 1 + dice.below(60)) if status == "paid" else ""
    done, news = dice.one(("fulfilled", "fulfilled", "partial", "unfulfilled", "")), dice.one(("yes", "no"))
    note = dice.one(NOTES) if dice.roll() < 0.1 else ""
    tags = dice.one(TAGS) if dice.roll() < 0.3 else ""
    currency = "EUR" if dice.roll() < 0.9 else dice.one(("SEK", "GBP"))
    carrier = dice.one(("DHL", "UPS", "Pickup")) if shipped else ""
    gateway = dice.one(("Shopify Payments", "Shopify Payments", "POS", "Swish"))
    sums = f"{cents_as(items - off)},{cents_as(carriage)},{cents_as(taxes)},{cents_as(total)},{code},{cents_as(off)}"
    head = f"{status},{paid_at},{done},{news},{currency},{sums},{carrier}"
    tail = f"{billing if shipped else NO_ADDRESS},{shipping},{note},{gateway},{5001 + at},{tags}"
    for nth, (article, quantity) in enumerate(bought):
        line = f"{quantity},{article[0]},{cents_as(article[1])},{article[2]},{yes(article[3])},{yes(article[4])}"
        if nth == 0:
            yield f"{name},{mail},{head},{created},{line},{tail}\n"
        else:
            yield f"{name},{mail}{',' * 13}{created},{line}{',' * 14}\n"


def cents_as(cents):
    return f"{cents // 100}.{cents % 100:02}"


def yes(truth):
    return "true" if truth else "false"


def write(path, texts):
    texts = iter(texts)
    with path.open("w", encoding="utf-8", newline="") as file:
        while part := "".join(itertools.islice(texts, 10_000)):
            file.write(part)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("outdir", type=pathlib.Path)
    parser.add_argument("customers", type=int)
    parser.add_argument("purchases", type=int)
    parser.add_argument("--bad", type=float, default=0.0, metavar="RATE")
    parser.add_argument("--skew", action="store_true")
    parser.add_argument("--world", choices=("sales", "second", "shopify"), default="sales")
    asked = parser.parse_args()
    if asked.bad and asked.world != "sales":
        parser.error("--bad makes bad cells in the world `sales` only")
    if asked.skew and asked.world == "shopify":
        parser.error("an order of the world `shopify` has six lines at most: no --skew")
    if asked.world == "shopify" and not asked.customers <= asked.purchases <= asked.customers * LINES_AT_MOST:
        parser.error("an order of the world `shopify` has one to six lines")
    asked.outdir.mkdir(parents=True, exist_ok=True)
    dice, findings = Dice(20171231), {}
    if asked.world == "sales":
        numbers = []
        write(asked.outdir / "customers.csv", customers(dice, asked.customers, numbers, asked.bad, findings))
        bought = purchases(dice, asked.purchases, numbers, asked.skew, asked.bad, findings)
        write(asked.outdir / "purchases.csv", bought)
    elif asked.world == "shopify":
        write(asked.outdir / "orders_export.csv", exported(dice, asked.customers, asked.purchases))
    else:
        articles = max(20, asked.customers // 40)
        write(asked.outdir / "orders.csv", orders(dice, asked.customers))
        write(asked.outdir / "lines.csv", lines(dice, asked.purchases, asked.customers, articles, asked.skew))
        write(asked.outdir / "products.csv", products(dice, articles))
    truth = {"parents": asked.customers, "children": asked.purchases, "findings": dict(sorted(findings.items()))}
    (asked.outdir / "truth.json").write_text(json.dumps(truth, indent=2) + "\n")


if __name__ == "__main__":
    main()
