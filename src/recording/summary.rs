//! What a run did, as numbers: where every source row and every document ended, and what went over the wire.
//!
//! Every row ends in exactly one of four buckets: sent, rejected, filtered, pending. [`Summary::balanced`] says whether
//! that is true of the numbers; a run whose summary does not balance has a bug.
//! Layout and words are the business of `report`.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    diagnostic::Code,
    recording::{overview::Overview, receipt::Volume},
    text::decimal::Decimal,
};

/// The most units of a source that are kept apart.
pub const MAX_UNITS: usize = 10_000;

/// The most bytes that the names of the units of a source may be, for them to be kept apart.
pub const MAX_UNIT_BYTES: usize = 1_000_000;

/// What a run did.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// What became of the rows, one tally for each source, in the order of the mapping.
    pub sources: Vec<SourceTally>,
    /// What became of the documents.
    pub documents: DocumentTally,
    /// What left, or would leave, the machine; `None` when it was not counted.
    pub volume: Option<Volume>,
    /// How it ended.
    pub outcome: Outcome,
    /// What became of each recording, if there are several.
    pub recordings: Vec<RecordingTally>,
    /// How many findings there are of each code.
    pub findings: BTreeMap<Code, u64>,
    /// What is behind the findings.
    pub overview: Overview,
    /// The file that the rejected rows were written to.
    pub rejects: Option<String>,
    /// How long the run took.
    pub elapsed: Duration,
}

impl Summary {
    /// Whether every row and every document is in exactly one bucket.
    pub fn balanced(&self) -> bool {
        self.documents.balanced() && self.sources.iter().all(SourceTally::balanced)
    }
}

/// What became of one of several recordings.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct RecordingTally {
    /// Its drop folder.
    pub name: String,
    /// What became of its documents.
    pub documents: DocumentTally,
    /// How many rows of all its sources there are.
    pub rows: u64,
    /// How many of them will not be sent.
    pub rejected_rows: u64,
}

/// What became of the rows of one source.
///
/// `sent` counts what was sent, written or found valid, as the [`Outcome`] says.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SourceTally {
    /// The name of the source in the mapping.
    pub name: String,
    /// The files it was read from.
    pub paths: Vec<String>,
    /// How many records were read.
    pub rows: u64,
    /// Where rows with one key are one record: how many rows the records were made of.
    pub merged_rows: Option<u64>,
    /// Rows that are part of a document that was sent.
    pub sent: u64,
    /// Rows that will not be sent.
    pub rejected: u64,
    /// Rows that are not meant to go out.
    pub filtered: u64,
    /// Rows that are good and were not sent yet.
    pub pending: u64,
    /// Sums over columns, so that a person can compare them with the till.
    pub sums: Vec<UnitSum>,
}

impl SourceTally {
    /// The same source of another recording, added.
    pub fn add(&mut self, other: SourceTally) {
        self.rows += other.rows;
        self.merged_rows = match (self.merged_rows, other.merged_rows) {
            (Some(one), Some(other)) => Some(one + other),
            (one, other) => one.or(other),
        };
        self.sent += other.sent;
        self.rejected += other.rejected;
        self.filtered += other.filtered;
        self.pending += other.pending;
        self.paths.extend(other.paths);
        self.add_sums(other.sums);
    }

    /// Adds sums, each to that of the same unit. Units that are too many are no longer kept apart.
    fn add_sums(&mut self, others: Vec<UnitSum>) {
        let known = self.sums.iter().enumerate();
        let mut numbers: BTreeMap<Unit, usize> = known.map(|(at, sum)| (sum.by.clone(), at)).collect();
        for other in others {
            if let Some(at) = numbers.get(&other.by) {
                self.sums[*at].add(&other);
            } else {
                numbers.insert(other.by.clone(), self.sums.len());
                self.sums.push(other);
            }
        }
        let named = self.sums.iter().filter(|sum| sum.by != Unit::Unreadable).count();
        let bytes: usize = self.sums.iter().map(|sum| sum.by.name().len()).sum();
        let too_many = named > MAX_UNITS || bytes > MAX_UNIT_BYTES || numbers.contains_key(&Unit::TooMany);
        if too_many && let Some(mut all) = self.sums.pop() {
            all.by = Unit::TooMany;
            self.sums.drain(..).for_each(|sum| all.add(&sum));
            self.sums.push(all);
        }
        self.sums.sort_by_key(|sum| sum.first);
    }

