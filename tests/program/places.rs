//! Where a run writes: never over what it reads or writes otherwise, and an old file stays until a new one is whole.

#![cfg(unix)]

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Stdio},
};

const MAPPING: &str = "\
mapping: 1
name: orders
contract: schema.json
request: { method: POST, path: /v1/orders }
sources:
  orders: { path: orders.csv, key: id, columns: { count: { type: integer } } }
  lines: { path: lines-*.csv }
codes:
  kinds: { file: kinds.csv }
output:
  each: orders
  fields:
    id: id
    count: count
    kind: { from: kind, codes: kinds }
    skus: { many: lines, match: { order: id }, from: sku }
";

const PROFILES: &str = "\
default: here
profiles:
  here: { url: sandbox, auth: { bearer: { file: token } } }
";

/// A folder in which a conversion succeeds, with a row that is rejected.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("mapping.yaml", MAPPING),
        ("schema.json", "{ \"type\": \"array\", \"items\": { \"type\": \"object\", \"required\": [\"id\"] } }"),
        ("profiles.yaml", PROFILES),
        ("token", "t\n"),
        ("kinds.csv", "code,kind\n1,one\n"),
        ("orders.csv", "id,count,kind\n1,5,1\n2,x,1\n"),
        ("lines-1.csv", "order,sku\n1,a\n"),
        ("lines-2.csv", "order,sku\n2,b\n"),
    ];
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    fs::set_permissions(folder.path().join("token"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    fs::create_dir(folder.path().join("sub")).unwrap();
    folder
}

/// All files of a folder with what they hold.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file());
    files.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap())).collect()
}

/// What a conversion in a folder says, and its exit code.
fn convert(folder: &Path, more: &str) -> (String, Option<i32>) {
    let xwalk = env!("CARGO_BIN_EXE_xwalk");
    let line = format!("exec {xwalk} convert --mapping mapping.yaml --color never --message-format concise {more}");
    let output = Command::new("sh")
        .args(["-c", &line])
        .current_dir(folder)
        .env_remove("XWALK_PROFILE")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (String::from_utf8(output.stderr).unwrap(), output.status.code())
}

#[test]
fn nothing_that_is_read_or_written_otherwise_is_written() {
    for (more, one, other) in [
        ("-o orders.csv", "`--output`", "the source `orders`"),
        ("-o ./sub/../orders.csv", "`--output`", "the source `orders`"),
        ("-o link", "`--output`", "the source `orders`"),
        ("-o hard", "`--output`", "the source `orders`"),
        ("-o lines-2.csv", "`--output`", "the source `lines`"),
        ("-o - >> orders.csv", "`--output`", "the source `orders`"),
        ("-o /dev/stdout >> lines-1.csv", "`--output`", "the source `lines`"),
        ("-s orders=- -o orders.csv < orders.csv", "`--output`", "the source `orders`"),
        ("-o mapping.yaml", "`--output`", "the mapping"),
        ("-o schema.json", "`--output`", "the contract"),
        ("-o kinds.csv", "`--output`", "a code table"),
        ("-o profiles.yaml", "`--output`", "the profiles file"),
        ("-o token", "`--output`", "a file of the profile"),
        ("--validate-only --rejects link", "`--rejects` (rows of `orders`)", "the source `orders`"),
        ("--validate-only --rejects .", "`--rejects` (rows of `orders`)", "the source `orders`"),
        ("-o bad.csv --rejects sub/../bad.csv", "`--rejects` (rows of `orders`)", "`--output`"),
        ("-o bad.lines.csv --rejects bad.csv", "`--rejects` (rows of `lines`)", "`--output`"),
        ("-o new --rejects to-new", "`--rejects` (rows of `orders`)", "`--output`"),
        ("-o - --rejects bad.csv > bad.csv", "`--rejects` (rows of `orders`)", "`--output`"),
    ] {
        let folder = folder();
        let at = |name: &str| folder.path().join(name);
        symlink("orders.csv", at("link")).unwrap();
        symlink("new", at("to-new")).unwrap();
        fs::hard_link(at("orders.csv"), at("hard")).unwrap();
        let before = files(folder.path());
        let (said, code) = convert(folder.path(), more);
        let expected = format!("error[plan/same-file]: {one} and {other} are the same file");
        assert!(said.contains(&expected), "{more}: {said}");
        assert_eq!(code, Some(2), "{more}: {said}");
        let mut after = files(folder.path());
        // The shell makes the file that stdout goes to.
        after.retain(|name, _| before.contains_key(name) || !more.contains("> bad.csv"));
        assert_eq!(after, before, "{more}");
    }
}

