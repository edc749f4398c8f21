//! JSON-Schema-Test-Suite: each schema is a contract, each instance a document.
//!
//! The validator sees every instance. The whole program sees those that a mapping can make of the cells of a CSV file (texts,
//! numbers, booleans, null, and objects of them), so that its proofs and its fast checks are judged as well.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde_json::{Map, Value, json};
use xwalk::{config::contract::Contract, diagnostic::Code};

use crate::{
    corpus,
    run::{Converted, convert},
};

/// The drafts by their folders.
const DRAFTS: [(&str, &str); 5] = [
    ("draft4", "http://json-schema.org/draft-04/schema#"),
    ("draft6", "http://json-schema.org/draft-06/schema#"),
    ("draft7", "http://json-schema.org/draft-07/schema#"),
    ("draft2019-09", "https://json-schema.org/draft/2019-09/schema"),
    ("draft2020-12", "https://json-schema.org/draft/2020-12/schema"),
];

/// One test of the suite.
struct SuiteTest {
    /// Where it stands: file, group and test.
    place: String,
    /// The schema, with its draft.
    schema: Value,
    /// The instance.
    data: Value,
    /// What the suite says of it.
    valid: bool,
}

/// The tests of a draft, those of optional behaviour and of formats included.
fn tests(draft: &str, uri: &str) -> Option<Vec<SuiteTest>> {
    let folder = corpus("JSON-Schema-Test-Suite")?.join("tests").join(draft);
    let mut found = Vec::new();
    for below in ["", "optional", "optional/format"] {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(folder.join(below)).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.is_file());
        paths.sort();
        for path in paths {
            let file = format!("{draft}/{below}/{}", path.file_name().unwrap().to_string_lossy());
            let groups: Vec<Value> = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            for group in &groups {
                let mut schema = group["schema"].clone();
                if let Value::Object(schema) = &mut schema {
                    schema.entry("$schema").or_insert_with(|| uri.into());
                }
                for test in group["tests"].as_array().unwrap() {
                    let place = format!("{file}: {}: {}", group["description"], test["description"]);
                    let (data, valid) = (test["data"].clone(), test["valid"].as_bool().unwrap());
                    found.push(SuiteTest { place, schema: schema.clone(), data, valid });
                }
            }
        }
    }
    Some(found)
}

/// What became of the tests, in groups of one kind.
#[derive(Debug, Default)]
struct Tally {
    right: usize,
    /// Contracts that are refused, by the code; each with its tests.
    refused: BTreeMap<String, usize>,
    /// Refused although the suite accepts: formats that it takes as a remark, and what a mapping cannot prove.
    stricter: BTreeMap<String, usize>,
    wrong: Vec<String>,
}

impl Tally {
    /// Tells the counts, and fails if anything is wrong.
    fn tell(self, name: &str) {
        let Tally { right, refused, stricter, wrong } = self;
        println!("{name}: {right} right, refused {refused:?}, stricter {stricter:?}, {} wrong", wrong.len());
        assert!(wrong.is_empty(), "{name}: {} wrong:\n{}", wrong.len(), wrong.join("\n"));
        assert!(right > 500, "{name}: hardly anything was tried");
    }
}

#[test]
fn the_validator_accepts_nothing_that_the_suite_refuses() {
    for (draft, uri) in DRAFTS {
        let Some(tests) = tests(draft, uri) else { return };
        let mut tally = Tally::default();
        for SuiteTest { place, schema, data, valid } in &tests {
            let contract = match Contract::compile("contract.json", &schema.to_string()) {
                Ok(contract) => contract,
                Err(why) => {
                    *tally.refused.entry(why.code.word().to_owned()).or_default() += 1;
                    if why.code != Code::PlanContractReference || !refers_elsewhere(schema) {
                        tally.wrong.push(format!("{place}: the contract is refused: {}", why.message));
                    }
                    continue;
                }
            };
            let unheard = has_unknown_format(&contract);
            match (contract.accepts(data), *valid) {
                (true, false) if !unheard => tally.wrong.push(format!("{place}: accepted")),
                (false, true) => *tally.stricter.entry(file_of(place)).or_default() += 1,
                _ => tally.right += 1,
            }
        }
        tally.tell(&format!("{draft}, validator"));
    }
}

/// Whether a schema refers to one of the files that the suite serves, or to the schema of schemas.
fn refers_elsewhere(schema: &Value) -> bool {
    let text = schema.to_string();
    let meta = DRAFTS.iter().any(|(_, uri)| text.contains(&format!("\"$ref\":\"{uri}")));
    meta || text.contains("\"http://localhost:1234/")
}

/// Whether the contract names a format that nobody checks; `xwalk check` tells of it.
fn has_unknown_format(contract: &Contract) -> bool {
    contract.ignored.iter().any(|finding| finding.code == Code::PlanUnknownFormat)
}

/// The file of a test.
fn file_of(place: &str) -> String {
    place.split(": ").next().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned()
}

