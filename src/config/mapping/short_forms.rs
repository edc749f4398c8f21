//! The short forms: a word where a block could stand.
//!
//! Each is parsed by its own visitor, because serde's untagged enums would turn every mistake inside into "no variant
//! matched" without a place.

use std::{borrow::Cow, fmt, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};

/// The name of something defined elsewhere in the mapping, or the thing itself.
#[derive(Clone, Debug)]
pub enum Named<T> {
    /// By name.
    Name(String),
    /// Written here.
    Here(T),
}

/// One column, or a list of columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns(pub Vec<String>);

/// One word, or a list of words.
pub type WordList = Columns;

/// An order of records: columns, each with its direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order(pub Vec<(String, Direction)>);

/// A direction of order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Smallest first.
    #[default]
    Ascending,
    /// Largest first.
    Descending,
}

/// A text, number or boolean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// A text.
    Text(String),
    /// A whole number or decimal; its digits stand in the mapping.
    Number,
    /// True or false.
    Boolean(bool),
}

/// Implements `Deserialize` for a type by a visitor made of the given methods.
macro_rules! visited {
    ($name:ident, $expecting:literal, { $($method:item)+ }) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct ShortFormVisitor;
                impl<'de> Visitor<'de> for ShortFormVisitor {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }
                    $($method)+
                }
                deserializer.deserialize_any(ShortFormVisitor)
            }
        }
    };
}

visited!(Columns, "a text or a list of texts", {
    fn visit_str<E: de::Error>(self, column: &str) -> Result<Columns, E> {
        Ok(Columns(vec![column.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Columns, A::Error> {
        let mut columns = Vec::new();
        while let Some(column) = list.next_element()? {
            columns.push(column);
        }
        Ok(Columns(columns))
    }
});

visited!(Literal, "a text, a number or a boolean", {
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Literal, E> {
        Ok(Literal::Text(text.to_owned()))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Literal, E> {
        Ok(Literal::Boolean(value))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Literal, E> {
        Ok(Literal::Number)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Literal, E> {
        Ok(Literal::Number)
    }

    fn visit_i128<E: de::Error>(self, _: i128) -> Result<Literal, E> {
        Ok(Literal::Number)
    }

    fn visit_u128<E: de::Error>(self, _: u128) -> Result<Literal, E> {
        Ok(Literal::Number)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Literal, E> {
        Ok(Literal::Number)
    }
});

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OrderLong {
    /// The column.
    column: String,
    /// Its direction.
    #[serde(default)]
    direction: Direction,
}

struct OrderItem(String, Direction);

visited!(OrderItem, "a column or a block with `column` and `direction`", {
    fn visit_str<E: de::Error>(self, column: &str) -> Result<OrderItem, E> {
        Ok(OrderItem(column.to_owned(), Direction::Ascending))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OrderItem, A::Error> {
        let long = OrderLong::deserialize(MapAccessDeserializer::new(map))?;
        Ok(OrderItem(long.column, long.direction))
    }
});

visited!(Order, "a column, a block with `column` and `direction`, or a list of these", {
    fn visit_str<E: de::Error>(self, column: &str) -> Result<Order, E> {
        Ok(Order(vec![(column.to_owned(), Direction::Ascending)]))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Order, A::Error> {
        let long = OrderLong::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Order(vec![(long.column, long.direction)]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Order, A::Error> {
        let mut order = Vec::new();
        while let Some(OrderItem(column, direction)) = list.next_element()? {
            order.push((column, direction));
        }
        Ok(Order(order))
    }
});

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ShortFormVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ShortFormVisitor<T> {
            type Value = Named<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name or a block")
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<Named<T>, E> {
                Ok(Named::Name(name.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Named<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Named::Here)
            }
        }
        deserializer.deserialize_any(ShortFormVisitor(PhantomData))
    }
}

/// Implements `JsonSchema` for a short form: the schema written out.
macro_rules! described {
    ($name:ty, $word:literal, $generator:ident => $schema:expr) => {
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                $word.into()
            }

            fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

described!(Columns, "Columns", _generator => json_schema!({
    "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }],
}));
described!(Literal, "Scalar", _generator => json_schema!({ "type": ["string", "number", "boolean"] }));
described!(Order, "Order", generator => {
    let long = generator.subschema_for::<OrderLong>();
    let item = serde_json::json!({ "anyOf": [{ "type": "string" }, long] });
    json_schema!({ "anyOf": [{ "type": "string" }, long, { "type": "array", "items": item }] })
});

impl<T: JsonSchema> JsonSchema for Named<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("NameOr{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, generator.subschema_for::<T>()] })
    }
}
