//! Random cases: a contract, a mapping that mostly fits it, and rows that lie near the borders of its rules.
//!
//! Everything is drawn from a tape of numbers, so that shrinking the tape shrinks the case; 0 is the simplest choice.

use serde_json::{Map, Value, json};

/// The choices a case is made from.
pub(crate) struct Tape<'a> {
    words: &'a [u32],
    at: usize,
}

impl<'a> Tape<'a> {
    pub(crate) fn new(words: &'a [u32]) -> Tape<'a> {
        Tape { words, at: 0 }
    }

    /// A number below `count`; 0 when the tape has ended.
    pub(crate) fn pick(&mut self, count: usize) -> usize {
        let word = self.words.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        word as usize % count.max(1)
    }

    fn once_in(&mut self, count: usize) -> bool {
        self.pick(count) == count - 1
    }

    fn of<'t>(&mut self, words: &[&'t str]) -> &'t str {
        words[self.pick(words.len())]
    }
}

/// One contract with one mapping over it, and the files it reads.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) contract: String,
    pub(crate) mapping: String,
    pub(crate) files: Vec<(&'static str, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Type {
    Text,
    Code,
    Integer,
    Decimal,
    Boolean,
    Date,
}

impl Type {
    const ALL: [Type; 6] = [Type::Text, Type::Code, Type::Integer, Type::Decimal, Type::Boolean, Type::Date];

    fn word(self) -> &'static str {
        ["text", "code", "integer", "decimal", "boolean", "date"][self as usize]
    }
}

/// A column with the cells its rows choose from.
struct Column {
    source: &'static str,
    name: String,
    declared: Value,
    cells: Vec<String>,
    /// Those that the mapping can probably use: most rows take one of them, or little would reach the contract.
    good: Vec<String>,
}

struct Maker<'a> {
    tape: Tape<'a>,
    new_draft: bool,
    defs: Map<String, Value>,
    columns: Vec<Column>,
    codes: Map<String, Value>,
    lists: bool,
    lookups: bool,
    /// The column that names the related records.
    keyed_by: Option<String>,
}

const FIELDS: &[&str] = &["a", "b", "c", "d", "e f", "é", "g/h", "i~j", "k%20l", "m\"n", "$ref", "type"];
/// Other names that cells may say.
const NAMES: &[&str] = &["", "A", " a ", "__proto__", "two\nlines", "\t", "\\", "$serde_json::private::Number", "0"];
const KINDS: &[&str] = &["a", "b", "c", "d"];
/// Cells with a JSON value, and such as only look so.
const JSON_VALUES: &[&str] = &[
    "{\"a\": 1}",
    "{}",
    "[]",
    "{\"a\":0.5,\"b\":[1,{\"c\":null}]}",
    "[1, \"abc\"]",
    "[1,1.0]",
    "\"ab\"",
    "2.50",
    "null",
    "1e2",
    "{\"b/c~d\": {\"a\": \"x\"}, \"\u{e9}\u{e9}\u{e9}\": 1}",
    "true",
    "",
    "{\"a\":1,\"a\":2}",
    "{a:1}",
    "1 2",
    "[[[[1]]]]",
    "{\"\": \"\\ud83d\\ude00\"}",
    "123456789012345678901234567890.10",
    "1e99999",
];
const PATTERNS: &[&str] = &["^[a-z]+$", "^.{2,3}$", "^A[0-9]*$", "[0-9]", "^$|^a", "^[^@]+@[^@]+$", "^\\d{4}-", "é"];
const FORMATS: &[&str] = &["email", "date", "date-time", "uri", "uuid", "ipv4"];
const LIMITS: &[&str] = &[
    "0",
    "1",
    "-1",
    "10",
    "100",
    "0.5",
    "1.5",
    "0.1",
    "-0.5",
    "1.0",
    "9007199254740993",
    "9223372036854775807",
    "18446744073709551615",
    "123456789012345678901234567890",
    "0.30000000000000004",
    "1e2",
    "999999999999999999",
];
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-0",
    "-1",
    "2",
    "3",
    "00",
    "01",
    "1.0",
    "1.00",
    "0.0",
    "-0.0",
    "0.50",
    "10",
    "10.0",
    "10.5",
    "0.1",
    "0.10",
    "0.3",
    "1.5",
    "99.99",
    "100",
    "100.00",
    "100.01",
    "1e3",
    "+1",
    "1.",
    ".5",
    "12345678901234567890",
    "123456789012345678901234567890",
    "123456789012345678901234567890.10",
    "9007199254740992",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "0.30000000000000004",
    "123456789012345678.5",
    "1234567890123456789.0",
    "999999999999999999",
    "1000000000000000000",
    "",
    "x",
    "-0.1",
    "-0.5",
];
const WORDS: &[&str] = &[
    "",
    "a",
    "ab",
    "abc",
    "abcd",
    "A1",
    "é",
    "éé",
    "日本",
    "😀",
    "e\u{301}",
    "0",
    "1",
    "-1",
    "say \"hi\"",
    "\"",
    "\\",
    "a\\b",
    "tab\tx",
    "two\nlines",
    "\r\n",
    "a,b",
    " x ",
    "=cmd",
    "\u{1}",
    "\u{7f}",
    "\u{2028}",
    "null",
    "true",
    "1e3",
    "12.50",
    "123e4567-e89b-12d3-a456-426614174000",
    "{123e4567-e89b-12d3-a456-426614174000}",
    "127.0.0.1",
    "256.1.1.1",
    "127.1",
    "https://a.b/c?d#e",
    "urn:x:y",
    "a b",
    "http://[::1",
    "2024-01-01T00:00:00Z",
    "2016-12-31T23:59:60Z",
    "2024-01-01t00:00:00+25:00",
    "2024-02-29",
    "2023-02-29",
    "2050-02-30",
    "28-1-12-31",
    "abcdefghijklm",
    "long long long text",
];
const EMAILS: &[&str] = &[
    "a@b.cd",
    "a@b",
    "a@b--c.d",
    "a.b@c.de",
    "a..b@c.de",
    ".a@b.cd",
    "a.@b.cd",
    "a@-b.cd",
    "a@b-.cd",
    "a_b@c.de",
    "a@b_c.de",
    "a@xn--a.de",
    "\"a b\"@c.de",
    "é@b.cd",
    "a@[127.0.0.1]",
    "a@1.2",
    "A@B.CD",
    "a@b.c1",
    "a@b.1c",
    "a+b@c.de",
    "a@b@c.de",
    "@b.cd",
];
const DATES: &[&str] = &[
    "2024-02-29",
    "2023-02-29",
    "2050-02-30",
    "28-1-12-31",
    "2017-12-31",
    "0001-01-01",
    "0000-01-01",
    "9999-12-31",
    "10000-01-01",
    "2024-1-1",
    "2024-01-01 ",
    "",
    "-001-01-01",
    "1900-02-29",
    "2000-02-29",
    "2024-13-01",
    "2024-00-10",
    "２０２４-01-01",
];

