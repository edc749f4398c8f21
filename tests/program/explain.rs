//! `xwalk explain`: every code has a title, an example before and after, and what to do; and the examples are real.
//!
//! Where the example is lines of a file that ships, that file with the mistake in it must lead to the code.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use xwalk::{
    diagnostic::Code,
    explanation::{example::Explanation, explain},
};

/// The files that examples may be lines of.
const FILES: [&str; 6] = [
    "mappings/inflight-sales.yaml",
    "mappings/country-codes.csv",
    "schemas/customers.schema.json",
    "profiles.yaml",
    "samples/flight-00/customers.csv",
    "samples/flight-00/purchases.csv",
];

/// The commands that may find the mistake.
const COMMANDS: [&[&str]; 3] = [
    &["check"],
    &["convert", "samples/flight-00", "--validate-only"],
    &["convert", "samples/flight-00", "--validate-only", "--profile", "staging"],
];

#[test]
fn every_code_has_all_parts() {
    for code in Code::ALL {
        let Explanation { title, before, after, advice } = explain(*code).unwrap_or_else(|| panic!("{code}: no table"));
        let begins_low = title.chars().next().is_some_and(|first| !first.is_lowercase());
        assert!(!title.is_empty() && !title.ends_with('.') && !begins_low, "{code}: {title}");
        assert!(title.chars().count() <= 60, "{code}: a title is short");
        assert!(!before.is_empty() && !after.is_empty() && before != after, "{code}: before and after");
        assert!(
            advice.ends_with('.') && advice.starts_with(|c: char| c.is_uppercase() || c == '`'),
            "{code}: {advice}"
        );
        assert!(!code.explanation().trim().is_empty());
    }
}

/// A copy of the files that ship, in which one has other lines.
fn copy_with(folder: &Path, changed: &str, text: &str) {
    for file in FILES.iter().copied().chain(["mappings/marketplace-orders.yaml", "schemas/orders.schema.json"]) {
        let to: PathBuf = folder.join(file);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(file, &to).unwrap();
    }
    fs::write(folder.join(changed), text).unwrap();
}

/// Whether the files with the mistake lead to the code.
fn leads_to(code: Code, file: &str, text: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    copy_with(folder.path(), file, text);
    COMMANDS.iter().any(|arguments| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xwalk"));
        command.args(*arguments).args(["--message-format", "concise"]).current_dir(folder.path());
        command.env_clear().env("HOME", folder.path()).env("ECRM_TOKEN", "t").stdin(Stdio::null());
        let said = command.output().unwrap().stderr;
        String::from_utf8(said).unwrap().contains(&format!("[{code}]"))
    })
}

#[test]
fn examples_that_are_lines_of_files_that_ship_are_real() {
    let (mut real, mut wrong) = (0, Vec::new());
    for code in Code::ALL {
        let Explanation { before, after, .. } = explain(*code).unwrap();
        let place = FILES.iter().find_map(|file| {
            let text = fs::read_to_string(file).unwrap();
            text.contains(after).then(|| (*file, text.replacen(after, before, 1)))
        });
        let Some((file, text)) = place else { continue };
        if leads_to(*code, file, &text) {
            real += 1;
        } else {
            wrong.push(format!("{code}: `{before}` in {file} does not lead to it"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(real >= 40, "{real} examples are lines of files that ship");
}
