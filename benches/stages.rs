//! How long each stage takes on one recording: 1,000 customers and 4,000 purchases, made here.
//!
//! `cargo bench` prints the figures; they are for comparing two versions on one machine, never for a test.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run has nothing to say")]

use std::{fmt::Write as _, fs, path::Path, sync::Arc};

use divan::{Bencher, counter::ItemsCount};
use tempfile::TempDir;
use xwalk::{
    commands::{
        convert::partitioned::{
            loading::load_joined,
            partitioner,
            recording::{Recording, Stored},
        },
        load,
    },
    options::Memory,
    partition::{loaded::LoadedPartition, spill::Spill},
    plan::Plan,
    read::files::Inputs,
    transform::{self, Scratch},
};

const CUSTOMERS: usize = 1_000;
const PURCHASES: usize = 4_000;

fn main() {
    divan::main();
}

/// A drop folder with both files.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut customers = String::from("customer_id;title;lastname;firstname;postal_code;city;email\n");
    for id in 0..CUSTOMERS {
        writeln!(customers, "{id};{};Müller{id};\"Zoë\";83600;Fréjus;zoe.{id}@example.com", 1 + id % 2).unwrap();
    }
    let mut purchases = String::from("purchase_identifier;customer_id;product_id;quantity;price;currency;date\n");
    for id in 0..PURCHASES {
        let customer = id * 7919 % CUSTOMERS;
        writeln!(purchases, "{customer}/{id};{customer};{id:05};{};{id}.50;\"euros\";2026-06-15", 1 + id % 5).unwrap();
    }
    fs::write(folder.path().join("customers.csv"), customers).unwrap();
    fs::write(folder.path().join("purchases.csv"), purchases).unwrap();
    folder
}

fn plan() -> Plan {
    load::plan(Path::new("mappings/inflight-sales.yaml")).unwrap()
}

/// The recording of a drop folder, as one partition.
fn read(plan: &Plan, folder: &Path) -> Recording {
    let spill = Arc::new(Spill::new(folder, 1 << 30));
    let inputs = Inputs::new(folder, &[], false);
    partitioner::read(plan, &inputs, Memory::of(1 << 30), &spill, &mut Vec::new(), &mut |_| {}).unwrap()
}

/// Loads and joins it.
fn joined(plan: &Plan, recording: &Recording) -> LoadedPartition {
    let [Stored::Partition(partition)] = recording.stored.as_slice() else { panic!("it is one partition") };
    let mut loaded = LoadedPartition::default();
    load_joined(plan, partition, &mut loaded, &mut |_| {}).unwrap();
    loaded
}

#[divan::bench]
fn compiling_the_plan(bencher: Bencher) {
    bencher.bench(plan);
}

#[divan::bench]
fn reading(bencher: Bencher) {
    let (folder, plan) = (folder(), plan());
    bencher.counter(ItemsCount::new(CUSTOMERS + PURCHASES)).bench(|| read(&plan, folder.path()).stored.len());
}

#[divan::bench]
fn reading_and_joining(bencher: Bencher) {
    let (folder, plan) = (folder(), plan());
    bencher.counter(ItemsCount::new(CUSTOMERS + PURCHASES)).bench(|| joined(&plan, &read(&plan, folder.path())));
}

#[divan::bench]
fn transforming_and_checking(bencher: Bencher) {
    let (folder, plan) = (folder(), plan());
    let loaded = joined(&plan, &read(&plan, folder.path()));
    let view = loaded.view(&plan);
    let mut scratch = Scratch::default();
    bencher.counter(ItemsCount::new(CUSTOMERS + PURCHASES)).bench_local(|| {
        for root in 0..loaded.tables[plan.each].len() {
            let payload = transform::document(&view, root, u64::from(root), &mut scratch).unwrap();
            scratch.take_back(payload);
        }
    });
}