#[test]
fn places_that_cannot_be_written_are_found_before_anything_is_read() {
    for more in [
        "-o sub",
        "-o no/out.json",
        "-o new/",
        "-o orders.csv/out.json",
        "-o /dev/full",
        "--rejects no/bad.csv",
        "--rejects /dev/full",
        "--rejects orders.csv/bad/",
    ] {
        let folder = folder();
        // Had the run read it, it would say so.
        fs::write(folder.path().join("orders.csv"), "").unwrap();
        let before = files(folder.path());
        let (said, code) = convert(folder.path(), more);
        assert!(said.contains("error[report/cannot-write]") && said.lines().count() == 1, "{more}: {said}");
        assert_eq!((code, files(folder.path())), (Some(6), before), "{more}: {said}");
    }
}

#[test]
fn an_old_file_survives_a_run_that_fails_and_a_link_stays_one() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("sub/old.json"), "old").unwrap();
    fs::write(at("bad.csv"), "old").unwrap();
    symlink("sub/old.json", at("out.json")).unwrap();
    let fails = [
        ("-o out.json --rejects bad.csv --max-rejects 0", 1, false),
        ("-o out.json --rejects bad.csv -s lines=no.csv", 3, true),
        ("-o out.json --rejects no/bad.csv", 6, true),
        ("-o out.json --rejects bad.csv --profile no", 2, true),
    ];
    for (more, exit, keeps_rejects) in fails {
        fs::write(at("bad.csv"), "old").unwrap();
        assert_eq!(convert(folder.path(), more).1, Some(exit), "{more}");
        assert_eq!(fs::read_to_string(at("out.json")).unwrap(), "old", "{more}");
        assert_eq!(fs::read_to_string(at("bad.csv")).unwrap() == "old", keeps_rejects, "{more}");
    }
    assert_eq!(convert(folder.path(), "-o out.json").1, Some(1));
    assert!(fs::read_to_string(at("sub/old.json")).unwrap().starts_with("[{\"id\":\"1\""));
    assert!(fs::symlink_metadata(at("out.json")).unwrap().is_symlink());
    assert_eq!(fs::read_dir(at("sub")).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn devices_and_streams_are_written_as_they_are() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let document = "[{\"id\":\"1\",\"count\":5,\"kind\":\"one\",\"skus\":[\"a\"]}]\n";
    for more in ["-o - > out", "-o /dev/stdout > out", "-o /dev/fd/1 | cat > out", "-o /dev/fd/3 3> out"] {
        let (said, _) = convert(folder.path(), &format!("-q {more}"));
        assert_eq!(fs::read_to_string(at("out")).unwrap(), document, "{more}: {said}");
        fs::remove_file(at("out")).unwrap();
    }
    assert_eq!(convert(folder.path(), "-o /dev/fd/3 --max-rejects 0 3> out").1, Some(1));
    assert_eq!(fs::read(at("out")).unwrap(), b"", "what was written to it could not be taken back");
    fs::write(at("log"), "before\n").unwrap();
    convert(folder.path(), "-q -o /dev/fd/3 3>> log");
    assert_eq!(fs::read_to_string(at("log")).unwrap(), format!("before\n{document}"), "what is there is continued");
    assert!(Path::new("/dev/null").metadata().is_ok_and(|null| !null.is_file()));
    assert_eq!(convert(folder.path(), "-o /dev/null --rejects /dev/null").1, Some(1));
    assert!(!Path::new("/dev/null.lines").exists());
    convert(folder.path(), "-q -o /dev/null --rejects /dev/fd/3 3> bad");
    let bad = fs::read_to_string(at("bad")).unwrap();
    assert!(bad.starts_with("id,count,kind,xwalk_code,xwalk_reason\n2,x,1,") && bad.contains("\norder,sku,"), "{bad}");
}

