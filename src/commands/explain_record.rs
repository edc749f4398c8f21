//! One row of a file -> each step to its JSON: how its cells are read, converted and translated, and what became of it.
//!
//! The row goes through the pipe with all others of its folder, so that what is said of it is what `convert` does. Cells are
//! shown as messages show them.

use std::{
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use crate::{
    cli,
    commands::{
        convert::{
            accept::decide_documents,
            partitioned::{loading::load_joined, partitioner, recording::Stored},
        },
        runtime::Runtime,
    },
    diagnostic::{Code, Diagnostic},
    error::{Error, Exit},
    options::{Memory, MessageFormat},
    partition::{loaded::LoadedPartition, spill::Spill},
    plan::Plan,
    read::files::Inputs,
    recording::ledger::RowStatus,
    report::{
        self,
        record_text::{self, RecordText},
        render_style::RenderStyle,
    },
    table::line_ends,
    transform::{self, Scratch},
};

/// How much is held in memory.
const MEMORY: u64 = 256 << 20;

/// A record that was found in a partition: its source and its row.
#[derive(Clone, Copy)]
struct FoundRecord {
    source: usize,
    row: u32,
    line: u64,
    last_line: u64,
}

/// Explains the record in one line of a file; gives exit 1 if it is rejected.
///
/// # Errors
/// There is no such record, or a file cannot be trusted.
pub fn explain_record(
    plan: &Plan,
    record: &str,
    folder: &Path,
    args: &cli::Explain,
    runtime: &mut Runtime<'_>,
    out: &mut Vec<u8>,
) -> Result<Exit, Error> {
    let folder = runtime.root.join(folder);
    let Some((file, line)) = parse_record(record) else {
        let message = format!("`{record}` names no row");
        let hint = "write a file of the folder and a line of it, as in `customers.csv:3`";
        return Err(Error::Config(vec![Diagnostic::new(Code::PlanUsage, message).hint(hint)]));
    };
    let memory = Memory::of(MEMORY);
    let spill = Arc::new(Spill::new(runtime.temporary_folder(), memory.held));
    let mut findings = Vec::new();
    let mut say = |finding: &Diagnostic| findings.push(finding.clone());
    let inputs = Inputs::new(&folder, &[], args.unmask);
    let recording = partitioner::read(plan, &inputs, memory, &spill, &mut Vec::new(), &mut say)?;
    let mut loaded = LoadedPartition::default();
    for stored in recording.stored {
        let partition = match stored {
            Stored::Partition(partition) => partition,
            Stored::Oversized(document) => document.to_partition(plan.each),
        };
        load_joined(plan, &partition, &mut loaded, &mut say)?;
        let all = find_records(plan, &loaded, &folder.join(file), line);
        if all.is_empty() {
            continue;
        }
        // The findings say what was done with each document; no document is kept.
        decide_documents(plan, &mut loaded, 0, (&mut say, u64::MAX), &mut |_| Ok(()))
            .map_err(|cause| Error::storage("cannot write", Path::new("-"), &cause))?;
        // A row of several roles is told as the one that a document holds.
        let mut told: Vec<_> = all.iter().map(|found| (*found, describe(plan, &loaded, *found))).collect();
        let held = told.iter().position(|(_, text)| text.document.is_some());
        let (found, text) = told.swap_remove(held.unwrap_or_default());
        let _ = if args.messages.message_format == MessageFormat::Json {
            record_text::json(out, &text)
        } else {
            record_text::text(out, &text)
        };
        let is_here = |finding: &Diagnostic| {
            finding.cell.as_ref().is_some_and(|cell| {
                cell.place.path == text.place.path && (found.line..=found.last_line).contains(&cell.place.line)
            })
        };
        findings.retain(is_here);
        let style = RenderStyle::new(&args.messages.options(), runtime.environment, runtime.terminal);
        let _ = report::findings(runtime.err, &findings, style);
        let is_rejected = loaded.statuses[found.source][found.row as usize] == RowStatus::Rejected;
        return Ok(if is_rejected { Exit::Rejects } else { Exit::Done });
    }
    let message = format!("no record stands in line {line} of `{file}`");
    let hint = "name a file that the mapping reads, without the folder, and a line behind its header";
    Err(Error::Config(vec![Diagnostic::new(Code::PlanUsage, message).hint(hint)]))
}

/// The file and the line that are asked for.
fn parse_record(record: &str) -> Option<(&str, u64)> {
    let (file, line) = record.rsplit_once(':')?;
    Some((file, line.parse().ok()?)).filter(|(file, _)| !file.is_empty())
}

/// The records that stand in a line of a file, one of each role.
fn find_records(plan: &Plan, loaded: &LoadedPartition, file: &Path, line: u64) -> Vec<FoundRecord> {
    let of_role = |source: usize| {
        let table = &loaded.tables[source];
        (0..table.len()).find_map(|row| {
            if !is_same(Path::new(&table.part(row).path), file) || table.copies.contains(&row) {
                return None;
            }
            let first = table.line(row);
            let last = first + line_ends(&table.text[table.raw(row)]);
            (first..=last).contains(&line).then_some(FoundRecord { source, row, line: first, last_line: last })
        })
    };
    (0..plan.sources.len()).filter_map(of_role).collect()
}

/// Whether two paths are the same; `./a.csv` is `a.csv`.
fn is_same(one: &Path, other: &Path) -> bool {
    let steps = |path: &Path| -> Vec<PathBuf> {
        let steps = path.components().filter(|step| *step != Component::CurDir);
        steps.map(|step| PathBuf::from(step.as_os_str())).collect()
    };
    steps(one) == steps(other)
}

/// Everything about a record that was decided about.
fn describe(plan: &Plan, loaded: &LoadedPartition, found: FoundRecord) -> RecordText {
    let FoundRecord { source, row, .. } = found;
    let view = loaded.view(plan);
    let mut scratch = Scratch::default();
    let holds = |root: &u32, scratch: &mut Scratch| {
        let mut is_member = false;
        loaded.groups.visit_members(plan, *root, &mut |member, record| {
            is_member |= (member, record) == (source, row);
        });
        is_member || {
            let trace = transform::trace_all(&view, *root, scratch);
            trace.origins.iter().any(|origin| (origin.source, origin.row) == (source, row))
        }
    };
    let roots = 0..loaded.tables[plan.each].len();
    let root = if source == plan.each { Some(row) } else { roots.into_iter().find(|root| holds(root, &mut scratch)) };
    let accepted = root.filter(|root| loaded.accepted.contains(root));
    let document = accepted.map(|root| {
        let trace = transform::trace_all(&view, root, &mut scratch);
        record_text::mask_document(plan, &loaded.tables, &trace)
    });
    let status = match loaded.statuses[source][row as usize] {
        RowStatus::Good | RowStatus::Pending if accepted.is_some() => "valid",
        RowStatus::Good | RowStatus::Pending => "in no document",
        RowStatus::Filtered => "filtered",
        RowStatus::Rejected => "rejected",
    };
    let is_own = |reject: &&crate::recording::ledger::Reject| (reject.source, reject.row) == (source, row);
    let reason = loaded.rejects.iter().find(is_own).map(|reject| format!("{}: {}", reject.code, reject.reason));
    let steps = record_text::list_steps(plan, &loaded.tables[source], source, row);
    let place = loaded.tables[source].record(row).place;
    RecordText { place, source: plan.sources[source].name.clone(), status, reason, steps, document }
}
