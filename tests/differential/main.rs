//! Random dirty folders: what comes out is what Python's `csv` makes of them, or they are refused.
//!
//! `oracle.py` draws the folders and says what must come out; it shares no code with the program. Each is converted as one
//! partition, and divided into partitions that stay in memory or go to a temporary file: the same documents, and every row in
//! the bucket where an independent count has it. `XWALK_FOLDERS` says how many folders, `XWALK_SEED` which is the first, and
//! `XWALK_ROWS` of how many records; without Python the test is skipped, and that is printed.

#![expect(clippy::unwrap_used, reason = "clippy exempts test functions only, not their helpers")]

#[path = "../corpora/run.rs"]
mod run;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use serde_json::Value;
use xwalk::options::Memory;

use crate::run::{Converted, convert};

/// How many folders a usual run tries.
const CASES: usize = 60;
/// How many folders are drawn at once.
const SHARE: usize = 25;

/// In how many bytes a folder is read, how large its partitions are, and how many bytes of them stay in memory.
const DIVISIONS: [Option<Memory>; 4] = [
    None,
    Some(Memory { all: 0, held: 1 << 30, block: 1 << 20, partition: 1 }),
    Some(Memory { all: 0, held: 0, block: 7, partition: 40 }),
    Some(Memory { all: 0, held: 0, block: 200, partition: 300 }),
];

/// The same for folders that are large: as a run does it with the least of `--memory`, and with everything in a temporary file.
fn large_divisions() -> [Option<Memory>; 3] {
    [None, Some(Memory::of(32 << 20)), Some(Memory { held: 0, partition: 1 << 16, ..Memory::of(32 << 20) })]
}

/// What became of the folders.
#[derive(Debug, Default)]
struct Outcomes {
    /// All rows were used or left out on purpose.
    good: AtomicUsize,
    /// Some rows were rejected.
    with_rejects: AtomicUsize,
    /// Nothing came out.
    refused: AtomicUsize,
    /// How many documents came out.
    documents: AtomicUsize,
    wrong: Mutex<Vec<String>>,
}

#[test]
fn random_folders_are_what_an_independent_reader_makes_of_them() {
    if Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: python3, the independent reader, cannot be started");
        return;
    }
    let setting = |name, usual| from_environment(name).unwrap_or(usual);
    let (cases, seed, rows) = (setting("XWALK_FOLDERS", CASES), setting("XWALK_SEED", 1), setting("XWALK_ROWS", 0));
    let (next, outcomes) = (AtomicUsize::new(0), Outcomes::default());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let count = if rows > 1_000 { 1 } else { SHARE };
                    let share = next.fetch_add(count, Ordering::Relaxed);
                    if share >= cases {
                        break;
                    }
                    try_share(seed + share, count.min(cases - share), rows, &outcomes);
                }
            });
        }
    });
    println!("XWALK_FOLDERS={cases} XWALK_SEED={seed} XWALK_ROWS={rows}: {outcomes:?}");
    let Outcomes { good, with_rejects, refused, documents, wrong } = outcomes;
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    let [good, with_rejects, refused, documents] =
        [good, with_rejects, refused, documents].map(AtomicUsize::into_inner);
    // Of a few folders, or of large ones, all may be refused.
    let enough = cases < 50 || rows > 1_000 || good.min(with_rejects).min(refused) * 20 > cases && documents > cases;
    assert!(enough, "{good} good, {with_rejects} with rejects, {refused} refused, {documents} documents");
}

#[expect(clippy::disallowed_methods, reason = "a test has no command line of its own")]
fn from_environment(name: &str) -> Option<usize> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Draws some folders and tries each.
fn try_share(first: usize, count: usize, rows: usize, outcomes: &Outcomes) {
    let root = tempfile::tempdir().unwrap();
    let arguments = [first, count, rows].map(|number| number.to_string());
    let mut oracle = Command::new("python3");
    oracle.args(["-c", include_str!("oracle.py")]).arg(root.path()).args(arguments);
    assert!(oracle.status().unwrap().success(), "oracle.py failed on {count} folders from {first}");
    for number in first..first + count {
        let folder = root.path().join(number.to_string());
        let expected: Value = serde_json::from_slice(&fs::read(folder.join("expected.json")).unwrap()).unwrap();
        let (small, large) = (DIVISIONS, large_divisions());
        let divisions = if rows > 1_000 { &large[..] } else { &small[..] };
        for (at, memory) in divisions.iter().copied().enumerate() {
            let converted = convert(&folder, &[], memory);
            if let Some(wrong) = judged(&expected, &converted) {
                let (exit, codes) = (converted.exit, converted.codes());
                let mut told = format!("XWALK_SEED={number}, division {at}: {wrong}, exit {exit}, {codes:?}");
                for line in converted.told.iter().take(6) {
                    write!(told, "\n    {line}").unwrap();
                }
                outcomes.wrong.lock().unwrap().push(told);
                break;
            }
            if at == 0 {
                count_outcome(&converted, outcomes);
            }
        }
        fs::remove_dir_all(folder).unwrap();
    }
}

