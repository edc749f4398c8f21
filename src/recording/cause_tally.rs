//! Findings -> what is behind them, counted as they come, in bounded memory.
//!
//! Counting a finding costs little beside making it: nothing is drawn, and a cause or a shape that is known is found
//! without making a text.

use std::{cmp::Reverse, collections::BTreeMap};

use crate::{
    diagnostic::{Cell, Code, Diagnostic, Place, mask},
    recording::overview::{Cause, Overview, ShapeCount, SimplePlace},
};

/// The most causes that are told apart; findings of more are counted by their code alone.
const MAX_CAUSES: usize = 1_000;
/// The most shapes that are told of each cause.
const MAX_SHAPES: usize = 10;
/// The most characters of a shape; [`mask`](crate::diagnostic::mask) makes no more.
const MAX_SHAPE: usize = 40;

/// What was counted so far.
#[derive(Clone, Debug, Default)]
pub struct CauseTally {
    causes: Vec<CountedCause>,
    /// The numbers of the causes, by their code and the line and column of their rule.
    numbers: BTreeMap<(Code, u64, u64), Vec<usize>>,
}

#[derive(Clone, Debug)]
struct CountedCause {
    cause: Cause,
    shapes: FrequentShapes,
    /// Where the record lies that was counted last.
    last: (u64, String),
}

impl CauseTally {
    /// Counts a finding.
    pub fn count(&mut self, diagnostic: &Diagnostic) {
        let at = self.find_or_add(diagnostic);
        let counted = &mut self.causes[at];
        counted.cause.count += 1;
        let Some(cell) = diagnostic.cell.as_deref() else { return };
        counted.count_record(&cell.place);
        counted.note_place(&cell.place, &diagnostic.message);
        if !cell.column.is_empty() {
            counted.shapes.count(&cell.found);
        }
    }

    /// What was counted, the worst first. `rows` knows how many rows a source has, and `field` the name of the field that the
    /// rule at a line and a column makes.
    #[must_use]
    pub fn overview(
        &self,
        rows: &dyn Fn(&str) -> Option<u64>,
        field: &dyn Fn(&SimplePlace) -> Option<String>,
    ) -> Overview {
        let mut causes: Vec<Cause> = self.causes.iter().map(CountedCause::finish).collect();
        for cause in &mut causes {
            cause.rows = rows(&cause.source).unwrap_or_default();
            cause.field = cause.rule.as_ref().and_then(field).unwrap_or_default();
        }
        // Causes that are as bad stand in the order of the files: that of the findings depends on how a recording is divided.
        let place = |cause: &Cause| (cause.first.is_none(), cause.first.clone());
        let weight = |cause: &Cause| (Reverse(cause.severity), Reverse(cause.count));
        let key = |cause: &Cause| (weight(cause), place(cause), cause.code, cause.rule.clone(), cause.column.clone());
        causes.sort_by_cached_key(key);
        Overview { causes }
    }

    fn find_or_add(&mut self, diagnostic: &Diagnostic) -> usize {
        let (cell, rule) = (diagnostic.cell.as_deref(), diagnostic.rule.as_deref());
        let key = (diagnostic.code, rule.map_or(0, |rule| rule.line), rule.map_or(0, |rule| rule.column));
        let is_same = |cause: &Cause| {
            let (source, column) = cell.map_or(("", ""), |cell| (&cell.source, &cell.column));
            (cause.severity, cause.source.as_str(), cause.column.as_str()) == (diagnostic.severity, source, column)
        };
        let mut known = self.numbers.get(&key).into_iter().flatten();
        if let Some(at) = known.find(|at| is_same(&self.causes[**at].cause)) {
            return *at;
        }
        if self.causes.len() < MAX_CAUSES {
            return self.add(key, new_cause(diagnostic, cell, rule));
        }
        let nothing = (diagnostic.code, u64::MAX, 0);
        let other = self.numbers.get(&nothing).and_then(|numbers| numbers.first().copied());
        other.unwrap_or_else(|| self.add(nothing, new_cause(diagnostic, None, None)))
    }

    fn add(&mut self, key: (Code, u64, u64), cause: Cause) -> usize {
        let at = self.causes.len();
        self.causes.push(CountedCause { cause, shapes: FrequentShapes::default(), last: (0, String::new()) });
        self.numbers.entry(key).or_default().push(at);
        at
    }
}

fn new_cause(diagnostic: &Diagnostic, cell: Option<&Cell>, rule: Option<&Place>) -> Cause {
    Cause {
        code: diagnostic.code,
        severity: diagnostic.severity,
        source: cell.map_or_else(String::new, |cell| cell.source.clone()),
        column: cell.map_or_else(String::new, |cell| cell.column.clone()),
        rule: rule.map(SimplePlace::from),
        field: String::new(),
        message: diagnostic.message.clone(),
        count: 0,
        records: 0,
        rows: 0,
        first: None,
        shapes: Vec::new(),
        other: 0,
    }
}