/// Draws a case.
pub(crate) fn case(tape: Tape<'_>) -> Case {
    let mut maker = Maker {
        tape,
        new_draft: true,
        defs: Map::new(),
        columns: Vec::new(),
        codes: Map::new(),
        lists: false,
        lookups: false,
        keyed_by: None,
    };
    maker.new_draft = !maker.tape.once_in(2);
    let (document, fields) = maker.object("roots", 0);
    let root = ["array", "array", "object", "envelope", "array"][maker.tape.pick(5)];
    let list = json!({ "type": "array", "items": document });
    let body = match root {
        "array" => maker.dressed(list, true),
        "object" => document,
        _ => json!({ "type": "object", "required": ["list"], "properties": { "of": { "const": 1 }, "list": list } }),
    };
    let (mut contract, keyword) = match body {
        Value::Object(body) => (body, maker.definitions()),
        other => unreachable!("a body is an object and not {other}"),
    };
    let draft = if maker.new_draft {
        "https://json-schema.org/draft/2020-12/schema"
    } else {
        "http://json-schema.org/draft-07/schema#"
    };
    contract.insert("$schema".into(), draft.into());
    if maker.tape.once_in(6) {
        contract.insert("$id".into(), "https://example.org/contract.json".into());
    }
    contract.insert(keyword.into(), maker.defs.clone().into());
    let mut output = json!({ "root": root, "each": "roots", "fields": fields });
    if root == "envelope" {
        output["root"] = json!({ "of": { "const": 1 }, "in": { "fields": {} }, "list": "documents" });
    }
    let inherited = ["", "", "", "omit", "omit", "set_null", "keep", "reject"][maker.tape.pick(8)];
    if !inherited.is_empty() {
        output["if_empty"] = inherited.into();
    }
    let mapping = json!({
        "mapping": 1, "name": "random", "contract": "contract.json", "request": { "method": "PUT", "path": "/v1/random" },
        "sources": maker.sources(), "codes": maker.codes, "output": output,
    });
    // YAML, as which both are read for their positions, knows this character only by its number.
    let text = |value: &Value| value.to_string().replace('\u{7f}', "\\u007f");
    Case { contract: text(&contract.into()), mapping: text(&mapping), files: maker.files() }
}

