//! Lists of ranges of document indexes: sorted, without overlaps and without adjacent ranges.
//!
//! Every function here preserves that. The length of a list depends on its gaps, not on the number of documents.

use std::ops::Range;

/// Adds a range to a list.
pub fn merge(ranges: &mut Vec<Range<u64>>, range: Range<u64>) {
    let at = ranges.partition_point(|other| other.start < range.start);
    ranges.insert(at, range);
    let mut joined: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
    for range in ranges.drain(..) {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    *ranges = joined;
}

/// The indexes of one list that are not in another.
pub fn subtract(ranges: &[Range<u64>], others: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut left = Vec::new();
    for range in ranges {
        let mut start = range.start;
        let from = others.partition_point(|other| other.end <= start);
        for other in others[from..].iter().take_while(|other| other.start < range.end) {
            if start < other.start {
                left.push(start..other.start);
            }
            start = other.end;
        }
        if start < range.end {
            left.push(start..range.end);
        }
    }
    left
}

/// Whether an index is in one of the ranges.
pub fn contains(ranges: &[Range<u64>], index: u64) -> bool {
    let at = ranges.partition_point(|range| range.end <= index);
    ranges.get(at).is_some_and(|range| range.contains(&index))
}

/// How many indexes a list holds.
pub fn count(ranges: &[Range<u64>]) -> u64 {
    ranges.iter().map(|range| range.end - range.start).sum()
}

#[cfg(test)]
#[expect(clippy::single_range_in_vec_init, reason = "a list of one range is meant")]
mod tests {
    use std::ops::Range;

    use crate::index_ranges::{contains, count, merge, subtract};

    #[test]
    fn ranges_are_merged() {
        let mut ranges = Vec::new();
        for range in [4..6, 0..2, 8..9, 2..4] {
            merge(&mut ranges, range);
        }
        assert_eq!(ranges, [0..6, 8..9]);
        assert_eq!(count(&ranges), 7);
    }

    /// A list, what is taken away, and what is left.
    type Taking<'a> = (&'a [Range<u64>], &'a [Range<u64>], &'a [Range<u64>]);

    #[test]
    fn indexes_of_another_list_are_subtracted() {
        let table: &[Taking<'_>] = &[
            (&[], &[0..9], &[]),
            (&[0..9], &[], &[0..9]),
            (&[0..9], &[0..9], &[]),
            (&[0..9], &[2..4, 6..7], &[0..2, 4..6, 7..9]),
            (&[1..3, 5..9], &[0..2, 6..20], &[2..3, 5..6]),
            (&[5..9], &[0..2, 9..20], &[5..9]),
        ];
        for (ranges, others, left) in table {
            assert_eq!(subtract(ranges, others), *left, "{ranges:?} without {others:?}");
            for index in 0..21 {
                let expected = contains(ranges, index) && !contains(others, index);
                assert_eq!(contains(left, index), expected, "{index}");
            }
        }
    }
}