#[test]
fn the_program_sends_nothing_that_the_suite_refuses() {
    for (draft, uri) in DRAFTS {
        let Some(tests) = tests(draft, uri) else { return };
        let mut tally = Tally::default();
        for test in &tests {
            let Some(folder) = SuiteFolder::of(test) else { continue };
            let converted = folder.convert();
            let codes = converted.codes();
            let unheard = Contract::compile("contract.json", &folder.contract.to_string())
                .is_ok_and(|contract| has_unknown_format(&contract));
            match (converted.exit, test.valid) {
                (0, _) if converted.documents != [folder.document.clone()] => {
                    tally.wrong.push(format!("{}: another document: {:?}", test.place, converted.documents));
                }
                (0, false) if !unheard => tally.wrong.push(format!("{}: sent", test.place)),
                (0, _) | (1, false) => tally.right += 1,
                (1, true) => *tally.stricter.entry(format!("{} {codes:?}", file_of(&test.place))).or_default() += 1,
                (2, false) => *tally.refused.entry(codes.join(", ")).or_default() += 1,
                // A column that may be null may be a text, and where only null is allowed that is an error of the plan.
                (2, true) if codes == ["plan/contract-reference"] || folder.has_null() => {
                    *tally.refused.entry(codes.join(", ")).or_default() += 1;
                }
                (exit, _) => tally.wrong.push(format!("{}: exit {exit}, {codes:?}", test.place)),
            }
        }
        tally.tell(&format!("{draft}, program"));
    }
}

/// A drop folder of which a mapping makes an instance of the suite.
#[derive(Default)]
struct SuiteFolder {
    contract: Value,
    document: Value,
    /// The columns with what is declared of them, and the cell of each.
    columns: Map<String, Value>,
    cells: Vec<String>,
    fields: Map<String, Value>,
}

impl SuiteFolder {
    /// `None`: no mapping can make this instance, or the schema cannot be moved into a property.
    fn of(wanted: &SuiteTest) -> Option<SuiteFolder> {
        let mut drop =
            SuiteFolder { contract: wanted.schema.clone(), document: wanted.data.clone(), ..SuiteFolder::default() };
        if !wanted.data.is_object() {
            // What refers to a place of the schema would refer to another one.
            let text = wanted.schema.to_string();
            let moved = ["\"$ref", "\"$id", "\"id\"", "\"$dynamic", "\"$recursive", "\"$anchor"];
            if moved.iter().any(|key| text.contains(key)) {
                return None;
            }
            let mut inner = wanted.schema.clone();
            let draft = inner.as_object_mut()?.remove("$schema");
            drop.contract =
                json!({ "$schema": draft, "type": "object", "required": ["v"], "properties": { "v": inner } });
            drop.document = json!({ "v": wanted.data });
        } else if !wanted.schema.is_object() {
            return None;
        }
        let document = drop.document.clone();
        drop.fields = drop.add_fields(document.as_object()?)?;
        drop.add_column(json!({}), "x".into());
        Some(drop)
    }

    fn add_column(&mut self, declared: Value, cell: String) -> String {
        let name = format!("c{}", self.cells.len());
        self.columns.insert(name.clone(), declared);
        self.cells.push(cell);
        name
    }

    fn add_fields(&mut self, object: &Map<String, Value>) -> Option<Map<String, Value>> {
        let field = |(name, value): (&String, &Value)| Some((name.clone(), self.add_field(value)?));
        object.iter().map(field).collect()
    }

    fn add_field(&mut self, value: &Value) -> Option<Value> {
        Some(match value {
            Value::Null => json!({ "from": self.add_column(json!({}), String::new()), "if_empty": "set_null" }),
            Value::Bool(yes) => json!({ "from": self.add_column(json!({ "type": "boolean" }), yes.to_string()) }),
            Value::Number(number) => {
                let text = number.to_string();
                let kind = if text.contains(['.', 'e', 'E']) { "decimal" } else { "integer" };
                json!({ "from": self.add_column(json!({ "type": kind }), text) })
            }
            Value::String(text) if text.contains('\0') => return None,
            Value::String(text) => json!({ "from": self.add_column(json!({}), text.clone()) }),
            Value::Object(object) if !object.is_empty() => json!({ "fields": self.add_fields(object)? }),
            Value::Object(_) | Value::Array(_) => return None,
        })
    }

    fn has_null(&self) -> bool {
        self.fields.iter().any(|(_, field)| field.to_string().contains("set_null"))
    }

    fn convert(&self) -> Converted {
        let folder = tempfile::tempdir().unwrap();
        let source = json!({ "path": "rows.csv", "columns": self.columns });
        let output = json!({ "root": "object", "each": "rows", "fields": self.fields });
        let request = json!({ "method": "POST", "path": "/" });
        let mapping = json!({
            "mapping": 1, "name": "suite", "contract": "contract.json", "request": request,
            "sources": { "rows": source }, "output": output
        });
        let header: Vec<&str> = self.columns.keys().map(String::as_str).collect();
        let row: Vec<String> = self.cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
        let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
        write("rows.csv", format!("{}\n{}\n", header.join(","), row.join(",")));
        write("mapping.yaml", mapping.to_string());
        write("contract.json", self.contract.to_string());
        convert(folder.path(), &[], None)
    }
}