impl CountedCause {
    fn count_record(&mut self, place: &Place) {
        let is_last = self.last.0 == place.line && place.line > 0 && self.last.1 == place.path;
        if is_last {
            return;
        }
        self.cause.records += 1;
        self.last.0 = place.line;
        if self.last.1 != place.path {
            self.last.1.clone_from(&place.path);
        }
    }

    /// Keeps the first place, and what is said of it.
    fn note_place(&mut self, place: &Place, message: &str) {
        let at = (place.path.as_str(), place.line, place.column);
        let is_first =
            self.cause.first.as_ref().is_none_or(|first| at < (first.path.as_str(), first.line, first.column));
        if is_first {
            self.cause.first = Some(place.into());
            message.clone_into(&mut self.cause.message);
        }
    }

    fn finish(&self) -> Cause {
        let shapes = self.shapes.most_frequent();
        let told: u64 = shapes.iter().map(|shape| shape.count).sum();
        Cause { other: self.cause.count.saturating_sub(told), shapes, ..self.cause.clone() }
    }
}

/// How many shapes are counted at once, so that the frequent ones are among them whenever they come.
const MAX_COUNTED: usize = 64;

/// The frequent ones among very many shapes: where there are more than can be counted at once, a new one takes the place of
/// the rarest, with the count of that one as its error (Metwally, Agrawal and El Abbadi, "space saving").
#[derive(Clone, Debug, Default)]
struct FrequentShapes {
    shapes: Vec<CountedShape>,
    numbers: BTreeMap<String, usize>,
    last: usize,
    /// Values that may be shown are counted by their shapes, because there are too many, and none is behind most findings.
    is_masked: bool,
}

#[derive(Clone, Debug)]
struct CountedShape {
    shape: String,
    count: u64,
    /// How much of the count may be that of other shapes.
    error: u64,
}

impl FrequentShapes {
    /// Counts what messages show of a cell.
    fn count(&mut self, shown: &str) {
        if self.is_masked {
            return self.count_shape(&mask(shown));
        }
        let is_new = self.shapes.len() == MAX_COUNTED && !self.numbers.contains_key(shown);
        if is_new && self.is_scattered() {
            self.mask_all();
            return self.count_shape(&mask(shown));
        }
        self.count_shape(shown);
    }

    /// Whether no value is behind half of the findings.
    fn is_scattered(&self) -> bool {
        let most = self.shapes.iter().map(|shape| shape.count).max().unwrap_or_default();
        most * 2 < self.shapes.iter().map(|shape| shape.count).sum()
    }

    /// Goes on with the shapes of the values.
    fn mask_all(&mut self) {
        let values = std::mem::take(self);
        self.is_masked = true;
        for CountedShape { shape, count, error } in values.shapes {
            self.count_shape(&mask(&shape));
            let counted = &mut self.shapes[self.last];
            counted.count += count - 1;
            counted.error += error;
        }
    }

    fn count_shape(&mut self, shape: &str) {
        // A column often has one bad shape only.
        if let Some(last) = self.shapes.get_mut(self.last).filter(|last| last.shape == shape) {
            last.count += 1;
            return;
        }
        if let Some(at) = self.numbers.get(shape) {
            self.shapes[*at].count += 1;
            self.last = *at;
            return;
        }
        let new = CountedShape { shape: shape.to_owned(), count: 1, error: 0 };
        if self.shapes.len() < MAX_COUNTED {
            self.last = self.shapes.len();
            self.shapes.push(new);
        } else {
            let rarest = self.shapes.iter().enumerate().min_by_key(|(_, shape)| shape.count);
            let Some((at, rarest)) = rarest.map(|(at, rarest)| (at, rarest.count)) else { return };
            self.numbers.remove(&self.shapes[at].shape);
            self.shapes[at] = CountedShape { count: rarest + 1, error: rarest, ..new };
            self.last = at;
        }
        self.numbers.insert(shape.to_owned(), self.last);
    }

    /// The most frequent, each with the count it has at least.
    fn most_frequent(&self) -> Vec<ShapeCount> {
        let sure = |shape: &CountedShape| shape.count - shape.error;
        let mut shapes: Vec<&CountedShape> = self.shapes.iter().collect();
        shapes.sort_by(|one, other| sure(other).cmp(&sure(one)).then_with(|| one.shape.cmp(&other.shape)));
        // One that was met once among very many says nothing.
        let is_telling = |shape: &&CountedShape| shape.error == 0 || sure(shape) > 1;
        shapes.retain(is_telling);
        shapes.truncate(MAX_SHAPES);
        let told = |shape: &CountedShape| ShapeCount {
            shape: shorten(&shape.shape),
            count: sure(shape),
            is_at_least: shape.error > 0,
        };
        shapes.into_iter().map(told).collect()
    }
}

