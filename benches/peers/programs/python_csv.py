"""Python: csv and json. python_csv.py DATADIR OUT [SCHEMA]; with a schema, jsonschema-rs checks each document."""

import csv
import json
import sys

folder, out = sys.argv[1:3]
if sys.argv[3:]:
    import jsonschema_rs

    with open(sys.argv[3], encoding="utf-8") as file:
        contract = json.load(file)["items"]
    conforms = jsonschema_rs.Draft202012Validator(contract, validate_formats=True).is_valid
else:
    conforms = lambda document: True

SALUTATION = {"1": "Female", "2": "Male"}
bought = {}
with open(f"{folder}/purchases.csv", newline="", encoding="utf-8") as file:
    for row in csv.DictReader(file, delimiter=";"):
        purchase = {
            "product_id": row["product_id"],
            "price": float(row["price"]),
            "currency": row["currency"],
            "quantity": int(row["quantity"]),
            "purchased_at": row["date"],
        }
        bought.setdefault(row["customer_id"], []).append(purchase)
documents = []
with open(f"{folder}/customers.csv", newline="", encoding="utf-8") as file:
    for row in csv.DictReader(file, delimiter=";"):
        document = {
            "salutation": SALUTATION[row["title"]],
            "last_name": row["lastname"],
            "first_name": row["firstname"],
            "email": row["email"],
            "purchases": bought.get(row["customer_id"], []),
        }
        if conforms(document):
            documents.append(document)
with open(out, "w", encoding="utf-8") as file:
    json.dump(documents, file, ensure_ascii=False)
