#!/usr/bin/env python3
"""Makes recordings for races: the same arguments give the same bytes on every machine.

generate.py OUTDIR CUSTOMERS PURCHASES [--bad RATE] [--skew] [--world sales|second]

sales   customers.csv and purchases.csv, as mappings/inflight-sales.yaml takes them.
second  orders.csv, lines.csv and products.csv, as benches/peers/second/mapping.yaml takes them;
        CUSTOMERS counts the orders, PURCHASES their lines.

--bad RATE  this share of the rows of each file has one bad cell (sales only)
--skew      half of all purchases belong to one customer

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
    parser.add_argument("--world", choices=("sales", "second"), default="sales")
    asked = parser.parse_args()
    if asked.bad and asked.world == "second":
        parser.error("--bad makes bad cells in the world `sales` only")
    asked.outdir.mkdir(parents=True, exist_ok=True)
    dice, findings = Dice(20171231), {}
    if asked.world == "sales":
        numbers = []
        write(asked.outdir / "customers.csv", customers(dice, asked.customers, numbers, asked.bad, findings))
        bought = purchases(dice, asked.purchases, numbers, asked.skew, asked.bad, findings)
        write(asked.outdir / "purchases.csv", bought)
    else:
        articles = max(20, asked.customers // 40)
        write(asked.outdir / "orders.csv", orders(dice, asked.customers))
        write(asked.outdir / "lines.csv", lines(dice, asked.purchases, asked.customers, articles, asked.skew))
        write(asked.outdir / "products.csv", products(dice, articles))
    truth = {"parents": asked.customers, "children": asked.purchases, "findings": dict(sorted(findings.items()))}
    (asked.outdir / "truth.json").write_text(json.dumps(truth, indent=2) + "\n")


if __name__ == "__main__":
    main()
