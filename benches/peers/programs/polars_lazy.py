"""polars: one lazy query, written as lines of JSON. polars_lazy.py DATADIR OUT"""

import sys

import polars as pl

folder, out = sys.argv[1:]
customers = pl.scan_csv(f"{folder}/customers.csv", separator=";", infer_schema=False)
purchases = pl.scan_csv(f"{folder}/purchases.csv", separator=";", infer_schema=False)
purchase = pl.struct(
    pl.col("product_id"),
    pl.col("price").cast(pl.Float64),
    pl.col("currency"),
    pl.col("quantity").cast(pl.Int64),
    pl.col("date").alias("purchased_at"),
)
kind = pl.Struct(
    {
        "product_id": pl.String,
        "price": pl.Float64,
        "currency": pl.String,
        "quantity": pl.Int64,
        "purchased_at": pl.String,
    }
)
bought = (
    purchases.select("customer_id", purchase.alias("purchases"))
    .group_by("customer_id", maintain_order=True)
    .agg(pl.col("purchases"))
)
documents = customers.join(bought, on="customer_id", how="left", maintain_order="left").select(
    pl.col("title").replace_strict({"1": "Female", "2": "Male"}).alias("salutation"),
    pl.col("lastname").alias("last_name"),
    pl.col("firstname").alias("first_name"),
    pl.col("email"),
    pl.col("purchases").fill_null(pl.lit([], dtype=pl.List(kind))),
)
documents.collect().write_ndjson(out)
