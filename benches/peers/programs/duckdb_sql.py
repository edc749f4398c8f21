"""DuckDB: one COPY statement. duckdb_sql.py DATADIR OUT any|kept

`kept`: documents and their purchases come in the input's order.
"""

import sys

import duckdb

folder, out, order = sys.argv[1:]
kept = order == "kept"
number = "row_number() OVER () AS place," if kept else ""
types = ", ".join(
    f"'{column}': '{kind}'"
    for column, kind in {
        "purchase_identifier": "VARCHAR",
        "customer_id": "VARCHAR",
        "product_id": "VARCHAR",
        "quantity": "INTEGER",
        "price": "DOUBLE",
        "currency": "VARCHAR",
        "date": "VARCHAR",
    }.items()
)
form = "delim=';', header=true, quote='\"', escape='\"'"
connection = duckdb.connect()
connection.execute("SET enable_progress_bar=false")
connection.execute(f"""
COPY (
  WITH customer AS (
    SELECT {number} * FROM read_csv('{folder}/customers.csv', {form}, all_varchar=true)
  ), purchase AS (
    SELECT {number} * FROM read_csv('{folder}/purchases.csv', {form}, columns={{{types}}})
  ), bought AS (
    SELECT customer_id, list({{'product_id': product_id, 'price': price, 'currency': currency, 'quantity': quantity,
                               'purchased_at': date}} {"ORDER BY place" if kept else ""}) AS purchases
    FROM purchase GROUP BY customer_id
  )
  SELECT CASE title WHEN '1' THEN 'Female' WHEN '2' THEN 'Male' END AS salutation, lastname AS last_name,
         firstname AS first_name, email, coalesce(purchases, []) AS purchases
  FROM customer LEFT JOIN bought USING (customer_id) {"ORDER BY customer.place" if kept else ""}
) TO '{out}' (FORMAT json, ARRAY true)
""")
