//! A recording of which every document was decided about, kept in memory as far as it is small enough.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use crate::{
    commands::{
        convert::{
            accept::decide_documents,
            partitioned::{loading, partitioner, recording::Stored},
        },
        preview::finding_groups::FindingGroups,
    },
    diagnostic::Diagnostic,
    options::Memory,
    partition::{loaded::LoadedPartition, spill::Spill, stored::StoredPartition},
    plan::{Leaf, ObjectPlan, Plan, ValuePlan, checks::Checks},
    read::files::{Inputs, estimate_size, find_source_files},
    recording::ledger::{Reject, RowStatus},
    report::grouped::grouped,
    table::{NONE, Table},
};

/// A recording with more bytes of text is not read.
const MAX_READ: u64 = 128 << 20;
/// No more is loaded once so many bytes of text are.
const MAX_LOADED: usize = 32 << 20;
/// No more is loaded once so many records are.
const MAX_RECORDS: u64 = 20_000;
/// The working memory while it is read.
const MEMORY: u64 = 256 << 20;
/// So many findings of one code have a place in each partition.
const MAX_PLACED: u64 = 10_000;

/// A recording that was read, and the plan that read it.
pub(super) struct OpenedRecording {
    pub(super) plan: Arc<Plan>,
    /// What of it is not loaded.
    pub(super) notices: Vec<String>,
    partitions: Vec<OpenedPartition>,
    /// The numbers of the records that are bad, from 1.
    bad: Vec<u64>,
    /// The records of the lines that findings name.
    finding_records: BTreeMap<(String, u64), u64>,
    /// What each rule of the output makes.
    rules: BTreeMap<String, RuleFacts>,
}

/// A partition that was decided about.
pub(super) struct OpenedPartition {
    /// Its rows, and what became of them.
    pub(super) loaded: LoadedPartition,
    /// What was known of its rows before its documents were decided about.
    pub(super) joined: Vec<Vec<RowStatus>>,
    /// The root rows that are records.
    roots: Vec<u32>,
    /// Which reject a row has.
    rejects: BTreeMap<(usize, u32), usize>,
}

/// A record of a recording.
#[derive(Clone, Copy)]
pub(super) struct OpenedRecord<'a> {
    /// Its number, from 1.
    pub(super) number: u64,
    /// Its partition.
    pub(super) partition: &'a OpenedPartition,
    /// Its root row.
    pub(super) root: u32,
}

/// What a rule of the output makes.
#[derive(Clone, Debug, Default)]
pub(super) struct RuleFacts {
    /// The columns of its cells, as the plan numbers them.
    pub(super) columns: Vec<usize>,
    /// It makes a value, and no object or list.
    pub(super) is_leaf: bool,
    /// It is a sum of fields.
    pub(super) is_sum: bool,
    /// Whether its rules in the contract are proven.
    pub(super) proof: &'static str,
}

/// Why there is no recording.
pub(super) enum NotOpened {
    /// It cannot be trusted, or not be read.
    Findings(Vec<Diagnostic>),
    /// It is larger than a page can show.
    TooLarge(String),
}

impl OpenedRecording {
    /// Reads a recording, and decides about its documents.
    pub(super) fn open(
        plan: Arc<Plan>,
        inputs: &Inputs,
        temporary: &Path,
    ) -> Result<(OpenedRecording, FindingGroups), NotOpened> {
        let files = find_source_files(&plan, inputs);
        let size = estimate_size(files.iter().flatten().flatten());
        if size > MAX_READ {
            let (size, most) = (size >> 20, MAX_READ >> 20);
            return Err(NotOpened::TooLarge(format!(
                "The recording has about {size} MiB, and a preview reads at most {most}: copy its first rows into a \
                 folder of their own."
            )));
        }
        let mut findings = FindingGroups::default();
        let (partitions, notices) = load_partitions(&plan, inputs, temporary, &mut findings)?;
        let mut rules = BTreeMap::new();
        note_object(&plan.document, &mut rules);
        let mut opened =
            OpenedRecording { plan, notices, partitions, bad: Vec::new(), finding_records: BTreeMap::new(), rules };
        opened.bad = opened.all().filter(|record| opened.is_bad(*record)).map(|record| record.number).collect();
        opened.finding_records = opened.find_records(findings.places());
        Ok((opened, findings))
    }

    /// How many records there are.
    pub(super) fn records(&self) -> u64 {
        self.partitions.iter().map(|partition| partition.roots.len() as u64).sum()
    }

