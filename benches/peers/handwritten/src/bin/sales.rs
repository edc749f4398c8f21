//! The yardstick: what `mappings/inflight-sales.yaml` does, as it is written by hand when there is an afternoon for it.
//!
//! `sales DATADIR OUT`. csv, serde structs, a map of vectors, `serde_json`; one thread, no checks: a bad cell ends it.

use std::{
    collections::HashMap,
    env,
    error::Error,
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use csv::ReaderBuilder;
use serde::{Deserialize, Serialize, Serializer, ser::SerializeSeq};

#[derive(Deserialize)]
struct CustomerRow {
    customer_id: String,
    title: String,
    lastname: String,
    firstname: String,
    email: String,
}

#[derive(Deserialize)]
struct PurchaseRow {
    customer_id: String,
    product_id: String,
    quantity: u32,
    price: f64,
    currency: String,
    date: String,
}

#[derive(Serialize)]
struct Customer<'a> {
    salutation: &'static str,
    last_name: String,
    first_name: String,
    email: String,
    purchases: &'a [Purchase],
}

#[derive(Serialize)]
struct Purchase {
    product_id: String,
    price: f64,
    currency: String,
    quantity: u32,
    purchased_at: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().collect();
    let folder = Path::new(&arguments[1]);

    let mut purchases: HashMap<String, Vec<Purchase>> = HashMap::new();
    for row in ReaderBuilder::new().delimiter(b';').from_path(folder.join("purchases.csv"))?.into_deserialize() {
        let row: PurchaseRow = row?;
        purchases.entry(row.customer_id).or_default().push(Purchase {
            product_id: row.product_id,
            price: row.price,
            currency: row.currency,
            quantity: row.quantity,
            purchased_at: row.date,
        });
    }

    let mut out = BufWriter::with_capacity(1 << 16, File::create(&arguments[2])?);
    let mut serializer = serde_json::Serializer::new(&mut out);
    let mut list = serializer.serialize_seq(None)?;
    for row in ReaderBuilder::new().delimiter(b';').from_path(folder.join("customers.csv"))?.into_deserialize() {
        let row: CustomerRow = row?;
        list.serialize_element(&Customer {
            salutation: match row.title.as_str() {
                "1" => "Female",
                "2" => "Male",
                other => return Err(format!("unknown title {other}").into()),
            },
            last_name: row.lastname,
            first_name: row.firstname,
            email: row.email,
            purchases: purchases.get(&row.customer_id).map_or(&[], Vec::as_slice),
        })?;
    }
    list.end()?;
    out.flush()?;
    Ok(())
}
