//! The second yardstick: what `benches/peers/second/mapping.yaml` does, written by hand for that one mapping.
//!
//! `second DATADIR OUT`. csv, serde structs, maps, `serde_json`; one thread, no checks: a bad cell ends it.

use std::{
    collections::HashMap,
    env,
    error::Error,
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use csv::ReaderBuilder;
use serde::{Deserialize, Serialize, Serializer, de::DeserializeOwned, ser::SerializeSeq};

#[derive(Deserialize)]
struct OrderRow {
    order_no: String,
    shop: String,
    status: String,
    ordered_on: String,
    gift: String,
    first: String,
    last: String,
    email: String,
    country: String,
}

#[derive(Deserialize)]
struct LineRow {
    order_no: String,
    line_no: u32,
    sku: String,
    quantity: u32,
    unit_price: String,
}

#[derive(Deserialize)]
struct ProductRow {
    sku: String,
    title: String,
    weight: String,
}

#[derive(Serialize)]
struct Order<'a> {
    order_id: String,
    ordered_on: String,
    gift: bool,
    buyer: Buyer,
    lines: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Buyer {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    country: &'static str,
}

#[derive(Serialize)]
struct Line<'a> {
    line: u32,
    sku: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    product: Option<&'a Product>,
    quantity: u32,
    unit_price: f64,
}

#[derive(Serialize)]
struct Product {
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    weight_kg: Option<f64>,
}

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().collect();
    let folder = Path::new(&arguments[1]);

    let mut products: HashMap<String, Product> = HashMap::new();
    for row in rows(&folder.join("products.csv"))? {
        let row: ProductRow = row?;
        let weight_kg = if row.weight.is_empty() { None } else { Some(amount(&row.weight)?) };
        products.insert(row.sku, Product { title: row.title, weight_kg });
    }
    let mut lines: HashMap<String, Vec<LineRow>> = HashMap::new();
    for row in rows(&folder.join("lines.csv"))? {
        let row: LineRow = row?;
        lines.entry(row.order_no.clone()).or_default().push(row);
    }

    let mut out = BufWriter::with_capacity(1 << 16, File::create(&arguments[2])?);
    let mut serializer = serde_json::Serializer::new(&mut out);
    let mut list = serializer.serialize_seq(None)?;
    for row in rows(&folder.join("orders.csv"))? {
        let row: OrderRow = row?;
        if row.status == "paid" {
            list.serialize_element(&order(row, &lines, &products)?)?;
        }
    }
    list.end()?;
    out.flush()?;
    Ok(())
}

fn rows<T: DeserializeOwned>(path: &Path) -> csv::Result<impl Iterator<Item = csv::Result<T>>> {
    Ok(ReaderBuilder::new().delimiter(b';').from_path(path)?.into_deserialize())
}

fn order<'a>(
    row: OrderRow,
    lines: &'a HashMap<String, Vec<LineRow>>,
    products: &'a HashMap<String, Product>,
) -> Outcome<Order<'a>> {
    let mut listed = Vec::new();
    for line in lines.get(&row.order_no).into_iter().flatten() {
        listed.push(Line {
            line: line.line_no,
            sku: &line.sku,
            product: products.get(&line.sku),
            quantity: line.quantity,
            unit_price: amount(&line.unit_price)?,
        });
    }
    Ok(Order {
        order_id: format!("{}-{}", row.shop.to_uppercase(), row.order_no),
        ordered_on: date(&row.ordered_on)?,
        gift: row.gift == "oui",
        buyer: Buyer {
            name: format!("{} {}", row.first.trim(), row.last.trim().to_uppercase()),
            email: if row.email.is_empty() { None } else { Some(row.email) },
            country: match row.country.as_str() {
                "FR" => "FRA",
                "DE" => "DEU",
                "ES" => "ESP",
                "IT" => "ITA",
                other => return Err(format!("unknown country {other}").into()),
            },
        },
        lines: listed,
    })
}

/// `1.249,50` is 1249.5.
fn amount(text: &str) -> Outcome<f64> {
    Ok(text.replace('.', "").replace(',', ".").parse()?)
}

/// `31.12.2017` is `2017-12-31`.
fn date(text: &str) -> Outcome<String> {
    let mut parts = text.splitn(3, '.');
    let (Some(day), Some(month), Some(year)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(format!("no date: {text}").into());
    };
    Ok(format!("{year}-{month}-{day}"))
}
