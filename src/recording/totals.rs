//! Amounts added up: of each unit, what was sent, and what was not.
//!
//! Nearly all amounts are a few digits, so they are added up as whole numbers, which is exact and many times faster; all
//! others are decimals. What cannot be read as a number is counted.

#![expect(clippy::inline_always, reason = "a call for each amount costs more than adding it")]

use rust_decimal::Decimal;

use crate::{
    plan::{Plan, conversion::Kind},
    recording::{
        ledger::Fate,
        summary::{SourceTally, UnitSum},
    },
    table::{
        Table,
        dialect::Span,
        row::{Cells, Row},
    },
    text::{
        buffer::Pen,
        lanes::{self, LANE, Snippet, packed},
    },
};

/// The most units that amounts are told apart by.
const MAX_UNITS: usize = 32;

/// The longest text that is taken for a unit, in bytes: what is longer is not a currency, and may be anybody's name.
const MAX_UNIT: usize = 16;

/// How many ways to write a unit are found at once; more than one may have the same slot, then the last one is.
const SLOTS: usize = 64;

/// How many rows of each source ended in each bucket, with the sums the mapping asks for. Good rows count as sent.
#[must_use]
pub fn tally(plan: &Plan, tables: &[Table], fates: &[Vec<Fate>]) -> Vec<SourceTally> {
    let one = |(number, table): (usize, &Table)| {
        // What stands in several pieces of a source counts in one of them.
        let copies = |fate| table.copies.iter().filter(|row| fates[number][**row as usize] == fate).count();
        let count = |fate| rows_of(&fates[number], fate) - copies(fate) as u64;
        SourceTally {
            name: table.name.clone(),
            paths: table.parts.iter().map(|part| part.path.clone()).collect(),
            rows: u64::from(table.len()) - table.copies.len() as u64,
            sent: count(Fate::Good),
            rejected: count(Fate::Rejected),
            filtered: count(Fate::Filtered),
            pending: count(Fate::Pending),
            sums: of(plan, number, table, &fates[number]),
        }
    };
    tables.iter().enumerate().map(one).collect()
}

/// How many rows ended like this. They are counted in bytes, many at once, so none may overflow.
fn rows_of(fates: &[Fate], fate: Fate) -> u64 {
    let some = |fates: &[Fate]| fates.iter().fold(0u8, |count, other| count + u8::from(*other == fate));
    fates.chunks(usize::from(u8::MAX)).map(|fates| u64::from(some(fates))).sum()
}

/// The amounts of a source, in the order their units first appear.
fn of(plan: &Plan, number: usize, table: &Table, fates: &[Fate]) -> Vec<UnitSum> {
    let source = &plan.sources[number];
    let Some((column, by)) = source.total else { return Vec::new() };
    let (kind, what) = (&source.columns[column].kind, &source.columns[column].name);
    // No text holds this byte.
    let mark = if let Kind::Decimal(digits) = kind { digits.mark } else { 0xFF };
    let is_number = matches!(kind, Kind::Decimal(_) | Kind::Integer(_));
    let (totals, written) = (Vec::new(), [(NOTHING, 0); SLOTS]);
    let mut adder = Adder { column, by, mark, kind, totals, written };
    let mut row = 0;
    while row < table.len() {
        if is_number && table.copies.is_empty() {
            row = adder.plain(table, fates, row);
        }
        if let Some(fate) = fates.get(row as usize)
            && !table.copies.contains(&row)
        {
            adder.any(table.row(row), *fate);
        }
        row += 1;
    }
    adder.totals.into_iter().map(|total| total.sum(what.clone())).collect()
}

/// No text is packed like this: it would be longer than its length says.
const NOTHING: u128 = u128::MAX;

/// Adds up the amounts of a source.
struct Adder<'a> {
    /// The column of the amount, and that of its unit, as the plan numbers them.
    column: usize,
    by: Option<usize>,
    mark: u8,
    kind: &'a Kind,
    totals: Vec<Total>,
    /// How units are written, quotes included, and which totals they have.
    written: [(u128, usize); SLOTS],
}

