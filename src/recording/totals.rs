//! Sums of amounts: for each unit, what was sent, and what was not.
//!
//! Nearly all amounts are a few digits, so they are added up as whole numbers, which is exact and many times faster; all
//! others are added as [`Decimal`], which is exact at any length. Cells that are no numbers are counted, and so are records
//! with more or fewer cells than the header: no one knows which of their cells is the amount.
//!
//! Short units are found in a cache by their raw text; what is not there is looked up in a map that holds all units.

#![expect(clippy::inline_always, reason = "a call for each amount costs more than adding it")]

use std::collections::BTreeMap;

use crate::{
    plan::{Plan, TotalPlan, conversion::Conversion},
    recording::{
        ledger::RowStatus,
        summary::{MAX_UNIT_BYTES, MAX_UNITS, SourceTally, Unit, UnitSum},
    },
    table::{
        Table,
        row::{Cells, Row},
    },
    text::{
        decimal::Decimal,
        lanes::{ByteLanes, LANES, pack, split_halves},
        number::{NumberFormat, parse_short},
    },
};

/// Slots of a direct-mapped cache from the raw text of a unit to its total; a collision evicts.
const SLOTS: usize = 256;

/// How many rows of each source ended in each bucket, with the sums the mapping asks for. Good rows count as sent.
#[must_use]
pub fn tally(plan: &Plan, tables: &[Table], statuses: &[Vec<RowStatus>]) -> Vec<SourceTally> {
    let one = |(number, table): (usize, &Table)| {
        // A row that stands in several partitions counts in one of them, and rows that are one record count once.
        let uncounted = table.uncounted_rows();
        let are = |status| uncounted.iter().filter(|row| statuses[number][**row as usize] == status).count();
        let count = |status| count_rows(&statuses[number], status) - are(status) as u64;
        let rows_in_file = u64::from(table.len()) - table.copies.len() as u64;
        SourceTally {
            name: table.name.clone(),
            // The files are told once for a recording.
            paths: Vec::new(),
            rows: u64::from(table.len()) - uncounted.len() as u64,
            merged_rows: plan.sources[number].is_merged().then_some(rows_in_file),
            sent: count(RowStatus::Good),
            rejected: count(RowStatus::Rejected),
            filtered: count(RowStatus::Filtered),
            pending: count(RowStatus::Pending),
            sums: sum_amounts(plan, number, table, &statuses[number], &uncounted),
        }
    };
    tables.iter().enumerate().map(one).collect()
}

/// How many rows ended like this. They are counted in bytes, many at once, so none may overflow.
fn count_rows(statuses: &[RowStatus], status: RowStatus) -> u64 {
    let count = |statuses: &[RowStatus]| statuses.iter().fold(0u8, |count, other| count + u8::from(*other == status));
    statuses.chunks(usize::from(u8::MAX)).map(|statuses| u64::from(count(statuses))).sum()
}

/// The amounts of a source, in the order their units first appear.
fn sum_amounts(plan: &Plan, number: usize, table: &Table, statuses: &[RowStatus], uncounted: &[u32]) -> Vec<UnitSum> {
    let source = &plan.sources[number];
    let Some(total) = &source.total else { return Vec::new() };
    // The compiler refuses to add up a column that holds no numbers.
    let Some(format) = source.columns[total.sum].conversion.number_format() else { return Vec::new() };
    let mut adder = Adder::new(total, format);
    let mut row = 0;
    while row < table.len() {
        if uncounted.is_empty() && table.readings.is_empty() {
            row = adder.add_plain_rows(table, statuses, row);
        }
        if let Some(status) = statuses.get(row as usize)
            && uncounted.binary_search(&row).is_err()
        {
            adder.add_row(table.row(row), *status);
        }
        row += 1;
    }
    let name = &source.columns[total.sum].name;
    adder.totals.into_iter().map(|total| total.into_sum(name.clone())).collect()
}

/// No text is packed like this: it would be longer than its length says.
const NO_UNIT: u128 = u128::MAX;