    /// Nothing was sent or written after all: what is good is pending.
    pub fn nothing_sent(&mut self) {
        self.pending += std::mem::take(&mut self.sent);
        for sum in &mut self.sums {
            sum.pending.add(&std::mem::take(&mut sum.sent));
        }
    }

    /// Whether every row is in exactly one bucket.
    pub fn balanced(&self) -> bool {
        balanced(self.rows, [self.sent, self.rejected, self.filtered, self.pending])
    }
}

/// What a sum is kept apart by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Unit {
    /// Nothing: the mapping names no column of units.
    #[default]
    None,
    /// A unit, like `euros`; empty where its cell is.
    Named(String),
    /// Units that may not be shown, together.
    Other,
    /// Records that have more or fewer cells than the header, so neither their unit nor their amount is known.
    Unreadable,
    /// Nothing any more: there are too many units.
    TooMany,
}

impl Unit {
    /// The name of the unit; empty if it has none.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Unit::Named(name) => name,
            Unit::None | Unit::Other | Unit::Unreadable | Unit::TooMany => "",
        }
    }
}

/// The sum of one decimal column over the rows of each bucket.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct UnitSum {
    /// What was added up, like `price`.
    pub what: String,
    /// In which unit.
    pub by: Unit,
    /// Where the unit first appears: sums are told in this order.
    pub first: u64,
    /// Over the rows that were sent.
    pub sent: Decimal,
    /// Over the rows that were rejected.
    pub rejected: Decimal,
    /// Over the rows that were filtered.
    pub filtered: Decimal,
    /// Over the rows that are pending.
    pub pending: Decimal,
    /// How many cells could not be read as a number, and so are in no sum.
    pub unreadable: u64,
}

impl UnitSum {
    /// The same sum of another recording, added.
    fn add(&mut self, other: &UnitSum) {
        self.first = self.first.min(other.first);
        self.sent.add(&other.sent);
        self.rejected.add(&other.rejected);
        self.filtered.add(&other.filtered);
        self.pending.add(&other.pending);
        self.unreadable += other.unreadable;
    }

    /// The sum over all rows.
    pub fn total(&self) -> Decimal {
        let mut total = self.sent.clone();
        for part in [&self.rejected, &self.filtered, &self.pending] {
            total.add(part);
        }
        total
    }
}

/// What became of the documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct DocumentTally {
    /// How many the sources hold.
    pub made: u64,
    /// How many were sent, written or found valid, as the [`Outcome`] says.
    pub sent: u64,
    /// How many will not be sent.
    pub rejected: u64,
    /// How many are not meant to go out.
    pub filtered: u64,
    /// How many are good and were not sent yet.
    pub pending: u64,
}

impl DocumentTally {
    /// The documents of another recording, told by the rows of its root source.
    pub fn add(&mut self, roots: &SourceTally) {
        self.made += roots.rows;
        self.sent += roots.sent;
        self.rejected += roots.rejected;
        self.filtered += roots.filtered;
        self.pending += roots.pending;
    }

    /// Nothing was sent or written after all: what is good is pending.
    pub fn nothing_sent(&mut self) {
        self.pending += std::mem::take(&mut self.sent);
    }