impl Adder<'_> {
    /// Adds up amounts from a row on, as long as they are plain and their units known; gives the row behind them.
    fn plain(&mut self, table: &Table, fates: &[Fate], from: u32) -> u32 {
        if table.is_narrow {
            self.run(table, fates, from, Row::narrow)
        } else {
            self.run(table, fates, from, Row::wide)
        }
    }

    #[inline(never)]
    fn run<'a, C: Cells<'a>>(
        &mut self,
        table: &'a Table,
        fates: &[Fate],
        from: u32,
        cells: impl Fn(Row<'a>) -> Option<C>,
    ) -> u32 {
        let (by, column, mark) = (self.by.map(|by| table.bind[by]), table.bind[self.column], self.mark);
        // No text holds this byte.
        let quote = table.dialect.quote.unwrap_or(0xFF);
        let mut row = from;
        for (record, fate) in table.rows(from).zip(fates.get(from as usize..).unwrap_or_default()) {
            let Some(cells) = cells(record) else { break };
            let at = if let Some(by) = by {
                let Some((unit, length)) = cells.cell(by).filter(|(_, length)| *length < LANE) else { break };
                let unit = unit.first_chunk().map_or(NOTHING, |unit| packed(unit, length));
                let (known, at) = self.written[slot(unit)];
                if known == unit { at } else { break }
            } else {
                0
            };
            let Some((amount, length)) = cells.cell(column) else { break };
            let quoted = usize::from(amount[0] == quote);
            let Some(amount) = amount[quoted..].first_chunk() else { break };
            let Some((number, digits)) = plain_amount(amount, length.wrapping_sub(2 * quoted), mark) else { break };
            let Some(total) = self.totals.get_mut(at) else { break };
            let (amounts, seen) = &mut total.plain[*fate as usize];
            amounts[digits] += i128::from(number);
            *seen |= 1 << digits;
            row += 1;
        }
        row
    }

    /// Adds the amount of any row.
    fn any(&mut self, record: Row<'_>, fate: Fate) {
        let (table, mut buffer) = (record.table, Vec::new());
        let at = total_of(unit(record, self.by, fate, &mut buffer), &mut self.totals, table.number(record.number));
        let lane = |start: usize| table.text.get(start..).and_then(|text| text.first_chunk::<LANE>());
        if let Some(cell) = self.by.and_then(|by| record.outer(by)).filter(|cell| cell.len() < LANE)
            && let Some(unit) = lane(cell.start)
        {
            let unit = packed(unit, cell.len());
            self.written[slot(unit)] = (unit, at);
        }
        let span = record.span(self.column).unwrap_or(Span { start: 0, end: 0, quoted: false, doubled: false });
        let plain = lane(span.start).and_then(|lane| plain_amount(lane, span.end - span.start, self.mark));
        if let (Some((number, digits)), Kind::Decimal(_) | Kind::Integer(_)) = (plain, self.kind) {
            let (amounts, seen) = &mut self.totals[at].plain[fate as usize];
            amounts[digits] += i128::from(number);
            *seen |= 1 << digits;
            return;
        }
        let (cell, mut json) = (Snippet::within(&table.text, span.start, span.end), Pen::default());
        let written = self.kind.write(cell, &mut json).is_ok();
        self.totals[at].add(fate, if written { &json } else { b"" });
    }
}

/// Where a way to write a unit is found.
#[inline]
fn slot(unit: u128) -> usize {
    let bytes = unit.to_le_bytes();
    let half = |bytes: Option<&[u8; 8]>| bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let mixed = (half(bytes.first_chunk()) ^ half(bytes.last_chunk())).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    usize::try_from(mixed >> 58).unwrap_or(0) % SLOTS
}

/// The unit of an amount; of what cannot be one, none.
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
    /// Plain amounts, as whole numbers: for each fate, those with no digit behind the point, with one, and so on; and which
    /// of these there are.
    plain: [([i128; SMALL], u8); 4],
    /// All others.
    other: [Decimal; 4],
    unreadable: u64,
}

/// How many digits behind the point are too many for a plain amount.
const SMALL: usize = 7;

impl Total {
    /// Adds an amount, which is a JSON number or nothing.
    fn add(&mut self, fate: Fate, json: &[u8]) {
        let bucket = fate as usize;
        let amount = std::str::from_utf8(json).ok().and_then(|text| Decimal::from_str_exact(text).ok());
        match amount.and_then(|amount| self.other[bucket].checked_add(amount)) {
            Some(total) => self.other[bucket] = total,
            None => self.unreadable += 1,
        }
    }

    fn sum(self, what: String) -> UnitSum {
        let total = |fate: Fate| {
            let (amounts, seen) = self.plain[fate as usize];
            let plain = (0u32..).zip(amounts).filter(|(digits, _)| seen >> digits & 1 == 1);
            let plain = plain.filter_map(|(digits, number)| Decimal::try_from_i128_with_scale(number, digits).ok());
            plain.fold(self.other[fate as usize], |sum, part| sum.checked_add(part).unwrap_or(sum))
        };
        UnitSum {
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

/// A plain amount, which a lane begins with, as a whole number, and how many of its digits stand behind its decimal mark.
/// `None`: it is large, odd, or none.
#[inline(always)]
fn plain_amount(lane: &[u8; LANE], length: usize, mark: u8) -> Option<(i64, usize)> {
    if length.wrapping_sub(1) >= LANE {
        return None;
    }
    // Nothing here is guessed: every other amount has no decimal mark, or has it elsewhere.
    let bits = u32::MAX >> (31 & (32 - length));
    let (digits, marks) = lanes::digits(lane, mark);
    let marks = marks & bits;
    let whole = (marks | 1 << length).trailing_zeros() as usize;
    let behind = (length - whole).saturating_sub(1);
    let one_mark = marks & marks.wrapping_sub(1) == 0;
    let leading_zero = lane[0] == b'0' && whole > 1;
    if (digits | marks) & bits != bits
        || whole == 0
        || whole + 1 == length
        || !one_mark
        || leading_zero
        || behind >= SMALL
    {
        return None;
    }
    Some((
        if length <= 8 { lanes::short_number(lane, length, marks) } else { lanes::number(lane, length, marks) },
        behind,
    ))
}
