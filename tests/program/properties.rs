//! What holds of every input: no panic, the same bytes twice, every row in one bucket, nothing from a cut file.
//!
//! The inputs are random and the same in every run; proptest shrinks one that fails and prints it.

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    sync::Arc,
};

use proptest::{
    collection::vec,
    sample::select,
    strategy::Strategy,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner},
};
use serde_json::Value;
use xwalk::{
    check,
    commands::convert::partitioned::{loading::load_joined, partitioner, recording::Stored},
    config::{contract::Contract, mapping},
    options::Memory,
    partition::{loaded::LoadedPartition, spill::Spill},
    plan::{CodeFiles, Plan},
    read::files::Inputs,
    recording::ledger::RowStatus,
    table::dialect::{Dialect, Encoding, Tail},
    transform::{self, Scratch},
};

const CUSTOMERS: &str = "customer_id;title;lastname;firstname;postal_code;city;email\n";
const PURCHASES: &str = "purchase_identifier;customer_id;product_id;quantity;price;currency;date\n";

pub(crate) fn holds<S: Strategy>(cases: u32, strategy: &S, property: impl Fn(S::Value) -> Result<(), TestCaseError>)
where
    S::Value: std::fmt::Debug,
{
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 500, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    if let Err(wrong) = TestRunner::new_with_rng(config, rng).run(strategy, property) {
        panic!("{wrong}");
    }
}

pub(crate) fn same<T: PartialEq + std::fmt::Debug>(one: &T, other: &T) -> Result<(), TestCaseError> {
    if one == other { Ok(()) } else { Err(TestCaseError::fail(format!("{one:?} and {other:?}"))) }
}

fn inflight() -> Plan {
    let contract = fs::read_to_string("schemas/customers.schema.json").unwrap();
    let mapping = fs::read_to_string("mappings/inflight-sales.yaml").unwrap();
    let contract = Contract::compile("customers.schema.json", &contract).unwrap();
    let (mapping, places) = mapping::read("inflight-sales.yaml", &mapping).unwrap();
    Plan::compile(&mapping, places, contract, &CodeFiles::new()).unwrap()
}

/// Fragments of files that mean something to a reader, good and bad.
fn fragment() -> impl Strategy<Value = &'static [u8]> {
    select(vec![
        &b"\n"[..],
        b";",
        b"1",
        b"2",
        b"0",
        b"a",
        b"\"",
        b"\"\"",
        b"\r\n",
        b"\r",
        b"\0",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xff",
        b"\xc3",
        b"\xc3\xa9",
        b"1;2;Norris;Chuck;83600;Nice;c@n.fr\n",
        b"2;1;\"a;\"\"b\";x;;;\n",
        b"2/01;2;1221;1;10;\"euros\";2017-12-31\n",
        b"2/02;1;1;1;10.50;e;2024-02-29\n",
        b"2/03;1;1;1;1e3;e;2024-02-30",
        b"\0\0\0\0\0\0\0\0",
        b"\xe2\x80\xa8",
        b"\x1b[0m",
        b"-",
        b".",
        b"customer_id",
        b"123456789012345678901234567890",
    ])
}

/// Everything that a run would do with two files, as far as the bytes and the findings.
fn converted(plan: &Plan, folder: &Path) -> (Vec<u8>, usize) {
    let mut found = 0;
    let mut say = |_: &_| found += 1;
    let inputs = Inputs::new(folder, &[], false);
    let (memory, spill) = (Memory::of(1 << 30), Arc::new(Spill::new(folder, 1 << 30)));
    let Ok(recording) = partitioner::read(plan, &inputs, memory, &spill, &mut Vec::new(), &mut say) else {
        return (Vec::new(), 0);
    };
    let [Stored::Partition(partition)] = recording.stored.as_slice() else {
        panic!("a small recording is one partition")
    };
    let mut loaded = LoadedPartition::default();
    if load_joined(plan, partition, &mut loaded, &mut say).is_err() {
        return (Vec::new(), 1);
    }
    let (tables, mut scratch, mut bytes, mut findings) = (&loaded.tables, Scratch::default(), Vec::new(), 0);
    for root in 0..tables[plan.each].len() {
        if loaded.statuses[plan.each][root as usize] != RowStatus::Good {
            continue;
        }
        let view = loaded.view(plan);
        if let Some(payload) = transform::document(&view, root, 0, &mut scratch) {
            bytes.extend_from_slice(payload.bytes());
        } else {
            let trace = transform::trace(&view, root, &mut Scratch::default());
            findings += check::findings(plan, tables, &trace, &|_| true).len();
            bytes.extend_from_slice(&trace.json);
        }
    }
    (bytes, findings + found)
}