    /// How many documents are made, and how many of them may be sent.
    pub(super) fn documents(&self) -> (u64, u64) {
        let is_made = |record: &OpenedRecord<'_>| self.status(*record) != RowStatus::Filtered;
        let valid = self.partitions.iter().map(|partition| partition.loaded.accepted.len() as u64).sum();
        (self.all().filter(is_made).count() as u64, valid)
    }

    /// How many records are bad.
    pub(super) fn count_bad(&self) -> u64 {
        self.bad.len() as u64
    }

    /// The next bad record behind one, or the first of all; 0: there is none.
    pub(super) fn next_bad(&self, number: u64) -> u64 {
        let next = self.bad.partition_point(|bad| *bad <= number);
        self.bad.get(next).or(self.bad.first()).copied().unwrap_or_default()
    }

    /// A record by its number, or the last one.
    pub(super) fn record(&self, number: u64) -> Option<OpenedRecord<'_>> {
        let number = number.clamp(1, self.records().max(1));
        self.all().find(|record| record.number == number)
    }

    /// The record that a finding is about.
    pub(super) fn record_of(&self, finding: &Diagnostic) -> Option<u64> {
        let place = &finding.cell.as_ref()?.place;
        self.finding_records.get(&(place.path.clone(), place.line)).copied()
    }

    /// What a rule of the output makes.
    pub(super) fn facts(&self, rule: &str) -> Option<&RuleFacts> {
        self.rules.get(rule)
    }

    /// The lines of the mapping that make values.
    pub(super) fn rule_lines(&self) -> BTreeSet<u64> {
        self.rules.keys().map(|rule| self.plan.place(rule).line).collect()
    }

    /// The status of the root row of a record.
    pub(super) fn status(&self, record: OpenedRecord<'_>) -> RowStatus {
        record.partition.loaded.statuses[self.plan.each][record.root as usize]
    }

    /// All rows of a record: of each source, in order, without those that are one record with another.
    pub(super) fn rows(&self, record: OpenedRecord<'_>) -> Vec<BTreeSet<u32>> {
        let LoadedPartition { groups, tables, .. } = &record.partition.loaded;
        let mut rows = vec![BTreeSet::new(); tables.len()];
        let mut open = Vec::new();
        groups.visit_members(&self.plan, record.root, &mut |source, row| open.push((source, row)));
        while let Some((source, row)) = open.pop() {
            if !rows[source].insert(row) {
                continue;
            }
            for (number, link) in self.plan.links.iter().enumerate().filter(|(_, link)| link.parent == source) {
                if link.many {
                    open.extend(groups.children(number, row).iter().map(|child| (link.child, *child)));
                } else if groups.lookup(number, row) != NONE {
                    open.push((link.child, groups.lookup(number, row)));
                }
            }
        }
        rows
    }

    fn all(&self) -> impl Iterator<Item = OpenedRecord<'_>> {
        let roots = |partition: &OpenedPartition| partition.roots.len();
        let of = move |partition| (0..roots(partition)).map(move |at| (partition, partition.roots[at]));
        let numbered = (1..).zip(self.partitions.iter().flat_map(of));
        numbered.map(|(number, (partition, root))| OpenedRecord { number, partition, root })
    }

    /// Whether a record is rejected, or lost a row.
    fn is_bad(&self, record: OpenedRecord<'_>) -> bool {
        let LoadedPartition { groups, statuses, .. } = &record.partition.loaded;
        let mut is_bad = false;
        groups.visit_members(&self.plan, record.root, &mut |source, row| {
            is_bad |= statuses[source][row as usize] == RowStatus::Rejected;
        });
        is_bad
    }

    /// The first record that has a row in each of some lines.
    fn find_records(&self, mut wanted: BTreeSet<(String, u64)>) -> BTreeMap<(String, u64), u64> {
        let mut found = BTreeMap::new();
        for record in self.all() {
            if wanted.is_empty() {
                break;
            }
            for (table, rows) in record.partition.loaded.tables.iter().zip(self.rows(record)) {
                for place in rows.into_iter().map(|row| (table.part(row).path.clone(), table.line(row))) {
                    if wanted.remove(&place) {
                        found.insert(place, record.number);
                    }
                }
            }
        }
        found
    }
}

impl OpenedPartition {
    /// Why a row is not sent.
    pub(super) fn reject(&self, source: usize, row: u32) -> Option<&Reject> {
        self.rejects.get(&(source, row)).and_then(|at| self.loaded.rejects.get(*at))
    }
}

