//! Reading: any bytes as a file of some dialect, packed or not, give the same records and findings whatever the block size.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use crate::{
    diagnostic::Diagnostic,
    fuzzing::{ANY_CONTRACT, compile_plan, own_folder},
    plan::Plan,
    read::{
        files::Inputs,
        stream::{Block, Reading, Stopped},
    },
};

/// The dialects that are tried, by the first byte.
const DIALECTS: [&str; 8] = [
    "{ delimiter: ';', quote: '\"' }",
    "{ delimiter: ',', encoding: auto }",
    "{ encoding: windows-1252, header: false }",
    "{ delimiter: \"\\t\", quote: \"\", encoding: cp850 }",
    "{ delimiter: ',', escape: '\\', comment: '#', blank_rows: skip }",
    "{ skip_lines: 2, footer: Sum, encoding: auto }",
    "{ encoding: utf-16le, tail: strict }",
    "{ encoding: shift_jis, tail: accept }",
];

/// The names of the file, by the second byte: what it is packed with is told by its name.
const NAMES: [&str; 3] = ["a.csv", "a.csv.gz", "a.csv.zst"];

/// The sizes of blocks that are compared.
const BLOCKS: [usize; 3] = [1, 100, 1 << 20];

static PLANS: LazyLock<Vec<Option<Plan>>> =
    LazyLock::new(|| DIALECTS.iter().map(|dialect| plan(dialect).ok()).collect());

fn plan(dialect: &str) -> Result<Plan, Vec<Diagnostic>> {
    let mapping = format!(
        "mapping: 1\nname: a\ncontract: contract.json\nrequest: {{ method: PUT, path: /a }}\nsources:\n  a:\n    path: a.csv\n    \
         key: k\n    dialect: {dialect}\n    columns: {{ k: {{}}, n: {{ type: decimal }} }}\noutput:\n  each: a\n  fields: {{ k: k, n: n }}\n"
    );
    compile_plan(&mapping, ANY_CONTRACT)
}

/// What was read.
#[derive(Debug, Default, PartialEq, Eq)]
struct ReadOutcome {
    /// The raw text of each record, and whether it is good.
    records: Vec<(Vec<u8>, bool)>,
    /// Every finding, with its place.
    findings: Vec<String>,
}

/// Reads the same bytes in blocks of several sizes.
///
/// # Panics
/// The results differ.
pub fn fuzz(bytes: &[u8]) {
    let [dialect, name, text @ ..] = bytes else { return };
    let Some(plan) = &PLANS[usize::from(*dialect) % DIALECTS.len()] else {
        panic!("the fuzzer's own dialect is wrong")
    };
    let path = own_folder().join(NAMES[usize::from(*name) % NAMES.len()]);
    if fs::write(&path, text).is_err() {
        return;
    }
    let [first, others @ ..] = BLOCKS.map(|block| read(plan, &path, block));
    for other in others {
        assert_eq!(first, other);
    }
}

fn read(plan: &Plan, path: &Path, block: usize) -> ReadOutcome {
    let (mut outcome, mut stamps) = (ReadOutcome::default(), Vec::new());
    let inputs = Inputs::new(Path::new(""), &[], false);
    let reading = Reading { plan, source: 0, inputs: &inputs, block, stamps: &mut stamps };
    let files: [PathBuf; 1] = [path.to_owned()];
    let mut said = Vec::new();
    let mut visit = |block: Block<'_>| {
        for row in 0..block.table.len() {
            let is_good = block.rejects.iter().all(|reject| reject.row != row);
            let raw = block.table.raw(row);
            let text = &block.table.text[raw.start..raw.end.min(block.end)];
            // The last record of a block is followed by its line end, all others are not.
            outcome.records.push((text.trim_ascii_end().to_vec(), is_good));
        }
        Ok(())
    };
    let read = reading.read_blocks(&files, &mut |finding| said.push(format!("{finding:?}")), &mut visit);
    if let Err(Stopped::Input(_)) = read {
        // What is found wrong first depends on how much was read by then, and nothing of the file is used.
        return ReadOutcome { findings: vec!["the file is refused".into()], ..ReadOutcome::default() };
    }
    outcome.findings = said;
    outcome
}