#[test]
fn rejected_rows_of_an_earlier_run_do_not_stay() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    assert_eq!(convert(folder.path(), "-o /dev/null --rejects bad.csv").1, Some(1));
    assert!(fs::read_to_string(at("bad.lines.csv")).unwrap().contains("\n2,b,transform/incomplete,"));
    fs::write(at("orders.csv"), "id,count,kind\n1,5,1\n2,6,1\n").unwrap();
    assert_eq!(convert(folder.path(), "-o /dev/null --rejects bad.csv").1, Some(0));
    for (name, header) in [("bad.csv", "id,count,kind"), ("bad.lines.csv", "order,sku")] {
        let text = fs::read_to_string(at(name)).unwrap();
        assert_eq!(text, format!("{header},xwalk_code,xwalk_reason\n"));
    }
}

/// Small files and files that are divided into partitions.
#[test]
fn a_mapping_that_uses_no_column_makes_a_document_of_each_record() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let mapping = "mapping: 1\nname: n\ncontract: schema.json\nrequest: { method: POST, path: / }\n\
                   sources: { orders: { path: orders.csv } }\noutput: { each: orders, fields: { id: { const: x } } }\n";
    fs::write(at("mapping.yaml"), mapping).unwrap();
    for records in [0, 1, 2, 1000, 150_000] {
        fs::write(at("orders.csv"), format!("a,b\n{}", "1,\"2\"\n".repeat(records))).unwrap();
        let (said, code) = convert(folder.path(), "-o out.ndjson --memory 32MiB");
        assert_eq!(code, Some(0), "{records}: {said}");
        assert_eq!(fs::read_to_string(at("out.ndjson")).unwrap(), "{\"id\":\"x\"}\n".repeat(records), "{records}");
    }
}

#[test]
fn no_file_is_read_twice_and_no_link_to_a_folder_is_left_out() {
    // How the drop folder is made, the path of the lines, and what is said.
    let table: [(&str, &str, &str); 8] = [
        (
            "ln lines-1.csv lines-3.csv",
            "lines-*.csv",
            "lines-3.csv: error[plan/same-file]: the source `lines` reads the same file twice",
        ),
        (
            "ln -s lines-1.csv lines-3.csv",
            "lines-*.csv",
            "lines-3.csv: error[plan/same-file]: the source `lines` reads the same file twice",
        ),
        (
            "ln orders.csv lines.csv",
            "lines.csv",
            "lines.csv: error[plan/same-file]: the sources `orders` and `lines` read the same file",
        ),
        (
            "gzip -k lines-2.csv",
            "lines-*",
            "lines-2.csv.gz: error[plan/same-file]: the source `lines` reads a file and the same file packed",
        ),
        ("mv lines-2.csv sub && ln -s sub day", "day/lines-*.csv", ""),
        (
            "mv lines-2.csv sub && ln -s sub day",
            "**/lines-*.csv",
            "day: error[read/unreadable]: `day` is a link to a folder, which no pattern goes into",
        ),
        (
            "mv lines-2.csv sub && ln -s .. sub/up",
            "*/*/lines-*.csv",
            "sub/up: error[read/unreadable]: `sub/up` is a link to a folder, which no pattern goes into",
        ),
        (
            "ln -s nowhere sub/gone",
            "**/lines-*.csv",
            "sub/gone: error[read/unreadable]: `sub/gone` is a link that leads nowhere",
        ),
    ];
    for (make, path, expected) in table {
        let root = folder();
        let mapping = MAPPING.replace("path: lines-*.csv", &format!("path: \"{path}\""));
        fs::write(root.path().join("mapping.yaml"), mapping).unwrap();
        let made = Command::new("sh").args(["-c", make]).current_dir(root.path()).status().unwrap();
        assert!(made.success(), "{make}");
        let (said, code) = convert(root.path(), "--validate-only -q");
        let exit = if expected.contains("plan/") { 2 } else { 3 };
        if expected.is_empty() {
            assert!(!said.contains("/unreadable]"), "{make} {path}: {said}");
        } else {
            assert_eq!((said.starts_with(expected), code), (true, Some(exit)), "{make} {path}: {said}");
        }
    }
}
