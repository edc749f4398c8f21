//! Where every source row went, and why.
//!
//! Every row of every source ends in exactly one bucket: sent, rejected, filtered or pending. Rows start as good; a good
//! row belongs to a document that may be sent. A fate only ever gets worse, and every rejected row has one reject.

use rust_decimal::Decimal;

use crate::{
    diagnostic::{Code, Diagnostic, Severity},
    dialect::Span,
    plan::Plan,
    record::Table,
    summary::{SourceTally, Sum},
};

/// The most units that amounts are told apart by.
const MAX_UNITS: usize = 32;

/// The longest text that is taken for a unit, in bytes: what is longer is not a currency, and may be anybody's name.
const MAX_UNIT: usize = 16;

/// What became of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It is part of a document that may be sent.
    #[default]
    Good,
    /// It is not meant to go out.
    Filtered,
    /// Its document was not acknowledged yet.
    Pending,
    /// It will not be sent.
    Rejected,
}

/// A row that will not be sent.
#[derive(Clone, Debug)]
pub struct Reject {
    /// The number of its source.
    pub source: usize,
    /// Its number in the source.
    pub row: u32,
    /// Why, as a lasting code.
    pub code: Code,
    /// Why, in words.
    pub reason: String,
}

/// The fates of all rows of one recording.
pub struct Ledger<'a> {
    /// For each source, the fate of each of its rows.
    pub fates: Vec<Vec<Fate>>,
    /// The rows that will not be sent, in the order they were found.
    pub rejects: Vec<Reject>,
    say: &'a mut dyn FnMut(&Diagnostic),
}

impl<'a> Ledger<'a> {
    /// An empty ledger for some sources, which tells its findings to `say`.
    pub fn new(sources: usize, say: &'a mut dyn FnMut(&Diagnostic)) -> Ledger<'a> {
        Ledger { fates: vec![Vec::new(); sources], rejects: Vec::new(), say }
    }

    /// A ledger that was closed, to go on with.
    pub fn reopened(fates: Vec<Vec<Fate>>, rejects: Vec<Reject>, say: &'a mut dyn FnMut(&Diagnostic)) -> Ledger<'a> {
        Ledger { fates, rejects, say }
    }

    /// What was noted.
    #[must_use]
    pub fn closed(self) -> (Vec<Vec<Fate>>, Vec<Reject>) {
        (self.fates, self.rejects)
    }

    /// Tells a finding.
    pub fn say(&mut self, diagnostic: &Diagnostic) {
        (self.say)(diagnostic);
    }

    /// Tells a finding and rejects a row for it. The first reason of a row stays.
    pub fn reject(&mut self, source: usize, row: u32, diagnostic: &Diagnostic) {
        self.say(diagnostic);
        self.reject_silently(source, row, diagnostic.code, &diagnostic.message);
    }

    /// Rejects a row whose reason was told already.
    pub fn reject_silently(&mut self, source: usize, row: u32, code: Code, reason: &str) {
        let fate = &mut self.fates[source][row as usize];
        if *fate != Fate::Rejected {
            *fate = Fate::Rejected;
            self.rejects.push(Reject { source, row, code, reason: reason.to_owned() });
        }
    }

    /// Leaves a row out on purpose.
    pub fn filter(&mut self, source: usize, row: u32) {
        let fate = &mut self.fates[source][row as usize];
        *fate = (*fate).max(Fate::Filtered);
    }

    /// The fate of a row.
    #[must_use]
    pub fn fate(&self, source: usize, row: u32) -> Fate {
        self.fates[source][row as usize]
    }
}

/// A warning that a policy of the mapping asked for.
#[must_use]
pub fn warned(diagnostic: Diagnostic) -> Diagnostic {
    diagnostic.severity(Severity::Warning)
}

/// How many rows of each source ended in each bucket, with the sums the mapping asks for. Good rows count as sent.
#[must_use]
pub fn tally(plan: &Plan, tables: &[Table], fates: &[Vec<Fate>]) -> Vec<SourceTally> {
    let one = |(number, table): (usize, &Table)| {
        let count = |fate: Fate| fates[number].iter().filter(|known| **known == fate).count() as u64;
        SourceTally {
            name: table.name.clone(),
            paths: table.parts.iter().map(|part| part.path.clone()).collect(),
            rows: u64::from(table.len()),
            sent: count(Fate::Good),
            rejected: count(Fate::Rejected),
            filtered: count(Fate::Filtered),
            pending: count(Fate::Pending),
            sums: sums(plan, number, table, &fates[number]),
        }
    };
    tables.iter().enumerate().map(one).collect()
}

/// The amounts of a source, in the order their units first appear.
fn sums(plan: &Plan, number: usize, table: &Table, fates: &[Fate]) -> Vec<Sum> {
    let source = &plan.sources[number];
    let Some((sum, by)) = source.total else { return Vec::new() };
    let (mut sums, mut cells, mut buffer, mut json) = (Vec::<Sum>::new(), Vec::new(), Vec::new(), Vec::new());
    let needed = by.into_iter().chain([sum]).map(|column| table.bind[column] + 1).max().unwrap_or(1);
    for row in 0..table.len() {
        let fate = fates[row as usize];
        let is_unit = |span: &Span| span.end - span.start <= MAX_UNIT;
        let whole = if fate == Fate::Rejected {
            table.split(row, &mut cells).fault.is_none() && cells.len() == table.header.len()
        } else {
            table.split_some(row, needed, &mut cells);
            true
        };
        // In a damaged record anything may stand where the unit should, so it has none.
        let unit = match by.filter(|_| whole && sums.len() < MAX_UNITS).map(|by| cells[table.bind[by]]).filter(is_unit)
        {
            Some(span) => String::from_utf8_lossy(table.dialect.cell(&table.text, span, &mut buffer)),
            None => "".into(),
        };
        let at = sums.iter().position(|known| known.by == unit).unwrap_or_else(|| {
            let what = source.columns[sum].name.clone();
            sums.push(Sum { what, by: unit.into_owned(), ..Sum::default() });
            sums.len() - 1
        });
        json.clear();
        let cell = cells.get(table.bind[sum]).map_or(&b""[..], |span| &table.text[span.start..span.end]);
        let written = source.columns[sum].kind.write(cell.into(), &mut json).is_ok();
        let amount =
            std::str::from_utf8(&json).ok().filter(|_| written).and_then(|text| Decimal::from_str_exact(text).ok());
        add(&mut sums[at], fate, amount);
    }
    sums
}

fn add(sum: &mut Sum, fate: Fate, amount: Option<Decimal>) {
    let bucket = match fate {
        Fate::Good => &mut sum.sent,
        Fate::Filtered => &mut sum.filtered,
        Fate::Pending => &mut sum.pending,
        Fate::Rejected => &mut sum.rejected,
    };
    match amount.and_then(|amount| bucket.checked_add(amount)) {
        Some(total) => *bucket = total,
        None => sum.unreadable += 1,
    }
}