/// A shape that `--unmask` made long, cut as masks are.
fn shorten(shape: &str) -> String {
    match shape.char_indices().nth(MAX_SHAPE + 1) {
        Some(_) => shape.chars().take(MAX_SHAPE).chain(['…']).collect(),
        None => shape.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        diagnostic::{Cell, Code, Diagnostic, Place, Severity},
        recording::cause_tally::{CauseTally, FrequentShapes, MAX_CAUSES, MAX_COUNTED},
    };

    fn finding(code: Code, source: &str, column: &str, found: &str, line: u64) -> Diagnostic {
        let place = Place { line, column: 3, ..Place::file("a.csv") };
        let (source, column, found) = (source.into(), column.into(), found.into());
        Diagnostic::new(code, "expected something else").cell(Cell { place, source, column, found, is_masked: false })
    }

    #[test]
    fn many_values_are_told_by_their_shapes_unless_one_is_behind_most() {
        let tell = |values: &mut dyn Iterator<Item = String>| {
            let mut shapes = FrequentShapes::default();
            values.for_each(|value| shapes.count(&value));
            let told = |shape: super::ShapeCount| format!("{} {}", shape.shape, shape.count);
            shapes.most_frequent().into_iter().map(told).collect::<Vec<_>>()
        };
        assert_eq!(tell(&mut (100..300).map(|value| format!("{value},5"))), ["###,# 200"]);
        assert_eq!(tell(&mut (0..60).map(|value| format!("{},5", value % 2))), ["0,5 30", "1,5 30"]);
        let one = |value: u64| if value.is_multiple_of(4) { value.to_string() } else { "12,50".into() };
        assert_eq!(tell(&mut (0..1_000).map(one))[0], "12,50 750");
    }

    #[test]
    fn the_worst_is_first_and_every_finding_is_in_one_cause() {
        let mut tally = CauseTally::default();
        tally.count(&Diagnostic::new(Code::ReadNoLineEnd, "no line end").severity(Severity::Warning));
        tally.count(&finding(Code::CheckRange, "purchases", "quantity", "0", 9));
        for line in [7, 3, 3, 4] {
            tally.count(&finding(Code::TransformNotADecimal, "purchases", "price", "12,50", line));
        }
        tally.count(&finding(Code::TransformNotADecimal, "purchases", "price", "", 5));
        let rows = |source: &str| (source == "purchases").then_some(100);
        let overview = tally.overview(&rows, &|_| None);
        let shown: Vec<String> = overview
            .causes
            .iter()
            .map(|cause| {
                let shapes: Vec<String> =
                    cause.shapes.iter().map(|shape| format!("{}×{}", shape.shape, shape.count)).collect();
                let first = cause.first.as_ref().map_or_else(String::new, ToString::to_string);
                let share = cause.share().unwrap_or_default();
                format!("{} {} {} {share} {first} {}", cause.code, cause.column, cause.count, shapes.join(" "))
            })
            .collect();
        let expected = [
            "transform/not-a-decimal price 5 400 a.csv:3:3 12,50×4 ×1",
            "check/range quantity 1 100 a.csv:9:3 0×1",
            "read/no-line-end  1 0  ",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn frequent_shapes_are_found_among_very_many_and_never_counted_too_often() {
        let mut shapes = FrequentShapes::default();
        for number in 0..10_000 {
            shapes.count_shape(&format!("{number}"));
            if number % 3 == 0 {
                shapes.count_shape("12,50");
            }
        }
        assert!(shapes.shapes.len() == MAX_COUNTED && shapes.numbers.len() == MAX_COUNTED);
        let found = shapes.most_frequent();
        assert_eq!(found[0].shape, "12,50");
        assert!((3_000..=3_334).contains(&found[0].count), "{found:?}");
        assert!(found[1..].iter().all(|shape| shape.count <= 1 || shape.is_at_least), "{found:?}");
    }

    #[test]
    fn causes_are_bounded() {
        let mut tally = CauseTally::default();
        for number in 0..(2 * MAX_CAUSES) {
            tally.count(&finding(Code::CheckRange, "purchases", &number.to_string(), "0", 3));
        }
        let overview = tally.overview(&|_| None, &|_| None);
        assert_eq!(overview.causes.len(), MAX_CAUSES + 1);
        assert_eq!(overview.causes.iter().map(|cause| cause.count).sum::<u64>(), 2 * MAX_CAUSES as u64);
        assert_eq!((overview.causes[0].count, overview.causes[0].column.as_str()), (MAX_CAUSES as u64, ""));
    }
}