/// Reads the partitions of a recording, as many as may be loaded.
fn load_partitions(
    plan: &Plan,
    inputs: &Inputs,
    temporary: &Path,
    findings: &mut FindingGroups,
) -> Result<(Vec<OpenedPartition>, Vec<String>), NotOpened> {
    let broken = |error: crate::error::Error| NotOpened::Findings(error.diagnostics().to_vec());
    let memory = Memory::of(MEMORY);
    let spill = Arc::new(Spill::new(temporary, memory.held));
    let mut say = |finding: &Diagnostic| findings.add(finding);
    let recording = partitioner::read(plan, inputs, memory, &spill, &mut Vec::new(), &mut say).map_err(broken)?;
    let sizes = recording.stored.iter().flat_map(Stored::partitions).map(StoredPartition::bytes);
    let (all, mut bytes, mut records, mut read) = (sizes.sum::<u64>(), 0, 0, 0_u64);
    let (mut opened, mut notices) = (Vec::new(), Vec::new());
    for stored in recording.stored {
        if bytes > MAX_LOADED || records > MAX_RECORDS {
            let share = (read * 100).checked_div(all).unwrap_or_default();
            let records = grouped(records);
            notices.push(format!("Only the first {records} records are loaded, about {share} % of the recording."));
            break;
        }
        let partition = match stored {
            Stored::Partition(partition) => partition,
            Stored::Oversized(document) => document.to_partition(plan.each),
        };
        read += partition.bytes();
        let mut loaded = LoadedPartition::default();
        loading::load_joined(plan, &partition, &mut loaded, &mut say).map_err(broken)?;
        let joined = loaded.statuses.clone();
        // Nothing is kept, so nothing can fail.
        let _ = decide_documents(plan, &mut loaded, records, (&mut say, MAX_PLACED), &mut |_| Ok(()));
        bytes += loaded.tables.iter().map(|table: &Table| table.text.len()).sum::<usize>();
        let uncounted = loaded.tables[plan.each].uncounted_rows();
        let roots = (0..loaded.tables[plan.each].len()).filter(|row| uncounted.binary_search(row).is_err());
        let roots: Vec<u32> = roots.collect();
        records += roots.len() as u64;
        // The first reject of a row is the one that is told.
        let numbered = loaded.rejects.iter().enumerate().rev();
        let rejects = numbered.map(|(at, reject)| ((reject.source, reject.row), at)).collect();
        opened.push(OpenedPartition { loaded, joined, roots, rejects });
    }
    Ok((opened, notices))
}

/// Notes what the rules of an object make.
fn note_object(object: &ObjectPlan, rules: &mut BTreeMap<String, RuleFacts>) {
    for field in &object.fields {
        note_value(&field.value, &field.rule, rules);
    }
}

fn note_value(value: &ValuePlan, rule: &str, rules: &mut BTreeMap<String, RuleFacts>) {
    let leaf = |leaf: &Leaf| RuleFacts {
        columns: leaf.columns().to_vec(),
        is_leaf: true,
        is_sum: false,
        proof: tell_proof(&leaf.checks),
    };
    let mut facts = RuleFacts::default();
    match value {
        ValuePlan::Const(_) => facts = RuleFacts { is_leaf: true, proof: PROVEN, ..facts },
        ValuePlan::Leaf(made) => facts = leaf(made),
        ValuePlan::Pieces(pieces) => facts = leaf(&pieces.leaf),
        ValuePlan::Aggregate(aggregate) => {
            let proof = tell_proof(&aggregate.checks);
            facts = RuleFacts { is_leaf: true, is_sum: aggregate.is_sum, proof, ..facts };
        }
        ValuePlan::Object(object) => note_object(object, rules),
        ValuePlan::List(list) => list.items.iter().for_each(|item| note_value(&item.value, &item.rule, rules)),
        ValuePlan::When(when) => return note_value(&when.value, rule, rules),
        ValuePlan::Many(many) => return note_value(&many.item, rule, rules),
        ValuePlan::One(one) => return note_value(&one.value, rule, rules),
    }
    rules.insert(rule.to_owned(), facts);
}

/// What is said of a rule that is never checked.
const PROVEN: &str = "proven";

/// Whether the rules of a value are proven, in words.
fn tell_proof(checks: &Checks) -> &'static str {
    if checks.covered && checks.quick.is_empty() { PROVEN } else { "checked" }
}