/// A number with the digits it is written in.
fn number(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

impl Maker<'_> {
    fn definitions(&self) -> &'static str {
        if self.new_draft { "$defs" } else { "definitions" }
    }

    fn object(&mut self, source: &'static str, depth: usize) -> (Value, Value) {
        let (mut properties, mut fields) = (Map::new(), Map::new());
        let (mut required, mut first_text) = (Vec::new(), None);
        for _ in 0..=self.tape.pick(4) {
            let name = self.tape.of(FIELDS);
            if fields.contains_key(name) {
                continue;
            }
            let (schema, field, optional) = self.field(source, depth);
            if schema.get("type") == Some(&"string".into()) {
                first_text.get_or_insert(name);
            }
            if !optional && self.tape.pick(3) != 2 || self.tape.once_in(40) {
                required.push(Value::from(name));
            }
            properties.insert(name.into(), schema);
            fields.insert(name.into(), field);
        }
        self.aggregate(&mut properties, &mut fields);
        let count = fields.len();
        let mut schema =
            Map::from_iter([("type".to_owned(), Value::from("object")), ("properties".to_owned(), properties.into())]);
        if self.tape.once_in(2) {
            schema.insert("required".into(), required.into());
        }
        self.alternatives(source, &mut schema, &mut fields);
        self.object_rules(&mut schema, count, first_text);
        if depth > 0 || self.tape.once_in(2) {
            (self.dressed(schema.into(), false), fields.into())
        } else {
            (schema.into(), fields.into())
        }
    }

    /// Rules of which only some are about an object, and a field that mostly says which.
    fn alternatives(&mut self, source: &'static str, schema: &mut Map<String, Value>, fields: &mut Map<String, Value>) {
        if self.tape.pick(4) != 3 {
            return;
        }
        let names: Vec<String> = fields.keys().cloned().collect();
        let kind = match self.tape.pick(4) {
            0 => json!({ "const": self.tape.of(KINDS) }),
            1 | 2 => self.coded_kind(source),
            _ => self.free_kind(source),
        };
        fields.insert("kind".into(), kind);
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert("kind".into(), json!({}));
        }
        let branches: Vec<Value> =
            (0..2 + self.tape.pick(2)).map(|number| self.branch(KINDS[number], &names)).collect();
        let one = |tape: &mut Tape<'_>| names[tape.pick(names.len())].clone();
        match self.tape.pick(10) {
            0..=2 => drop(schema.insert("oneOf".into(), branches.into())),
            3 => drop(schema.insert("anyOf".into(), branches.into())),
            4 => drop(schema.insert("allOf".into(), json!([{ "oneOf": branches }, { "minProperties": 1 }]))),
            5 => {
                let word = self.tape.of(KINDS);
                schema
                    .insert("if".into(), json!({ "properties": { "kind": { "const": word } }, "required": ["kind"] }));
                schema.insert("then".into(), branches[0].clone());
                if self.tape.once_in(2) {
                    schema.insert("else".into(), branches[1].clone());
                }
            }
            6 => drop(schema.insert("not".into(), branches[0].clone())),
            7 => {
                let wanted = json!([one(&mut self.tape), "kind"]);
                let keyword = if self.new_draft { "dependentRequired" } else { "dependencies" };
                schema.insert(
                    keyword.into(),
                    json!({ one(&mut self.tape): distinct(wanted.as_array().unwrap().clone()) }),
                );
            }
            8 => {
                let keyword = if self.new_draft { "dependentSchemas" } else { "dependencies" };
                schema.insert(keyword.into(), json!({ one(&mut self.tape): branches[0] }));
            }
            _ => {
                let inner = json!({ "oneOf": branches });
                schema.insert("oneOf".into(), json!([inner, { "properties": { "kind": { "const": "c" } } }]));
            }
        }
        if self.tape.once_in(4) {
            schema.insert("discriminator".into(), json!({ "propertyName": "kind" }));
        }
    }

    /// A branch that is about one kind.
    fn branch(&mut self, word: &str, names: &[String]) -> Value {
        let name = &names[self.tape.pick(names.len())];
        let rule = match self.tape.pick(20) {
            7 => json!({ "minLength": 2 }),
            1 => json!({ "type": ["string", "array", "object"] }),
            2 => json!({ "maximum": 5 }),
            3 => json!({ "type": "number" }),
            4 => json!({ "maxItems": 1 }),
            5 => json!({ "enum": ["a", "ab", 1, null] }),
            6 => false.into(),
            _ => true.into(),
        };
        let mut properties = Map::from_iter([(name.clone(), rule)]);
        match self.tape.pick(6) {
            4 => drop(properties.insert("kind".into(), json!({ "enum": [word, "d"] }))),
            5 => {}
            _ => drop(properties.insert("kind".into(), json!({ "const": word }))),
        }
        let mut branch = Map::from_iter([("properties".to_owned(), Value::from(properties))]);
        match self.tape.pick(12) {
            2 | 3 => drop(branch.insert("required".into(), json!(["kind"]))),
            4 => drop(branch.insert(
                "required".into(),
                distinct(vec!["kind".into(), names[self.tape.pick(names.len())].clone().into()]),
            )),
            5 => drop(branch.insert("required".into(), json!(["kind", "nobody makes this"]))),
            _ => {}
        }
        if self.tape.once_in(6) {
            branch.insert("title".into(), format!("Kind {word}").into());
        }
        if !self.tape.once_in(4) {
            return branch.into();
        }
        let name = format!("d{}", self.defs.len());
        self.defs.insert(name.clone(), branch.into());
        json!({ "$ref": format!("#/{}/{name}", self.definitions()) })
    }

    /// A kind that a code table makes of a column.
    fn coded_kind(&mut self, source: &'static str) -> Value {
        let name = format!("c{}", self.columns.len());
        let count = 1 + self.tape.pick(3);
        let values: Map<String, Value> =
            (0..count).map(|code| (code.to_string(), KINDS[[0, 1, 0, 1, 2, 3][self.tape.pick(6)]].into())).collect();
        let good: Vec<String> = (0..count).map(|code| code.to_string()).collect();
        let cells = good.iter().cloned().chain(["9".to_owned(), String::new()]).collect();
        self.columns.push(Column { source, name: name.clone(), declared: json!({ "type": "code" }), cells, good });
        let then = match self.tape.pick(6) {
            2 => json!("omit"),
            3 => json!("set_null"),
            4 => json!("keep"),
            5 => json!({ "use": "a" }),
            _ => json!("reject"),
        };
        json!({ "from": name, "codes": { "values": values, "on_unknown": then } })
    }

    /// A kind that stands in a column as it is.
    fn free_kind(&mut self, source: &'static str) -> Value {
        let name = format!("c{}", self.columns.len());
        let good: Vec<String> = KINDS[..2].iter().map(|word| (*word).to_owned()).collect();
        let cells = good.iter().cloned().chain(["c".to_owned(), "x".to_owned(), String::new()]).collect();
        self.columns.push(Column { source, name: name.clone(), declared: json!({}), cells, good });
        name.into()
    }

    /// Adds a count or a sum of what is in a list of the same object, in front of the list or behind it.
    fn aggregate(&mut self, properties: &mut Map<String, Value>, fields: &mut Map<String, Value>) {
        let is_list = |field: &&Value| field.get("keyed_by").is_none() && field.get("many").is_some();
        let lists = fields.iter().filter(|(_, field)| is_list(field) || field.is_array());
        let Some((name, list)) = lists.map(|(name, list)| (name.clone(), list.clone())).next() else { return };
        let step = |name: &str| name.replace('~', "~0").replace('/', "~1");
        let declared = |column: &str| self.columns.iter().find(|known| known.name == column).map(|it| &it.declared);
        let is_number = |field: &Value| {
            let plain = field.get("codes").is_none() && field.get("where").is_none();
            let column = field.as_str().or_else(|| field.get("from").filter(|_| plain)?.as_str());
            let kind = column.and_then(declared).and_then(|declared| declared.get("type"));
            kind.is_some_and(|kind| kind == "integer" || kind == "decimal")
        };
        let inner = list.get("fields").and_then(Value::as_object).into_iter().flatten();
        let number = inner.into_iter().find(|(_, field)| is_number(field)).map(|(name, _)| name.clone());
        let field = match (number, self.tape.pick(4)) {
            (_, 0) => return,
            (Some(number), 1) => json!({ "sum": format!("{}/{}", step(&name), step(&number)) }),
            (Some(number), 2) => json!({ "count": format!("{}/{}", step(&name), step(&number)) }),
            _ => json!({ "count": step(&name) }),
        };
        let mut schema = self.number_rules(Type::Decimal, &mut Vec::new());
        if schema.get("type") == Some(&"integer".into()) && field.get("sum").is_some() {
            schema.remove("type");
        }
        // In an object of its own, or in one in that, the path leads out again.
        let (mut schema, mut field) = (Value::from(schema), field);
        for _ in 0..self.tape.pick(8).saturating_sub(5) {
            for key in ["sum", "count"] {
                lead_out(&mut field, key);
            }
            schema = json!({ "type": "object", "properties": { "n": schema }, "minProperties": 1 });
            field = json!({ "fields": { "n": field } });
        }
        properties.insert("total".into(), schema);
        if self.tape.once_in(2) {
            fields.insert("total".into(), field);
        } else {
            fields.shift_insert(0, "total".into(), field);
        }
    }

    fn object_rules(&mut self, schema: &mut Map<String, Value>, count: usize, text: Option<&str>) {
        match self.tape.pick(8) {
            1 | 2 => drop(schema.insert("additionalProperties".into(), false.into())),
            3 => drop(schema.insert("additionalProperties".into(), true.into())),
            // What is not under `properties` falls under this schema.
            4 => {
                let (name, other) = match schema.get_mut("properties").and_then(Value::as_object_mut) {
                    Some(properties) => properties.pop_entry(),
                    None => (String::new(), Value::Null),
                };
                if !name.is_empty() {
                    schema.insert("additionalProperties".into(), other);
                }
            }
            _ => {}
        }
        match self.tape.pick(12) {
            8 => drop(schema.insert("minProperties".into(), count.into())),
            9 => drop(schema.insert("maxProperties".into(), count.saturating_sub(self.tape.pick(2)).into())),
            10 => drop(schema.insert("patternProperties".into(), json!({ "^[a-c]$": { "maxLength": 3 } }))),
            11 => drop(schema.insert("propertyNames".into(), json!({ "maxLength": 4 }))),
            _ => {}
        }
        let Some(text) = text else { return };
        match self.tape.pick(10) {
            7 => {
                schema.insert("if".into(), json!({ "properties": { text: { "minLength": 2 } } }));
                schema.insert("then".into(), json!({ "properties": { text: { "pattern": "^[a-zA-Z]" } } }));
            }
            8 => {
                drop(schema.insert(
                    "anyOf".into(),
                    json!([{ "properties": { text: { "const": "a" } } }, { "minProperties": 2 }]),
                ));
            }
            9 => {
                drop(schema.insert(
                    "not".into(),
                    json!({ "properties": { text: { "enum": ["ab", ""] } }, "required": [text] }),
                ));
            }
            _ => {}
        }
    }

    /// The schema of a field, the field, and whether it may be left out.
    fn field(&mut self, source: &'static str, depth: usize) -> (Value, Value, bool) {
        match self.tape.pick(18) {
            10 => self.constant(),
            11 if depth < 2 => {
                let (schema, fields) = self.object(source, depth + 1);
                self.perhaps_empty(schema, json!({ "fields": fields }))
            }
            14 if depth < 2 => self.list(source, depth),
            15 => self.pieces(source),
            16 => self.conditional(source, depth),
            12 if source == "roots" && !self.lists => self.many(depth),
            13 if source == "roots" && !self.lookups => self.one(depth),
            _ => self.leaf(source),
        }
    }

    fn constant(&mut self) -> (Value, Value, bool) {
        let (value, mut schema) = match self.tape.pick(3) {
            0 => (Value::from(self.tape.of(WORDS)), Map::new()),
            1 => (number(LIMITS[self.tape.pick(5)]), Map::new()),
            _ => (true.into(), Map::new()),
        };
        match self.tape.pick(4) {
            1 => drop(schema.insert("const".into(), value.clone())),
            2 => drop(schema.insert("enum".into(), json!([value, "other"]))),
            3 => drop(schema.insert("minLength".into(), self.tape.pick(3).into())),
            _ => {}
        }
        (self.dressed(schema.into(), false), json!({ "const": value }), false)
    }

    /// Says what an object or a list without a filled cell means.
    fn perhaps_empty(&mut self, mut schema: Value, mut field: Value) -> (Value, Value, bool) {
        let word = match self.tape.pick(6) {
            3 => "omit",
            4 => "set_null",
            5 => "reject",
            _ => return (schema, field, false),
        };
        if word == "set_null" {
            nullable(&mut schema);
        }
        field["if_empty"] = word.into();
        (schema, field, word == "omit")
    }

    /// A list with items from one record.
    fn list(&mut self, source: &'static str, depth: usize) -> (Value, Value, bool) {
        let (mut schemas, mut items) = (Vec::new(), Vec::new());
        for _ in 0..=self.tape.pick(3) {
            let (schema, item, _) = match self.tape.pick(8) {
                4 => self.constant(),
                5 if depth < 1 => {
                    let (schema, fields) = self.object(source, depth + 1);
                    self.perhaps_empty(schema, json!({ "fields": fields }))
                }
                6 => self.pieces(source),
                7 => self.conditional(source, depth + 1),
                _ => self.leaf(source),
            };
            let mut item = item;
            // The pieces of a cell are items of the list themselves, so nothing is said of a cell without any.
            let is_pieces = schema.get("items").is_some_and(|items| items.get("x-piece").is_some());
            if is_pieces {
                item.as_object_mut().unwrap().remove("if_empty");
            }
            schemas.push(if is_pieces { schema["items"].clone() } else { schema });
            items.push(item);
        }
        let mut schema = Map::from_iter([("type".to_owned(), Value::from("array"))]);
        let (by_place, others) = if self.new_draft { ("prefixItems", "items") } else { ("items", "additionalItems") };
        match self.tape.pick(4) {
            0 => drop(schema.insert("items".into(), schemas.swap_remove(0))),
            1 => drop(schema.insert(by_place.into(), schemas.into())),
            2 => {
                let last = schemas.pop().unwrap_or_default();
                schema.insert(others.into(), if self.tape.once_in(3) { false.into() } else { last });
                if !schemas.is_empty() {
                    schema.insert(by_place.into(), schemas.into());
                }
            }
            _ => {}
        }
        for (keyword, limit) in [("minItems", 3), ("maxItems", 4)] {
            if self.tape.once_in(4) {
                schema.insert(keyword.into(), self.tape.pick(limit).into());
            }
        }
        if self.tape.once_in(6) {
            schema.insert("uniqueItems".into(), true.into());
        }
        let schema = self.dressed(schema.into(), true);
        if self.tape.once_in(3) {
            return (schema, items.into(), false);
        }
        self.perhaps_empty(schema, json!({ "list": items }))
    }

    /// A cell that is a list.
    fn pieces(&mut self, source: &'static str) -> (Value, Value, bool) {
        let kind = [Type::Text, Type::Integer, Type::Decimal, Type::Code][self.tape.pick(4)];
        let mut cells = Vec::new();
        let mut items = match kind {
            Type::Integer | Type::Decimal => self.number_rules(kind, &mut cells),
            _ => self.text_rules(kind, &mut cells),
        };
        items.insert("x-piece".into(), true.into());
        let mut good = usable(kind, false, &cells);
        good.retain(|cell| !cell.is_empty() && !cell.contains(';'));
        let join = |cells: &[String], tape: &mut Tape<'_>| -> Vec<String> {
            let one = |tape: &mut Tape<'_>| {
                let pieces: Vec<String> = (0..tape.pick(4)).map(|_| cells[tape.pick(cells.len())].clone()).collect();
                pieces.join(";")
            };
            (0..12).map(|_| one(tape)).collect()
        };
        let (cells, good) = (join(&cells, &mut self.tape), join(&good, &mut self.tape));
        let name = format!("c{}", self.columns.len());
        let declared = json!({ "type": kind.word(), "split": ";", "trim": self.tape.once_in(2) });
        self.columns.push(Column { source, name: name.clone(), declared, cells, good });
        let mut schema = json!({ "type": "array", "items": items });
        for (keyword, limit) in [("minItems", 2), ("maxItems", 3)] {
            if self.tape.once_in(5) {
                schema[keyword] = self.tape.pick(limit).max(usize::from(limit == 3)).into();
            }
        }
        let (schema, field, optional) = self.perhaps_empty(schema, json!({ "from": name }));
        (schema, field, optional)
    }

    /// A field that is there if a condition holds.
    fn conditional(&mut self, source: &'static str, depth: usize) -> (Value, Value, bool) {
        let (mut schema, mut field, _) = match self.tape.pick(5) {
            3 => self.constant(),
            4 if depth < 2 => {
                let (schema, fields) = self.object(source, depth + 1);
                (schema, json!({ "fields": fields }), false)
            }
            _ => self.leaf(source),
        };
        let name = format!("c{}", self.columns.len());
        let condition = self.tape.of(&["C > 0", "C == 1", "C is not none and C < 2", "C in [0, 2]", "not (C == 2)"]);
        field["where"] = condition.replace('C', &name).into();
        let cells: Vec<String> = ["0", "1", "2", "", "x"].map(str::to_owned).to_vec();
        let good = cells[..3].to_vec();
        self.columns.push(Column { source, name, declared: json!({ "type": "integer" }), cells, good });
        let said = field.get("if_empty").map(|policy| policy.get("then").unwrap_or(policy).clone());
        if said == Some("keep".into()) {
            field.as_object_mut().unwrap().remove("if_empty");
        }
        if said == Some("set_null".into()) {
            nullable(&mut schema);
        }
        let optional = !matches!(said.as_ref().and_then(Value::as_str), Some("set_null" | "reject"));
        (schema, field, optional)
    }

    fn many(&mut self, depth: usize) -> (Value, Value, bool) {
        self.lists = true;
        let mut field = json!({ "many": "kids", "match": { "parent": "id" }, "on_orphan": "ignore" });
        if self.tape.once_in(4) {
            field["on_incomplete"] = "send".into();
        }
        if self.tape.once_in(5) {
            field["min"] = 1.into();
        }
        let items = if self.tape.once_in(4) {
            let (schema, leaf, _) = self.leaf("kids");
            merge(&mut field, leaf);
            schema
        } else {
            let (schema, fields) = self.object("kids", depth + 1);
            field["fields"] = fields;
            schema
        };
        let schema = if self.tape.once_in(3) { self.keyed(&mut field, items) } else { self.listed(items) };
        // Beside `many`, it is about the list.
        field.as_object_mut().unwrap().remove("if_empty");
        let schema = self.dressed(schema.into(), true);
        self.perhaps_empty(schema, field)
    }

    /// The schema of a list of related records.
    fn listed(&mut self, items: Value) -> Map<String, Value> {
        let mut schema = Map::from_iter([("type".to_owned(), Value::from("array")), ("items".to_owned(), items)]);
        for (keyword, limit) in [("minItems", 2), ("maxItems", 3)] {
            if self.tape.once_in(4) {
                schema.insert(keyword.into(), self.tape.pick(limit).max(usize::from(limit == 3)).into());
            }
        }
        if self.tape.once_in(6) {
            schema.insert("uniqueItems".into(), true.into());
        }
        schema
    }

    /// Makes related records the fields of an object; gives its schema.
    fn keyed(&mut self, field: &mut Value, values: Value) -> Map<String, Value> {
        let name = format!("c{}", self.columns.len());
        let cells: Vec<String> = FIELDS.iter().chain(NAMES).map(|name| (*name).to_owned()).collect();
        let good = cells[..12].to_vec();
        let declared = [json!({}), json!({ "case": "lower", "trim": true })][self.tape.pick(2)].clone();
        self.columns.push(Column { source: "kids", name: name.clone(), declared, cells, good });
        if self.tape.once_in(4) {
            field["where"] = format!("{name} != 'b'").into();
        }
        field["keyed_by"] = name.clone().into();
        self.keyed_by = Some(name);
        let mut schema = Map::from_iter([("type".to_owned(), Value::from("object"))]);
        match self.tape.pick(6) {
            0 | 1 => drop(schema.insert("additionalProperties".into(), values)),
            2 => drop(schema.insert("properties".into(), json!({ "a": values, "b": values, "type": true }))),
            3 => {
                let known = json!({ "a": values, "c": values });
                schema.insert("properties".into(), known);
                schema.insert("additionalProperties".into(), false.into());
            }
            4 => {
                schema.insert("patternProperties".into(), json!({ "^[a-d]": values }));
                schema.insert("additionalProperties".into(), self.tape.once_in(2).into());
            }
            _ => {
                schema.insert("properties".into(), json!({ "b": { "maxLength": 2, "maxProperties": 1 } }));
                schema.insert("additionalProperties".into(), values);
            }
        }
        match self.tape.pick(10) {
            5 => drop(schema.insert("propertyNames".into(), json!({ "maxLength": 3 }))),
            6 => drop(schema.insert("propertyNames".into(), json!({ "pattern": "^[a-e$]" }))),
            7 => drop(schema.insert("propertyNames".into(), json!({ "enum": ["a", "b", "c", "d", "é"] }))),
            8 => drop(schema.insert("required".into(), json!(["a"]))),
            9 => drop(schema.insert("minProperties".into(), 1.into())),
            _ => {}
        }
        if self.tape.once_in(4) {
            schema.insert("maxProperties".into(), (1 + self.tape.pick(2)).into());
        }
        schema
    }

    fn one(&mut self, depth: usize) -> (Value, Value, bool) {
        self.lookups = true;
        let policy = ["reject", "omit", "set_null"][self.tape.pick(3)];
        let mut field = json!({ "one": "looked", "match": { "key": "look" }, "on_missing": policy });
        let (mut schema, omitted) = if self.tape.once_in(2) {
            let (schema, leaf, omitted) = self.leaf("looked");
            merge(&mut field, leaf);
            (schema, omitted)
        } else {
            let (schema, fields) = self.object("looked", depth + 1);
            field["fields"] = fields;
            (schema, false)
        };
        // It is about a reference that is empty, and what is beside it.
        if field.get("if_empty").is_none() && field.get("default").is_none() && self.tape.once_in(3) {
            field["if_empty"] = ["omit", "set_null", "reject"][self.tape.pick(3)].into();
        }
        let omitted = omitted || field.get("if_empty") == Some(&"omit".into());
        if field.get("if_empty") == Some(&"set_null".into()) {
            nullable(&mut schema);
        }
        if policy == "set_null" {
            nullable(&mut schema);
        }
        (schema, field, omitted || policy == "omit")
    }

    /// A cell that holds a JSON value.
    fn json(&mut self, source: &'static str) -> (Value, Value, bool) {
        let mut schema = match self.tape.pick(5) {
            1 => json!({ "type": "object", "required": ["a"], "properties": { "a": { "minimum": 1 } } }),
            2 => json!({ "type": ["array", "number"], "items": { "maxLength": 2 }, "maxItems": 2, "maximum": 2 }),
            3 => json!({ "properties": { "a": { "type": "number" } }, "additionalProperties": false }),
            4 => json!({ "propertyNames": { "maxLength": 2 }, "not": { "const": "ab" }, "uniqueItems": true }),
            _ => json!({}),
        };
        let cells: Vec<String> = JSON_VALUES.iter().map(|value| (*value).to_owned()).collect();
        let good = cells[..12].to_vec();
        let name = format!("c{}", self.columns.len());
        self.columns.push(Column { source, name: name.clone(), declared: json!({ "type": "json" }), cells, good });
        let mut field = json!({ "from": name });
        let word = ["", "", "omit", "set_null", "reject"][self.tape.pick(5)];
        if !word.is_empty() {
            field["if_empty"] = word.into();
        }
        if word == "set_null" {
            nullable(&mut schema);
        }
        (self.dressed(schema, false), field, word == "omit")
    }

    fn leaf(&mut self, source: &'static str) -> (Value, Value, bool) {
        if self.tape.once_in(9) {
            return self.json(source);
        }
        let kind = Type::ALL[self.tape.pick(6)];
        let mut cells: Vec<String> = Vec::new();
        let mut schema = match kind {
            Type::Integer | Type::Decimal => self.number_rules(kind, &mut cells),
            Type::Boolean => self.boolean_rules(&mut cells),
            _ => self.text_rules(kind, &mut cells),
        };
        let name = format!("c{}", self.columns.len());
        let mut field = Map::from_iter([("from".to_owned(), Value::from(name.clone()))]);
        let coded = matches!(kind, Type::Text | Type::Code) && self.tape.once_in(4);
        let mut optional = coded && self.table(&mut field, &mut schema, &mut cells);
        optional |= self.emptiness(kind, coded, &mut field, &mut schema, &cells);
        if !coded && !field.contains_key("default") && self.tape.once_in(6) {
            self.calculate(kind, &name, &mut field);
        }
        let mut good = usable(kind, coded, &cells);
        let declared = match kind {
            Type::Boolean => json!({ "type": "boolean", "true_values": ["1", "oui"], "false_values": ["0", "non"] }),
            Type::Decimal if field.contains_key("from") && self.tape.once_in(6) => {
                cells.iter_mut().chain(&mut good).for_each(|cell| *cell = cell.replace('.', ","));
                if let Some(Value::String(fallback)) = field.get_mut("default") {
                    *fallback = fallback.replace('.', ",");
                }
                json!({ "type": "decimal", "decimal_mark": "," })
            }
            _ => json!({ "type": kind.word() }),
        };
        self.columns.push(Column { source, name, declared, cells, good });
        (self.dressed(schema.into(), false), field.into(), optional)
    }

    /// Makes an expression of a field that is read from a column.
    fn calculate(&mut self, kind: Type, name: &str, field: &mut Map<String, Value>) {
        let forms: &[&str] = match kind {
            Type::Text => &["C | trim", "C ~ 'x'", "C[:3]", "C | upper", "'é' if C == 'a' else C"],
            Type::Integer => &["C", "C + 0", "C * 2", "-C", "C - 9007199254740993", "C | abs"],
            Type::Decimal => &["C", "C + 0.00", "C | round(1)", "C / 8", "(C / 3) | round(2)", "C * C", "-C"],
            Type::Boolean => &["C", "not C"],
            Type::Date => &["C", "C if C > '2000-01-01' else none"],
            Type::Code => return,
        };
        let expression = forms[self.tape.pick(forms.len())].replace('C', name);
        field.remove("from");
        if kind == Type::Text && self.tape.once_in(2) {
            field.insert("template".into(), format!("{{{{ {expression} }}}}").into());
        } else {
            field.insert("value".into(), expression.into());
        }
    }

    fn text_rules(&mut self, kind: Type, cells: &mut Vec<String>) -> Map<String, Value> {
        let mut schema = Map::new();
        match self.tape.pick(6) {
            3 => drop(schema.insert("type".into(), json!(["string", "null"]))),
            4 => drop(schema.insert("type".into(), json!(["null", "integer", "string"]))),
            5 => {}
            _ => drop(schema.insert("type".into(), "string".into())),
        }
        let pool = if kind == Type::Date { DATES } else { WORDS };
        cells.extend(pool.iter().map(|word| (*word).to_owned()));
        for keyword in ["minLength", "maxLength"] {
            if self.tape.once_in(4) {
                let limit = if kind == Type::Date { 8 + self.tape.pick(5) } else { self.tape.pick(5) };
                let limit = if keyword == "maxLength" { limit + 2 } else { limit };
                schema.insert(keyword.into(), limit.into());
                for letter in ["a", "é", "😀", "\"", "\t"] {
                    cells.extend((limit.saturating_sub(1)..limit + 2).map(|length| letter.repeat(length)));
                }
            }
        }
        if self.tape.once_in(5) {
            schema.insert("pattern".into(), self.tape.of(PATTERNS).into());
        }
        if self.tape.once_in(3) {
            let format =
                if kind == Type::Date { ["date", "email"][self.tape.pick(9) / 8] } else { self.tape.of(FORMATS) };
            // Draft 7 has no such format, and a contract that asks for one is refused.
            let format = if format == "uuid" && !self.new_draft { "ipv4" } else { format };
            schema.insert("format".into(), format.into());
            if format == "email" {
                cells.extend(EMAILS.iter().map(|address| (*address).to_owned()));
                cells.extend((0..30).map(|_| self.address()));
            }
        }
        if self.tape.once_in(6) {
            let chosen: Vec<Value> = (0..4).map(|_| Value::from(pool[self.tape.pick(pool.len())])).collect();
            match self.tape.pick(4) {
                3 => drop(schema.insert("const".into(), chosen[0].clone())),
                2 => drop(schema.insert("enum".into(), json!([chosen[0], chosen[1], null, 1]))),
                _ => drop(schema.insert("enum".into(), distinct(chosen))),
            }
        }
        if self.tape.once_in(10) {
            schema.insert("minimum".into(), 5.into());
        }
        schema
    }

    /// Something like an e-mail address.
    fn address(&mut self) -> String {
        let atoms = [
            "a",
            "b1",
            ".",
            "-",
            "_",
            "@",
            "--",
            "é",
            "+",
            "X",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ];
        let local: String = (0..=self.tape.pick(4)).map(|_| atoms[self.tape.pick(atoms.len())]).collect();
        let host: String = (0..=self.tape.pick(4)).map(|_| atoms[self.tape.pick(atoms.len())]).collect();
        format!("{local}@{host}{}", [".de", ""][self.tape.pick(2)])
    }

    fn number_rules(&mut self, kind: Type, cells: &mut Vec<String>) -> Map<String, Value> {
        let mut schema = Map::new();
        match self.tape.pick(8) {
            3 => drop(schema.insert("type".into(), json!(["number", "null"]))),
            4 => drop(schema.insert("type".into(), json!(["integer", "string"]))),
            5 => drop(schema.insert("type".into(), "integer".into())),
            6 => {}
            _ => drop(schema.insert("type".into(), if kind == Type::Integer { "integer" } else { "number" }.into())),
        }
        cells.extend(NUMBERS.iter().map(|number| (*number).to_owned()));
        for keyword in ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"] {
            if self.tape.once_in(4) {
                let limit = self.tape.of(LIMITS);
                schema.insert(keyword.into(), number(limit));
                cells.extend(around(limit));
            }
        }
        if self.tape.once_in(6) {
            schema.insert("multipleOf".into(), number(self.tape.of(&["1", "2", "5", "10", "0.5", "0.1", "0.01", "3"])));
        }
        if self.tape.once_in(8) {
            let chosen: Vec<Value> = (0..3).map(|_| number(self.tape.of(LIMITS))).collect();
            if self.tape.once_in(3) {
                schema.insert("const".into(), chosen[0].clone());
            } else {
                schema.insert("enum".into(), json!([chosen[0], chosen[1], chosen[2], "x"]));
            }
        }
        if self.tape.once_in(10) {
            schema.insert("minLength".into(), 5.into());
        }
        schema
    }

    fn boolean_rules(&mut self, cells: &mut Vec<String>) -> Map<String, Value> {
        let mut schema = Map::new();
        match self.tape.pick(6) {
            3 => drop(schema.insert("type".into(), json!(["boolean", "null"]))),
            4 => drop(schema.insert("enum".into(), json!([true, "x"]))),
            5 => drop(schema.insert("const".into(), self.tape.once_in(2).into())),
            _ => drop(schema.insert("type".into(), "boolean".into())),
        }
        cells.extend(["0", "1", "oui", "non", "", "true", "Oui"].map(str::to_owned));
        schema
    }

    /// Adds a code table to a field; tells whether the field may be left out.
    fn table(
        &mut self,
        field: &mut Map<String, Value>,
        schema: &mut Map<String, Value>,
        cells: &mut Vec<String>,
    ) -> bool {
        let mut allowed: Vec<Value> = schema.get("enum").and_then(Value::as_array).cloned().unwrap_or_default();
        allowed.retain(Value::is_string);
        if allowed.is_empty() {
            allowed = ["Female", "Male", "a", "", "\"quoted\""].map(Value::from).to_vec();
        }
        let count = if self.tape.once_in(4) { 12 } else { 3 };
        let mut values = Map::new();
        for code in 0..count {
            values.insert(code.to_string(), allowed[self.tape.pick(allowed.len())].clone());
            cells.push(code.to_string());
        }
        if self.tape.once_in(2) && !schema.contains_key("const") && !schema.contains_key("enum") {
            schema.insert("enum".into(), distinct(values.values().cloned().collect()));
        }
        let then = match self.tape.pick(5) {
            0 => json!("reject"),
            1 => json!("omit"),
            2 => json!("set_null"),
            3 => json!("keep"),
            _ => json!({ "use": allowed[0] }),
        };
        if then == "set_null" {
            null_too(schema);
        }
        let optional = then == "omit";
        let policy =
            if then.is_string() && self.tape.once_in(4) { json!({ "then": then, "severity": "warn" }) } else { then };
        let table = json!({ "values": values, "on_unknown": policy });
        if self.tape.once_in(2) {
            let name = format!("t{}", self.codes.len());
            self.codes.insert(name.clone(), table);
            field.insert("codes".into(), name.into());
        } else {
            field.insert("codes".into(), table);
        }
        optional
    }

    /// Says what an empty cell means; tells whether the field may be left out.
    fn emptiness(
        &mut self,
        kind: Type,
        coded: bool,
        field: &mut Map<String, Value>,
        schema: &mut Map<String, Value>,
        cells: &[String],
    ) -> bool {
        let word = match self.tape.pick(10) {
            4 => "omit",
            5 => "set_null",
            6 => "reject",
            7 if kind == Type::Text && !coded => "keep",
            8 => {
                field.insert("if_empty".into(), "reject".into());
                return false;
            }
            9 => {
                let fallback = if coded { "1".to_owned() } else { cells[self.tape.pick(cells.len())].clone() };
                field.insert("default".into(), fallback.into());
                return false;
            }
            _ => return false,
        };
        if word == "set_null" {
            null_too(schema);
        }
        let policy = if self.tape.once_in(2) { json!({ "then": word, "severity": "warn" }) } else { word.into() };
        field.insert("if_empty".into(), policy);
        word == "omit"
    }

    /// The same rules said in another way, or with more around them.
    fn dressed(&mut self, schema: Value, plainly: bool) -> Value {
        let name = format!("d{}", self.defs.len());
        let reference = format!("#/{}/{name}", self.definitions());
        match self.tape.pick(if plainly { 10 } else { 18 }) {
            7 => {
                self.defs.insert(name, schema);
                json!({ "$ref": reference })
            }
            8 => json!({ "allOf": [schema] }),
            9 => {
                self.defs.insert(name, schema);
                json!({ "allOf": [{ "$ref": reference }, { "title": "twice" }], "$comment": "said by reference" })
            }
            10 => {
                self.defs.insert(name, schema);
                json!({ "$ref": reference, "minLength": 2, "minimum": 1, "maxProperties": 3 })
            }
            11 => json!({ "anyOf": [schema, false] }),
            12 => json!({ "oneOf": [schema, { "const": "ab" }] }),
            13 => json!({ "not": { "not": schema } }),
            14 => json!({ "if": schema, "then": true, "else": { "maxLength": 2 } }),
            15 => json!({ "allOf": [schema, { "maxLength": 6 }, { "minimum": 0 }] }),
            _ => schema,
        }
    }

    fn sources(&mut self) -> Value {
        // No cell says so, but each has to be asked.
        let nulls = if self.tape.once_in(3) { json!(["", "nothing at all"]) } else { json!([""]) };
        let columns = |source: &str| -> Value {
            let of = self.columns.iter().filter(|column| column.source == source);
            of.map(|column| (column.name.clone(), column.declared.clone())).collect::<Map<_, _>>().into()
        };
        let mut sources = json!({ "roots": { "path": "roots.csv", "key": "id", "columns": columns("roots") } });
        if self.lists {
            sources["kids"] = json!({ "path": "kids.csv", "columns": columns("kids") });
            if let Some(name) = &self.keyed_by {
                sources["kids"]["key"] = json!(["parent", name]);
                sources["kids"]["on_duplicate_key"] = "keep_first".into();
            }
        }
        if self.lookups {
            sources["looked"] = json!({ "path": "looked.csv", "key": "key", "columns": columns("looked") });
        }
        for (_, source) in sources.as_object_mut().into_iter().flatten() {
            source["dialect"] = json!({ "null_values": nulls });
        }
        sources
    }

    fn files(&mut self) -> Vec<(&'static str, String)> {
        let rows = ROWS + self.tape.pick(8);
        let mut roots: Vec<Vec<String>> = (0..rows)
            .map(|row| vec![row.to_string(), ["0", "1", "2", "3", "4", ""][self.tape.pick(6)].to_owned()])
            .collect();
        let parents: Vec<usize> = (0..rows).flat_map(|row| vec![row; self.tape.pick(4)]).collect();
        let mut kids: Vec<Vec<String>> = parents.iter().map(|parent| vec![parent.to_string()]).collect();
        let mut looked: Vec<Vec<String>> = (0..4).map(|key| vec![key.to_string()]).collect();
        for column in &self.columns {
            let rows = match column.source {
                "roots" => &mut roots,
                "kids" => &mut kids,
                _ => &mut looked,
            };
            for row in rows {
                let cells = if self.tape.once_in(12) { &column.cells } else { &column.good };
                row.push(cells[self.tape.pick(cells.len())].clone());
            }
        }
        let header = |first: &[&str], source: &str| -> Vec<String> {
            let own = self.columns.iter().filter(|column| column.source == source).map(|column| column.name.clone());
            first.iter().map(|name| (*name).to_owned()).chain(own).collect()
        };
        let heads = [header(&["id", "look"], "roots"), header(&["parent"], "kids"), header(&["key"], "looked")];
        let [one, two, three] = heads.map(|head| vec![head]);
        vec![
            ("roots.csv", csv(one.iter().chain(&roots))),
            ("kids.csv", csv(two.iter().chain(&kids))),
            ("looked.csv", csv(three.iter().chain(&looked))),
        ]
    }
}

