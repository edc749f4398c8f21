//! The recording that the owner of the API gave out, converted by the shipped mapping: digit for digit, key for key.
//!
//! The files are not part of this repository. `cases/transform-inflight-sales` holds data of the same kind.

use std::{
    path::Path,
    process::{Command, Output},
};

/// The whole of stdout.
const EXPECTED: &str = concat!(
    r#"[{"salutation":"Male","last_name":"Norris","first_name":"Chuck","email":"chuck@norris.com","purchases":["#,
    r#"{"product_id":"4324","price":10,"currency":"euros","quantity":1,"purchased_at":"2030-12-31"}]},"#,
    "\n",
    r#"{"salutation":"Female","last_name":"Galante","first_name":"Marie","email":"marie-galante@france.fr","purchases":["#,
    r#"{"product_id":"1221","price":10,"currency":"euros","quantity":1,"purchased_at":"2017-12-31"},"#,
    r#"{"product_id":"3213","price":10,"currency":"euros","quantity":1,"purchased_at":"2030-12-31"}]},"#,
    "\n",
    r#"{"salutation":"Male","last_name":"Barbier","first_name":"Christophe","email":"christophe@fake.email","purchases":["#,
    r#"{"product_id":"75672","price":10,"currency":"dollars","quantity":1,"purchased_at":"2050-12-31"},"#,
    r#"{"product_id":"2123","price":10,"currency":"euros","quantity":1,"purchased_at":"2017-08-01"}]}]"#,
    "\n"
);

#[test]
fn the_recording_becomes_three_customers() {
    let data = Path::new("../shared/data/inflight");
    if !data.is_dir() {
        eprintln!("`{}` is not here, so nothing was compared", data.display());
        return;
    }
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_xwalk"))
        .arg("convert")
        .arg(data)
        .args(["--mapping", "mappings/inflight-sales.yaml", "--output", "-"])
        .env_remove("XWALK_PROFILE")
        .output()
        .unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!((String::from_utf8(stdout).unwrap().as_str(), status.code()), (EXPECTED, Some(0)), "{stderr}");
}
