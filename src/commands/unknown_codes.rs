//! The cells of a folder -> the codes that no code table of the mapping has, with how often each is there.
//!
//! Codes are shown as messages show codes: what does not look like one is counted by its shape only.

use std::collections::BTreeMap;

use crate::{
    config::mapping::policy::OnUnknown,
    diagnostic::{Cell, Code, Diagnostic, Severity},
    plan::{Leaf, Plan, ValuePlan, ValueSource, code_table::Codes},
    read::stream::Block,
    recording::ledger::RowStatus,
    table::{Table, cell_reading::CellSplit},
};

/// So many different codes of one column are told.
const MAX_CODES: usize = 200;

/// A column that is translated by a code table.
pub struct CodedColumn<'p> {
    /// The number of the source that names its file.
    source: usize,
    /// The column, as the plan numbers it.
    column: usize,
    /// The table.
    pub codes: &'p Codes,
    split: Option<&'p CellSplit>,
    /// The codes that the table does not have.
    pub unknown: BTreeMap<CodeShown, CodeCount>,
    /// How many cells hold further ones.
    pub more: u64,
}

/// A code that a table does not have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CodeShown {
    /// It looks like a code.
    Text(String),
    /// Only its shape may be shown.
    Shape(String),
}

/// How often a code is there.
pub struct CodeCount {
    /// In so many cells, or pieces of cells.
    pub count: u64,
    /// The first of these cells.
    pub first: Cell,
}

/// The columns of a plan that are translated by code tables, each with its table once.
#[must_use]
pub fn find_coded_columns(plan: &Plan) -> Vec<CodedColumn<'_>> {
    let mut found: Vec<CodedColumn<'_>> = Vec::new();
    for placed in plan.list_values() {
        let (leaf, split): (&Leaf, Option<&CellSplit>) = match placed.value {
            ValuePlan::Leaf(leaf) => (leaf, None),
            ValuePlan::Pieces(pieces) => (&pieces.leaf, Some(&pieces.split)),
            _ => continue,
        };
        let (Some(codes), ValueSource::Column(column)) = (&leaf.codes, &leaf.from) else { continue };
        let (source, column) = (plan.file_of(placed.source), *column);
        let is_known =
            |known: &CodedColumn<'_>| (known.source, known.column, &known.codes.rule) == (source, column, &codes.rule);
        if !found.iter().any(is_known) {
            found.push(CodedColumn { source, column, codes, split, unknown: BTreeMap::new(), more: 0 });
        }
    }
    found
}

impl CodedColumn<'_> {
    /// Looks at the records of a source.
    pub fn add_records(&mut self, source: usize, block: Block<'_>) {
        if source != self.source {
            return;
        }
        let Block { table, statuses, .. } = block;
        for (row, _) in (0..table.len()).zip(statuses).filter(|(_, status)| **status != RowStatus::Rejected) {
            let Some(said) = table.row(row).said(self.column) else { continue };
            match self.split {
                None => self.add_code(table, row, &said),
                Some(split) => split.pieces(&said).for_each(|piece| self.add_code(table, row, piece)),
            }
        }
    }

    fn add_code(&mut self, table: &Table, row: u32, code: &str) {
        if self.codes.get(code.as_bytes().into()).is_some() {
            return;
        }
        let column = table.bind[self.column];
        let drawn = table.draw_said(row, column, code);
        let shown = if drawn == code { CodeShown::Text(drawn) } else { CodeShown::Shape(drawn) };
        if let Some(known) = self.unknown.get_mut(&shown) {
            known.count += 1;
        } else if self.unknown.len() < MAX_CODES {
            self.unknown.insert(shown, CodeCount { count: 1, first: table.cell(row, column) });
        } else {
            self.more += 1;
        }
    }

    /// The unknown codes, the most frequent first.
    #[must_use]
    pub fn by_count(&self) -> Vec<(&CodeShown, &CodeCount)> {
        let mut codes: Vec<_> = self.unknown.iter().collect();
        codes.sort_by_key(|(_, known)| std::cmp::Reverse(known.count));
        codes
    }

    /// What is said of them as a finding; `None`: the table has all codes.
    #[must_use]
    pub fn describe(&self, plan: &Plan) -> Option<Diagnostic> {
        let codes = self.by_count();
        let (_, most) = codes.first()?;
        let cells = self.more + codes.iter().map(|(_, known)| known.count).sum::<u64>();
        let (column, source) = (&plan.sources[self.source].columns[self.column].name, &plan.sources[self.source].name);
        let times = if cells == 1 { "once".to_owned() } else { format!("{cells} times") };
        let kinds = match (codes.len(), self.more) {
            (1, 0) => "a code".to_owned(),
            (kinds, 0) => format!("{kinds} codes"),
            (kinds, _) => format!("more than {kinds} codes"),
        };
        let name = &self.codes.name;
        let message = format!("the code table `{name}` lacks {kinds} of `{column}` of `{source}`, found {times}");
        let (severity, then) = match self.codes.on_unknown.then {
            OnUnknown::Reject => (Severity::Warning, "their records are rejected"),
            OnUnknown::Omit => (Severity::Notice, "their fields are left out"),
            OnUnknown::SetNull => (Severity::Notice, "they become `null`"),
            OnUnknown::Keep => (Severity::Notice, "they are written as they are"),
            OnUnknown::Use(_) => (Severity::Notice, "another value is used for them"),
        };
        let finding = Diagnostic::new(Code::TransformNotInCodeTable, message).severity(severity);
        let hint = format!("as `on_unknown` says, {then}; the lines to add to the table follow");
        // `check` has no flag that shows what a mask hides.
        let first = Cell { is_masked: false, ..most.first.clone() };
        Some(finding.cell(first).rule(plan.place(&self.codes.rule)).hint(hint))
    }
}
