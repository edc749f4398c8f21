//! One field of the JSON as written: the name of a column, a list, or a block.
//!
//! A field may hold fields, so its type is recursive. Which keys of the block go together is for `plan` to say.

use std::{borrow::Cow, fmt};

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{
        self, MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};

use crate::config::mapping::{
    code_table::CodeTable,
    policy::{IfEmpty, OnIncomplete, OnLookup, OnOrphan, Policy},
    short_forms::{Literal, Named, Order},
};

/// One field of the JSON. The short form `field: column` is `field: { from: column }`.
#[derive(Clone, Debug, Default)]
pub struct Field(pub Box<FieldLong>);

/// One field of the JSON, written out.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FieldLong {
    /// The column the value is read from.
    pub from: Option<String>,
    /// The code table that translates it: the name of one, or one written here.
    pub codes: Option<Named<CodeTable>>,
    /// A value that is the same in every document.
    #[serde(rename = "const")]
    pub constant: Option<Literal>,
    /// A text made from columns, as in `"{{ firstname | trim | title }} {{ lastname }}"`.
    pub template: Option<String>,
    /// A value calculated from columns, which keeps its type, as in `(qty * price) | round(2)`.
    pub value: Option<String>,
    /// A list with one object for each related record of this source.
    pub many: Option<String>,
    /// The one related record of this source: an object with `fields`, or a single value with `from`.
    pub one: Option<String>,
    /// How many items there are in lists of the same object, by the names that lead to them, as in `passengers/bags`; `../` in
    /// front starts in the object around.
    pub count: Option<String>,
    /// The sum of the numbers in lists of the same object, by the names that lead to them, as in `passengers/bags/weight`; `../`
    /// in front starts in the object around.
    pub sum: Option<String>,
    /// For `many` and `one`: column of the related source, then the column here that it equals.
    #[serde(rename = "match")]
    pub on: IndexMap<String, String>,
    /// The fields of a nested object.
    pub fields: Option<IndexMap<String, Field>>,
    /// The items of a list that is made from one record. The short form `field: [a, b]` is `field: { list: [a, b] }`.
    pub list: Option<Vec<Field>>,
    /// Only if this expression over the columns of the record is true; for `many`: only records for which it is.
    #[serde(rename = "where")]
    pub only: Option<String>,
    /// For `many`: what to do with a record that belongs to none.
    pub on_orphan: Option<Policy<OnOrphan>>,
    /// For `many`: what to do with the whole document when one of its records is bad.
    pub on_incomplete: Option<Policy<OnIncomplete>>,
    /// For `many`: the order of the list; the order of the file if not given.
    pub order_by: Option<Order>,
    /// For `many`: the column of the related source that names the fields of an object, which is made in place of a list.
    pub keyed_by: Option<String>,
    /// For `many`: the fewest records.
    pub min: Option<u64>,
    /// For `many`: the most records.
    pub max: Option<u64>,
    /// For `one`: what to do when there is no such record.
    pub on_missing: Option<Policy<OnLookup>>,
    /// The cell to use in place of an empty one.
    #[serde(rename = "default")]
    pub fallback: Option<Literal>,
    /// What to do when there is nothing: an empty cell, an object or list without a filled cell, or a `where` that is false.
    pub if_empty: Option<Policy<IfEmpty>>,
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Field, D::Error> {
        deserializer.deserialize_any(FieldVisitor)
    }
}

struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a column, a list or a block")
    }

    fn visit_str<E: de::Error>(self, column: &str) -> Result<Field, E> {
        Ok(Field(Box::new(FieldLong { from: Some(column.to_owned()), ..FieldLong::default() })))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Field, A::Error> {
        let items = Vec::deserialize(SeqAccessDeserializer::new(items))?;
        Ok(Field(Box::new(FieldLong { list: Some(items), ..FieldLong::default() })))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Field, A::Error> {
        FieldLong::deserialize(MapAccessDeserializer::new(map)).map(|long| Field(Box::new(long)))
    }
}

impl JsonSchema for Field {
    fn schema_name() -> Cow<'static, str> {
        "Field".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "One field of the JSON: the name of a column, a list of fields, or a block.",
            "anyOf": [
                { "type": "string" },
                { "type": "array", "items": generator.subschema_for::<Field>() },
                generator.subschema_for::<FieldLong>(),
            ],
        })
    }
}
