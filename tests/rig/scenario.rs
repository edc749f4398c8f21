//! The deliveries that faults are injected into: the state before, the command, and how it ends without a fault.

use std::{fs, path::PathBuf};

use xwalk::digest::DeliveryTarget;

use crate::{
    canary::TOKEN,
    fixture::Fixture,
    inject::{Fault, Point, Scope, inject},
    oracle::Oracle,
};

/// One delivery.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) customers: usize,
    /// The first name of the customer that the API rejects.
    pub(crate) rejects: Option<&'static str>,
    /// Prepares the state before the run.
    pub(crate) before: fn(&Stage),
    /// More flags of the run.
    pub(crate) more: &'static [&'static str],
    /// The setting of its batch size.
    pub(crate) batch: &'static str,
    /// How the run ends without faults.
    pub(crate) code: i32,
    /// The price in each document once everything arrived.
    pub(crate) price: &'static str,
    /// The disk is full from this write on, while the fault is injected.
    pub(crate) full_from: Option<usize>,
}

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario { name: "small delivery", customers: 4, before: |_| (), ..PLAIN },
    Scenario { name: "resume", before: interrupt_delivery, ..PLAIN },
    Scenario { name: "bisection", rejects: Some("00002"), batch: "batch.documents=6", code: 1, ..PLAIN },
    Scenario { name: "changed input", before: replace_input, more: &["--supersede"], price: "11.50", ..PLAIN },
    Scenario { name: "full disk", before: fill_disk, full_from: Some(3), ..PLAIN },
    Scenario { name: "damaged journal", before: damage_journal, ..PLAIN },
    Scenario { name: "finished delivery", customers: 4, before: |stage| stage.run_without_fault(0), ..PLAIN },
];

const PLAIN: Scenario = Scenario {
    name: "",
    customers: 6,
    rejects: None,
    before: |_| (),
    more: &[],
    batch: "batch.documents=2",
    code: 0,
    price: "10.50",
    full_from: None,
};

/// The fixture, the API and the journal of one trial.
pub(crate) struct Stage {
    pub(crate) fixture: Fixture,
    pub(crate) oracle: Oracle,
    /// The folder of the journal, in the folder of the trial.
    pub(crate) journal: PathBuf,
    more: Vec<&'static str>,
}

impl Stage {
    /// Sets up everything before the run with the fault.
    pub(crate) fn set_up(scenario: &Scenario) -> Stage {
        let fixture = Fixture::new(scenario.customers, &["-vv", "--log", "json"]);
        fs::create_dir(fixture.path("state")).unwrap();
        let oracle = Oracle::start(scenario.rejects);
        // All names of this machine are one.
        let url = format!("{}/v1/customers", oracle.url.replace("127.0.0.1", "localhost"));
        let target = DeliveryTarget::new(&[&url]);
        let journal = fixture.path("state/xwalk").join(target.id);
        oracle.watch_journal(journal.clone());
        let stage = Stage { fixture, oracle, journal, more: [scenario.more, &["--set", scenario.batch]].concat() };
        (scenario.before)(&stage);
        stage
    }

    /// The command of the run.
    pub(crate) fn command(&self) -> std::process::Command {
        let sets = ["--set", "in_flight=1", "--set", "grace=5ms", "--set", "idempotency_header=Idempotency-Key"];
        let mut command = self.fixture.convert("by_variable", &self.oracle.url, &[&sets[..], &self.more].concat());
        command.env("ECRM_TOKEN", TOKEN);
        command
    }

    /// The path of the journal of an epoch.
    pub(crate) fn epoch(&self, number: u32) -> PathBuf {
        self.journal.join(format!("epoch-{number}"))
    }

    fn run_without_fault(&self, code: i32) {
        let run = self.fixture.run(self.command());
        assert_eq!(run.code, Some(code), "before the fault: {}", run.stderr);
    }
}

/// The API accepted two documents, then refused the rest; the last line of the journal was truncated.
fn interrupt_delivery(stage: &Stage) {
    stop_delivery(stage);
    let path = stage.epoch(1);
    fs::write(&path, fs::read_to_string(&path).unwrap() + "{\"ack\":{\"ranges\":[{\"start\":2,\"e").unwrap();
}

fn stop_delivery(stage: &Stage) {
    stage.oracle.close_after(Some(1));
    stage.run_without_fault(4);
    stage.oracle.close_after(None);
}

/// The delivery stopped, and then the input was replaced by one with other prices.
fn replace_input(stage: &Stage) {
    stop_delivery(stage);
    let path = stage.fixture.path("drop/purchases.csv");
    fs::write(&path, fs::read_to_string(&path).unwrap().replace(";10.50;", ";11.50;")).unwrap();
}

/// The delivery stopped, and then one bit of the header flipped.
fn damage_journal(stage: &Stage) {
    stop_delivery(stage);
    let path = stage.epoch(1);
    let mut bytes = fs::read(&path).unwrap();
    bytes[30] ^= 1;
    fs::write(&path, bytes).unwrap();
}

/// The disk was full when the second answer was committed.
fn fill_disk(stage: &Stage) {
    let point = Point { call: "write".into(), number: 3, fault: Fault::Full, scope: Scope::Files };
    let run = stage.fixture.run(inject(stage, &point, None));
    assert_eq!(run.code, Some(6), "before the fault: {}", run.stderr);
}