#[test]
fn no_bytes_make_it_panic_and_twice_is_the_same() {
    let (plan, folder) = (inflight(), tempfile::tempdir().unwrap());
    let file = || {
        (proptest::bool::weighted(0.9), vec(fragment(), 0..24))
            .prop_map(|(headed, fragments)| (headed, fragments.concat()))
    };
    holds(1_500, &(file(), file()), |((headed, customers), (also, purchases))| {
        let whole =
            |headed: bool, header: &str, bytes: &[u8]| [if headed { header.as_bytes() } else { b"" }, bytes].concat();
        fs::write(folder.path().join("customers.csv"), whole(headed, CUSTOMERS, &customers)).unwrap();
        fs::write(folder.path().join("purchases.csv"), whole(also, PURCHASES, &purchases)).unwrap();
        same(&converted(&plan, folder.path()), &converted(&plan, folder.path()))
    });
}

fn xwalk(folder: &Path, mapping: &str, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xwalk"));
    command.arg("convert").arg(folder).args(["--mapping", mapping]).args(more).stdin(Stdio::null());
    command.env_remove("XWALK_PROFILE").output().unwrap()
}

/// Some customers and purchases, of which some are bad in one way or another.
fn drop_folder() -> impl Strategy<Value = (String, String)> {
    let customer = (0..6, select(vec!["1", "2", "3", ""]), select(vec!["a@b.cd", "", "x;y"]));
    let purchase =
        (0..9, 0..8, select(vec!["10", "10.50", "-1", "x", ""]), select(vec!["2017-12-31", "2017-02-30", "2017"]));
    (vec(customer, 0..6), vec(purchase, 0..8), proptest::bool::ANY).prop_map(|(customers, purchases, ended)| {
        let mut files = (CUSTOMERS.to_owned(), PURCHASES.to_owned());
        for (id, title, email) in customers {
            writeln!(files.0, "{id};{title};N;F;1;C;{email}").unwrap();
        }
        for (id, customer, price, date) in purchases {
            writeln!(files.1, "{id};{customer};P;1;{price};euros;{date}").unwrap();
        }
        if !ended {
            files.1.pop();
        }
        files
    })
}

#[test]
fn every_row_ends_in_one_bucket() {
    let folder = tempfile::tempdir().unwrap();
    holds(60, &drop_folder(), |(customers, purchases)| {
        fs::write(folder.path().join("customers.csv"), &customers).unwrap();
        fs::write(folder.path().join("purchases.csv"), &purchases).unwrap();
        let run =
            || xwalk(folder.path(), "mappings/inflight-sales.yaml", &["--output", "-", "--message-format", "json"]);
        let Output { status, stdout, stderr } = run();
        same(&stdout, &run().stdout)?;
        let told = String::from_utf8(stderr).unwrap();
        let last: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
        let summary = &last["summary"];
        let count = |tally: &Value, name: &str| tally[name].as_u64().unwrap();
        let buckets = |tally: &Value| {
            ["sent", "written", "valid", "rejected", "filtered", "pending"]
                .map(|bucket| count(tally, bucket))
                .iter()
                .sum::<u64>()
        };
        let rows = [&customers, &purchases].map(|text| text.lines().count() as u64 - 1);
        let mut rejected = 0;
        for (source, rows) in summary["sources"].as_array().unwrap().iter().zip(rows) {
            same(&(count(source, "rows"), buckets(source)), &(rows, rows))?;
            rejected += count(source, "rejected");
        }
        let documents = &summary["documents"];
        same(&buckets(documents), &rows[0])?;
        let written: Vec<Value> = serde_json::from_slice(&stdout).unwrap();
        same(&(written.len() as u64), &count(documents, "written"))?;
        same(&status.code(), &Some(i32::from(rejected > 0)))
    });
}

