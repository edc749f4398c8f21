//! Where every source row went, and why.
//!
//! Every row of every source ends in exactly one bucket: sent, rejected, filtered or pending. Rows start as good; a good
//! row belongs to a document that may be sent. A fate only ever gets worse, and every rejected row has one reject.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::{
    diagnostic::{Code, Diagnostic, Severity},
    dialect::Span,
    pen::Pen,
    plan::{Plan, kind::Kind},
    record::{Row, Table},
    snippet::Snippet,
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
    /// How many findings of one code anybody wants to see; the others are only counted.
    pub wanted: u64,
    told: BTreeMap<Code, u64>,
    say: &'a mut dyn FnMut(&Diagnostic),
}

impl<'a> Ledger<'a> {
    /// An empty ledger for some sources, which tells its findings to `say`.
    pub fn new(sources: usize, say: &'a mut dyn FnMut(&Diagnostic)) -> Ledger<'a> {
        Ledger::reopened(vec![Vec::new(); sources], Vec::new(), say)
    }

    /// A ledger that was closed, to go on with.
    pub fn reopened(fates: Vec<Vec<Fate>>, rejects: Vec<Reject>, say: &'a mut dyn FnMut(&Diagnostic)) -> Ledger<'a> {
        Ledger { fates, rejects, wanted: u64::MAX, told: BTreeMap::new(), say }
    }

    /// What was noted.
    #[must_use]
    pub fn closed(self) -> (Vec<Vec<Fate>>, Vec<Reject>) {
        (self.fates, self.rejects)
    }

    /// Tells a finding.
    pub fn say(&mut self, diagnostic: &Diagnostic) {
        *self.told.entry(diagnostic.code).or_default() += 1;
        (self.say)(diagnostic);
    }

    /// Whether another finding of a code will be seen, and not only counted.
    #[must_use]
    pub fn wants(&self, code: Code) -> bool {
        self.told.get(&code).is_none_or(|told| *told < self.wanted)
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
        // What stands in several pieces of a source counts in one of them.
        let copies = |fate: Fate| table.copies.iter().filter(|row| fates[number][**row as usize] == fate).count();
        let all = |fate: Fate| fates[number].iter().filter(|known| **known == fate).count();
        let count = |fate: Fate| (all(fate) - copies(fate)) as u64;
        SourceTally {
            name: table.name.clone(),
            paths: table.parts.iter().map(|part| part.path.clone()).collect(),
            rows: u64::from(table.len()) - table.copies.len() as u64,
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
    let Some((column, by)) = source.total else { return Vec::new() };
    let (mut totals, mut buffer, mut json) = (Vec::<Total>::new(), Vec::new(), Pen::default());
    let mark = match &source.columns[column].kind {
        Kind::Decimal(digits) => Some(digits.mark),
        // No text holds this byte.
        Kind::Integer(_) => Some(0xFF),
        _ => None,
    };
    // How units are written, quotes included, and which totals they have.
    let mut written: Vec<(u128, usize)> = Vec::new();
    for ((row, record), fate) in (0..).zip(table.rows()).zip(fates) {
        if !table.copies.is_empty() && table.copies.contains(&row) {
            continue;
        }
        let word = by.and_then(|by| record.outer(by));
        let word = word.and_then(|cell| Snippet::within(&table.text, cell.start, cell.end).packed_lane());
        let known = word.and_then(|word| written.iter().find(|(known, _)| *known == word));
        let at = if let Some((_, at)) = known {
            *at
        } else {
            let at = total_of(unit(record, by, *fate, &mut buffer), &mut totals, table.number(row));
            written.extend(word.filter(|_| written.len() < MAX_UNITS).map(|word| (word, at)));
            at
        };
        let span = record.span(column).unwrap_or(Span { start: 0, end: 0, quoted: false, doubled: false });
        let cell = Snippet::within(&table.text, span.start, span.end);
        if let Some(mark) = mark
            && let Some((number, digits)) = small(cell, mark)
        {
            *totals[at].small[*fate as usize][digits].get_or_insert(0) += i128::from(number);
            continue;
        }
        json.clear();
        let written = source.columns[column].kind.write(cell, &mut json).is_ok();
        totals[at].add(*fate, if written { &json } else { b"" });
    }
    let what = &source.columns[column].name;
    totals.into_iter().map(|total| total.sum(what.clone())).collect()
}

/// The unit of an amount; of what cannot be one, none.
#[cold]
#[inline(never)]
fn unit<'a>(record: Row<'a>, by: Option<usize>, fate: Fate, buffer: &'a mut Vec<u8>) -> &'a [u8] {
    // In a damaged record anything may stand where the unit should, so it has none.
    let whole = fate != Fate::Rejected || record.is_plain() || {
        let mut cells = Vec::new();
        record.table.split(record.number, &mut cells).fault.is_none() && cells.len() == record.table.header.len()
    };
    let span = by.filter(|_| whole).and_then(|by| record.span(by)).filter(|span| span.end - span.start <= MAX_UNIT);
    span.map_or(&b""[..], |span| record.table.dialect.cell(&record.table.text, span, buffer))
}

/// The total of a unit; of one too many, that of no unit.
fn total_of(unit: &[u8], totals: &mut Vec<Total>, number: u32) -> usize {
    let known = |unit: &[u8], totals: &[Total]| totals.iter().position(|total| total.unit == unit);
    let unit = if totals.len() < MAX_UNITS || known(unit, totals).is_some() { unit } else { b"" };
    known(unit, totals).unwrap_or_else(|| {
        totals.push(Total { unit: unit.to_vec(), first: u64::from(number), ..Total::default() });
        totals.len() - 1
    })
}

/// The amounts of one unit so far.
#[derive(Default)]
struct Total {
    unit: Vec<u8>,
    /// The number of the record it first appears in.
    first: u64,
    /// Amounts of few digits, as whole numbers: for each fate, those with no digit behind the point, with one, and so on.
    /// Adding up whole numbers is many times faster, and as exact.
    small: [[Option<i128>; SMALL]; 4],
    /// All others.
    large: [Decimal; 4],
    unreadable: u64,
}

/// How many digits behind the point are too many for a small amount.
const SMALL: usize = 7;

impl Total {
    /// Adds an amount, which is a JSON number or nothing.
    fn add(&mut self, fate: Fate, json: &[u8]) {
        let bucket = fate as usize;
        let amount = std::str::from_utf8(json).ok().and_then(|text| Decimal::from_str_exact(text).ok());
        match amount.and_then(|amount| self.large[bucket].checked_add(amount)) {
            Some(total) => self.large[bucket] = total,
            None => self.unreadable += 1,
        }
    }

    fn sum(self, what: String) -> Sum {
        let total = |fate: Fate| {
            let small = (0u32..).zip(self.small[fate as usize]);
            let small = small.filter_map(|(digits, number)| Decimal::try_from_i128_with_scale(number?, digits).ok());
            small.fold(self.large[fate as usize], |sum, part| sum.checked_add(part).unwrap_or(sum))
        };
        Sum {
            what,
            by: String::from_utf8_lossy(&self.unit).into_owned(),
            first: self.first,
            sent: total(Fate::Good),
            rejected: total(Fate::Rejected),
            filtered: total(Fate::Filtered),
            pending: total(Fate::Pending),
            unreadable: self.unreadable,
        }
    }
}

/// A plain amount as a whole number, and how many of its digits stand behind its decimal mark. `None`: it is large, odd, or
/// none.
fn small(cell: Snippet<'_>, mark: u8) -> Option<(i64, usize)> {
    let (digits, marks) = cell.digits(mark)?;
    let text = cell.bytes();
    let whole = if marks == 0 { text.len() } else { marks.trailing_zeros() as usize };
    let one_mark = marks & marks.wrapping_sub(1) == 0;
    let behind = text.len() - whole - usize::from(marks != 0);
    if whole == 0 || !one_mark || behind >= SMALL || whole > 1 && text[0] == b'0' || digits >> (text.len() - 1) == 0 {
        return None;
    }
    Some((if text.len() <= 8 { cell.short_number(marks) } else { cell.number(marks) }, behind))
}
