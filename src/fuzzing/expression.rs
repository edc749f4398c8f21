//! Expressions: any text as an expression over a record with any cells; the fast and the exact way give the same document.

use std::{fs, path::Path, sync::Arc};

use crate::{
    commands::convert::partitioned::{loading::load_joined, partitioner, recording::Stored},
    fuzzing::{ANY_CONTRACT, compile_plan, draw, own_folder},
    options::Memory,
    partition::{loaded::LoadedPartition, spill::Spill},
    plan::Plan,
    read::files::Inputs,
    transform::{self, Scratch},
};

/// Where the expression stands, by the first byte.
const FIELDS: [&str; 4] = [
    "{ id: id, x: { value: EXPRESSION } }",
    "{ id: id, x: { template: TEMPLATE } }",
    "{ id: id, x: { from: text, where: EXPRESSION } }",
    "{ id: id, x: { value: EXPRESSION, if_empty: omit } }",
];

/// The first line is the expression, all others are records.
///
/// # Panics
/// The two ways differ.
pub fn fuzz(bytes: &[u8]) {
    let Some((form, text)) = bytes.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let (expression, rows) = text.split_once('\n').unwrap_or((text, ""));
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let fields = FIELDS[usize::from(*form) % FIELDS.len()];
    let fields = fields.replace("EXPRESSION", &quoted(expression));
    let fields = fields.replace("TEMPLATE", &quoted(&format!("a{{{{ {expression} }}}}")));
    let mapping = format!(
        "mapping: 1\nname: a\ncontract: contract.json\nrequest: {{ method: PUT, path: /a }}\nsources:\n  a:\n    path: a.csv\n    \
         key: id\n    columns: {{ id: {{}}, text: {{}}, whole: {{ type: integer }}, price: {{ type: decimal }}, yes: {{ type: boolean }}, \
         day: {{ type: date, format: '%Y-%m-%d' }}, at: {{ type: datetime, format: '%Y-%m-%dT%H:%M:%S', zone: Europe/Paris }}, \
         words: {{ split: '|' }} }}\noutput:\n  each: a\n  fields: {fields}\n"
    );
    match compile_plan(&mapping, ANY_CONTRACT) {
        Err(findings) => drop(draw(&findings)),
        Ok(plan) => convert(&plan, rows),
    }
}

fn convert(plan: &Plan, rows: &str) {
    let folder = own_folder();
    let text = format!("id;text;whole;price;yes;day;at;words\n{rows}\n");
    if fs::write(folder.join("a.csv"), text).is_err() {
        return;
    }
    let (spill, inputs) = (Arc::new(Spill::new(Path::new("/tmp"), 1 << 30)), Inputs::new(&folder, &[], false));
    let recording = partitioner::read(plan, &inputs, Memory::of(1 << 28), &spill, &mut Vec::new(), &mut |_| {});
    let Ok(recording) = recording else { return };
    for stored in &recording.stored {
        let Stored::Partition(partition) = stored else { continue };
        let (mut loaded, mut scratch) = (LoadedPartition::default(), Scratch::default());
        if load_joined(plan, partition, &mut loaded, &mut |_| {}).is_err() {
            continue;
        }
        let view = loaded.view(plan);
        for root in 0..loaded.tables[plan.each].len() {
            let exact = transform::trace(&view, root, &mut scratch).json;
            if let Some(fast) = transform::document(&view, root, 0, &mut scratch) {
                assert_eq!(String::from_utf8_lossy(fast.bytes()), String::from_utf8_lossy(&exact));
            }
        }
    }
}