/// The fewest root records of a case.
pub(crate) const ROWS: usize = 25;

fn csv<'a>(rows: impl Iterator<Item = &'a Vec<String>>) -> String {
    let cell = |cell: &String| {
        if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.clone() }
    };
    rows.map(|row| row.iter().map(cell).collect::<Vec<_>>().join(",") + "\n").collect()
}

trait PopEntry {
    fn pop_entry(&mut self) -> (String, Value);
}

impl PopEntry for Map<String, Value> {
    fn pop_entry(&mut self) -> (String, Value) {
        let last = self.keys().next_back().cloned().unwrap_or_default();
        let value = self.remove(&last).unwrap_or_default();
        (last, value)
    }
}

/// Lets the path of a count or sum start one object further out.
fn lead_out(field: &mut Value, key: &str) {
    let inner = field.pointer("/fields/n").is_some();
    if inner {
        lead_out(&mut field["fields"]["n"], key);
    } else if let Some(Value::String(path)) = field.get_mut(key) {
        path.insert_str(0, "../");
    }
}

/// The cells that are of a type, and in a code table if there is one.
fn usable(kind: Type, coded: bool, cells: &[String]) -> Vec<String> {
    let digits = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'))
    };
    let is_good = |cell: &&String| {
        let unsigned = cell.strip_prefix('-').unwrap_or(cell);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        match kind {
            _ if coded => cell.len() <= 2 && digits(cell),
            Type::Text => true,
            Type::Code => !cell.is_empty(),
            Type::Integer => digits(unsigned),
            Type::Decimal => {
                digits(whole) && fraction.bytes().all(|byte| byte.is_ascii_digit()) && !fraction.is_empty()
            }
            Type::Boolean => ["0", "1", "oui", "non"].contains(&cell.as_str()),
            Type::Date => {
                ["2017-12-31", "2024-02-29", "0001-01-01", "9999-12-31", "2000-02-29"].contains(&cell.as_str())
            }
        }
    };
    cells.iter().filter(is_good).cloned().collect()
}

