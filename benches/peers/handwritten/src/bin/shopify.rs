//! The third yardstick: what `benches/peers/shopify/mapping.yaml` does, written by hand for that one mapping.
//!
//! `shopify DATADIR OUT [SCHEMA]`. csv, serde structs, a map of the orders, `serde_json`; one thread: a bad cell, or two
//! lines of an order that contradict each other, end it. With SCHEMA each document is held against it by `jsonschema`.

use std::{
    collections::HashMap,
    env,
    error::Error,
    fs::{self, File},
    io::{BufWriter, Write},
    mem,
    path::Path,
};

use csv::ReaderBuilder;
use jsonschema::Validator;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Row {
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "Email")]
    email: String,
    #[serde(rename = "Financial Status")]
    financial_status: String,
    #[serde(rename = "Fulfillment Status")]
    fulfillment_status: String,
    #[serde(rename = "Accepts Marketing")]
    accepts_marketing: String,
    #[serde(rename = "Currency")]
    currency: String,
    #[serde(rename = "Taxes")]
    taxes: String,
    #[serde(rename = "Total")]
    total: String,
    #[serde(rename = "Discount Code")]
    discount_code: String,
    #[serde(rename = "Discount Amount")]
    discount_amount: String,
    #[serde(rename = "Created at")]
    created_at: String,
    #[serde(rename = "Lineitem quantity")]
    item_quantity: u32,
    #[serde(rename = "Lineitem name")]
    item_name: String,
    #[serde(rename = "Lineitem price")]
    item_price: String,
    #[serde(rename = "Lineitem sku")]
    item_sku: String,
    #[serde(rename = "Lineitem requires shipping")]
    item_requires_shipping: String,
    #[serde(rename = "Lineitem taxable")]
    item_taxable: String,
    #[serde(rename = "Billing Name")]
    billing_name: String,
    #[serde(rename = "Billing Street")]
    billing_street: String,
    #[serde(rename = "Billing City")]
    billing_city: String,
    #[serde(rename = "Billing Zip")]
    billing_zip: String,
    #[serde(rename = "Billing Country")]
    billing_country: String,
    #[serde(rename = "Shipping Name")]
    shipping_name: String,
    #[serde(rename = "Shipping Street")]
    shipping_street: String,
    #[serde(rename = "Shipping City")]
    shipping_city: String,
    #[serde(rename = "Shipping Zip")]
    shipping_zip: String,
    #[serde(rename = "Shipping Country")]
    shipping_country: String,
    #[serde(rename = "Notes")]
    notes: String,
    #[serde(rename = "Payment Method")]
    payment_method: String,
    #[serde(rename = "Tags")]
    tags: String,
}

/// An order as its lines tell it together: each cell as the first line has it that does not leave it empty.
struct Merged {
    row: Row,
    items: Vec<Item>,
}

#[derive(Serialize)]
struct Document<'a> {
    order: Order<'a>,
}

#[derive(Serialize)]
struct Order<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    financial_status: Option<&'a str>,
    fulfillment_status: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    buyer_accepts_marketing: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'a str>,
    processed_at: String,
    note: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_tax: Option<&'a str>,
    #[serde(skip_serializing_if = "Address::is_empty")]
    billing_address: Address<'a>,
    #[serde(skip_serializing_if = "Address::is_empty")]
    shipping_address: Address<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    discount_codes: Option<[Discount<'a>; 1]>,
    line_items: &'a [Item],
    #[serde(skip_serializing_if = "Option::is_none")]
    transactions: Option<[Transaction<'a>; 1]>,
}

#[derive(Serialize)]
struct Address<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address1: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zip: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country_code: Option<&'a str>,
}

#[derive(Serialize)]
struct Discount<'a> {
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<&'a str>,
    r#type: &'static str,
}

#[derive(Serialize)]
struct Item {
    title: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    sku: String,
    price: String,
    quantity: u32,
    requires_shipping: bool,
    taxable: bool,
}

#[derive(Serialize)]
struct Transaction<'a> {
    kind: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<&'a str>,
}

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().collect();
    let contract = arguments.get(3).map(|schema| contract(Path::new(schema))).transpose()?;
    let orders = merge(&Path::new(&arguments[1]).join("orders_export.csv"))?;

    let mut out = BufWriter::with_capacity(1 << 16, File::create(&arguments[2])?);
    for merged in &orders {
        let document = Document { order: order(&merged.row, &merged.items)? };
        if let Some(contract) = &contract {
            contract.validate(&serde_json::to_value(&document)?).map_err(|refused| refused.to_string())?;
        }
        serde_json::to_writer(&mut out, &document)?;
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(())
}

fn contract(schema: &Path) -> Outcome<Validator> {
    let schema = serde_json::from_slice(&fs::read(schema)?)?;
    Ok(jsonschema::options().should_validate_formats(true).build(&schema)?)
}