#[test]
fn a_cut_file_never_gives_a_cut_value() {
    let folder = tempfile::tempdir().unwrap();
    let mapping = fs::read_to_string("mappings/inflight-sales.yaml").unwrap();
    for name in ["mappings", "schemas", "drop"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    fs::copy("schemas/customers.schema.json", folder.path().join("schemas/customers.schema.json")).unwrap();
    let strict = folder.path().join("mappings/strict.yaml");
    fs::write(&strict, mapping.replace("null_values: [\"\"] }", "null_values: [\"\"], tail: strict }")).unwrap();
    assert!(fs::read_to_string(&strict).unwrap().contains("strict"));
    let drop = folder.path().join("drop");
    fs::write(drop.join("customers.csv"), format!("{CUSTOMERS}1;1;N;F;1;C;a@b.cd\n2;2;N;G;1;C;\"é@b.cd\"\n")).unwrap();
    let rows = "1/1;1;\"4;\"\"é\"\"\";12;10.50;\"eu\nros\";2017-12-31\n1/2;1;432;1;100;euros;2018-01-10\n2/1;2;5;7;0.5;dollars;2019-10-10\n";
    let whole = format!("{PURCHASES}{rows}");
    let purchases = |cut: usize| -> (Vec<Value>, usize) {
        fs::write(drop.join("purchases.csv"), &whole.as_bytes()[..cut]).unwrap();
        let stdout = xwalk(&drop, strict.to_str().unwrap(), &["--output", "-", "--quiet"]).stdout;
        let documents: Vec<Value> = serde_json::from_slice(&stdout).unwrap_or_default();
        let all = documents.iter().flat_map(|document| document["purchases"].as_array().unwrap().clone()).collect();
        (all, documents.len())
    };
    let (all, documents) = purchases(whole.len());
    assert_eq!((all.len(), documents), (3, 2));
    for cut in 0..whole.len() {
        let (some, _) = purchases(cut);
        assert!(some.iter().all(|one| all.contains(one)), "cut at byte {cut}: {some:?}");
    }
}

#[test]
fn cells_are_split_as_the_csv_crate_splits_them() {
    let atom = select(vec!["a", "é", ";", ",", "\"", "\n", "\r\n", "\r", " ", "", "日本", "\t", "'", "\\", "\0"]);
    let cell = (vec(atom, 0..5).prop_map(|atoms| atoms.concat()), proptest::bool::ANY);
    let ends = select(vec!["\n", "\r\n", "\r"]);
    holds(4_000, &(vec(vec(cell, 2..5), 1..6), ends, proptest::bool::ANY), |(rows, end, ended)| {
        let dialect = Dialect::new(b';', Some(b'"'), Encoding::Utf8, true, vec![], Tail::Auto);
        let written = |(cell, quoted): &(String, bool)| {
            let needs = *quoted || cell.contains([';', '"', '\n', '\r']);
            if needs { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.clone() }
        };
        let lines: Vec<String> = rows.iter().map(|row| row.iter().map(written).collect::<Vec<_>>().join(";")).collect();
        let text = lines.join(end) + if ended { end } else { "" };
        let meant: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(|(cell, _)| cell.clone()).collect()).collect();
        let mut reader =
            csv::ReaderBuilder::new().delimiter(b';').has_headers(false).flexible(true).from_reader(text.as_bytes());
        let theirs: Vec<Vec<String>> =
            reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect();
        same(&theirs, &meant)?;
        let (mut ours, mut at, mut spans, mut buffer) = (Vec::new(), 0, Vec::new(), Vec::new());
        while at < text.len() {
            let record_end = dialect.split(text.as_bytes(), at, &mut spans);
            same(&record_end.fault, &None)?;
            let cell = |span| String::from_utf8(dialect.cell(text.as_bytes(), span, &mut buffer).to_vec()).unwrap();
            ours.push(spans.iter().copied().map(cell).collect::<Vec<_>>());
            at = record_end.next;
        }
        same(&ours, &meant)
    });
}