/// The limit in several spellings, and its neighbours.
fn around(limit: &str) -> Vec<String> {
    let mut cells = vec![limit.to_owned()];
    if !limit.contains(['.', 'e']) {
        cells.extend([".0", ".00", ".01", ".000000000000000000000000000001"].map(|end| format!("{limit}{end}")));
    }
    if let Ok(whole) = limit.parse::<i128>() {
        cells.extend([whole - 1, whole + 1, -whole].map(|near| near.to_string()));
        cells.push(format!("{}.99", whole - 1));
    } else {
        cells.extend([format!("{limit}0"), format!("{limit}1"), limit.replace('.', "")]);
    }
    cells
}

fn distinct(values: Vec<Value>) -> Value {
    let mut distinct: Vec<Value> = Vec::new();
    for value in values {
        if !distinct.contains(&value) {
            distinct.push(value);
        }
    }
    distinct.into()
}

fn merge(field: &mut Value, more: Value) {
    if let (Value::Object(field), Value::Object(more)) = (field, more) {
        field.extend(more);
    }
}

/// Lets a schema accept `null` as well, where it is easy.
fn nullable(schema: &mut Value) {
    if let Value::Object(schema) = schema {
        null_too(schema);
    }
}

fn null_too(schema: &mut Map<String, Value>) {
    let types = schema.get("type").cloned();
    match types {
        Some(Value::String(word)) => drop(schema.insert("type".into(), json!([word, "null"]))),
        Some(Value::Array(mut words)) if !words.contains(&"null".into()) => {
            words.push("null".into());
            schema.insert("type".into(), words.into());
        }
        _ => {}
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
}