/// Adds up the amounts of a source.
struct Adder<'a> {
    /// The column of the amount, as the plan numbers it.
    column: usize,
    /// The column of the unit.
    by: Option<usize>,
    /// The units that may be shown, besides those that look like a code.
    units: &'a [String],
    format: NumberFormat,
    totals: Vec<UnitTotal>,
    /// The raw texts of units, packed, quotes included, each with the number of its total.
    cache: [(u128, usize); SLOTS],
    /// The number of the total of each named unit.
    numbers: BTreeMap<String, usize>,
    /// The number of the total of units that may not be shown.
    other: Option<usize>,
    /// The number of the total of records whose unit is not known.
    unreadable: Option<usize>,
    /// How many bytes the names of all units are.
    unit_bytes: usize,
}

impl<'a> Adder<'a> {
    fn new(total: &'a TotalPlan, format: NumberFormat) -> Adder<'a> {
        let (totals, cache, numbers) = (Vec::new(), [(NO_UNIT, 0); SLOTS], BTreeMap::new());
        let (column, by, units) = (total.sum, total.by, total.units.as_slice());
        Adder { column, by, units, format, totals, cache, numbers, other: None, unreadable: None, unit_bytes: 0 }
    }

    /// The unit that a cell says. Where records are shifted, it may say anything.
    fn read_unit(&self, cell: &str) -> Unit {
        let is_shown = cell.is_empty() || Conversion::Code.is_shown(cell) || self.units.iter().any(|unit| unit == cell);
        if is_shown { Unit::Named(cell.to_owned()) } else { Unit::Other }
    }

    /// Adds up amounts from a row on, as long as they are plain and their units cached; gives the row behind them.
    fn add_plain_rows(&mut self, table: &Table, statuses: &[RowStatus], from: u32) -> u32 {
        if table.has_u8_offsets {
            self.add_plain_cells(table, statuses, from, Row::u8_offsets)
        } else {
            self.add_plain_cells(table, statuses, from, Row::u16_offsets)
        }
    }

    #[inline(never)]
    fn add_plain_cells<'t, C: Cells<'t>>(
        &mut self,
        table: &'t Table,
        statuses: &[RowStatus],
        from: u32,
        cells: impl Fn(Row<'t>) -> Option<C>,
    ) -> u32 {
        let (by, column) = (self.by.map(|by| table.bind[by]), table.bind[self.column]);
        let separator = self.format.decimal_separator;
        // No UTF-8 text holds this byte.
        let quote = table.dialect.quote.unwrap_or(0xFF);
        let mut row = from;
        for (record, status) in table.rows(from).zip(statuses.get(from as usize..).unwrap_or_default()) {
            let Some(cells) = cells(record) else { break };
            let at = if let Some(by) = by {
                let Some((unit, length)) = cells.cell(by).filter(|(_, length)| *length < LANES) else { break };
                let unit = unit.first_chunk().map_or(NO_UNIT, |unit| pack(unit, length));
                let (known, at) = self.cache[slot_of(unit)];
                if known == unit { at } else { break }
            } else {
                0
            };
            let Some((amount, length)) = cells.cell(column) else { break };
            let quoted = usize::from(amount[0] == quote);
            let Some(amount) = amount[quoted..].first_chunk() else { break };
            let Some(amount) = parse_plain(amount, length.wrapping_sub(2 * quoted), separator) else { break };
            let Some(total) = self.totals.get_mut(at) else { break };
            total.add_plain(*status, amount);
            row += 1;
        }
        row
    }

    /// Adds the amount of any row.
    fn add_row(&mut self, record: Row<'_>, status: RowStatus) {
        let (table, first) = (record.table, table_number(record));
        if !has_all_cells(record) {
            // Any text may stand where the amount or the unit should.
            let unit = if self.by.is_some() { Unit::Unreadable } else { Unit::None };
            let at = self.find_or_add_total(unit, first);
            self.totals[at].unreadable += 1;
            return;
        }
        let mut buffer = Vec::new();
        let at = if let Some(by) = self.by {
            let name = String::from_utf8_lossy(record.cell(by, &mut buffer));
            let known = self.numbers.get(name.as_ref()).copied();
            known.unwrap_or_else(|| self.find_or_add_total(self.read_unit(&name), first))
        } else {
            self.find_or_add_total(Unit::None, first)
        };
        if let Some(cell) = self.by.and_then(|by| record.outer(by)).filter(|cell| cell.len() < LANES)
            && let Some(unit) = table.text.get(cell.start..).and_then(|text| text.first_chunk())
        {
            let unit = pack(unit, cell.len());
            self.cache[slot_of(unit)] = (unit, at);
        }
        let amount = record.cell(self.column, &mut buffer);
        self.totals[at].add(status, amount.into(), self.format);
    }

    /// The number of the total of a unit. `first` is where a new one first appears. Units that are too many are no longer kept
    /// apart, so the number is that of all of them.
    fn find_or_add_total(&mut self, unit: Unit, first: u64) -> usize {
        let known = match &unit {
            Unit::Named(name) => self.numbers.get(name).copied(),
            Unit::Other => self.other,
            Unit::Unreadable => self.unreadable,
            // Of these there is only one total, whatever else it holds.
            Unit::None | Unit::TooMany => (!self.totals.is_empty()).then_some(0),
        };
        if let Some(at) = known {
            return at;
        }
        let unit_bytes = self.unit_bytes + unit.name().len();
        let is_named = matches!(unit, Unit::Named(_));
        if is_named && self.numbers.len() >= MAX_UNITS || unit_bytes > MAX_UNIT_BYTES {
            self.merge_totals();
            return 0;
        }
        let at = self.totals.len();
        match &unit {
            Unit::Named(name) => drop(self.numbers.insert(name.clone(), at)),
            Unit::Other => self.other = Some(at),
            Unit::Unreadable => self.unreadable = Some(at),
            Unit::None | Unit::TooMany => {}
        }
        self.unit_bytes = unit_bytes;
        self.totals.push(UnitTotal { unit, first, ..UnitTotal::default() });
        at
    }

    /// Makes one total of all, and no longer looks at units.
    fn merge_totals(&mut self) {
        let mut all = UnitTotal { unit: Unit::TooMany, first: u64::MAX, ..UnitTotal::default() };
        self.totals.drain(..).for_each(|total| all.merge(&total));
        self.totals.push(all);
        self.by = None;
    }
}

/// The number of a record in its source.
fn table_number(record: Row<'_>) -> u64 {
    u64::from(record.table.number(record.number))
}

/// Whether a record has as many cells as the header, so that each is the one it seems to be.
fn has_all_cells(record: Row<'_>) -> bool {
    record.is_plain() || {
        let mut cells = Vec::new();
        record.table.split(record.number, &mut cells).fault.is_none() && cells.len() == record.table.header.len()
    }
}

/// The slot of the raw text of a unit.
#[inline]
fn slot_of(unit: u128) -> usize {
    let [low, high] = split_halves(unit);
    let mixed = (low ^ high).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    usize::try_from(mixed >> 56).unwrap_or(0) % SLOTS
}

/// How many digits behind the decimal separator are too many for a plain amount.
const MAX_DECIMALS: usize = 7;

/// A plain amount: a short number with few decimals.
#[derive(Clone, Copy)]
struct PlainAmount {
    /// The number of all of its digits.
    digits: i64,
    /// How many of them stand behind the decimal separator.
    decimals: usize,
}

/// The amounts of one unit so far.
#[derive(Default)]
struct UnitTotal {
    unit: Unit,
    /// The number of the record it first appears in.
    first: u64,
    /// For each status, the sums of plain amounts by how many decimals they have, and a bit for each of these that occurs.
    plain: [([i128; MAX_DECIMALS], u8); 4],
    /// For each status, the sums of all other amounts by how long they are: each twice as long as the one before. So adding
    /// an amount costs as much as it has digits, however long the total is.
    other: [Vec<Decimal>; 4],
    unreadable: u64,
}

impl UnitTotal {
    /// Adds the amount of a cell, or counts the cell if it is no number.
    fn add(&mut self, status: RowStatus, cell: ByteLanes<'_>, format: NumberFormat) {
        if let Some(amount) = parse_plain(&cell.lanes_at(0), cell.len(), format.decimal_separator) {
            self.add_plain(status, amount);
        } else if let Some(number) = format.parse(cell.bytes()) {
            let (sums, class) = (&mut self.other[status as usize], (cell.len().ilog2() as usize));
            if sums.len() <= class {
                sums.resize(class + 1, Decimal::default());
            }
            sums[class].add(&number.into());
        } else {
            self.unreadable += 1;
        }
    }

    #[inline(always)]
    fn add_plain(&mut self, status: RowStatus, amount: PlainAmount) {
        let (sums, occurring) = &mut self.plain[status as usize];
        sums[amount.decimals] += i128::from(amount.digits);
        *occurring |= 1 << amount.decimals;
    }

    /// Adds the amounts of another unit.
    fn merge(&mut self, other: &UnitTotal) {
        self.first = self.first.min(other.first);
        for ((sums, occurring), (others, other_occurring)) in self.plain.iter_mut().zip(&other.plain) {
            sums.iter_mut().zip(others).for_each(|(sum, other)| *sum += other);
            *occurring |= other_occurring;
        }
        for (sums, others) in self.other.iter_mut().zip(&other.other) {
            if sums.len() < others.len() {
                sums.resize(others.len(), Decimal::default());
            }
            sums.iter_mut().zip(others).for_each(|(sum, other)| sum.add(other));
        }
        self.unreadable += other.unreadable;
    }

    /// The sum of the column with this name.
    fn into_sum(self, what: String) -> UnitSum {
        let total = |status: RowStatus| {
            let (sums, occurring) = self.plain[status as usize];
            let mut total = Decimal::default();
            self.other[status as usize].iter().for_each(|sum| total.add(sum));
            let sums = sums.into_iter().enumerate().filter(|(decimals, _)| occurring >> decimals & 1 == 1);
            sums.for_each(|(decimals, sum)| total.add(&Decimal::new(sum, decimals)));
            total
        };
        UnitSum {
            what,
            by: self.unit,
            first: self.first,
            sent: total(RowStatus::Good),
            rejected: total(RowStatus::Rejected),
            filtered: total(RowStatus::Filtered),
            pending: total(RowStatus::Pending),
            unreadable: self.unreadable,
        }
    }
}

/// Reads the plain amount that the byte lanes begin with. `None`: it is no short number, or has many decimals.
#[inline(always)]
fn parse_plain(lanes: &[u8; LANES], length: usize, separator: u8) -> Option<PlainAmount> {
    let number = parse_short(lanes, length, separator)?;
    let decimals = (length - number.whole).saturating_sub(1);
    if decimals >= MAX_DECIMALS { None } else { Some(PlainAmount { digits: number.value(lanes, length), decimals }) }
}

#[cfg(test)]
mod tests {
    use crate::{
        plan::TotalPlan,
        recording::{
            ledger::RowStatus,
            summary::{MAX_UNIT_BYTES, MAX_UNITS, Unit},
            totals::{Adder, PlainAmount, UnitTotal},
        },
        text::number::{NumberFormat, samples},
    };

    /// The sum of some cells as it is printed, and how many cells are in none.
    fn summed(format: NumberFormat, cells: &[&str]) -> (String, u64) {
        let mut total = UnitTotal::default();
        for cell in cells {
            total.add(RowStatus::Good, cell.as_bytes().into(), format);
        }
        let sum = total.into_sum("price".into());
        (sum.sent.to_string(), sum.unreadable)
    }

    #[test]
    fn amounts_are_those_of_the_grammar() {
        for (format, text, json) in samples::TABLE {
            let expected = match *json {
                // Zero has no sign.
                Some("-0") => ("0", 0),
                Some(json) => (json, 0),
                None => ("0", 1),
            };
            assert_eq!(summed(*format, &[text]), (expected.0.to_owned(), expected.1), "{format:?} {text:?}");
        }
        samples::for_each_text(&mut |format, text| {
            let (_, unreadable) = summed(format, &[text]);
            let is_number = format.parse(text.as_bytes()).is_some();
            assert_eq!(unreadable, u64::from(!is_number), "{format:?} {text:?}");
        });
    }

    #[test]
    fn sums_are_exact_whatever_the_amounts_look_like() {
        let comma = NumberFormat { decimal_separator: b',', group_separator: Some(b'.'), ..NumberFormat::JSON };
        let whole = NumberFormat::WHOLE;
        let (long, long_sum) = (format!("1{}", "0".repeat(9_999)), format!("1{}1", "0".repeat(9_998)));
        let table: [(NumberFormat, &[&str], &str, u64); 9] = [
            (NumberFormat::JSON, &["123456789012345678901234567890", "10.50"], "123456789012345678901234567900.50", 0),
            (NumberFormat::JSON, &["10.50", "123456789012345678901234567890"], "123456789012345678901234567900.50", 0),
            (NumberFormat::JSON, &["1", "-0.123456789012345678901234567890"], "0.876543210987654321098765432110", 0),
            (NumberFormat::JSON, &["9999999999999999", "9999999999999999", "0.000001"], "19999999999999998.000001", 0),
            (NumberFormat::JSON, &["0.0000001", "0.1", "x", ""], "0.1000001", 2),
            (NumberFormat::JSON, &["5", "0.00"], "5.00", 0),
            (comma, &["-1.234,5", "1.234,50"], "0.00", 0),
            (comma, &["1.234,5", "0,25", "1.2"], "1234.75", 1),
            (whole, &[&long, "1", "1.0"], &long_sum, 1),
        ];
        for (format, cells, expected, unreadable) in table {
            assert_eq!(summed(format, cells), (expected.to_owned(), unreadable), "{cells:?}");
        }
    }

    #[test]
    fn units_are_shown_if_they_are_listed_or_look_like_a_code() {
        let total = TotalPlan { sum: 0, by: Some(1), units: vec!["euros".into(), "New Dollar".into()] };
        let adder = Adder::new(&total, NumberFormat::JSON);
        for shown in ["", "euros", "New Dollar", "EUR", "kg", "m2", "20204-B"] {
            assert_eq!(adder.read_unit(shown), Unit::Named(shown.into()));
        }
        for hidden in ["Euros", "euros ", "Durand", "ann@shop.example", "4711 0815 4242 9999", "1 rue du Lac"] {
            assert_eq!(adder.read_unit(hidden), Unit::Other);
        }
    }

    #[test]
    fn units_are_kept_apart_up_to_a_bound_and_nothing_is_lost_beyond() {
        let named = |count: usize| (0..count).map(|number| Unit::Named(format!("{:1$}", number, number % 40)));
        let long = |length: usize| ["a", "b"].map(|letter| Unit::Named(letter.repeat(length)));
        let cases: [(Vec<Unit>, bool); 5] = [
            (named(MAX_UNITS).chain([Unit::Unreadable]).collect(), false),
            (named(MAX_UNITS + 1).collect(), true),
            (named(MAX_UNITS + 1).chain(named(MAX_UNITS)).chain([Unit::None]).collect(), true),
            (long(MAX_UNIT_BYTES / 2).into(), false),
            (long(MAX_UNIT_BYTES / 2 + 1).into(), true),
        ];
        for (units, is_merged) in cases {
            let total = TotalPlan { sum: 0, by: Some(1), units: Vec::new() };
            let mut adder = Adder::new(&total, NumberFormat::JSON);
            let count = units.len();
            for (unit, first) in units.into_iter().zip(0..) {
                let unit = if adder.by.is_some() { unit } else { Unit::None };
                let at = adder.find_or_add_total(unit.clone(), first);
                adder.totals[at].add_plain(RowStatus::Good, PlainAmount { digits: 25, decimals: 2 });
                assert!(adder.totals[at].unit == unit || adder.totals[at].unit == Unit::TooMany);
            }
            assert_eq!(adder.totals.iter().any(|total| total.unit == Unit::TooMany), is_merged);
            assert_eq!(adder.by.is_none(), is_merged);
            let sums: Vec<_> = adder.totals.into_iter().map(|total| total.into_sum("price".into())).collect();
            assert_eq!(sums[0].first, 0);
            if is_merged {
                let expected = format!("{}.{:02}", count / 4, count % 4 * 25);
                assert_eq!(sums.iter().map(|sum| sum.sent.to_string()).collect::<Vec<_>>(), [expected]);
            } else {
                assert!(sums.iter().all(|sum| sum.sent.to_string() == "0.25"));
            }
        }
    }
}