fn count_outcome(converted: &Converted, outcomes: &Outcomes) {
    let kind = match converted.exit {
        0 => &outcomes.good,
        1 => &outcomes.with_rejects,
        _ => &outcomes.refused,
    };
    kind.fetch_add(1, Ordering::Relaxed);
    outcomes.documents.fetch_add(converted.documents.len(), Ordering::Relaxed);
}

/// What is wrong with what came out of a folder.
fn judged(expected: &Value, converted: &Converted) -> Option<String> {
    let refuse = expected["refuse"].as_str().unwrap();
    if matches!(converted.exit, 2 | 3) {
        let wrong = refuse == "no" || !converted.documents.is_empty();
        return wrong.then(|| "refused, or not wholly".to_owned());
    }
    if refuse == "must" {
        return Some(format!("not refused: {}", expected["why"]));
    }
    let documents: Vec<Value> = serde_json::from_str(expected["documents"].as_str().unwrap()).unwrap();
    let numbers = |key: &str| -> Vec<usize> { serde_json::from_value(expected[key].clone()).unwrap() };
    let (maybe, loose) = (numbers("maybe"), numbers("loose"));
    let mut found = converted.documents.iter().peekable();
    for (at, document) in documents.iter().enumerate() {
        let is_it = |found: &&Value| *found == document || loose.contains(&at) && found["id"] == document["id"];
        if found.next_if(is_it).is_none() && !maybe.contains(&at) {
            return Some(format!("document {at} is {:?}, and {document} is expected", found.peek()));
        }
    }
    if let Some(more) = found.next() {
        return Some(format!("one more document: {more}"));
    }
    counted(expected, converted)
}

/// The amounts of each unit, without the zeros at their ends.
fn sums(sums: &Value, good: &str) -> BTreeMap<Option<String>, Vec<String>> {
    let amount = |value: &Value| match value.as_str() {
        Some(text) if text.contains('.') => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        Some(text) => text.to_owned(),
        None => value.to_string(),
    };
    let of_unit = |sum: &Value| {
        let amounts = [good, "rejected", "filtered", "unreadable"].map(|bucket| amount(&sum[bucket]));
        (sum["by"].as_str().or(sum["unnamed"].as_str()).map(str::to_owned), amounts.to_vec())
    };
    sums.as_array().unwrap().iter().map(of_unit).collect()
}

/// What is wrong with the counts of a run.
fn counted(expected: &Value, converted: &Converted) -> Option<String> {
    let Some(summary) = converted.told.last().and_then(|line| line.get("summary")) else {
        return Some("no summary".into());
    };
    let mut rejected = 0;
    for source in summary["sources"].as_array().unwrap() {
        let name = source["name"].as_str().unwrap();
        let counts = &expected["sources"][name];
        let number = |value: &Value| value.as_u64().unwrap();
        let found = ["rows", "written", "rejected", "filtered"].map(|bucket| number(&source[bucket]));
        let wanted = ["rows", "good", "rejected", "filtered"].map(|bucket| number(&counts[bucket]));
        let others: u64 = ["sent", "valid", "pending"].iter().map(|bucket| number(&source[*bucket])).sum();
        let [all, buckets @ ..] = found;
        let is_exact = expected["exact"] == true;
        if is_exact && found != wanted || all != wanted[0] || others != 0 || all != buckets.iter().sum::<u64>() {
            return Some(format!("the rows of `{name}` are {found:?}, and {wanted:?} is expected"));
        }
        if is_exact && name == "purchases" && sums(&source["sums"], "written") != sums(&expected["sums"], "good") {
            return Some(format!("the sums are {}, and {} is expected", source["sums"], expected["sums"]));
        }
        rejected += found[2];
    }
    let written = summary["documents"]["written"].as_u64();
    if written != Some(converted.documents.len() as u64) || summary["balanced"] != true {
        return Some(format!("{written:?} documents are counted, balanced: {}", summary["balanced"]));
    }
    ((rejected > 0) != (converted.exit == 1)).then(|| format!("{rejected} rejected rows"))
}