    /// Whether every document is in exactly one bucket.
    pub fn balanced(&self) -> bool {
        balanced(self.made, [self.sent, self.rejected, self.filtered, self.pending])
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Documents were sent, all or until something stopped it.
    Delivered {
        /// The profile.
        profile: String,
        /// The address they were sent to.
        url: String,
        /// Running the same command again can send what is pending.
        again: bool,
        /// How many of the documents were accepted by an earlier run.
        earlier: u64,
    },
    /// Documents were written.
    Written {
        /// The file; `-` for stdout.
        path: String,
    },
    /// Documents were only checked.
    Validated {
        /// The address they would be sent to, when a profile says one.
        url: Option<String>,
    },
    /// Nothing was sent or written.
    Nothing {
        /// Why: a clause like "more rows were rejected than `--max-rejects` allows".
        reason: String,
    },
}

fn balanced(total: u64, buckets: [u64; 4]) -> bool {
    buckets.into_iter().try_fold(0, u64::checked_add) == Some(total)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use crate::{
        recording::{
            overview::Overview,
            summary::{DocumentTally, MAX_UNIT_BYTES, MAX_UNITS, Outcome, SourceTally, Summary, Unit, UnitSum},
        },
        text::decimal::Decimal,
    };

    #[test]
    fn every_row_is_in_one_bucket() {
        let cases = [
            ([9, 4, 3, 2, 0], true),
            ([0, 0, 0, 0, 0], true),
            ([9, 9, 1, 0, 0], false),
            ([9, 4, 3, 1, 0], false),
            ([1, u64::MAX, 2, 0, 0], false),
        ];
        for ([rows, sent, rejected, filtered, pending], expected) in cases {
            let source = SourceTally { rows, sent, rejected, filtered, pending, ..SourceTally::default() };
            let documents = DocumentTally { made: rows, sent, rejected, filtered, pending };
            assert_eq!(source.balanced(), expected, "{source:?}");
            let summary = Summary {
                sources: vec![source],
                documents,
                volume: None,
                outcome: Outcome::Validated { url: None },
                recordings: Vec::new(),
                findings: BTreeMap::new(),
                overview: Overview::default(),
                rejects: None,
                elapsed: Duration::ZERO,
            };
            assert_eq!(summary.balanced(), expected);
        }
    }

    #[test]
    fn sums_are_exact() {
        let sum = UnitSum { sent: Decimal::new(10, 2), rejected: Decimal::new(20, 1), ..UnitSum::default() };
        assert_eq!(sum.total().to_string(), "2.10");
        let sum =
            UnitSum { sent: Decimal::new(i128::MAX, 0), rejected: Decimal::new(i128::MAX, 0), ..UnitSum::default() };
        assert_eq!(sum.total().to_string(), "340282366920938463463374607431768211454");
    }

    /// A source with a sum of one for each of these units.
    fn source(units: impl Iterator<Item = String>) -> SourceTally {
        let sum = |(first, unit)| UnitSum {
            by: Unit::Named(unit),
            first,
            sent: Decimal::new(1, 0),
            unreadable: 1,
            ..UnitSum::default()
        };
        SourceTally { sums: (0..).zip(units).map(sum).collect(), ..SourceTally::default() }
    }

    #[test]
    fn sums_of_one_unit_are_added_whatever_recording_they_are_of() {
        let mut tally = source(["a", "b"].map(str::to_owned).into_iter());
        tally.add(source(["", "b", "c", "aa"].map(str::to_owned).into_iter()));
        let mut found: Vec<(&str, String)> =
            tally.sums.iter().map(|sum| (sum.by.name(), sum.sent.to_string())).collect();
        found.sort();
        let expected = [("", "1"), ("a", "1"), ("aa", "1"), ("b", "2"), ("c", "1")];
        assert_eq!(found, expected.map(|(unit, sum)| (unit, sum.to_owned())));
    }

    #[test]
    fn units_that_are_too_many_are_one_sum_with_everything_in_it() {
        let numbered = |from: usize, count: usize| source((from..from + count).map(|number| number.to_string()));
        let long = |letter: &str, count: usize| source((0..count).map(|_| letter.repeat(MAX_UNIT_BYTES / 2)));
        let cases = [
            (numbered(0, MAX_UNITS), numbered(0, MAX_UNITS), false),
            (numbered(0, MAX_UNITS), numbered(MAX_UNITS, 1), true),
            (numbered(0, MAX_UNITS / 2), numbered(7, MAX_UNITS), true),
            (long("a", 1), long("b", 1), false),
            (long("a", 1), source(["b".repeat(MAX_UNIT_BYTES / 2 + 1)].into_iter()), true),
        ];
        for (one, other, is_merged) in cases {
            let all = one.sums.len() + other.sums.len();
            let mut tally = one;
            tally.add(other);
            assert_eq!(tally.sums.iter().any(|sum| sum.by == Unit::TooMany), is_merged);
            let mut total = Decimal::default();
            tally.sums.iter().for_each(|sum| total.add(&sum.sent));
            let unreadable: u64 = tally.sums.iter().map(|sum| sum.unreadable).sum();
            assert_eq!((total.to_string(), unreadable), (all.to_string(), all as u64));
            // What is merged stays so.
            if is_merged {
                tally.add(numbered(0, 3));
                assert_eq!((tally.sums.len(), tally.sums[0].unreadable), (1, all as u64 + 3));
            }
        }
    }
}
