//! What is fuzzed: each entry takes any bytes, and may neither panic, nor hang, nor hold much.
//!
//! `fuzz/` calls them with bytes that a fuzzer makes up, and `cargo test` with every input that is kept in `fuzz/inputs`.
//! Where there is a second way to the same result, both are taken and compared.

pub mod reader;
pub mod configuration;
pub mod expression;
pub mod journal;
pub mod answer;

use std::{collections::BTreeMap, fs, path::PathBuf, sync::LazyLock, thread};

use tempfile::TempDir;

use crate::{
    config::{contract::Contract, contract_part::WantedPart, mapping},
    diagnostic::Diagnostic,
    options::OutputOptions,
    plan::{CodeFiles, Plan},
    report::{self, render_style::RenderStyle},
};

/// The folder of this process for files that are made up; it is removed when the process ends by itself.
static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder for temporary files"));

/// The folder of this thread for files that are made up.
fn own_folder() -> PathBuf {
    let folder = FOLDER.path().join(format!("{:?}", thread::current().id()));
    fs::create_dir_all(&folder).expect("a folder for temporary files");
    folder
}

/// A contract that every document fits.
const ANY_CONTRACT: &str = r#"{ "type": "array", "items": { "type": "object" } }"#;

/// Compiles a mapping and a contract, without files beside them.
fn compile_plan(mapping: &str, contract: &str) -> Result<Plan, Vec<Diagnostic>> {
    let (mapping, places) = mapping::read("mapping.yaml", mapping)?;
    let wanted = WantedPart { fragment: None, request: None };
    let contract =
        Contract::compile_part("contract.json", contract.to_owned(), &wanted).map_err(|wrong| vec![wrong])?;
    Plan::compile(&mapping, places, contract, &CodeFiles::new())
}

/// Draws findings as they are shown.
fn draw(findings: &[Diagnostic]) -> Vec<u8> {
    let mut drawn = Vec::new();
    let style = RenderStyle::new(&OutputOptions::default(), &BTreeMap::new(), false);
    // Writing to memory cannot fail.
    let _ = report::findings(&mut drawn, findings, style);
    drawn
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use crate::fuzzing::{answer, configuration, expression, journal, reader};

    /// Takes any bytes.
    type FuzzEntry = fn(&[u8]);

    #[test]
    fn inputs_that_are_kept_are_handled() {
        let entries: [(&str, FuzzEntry); 7] = [
            ("reader", reader::fuzz),
            ("mapping", configuration::fuzz_mapping),
            ("contract", configuration::fuzz_contract),
            ("profiles", configuration::fuzz_profiles),
            ("expression", expression::fuzz),
            ("journal", journal::fuzz),
            ("answer", answer::fuzz),
        ];
        let inputs = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/inputs");
        for (name, entry) in entries {
            let folder = inputs.join(name);
            let mut paths: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
            paths.sort();
            assert!(!paths.is_empty(), "{name} has no inputs");
            for path in paths {
                let bytes = fs::read(&path).unwrap();
                println!("{}", path.display());
                entry(&bytes);
                // Inputs are cut where fuzzers like to cut them.
                entry(&bytes[..bytes.len() / 2]);
            }
        }
    }
}
