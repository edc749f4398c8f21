//! The deliveries that meet the faults: what was before, what is run, and how it ends when no fault is left.

use std::{fs, path::PathBuf};

use xwalk::digest::Target;

use crate::{
    canary::TOKEN,
    fixture::Fixture,
    inject::{Fault, Point, Scope, traced},
    oracle::Oracle,
};

/// One delivery.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) customers: usize,
    /// The first name of the customer that the API does not like.
    pub(crate) dislikes: Option<&'static str>,
    /// What happened before.
    pub(crate) before: fn(&Stage),
    /// Flags of the run.
    pub(crate) more: &'static [&'static str],
    /// How large its batches are.
    pub(crate) batch: &'static str,
    /// How the run ends without faults.
    pub(crate) code: i32,
    /// The price in each document once everything arrived.
    pub(crate) price: &'static str,
    /// The disk is full from this write to it on, while the faults are met.
    pub(crate) full_from: Option<usize>,
}

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario { name: "small delivery", customers: 4, before: |_| (), ..PLAIN },
    Scenario { name: "resume", before: broken_off, ..PLAIN },
    Scenario { name: "bisection", dislikes: Some("00002"), batch: "batch.documents=6", code: 1, ..PLAIN },
    Scenario { name: "changed input", before: replaced, more: &["--supersede"], price: "11.50", ..PLAIN },
    Scenario { name: "full disk", before: filled, full_from: Some(3), ..PLAIN },
    Scenario { name: "damaged journal", before: damaged, ..PLAIN },
    Scenario { name: "finished delivery", customers: 4, before: |stage| stage.plain(0), ..PLAIN },
];

const PLAIN: Scenario = Scenario {
    name: "",
    customers: 6,
    dislikes: None,
    before: |_| (),
    more: &[],
    batch: "batch.documents=2",
    code: 0,
    price: "10.50",
    full_from: None,
};

/// All that one trial needs.
pub(crate) struct Stage {
    pub(crate) fixture: Fixture,
    pub(crate) oracle: Oracle,
    /// The folder of the journal, in the folder of the trial.
    pub(crate) journal: PathBuf,
    more: Vec<&'static str>,
}

impl Stage {
    /// Everything up to the run that meets a fault.
    pub(crate) fn set(scenario: &Scenario) -> Stage {
        let fixture = Fixture::new(scenario.customers, &["-vv", "--log", "json"]);
        fs::create_dir(fixture.path("state")).unwrap();
        let oracle = Oracle::start(scenario.dislikes);
        let schema: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(fixture.path("schemas/customers.schema.json")).unwrap()).unwrap();
        let url = format!("{}/v1/customers", oracle.url);
        let target = Target::new(&["PUT", &url, schema["$id"].as_str().unwrap_or_default()]);
        let journal = fixture.path("state/xwalk").join(target.id);
        oracle.looks_at(journal.clone());
        let stage = Stage { fixture, oracle, journal, more: [scenario.more, &["--set", scenario.batch]].concat() };
        (scenario.before)(&stage);
        stage
    }

    /// The run itself.
    pub(crate) fn command(&self) -> std::process::Command {
        let sets = ["--set", "in_flight=1", "--set", "grace=5ms", "--set", "idempotency_header=Idempotency-Key"];
        let mut command = self.fixture.convert("by_variable", &self.oracle.url, &[&sets[..], &self.more].concat());
        command.env("ECRM_TOKEN", TOKEN);
        command
    }

    /// The journals, by name.
    pub(crate) fn epoch(&self, number: u32) -> PathBuf {
        self.journal.join(format!("epoch-{number}"))
    }

    fn plain(&self, code: i32) {
        let run = self.fixture.run(self.command());
        assert_eq!(run.code, Some(code), "before the fault: {}", run.stderr);
    }
}

/// Two documents were accepted, then the API closed; the journal was torn by a power cut.
fn broken_off(stage: &Stage) {
    stopped(stage);
    let path = stage.epoch(1);
    fs::write(&path, fs::read_to_string(&path).unwrap() + "{\"ack\":{\"ranges\":[{\"start\":2,\"e").unwrap();
}

fn stopped(stage: &Stage) {
    stage.oracle.close_after(Some(1));
    stage.plain(4);
    stage.oracle.close_after(None);
}

/// As before, and then other prices came.
fn replaced(stage: &Stage) {
    stopped(stage);
    let path = stage.fixture.path("drop/purchases.csv");
    fs::write(&path, fs::read_to_string(&path).unwrap().replace(";10.50;", ";11.50;")).unwrap();
}

/// As before, and then one bit of the header fell over.
fn damaged(stage: &Stage) {
    stopped(stage);
    let path = stage.epoch(1);
    let mut bytes = fs::read(&path).unwrap();
    bytes[30] ^= 1;
    fs::write(&path, bytes).unwrap();
}

/// The disk was full when the second answer was to be recorded.
fn filled(stage: &Stage) {
    let point = Point { call: "write".into(), number: 3, fault: Fault::Full, scope: Scope::Files };
    let run = stage.fixture.run(traced(stage, &point, None));
    assert_eq!(run.code, Some(6), "before the fault: {}", run.stderr);
}