/// The orders in the order of their first lines.
fn merge(export: &Path) -> Outcome<Vec<Merged>> {
    let mut orders: Vec<Merged> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for row in ReaderBuilder::new().from_path(export)?.into_deserialize() {
        let mut row: Row = row?;
        let item = item(&mut row)?;
        if let Some(&place) = places.get(&row.name) {
            let merged = &mut orders[place];
            merged.row.fill(row)?;
            merged.items.push(item);
        } else {
            places.insert(row.name.clone(), orders.len());
            orders.push(Merged { row, items: vec![item] });
        }
    }
    Ok(orders)
}

impl Row {
    /// Takes the cells of another line of this order where its own are empty; where both have one, they must be equal.
    fn fill(&mut self, other: Row) -> Outcome<()> {
        let name = &self.name;
        for (own, other) in [
            (&mut self.email, other.email),
            (&mut self.financial_status, other.financial_status),
            (&mut self.fulfillment_status, other.fulfillment_status),
            (&mut self.accepts_marketing, other.accepts_marketing),
            (&mut self.currency, other.currency),
            (&mut self.taxes, other.taxes),
            (&mut self.total, other.total),
            (&mut self.discount_code, other.discount_code),
            (&mut self.discount_amount, other.discount_amount),
            (&mut self.created_at, other.created_at),
            (&mut self.billing_name, other.billing_name),
            (&mut self.billing_street, other.billing_street),
            (&mut self.billing_city, other.billing_city),
            (&mut self.billing_zip, other.billing_zip),
            (&mut self.billing_country, other.billing_country),
            (&mut self.shipping_name, other.shipping_name),
            (&mut self.shipping_street, other.shipping_street),
            (&mut self.shipping_city, other.shipping_city),
            (&mut self.shipping_zip, other.shipping_zip),
            (&mut self.shipping_country, other.shipping_country),
            (&mut self.notes, other.notes),
            (&mut self.payment_method, other.payment_method),
            (&mut self.tags, other.tags),
        ] {
            if own.is_empty() {
                *own = other;
            } else if !other.is_empty() && *own != other {
                return Err(format!("the lines of {name} contradict each other").into());
            }
        }
        Ok(())
    }
}

fn item(row: &mut Row) -> Outcome<Item> {
    Ok(Item {
        title: mem::take(&mut row.item_name),
        sku: mem::take(&mut row.item_sku),
        price: mem::take(&mut row.item_price),
        quantity: row.item_quantity,
        requires_shipping: truth(&row.item_requires_shipping, "true", "false")?,
        taxable: truth(&row.item_taxable, "true", "false")?,
    })
}

fn order<'a>(row: &'a Row, items: &'a [Item]) -> Outcome<Order<'a>> {
    Ok(Order {
        name: &row.name,
        email: filled(&row.email),
        financial_status: filled(&row.financial_status),
        fulfillment_status: filled(&row.fulfillment_status).filter(|status| *status != "unfulfilled"),
        buyer_accepts_marketing: match filled(&row.accepts_marketing) {
            Some(text) => Some(truth(text, "yes", "no")?),
            None => None,
        },
        currency: filled(&row.currency),
        processed_at: moment(&row.created_at)?,
        note: filled(&row.notes),
        tags: filled(&row.tags),
        total_tax: filled(&row.taxes),
        billing_address: Address {
            name: filled(&row.billing_name),
            address1: filled(&row.billing_street),
            city: filled(&row.billing_city),
            zip: zip(&row.billing_zip),
            country_code: filled(&row.billing_country),
        },
        shipping_address: Address {
            name: filled(&row.shipping_name),
            address1: filled(&row.shipping_street),
            city: filled(&row.shipping_city),
            zip: zip(&row.shipping_zip),
            country_code: filled(&row.shipping_country),
        },
        discount_codes: filled(&row.discount_code)
            .map(|code| [Discount { code, amount: filled(&row.discount_amount), r#type: "fixed_amount" }]),
        line_items: items,
        transactions: (row.financial_status == "paid").then(|| {
            [Transaction {
                kind: "sale",
                status: "success",
                amount: filled(&row.total),
                gateway: filled(&row.payment_method),
            }]
        }),
    })
}

impl Address<'_> {
    fn is_empty(&self) -> bool {
        [self.name, self.address1, self.city, self.zip, self.country_code].iter().all(Option::is_none)
    }
}

fn filled(text: &str) -> Option<&str> {
    if text.is_empty() { None } else { Some(text) }
}

/// `'1100-001` is `1100-001`: the apostrophe keeps it a text in a spreadsheet.
fn zip(text: &str) -> Option<&str> {
    filled(text.strip_prefix('\'').unwrap_or(text))
}

fn truth(text: &str, yes: &str, no: &str) -> Outcome<bool> {
    if text == yes {
        Ok(true)
    } else if text == no {
        Ok(false)
    } else {
        Err(format!("neither {yes} nor {no}: {text}").into())
    }
}

/// `2025-03-01 10:15:30 +0100` is `2025-03-01T10:15:30+01:00`.
fn moment(text: &str) -> Outcome<String> {
    let mut parts = text.splitn(3, ' ');
    let (Some(date), Some(time), Some(zone)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(format!("no moment: {text}").into());
    };
    let (hours, minutes) = zone.split_at_checked(3).ok_or_else(|| format!("no offset: {text}"))?;
    Ok(format!("{date}T{time}{hours}:{minutes}"))
}
