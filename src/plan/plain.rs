//! What nearly all fields are: one cell, copied or translated, with rules that are told by a look at its bytes.
//!
//! A plain field is written without a call and without a second look. Whatever is not that plain after all, an empty cell or
//! a text with something to escape, is left to the writer that knows everything.

#![expect(clippy::inline_always, reason = "a call for each cell costs more than all that is done with it")]

use std::mem::take;

use crate::{
    dialect::Dialect,
    pen::Pen,
    plan::{
        Codes, FEW, FieldPlan, Input, Leaf, ObjectPlan, Quick, ValuePlan,
        kind::{DAY, Kind, Shape, is_iso_day},
    },
    record::{Row, distance},
    snippet::{LANE, Padded, Snippet, digits, escaped, escaped_in},
};

/// Names and most cells are shorter than this.
const SHORT: usize = 2 * LANE;
/// Texts are shorter than this.
const LONG: usize = 2 * SHORT;
/// The room for a field: its name, its value, and what is copied beyond them.
const WINDOW: usize = 2 * LONG;

/// A field that is one cell, or that is not plain.
#[derive(Debug)]
pub struct Plain {
    /// `,"name":`, and of a text the quote that opens it.
    name: [u8; SHORT],
    named: usize,
    /// Its column, as the plan numbers it.
    pub column: usize,
    how: How,
    /// The decimal mark; of a whole number, a byte that no text holds.
    mark: u8,
    /// A number has to be 1 at least.
    positive: bool,
    /// The most bytes a text may have, as long as nobody counts its characters.
    most: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Text,
    Number,
    /// A day as JSON writes it.
    Day,
    /// With more rules to check, or another kind of value.
    Other,
    /// Not at all.
    Not,
}

/// Writes the fields of an object from `first` on, as long as they are plain; gives how many.
///
/// All that nearly every field needs is in this one loop, and all else behind a call: there are not more registers.
#[inline(never)]
pub fn write(object: &ObjectPlan, first: usize, row: &Row<'_>, out: &mut Pen) -> usize {
    let plain = object.plain.get(first..).unwrap_or_default();
    let Dialect { quote, plain_nulls, .. } = row.table.dialect;
    // Where there are no quotes, no cell begins with this.
    let quote = quote.unwrap_or(b'\n');
    if !row.is_plain() || !matches!(quote, b'"' | b'\n') {
        return 0;
    }
    let (text, begins, bind) = (row.ahead(), row.begins(), &*row.table.bind);
    let mut rest = out.room(plain.len() * WINDOW);
    let (all, mut number) = (rest.len(), first);
    for plain in plain {
        let Some(room) = rest.first_chunk_mut::<WINDOW>() else { break };
        let column = bind[plain.column];
        let (begin, end) = (distance(begins[column]), distance(begins[column + 1]));
        let Some(ahead) = text.get(begin..begin + SHORT + 1) else { break };
        let quoted = usize::from(ahead[0] == quote);
        let Some(lanes) = ahead[quoted..].first_chunk() else { break };
        let cell = Cell { lanes, len: end.wrapping_sub(begin + 1 + 2 * quoted) };
        room[..SHORT].copy_from_slice(&plain.name);
        // A name is short; the processor is told so that it need not look again.
        let at = plain.named % SHORT;
        let json = &mut room[at..];
        let written = match plain.how {
            How::Not => None,
            _ if cell.len.wrapping_sub(1) >= SHORT - 1 || !plain_nulls => plain.other(row, object, number, room),
            How::Text => plain.text(cell, json),
            How::Number => plain.number(cell, json),
            How::Day => cell.day(json),
            How::Other => plain.other(row, object, number, room),
        };
        let Some(written) = written else { break };
        rest = &mut take(&mut rest)[at + written..];
        number += 1;
    }
    let left = rest.len();
    out.advance(all - left);
    number - first
}

impl Plain {
    /// What is plain about a field.
    fn of(field: &FieldPlan) -> Plain {
        let not = Plain { name: [0; SHORT], named: 0, column: 0, how: How::Not, mark: 0, positive: false, most: 0 };
        let plain = if let ValuePlan::Leaf(leaf) = &field.value { Plain::of_leaf(leaf, &field.prefix) } else { None };
        plain.unwrap_or(not)
    }

    /// What is plain about a leaf whose field has this prefix.
    fn of_leaf(leaf: &Leaf, prefix: &Padded) -> Option<Plain> {
        let Input::Column(column) = leaf.input else { return None };
        let (mut how, mark) = match (&leaf.codes, &leaf.kind) {
            (Some(codes), _) => (codes.values.len() <= FEW).then_some((How::Other, 0)),
            (None, Kind::Text | Kind::Code) => Some((How::Text, 0)),
            (None, Kind::Integer(_)) => Some((How::Number, 0xFF)),
            (None, Kind::Decimal(digits)) => Some((How::Number, digits.mark)),
            (None, Kind::Date(notation)) => {
                notation.shape().map(|shape| (if shape == Shape::default() { How::Day } else { How::Other }, 0))
            }
            (None, Kind::Boolean { .. }) => Some((How::Other, 0)),
            (None, Kind::Datetime { .. }) => None,
        }?;
        let is_text = leaf.codes.is_none() && leaf.kind.is_text();
        let quote: &[u8] = if is_text { b"\"" } else { b"" };
        let named = prefix.len() + quote.len();
        let mut name = [0; SHORT];
        name.get_mut(..prefix.len())?.copy_from_slice(prefix.whole().bytes());
        name.get_mut(prefix.len()..named)?.copy_from_slice(quote);
        let (mut positive, mut most) = (false, LONG);
        for quick in &leaf.checks.quick {
            match quick {
                Quick::MinLength(0 | 1) if is_text => {}
                Quick::MaxLength(least) if how == How::Text => most = most.min(usize::try_from(*least).ok()?),
                Quick::AtLeast(..=0) if how == How::Number => {}
                Quick::AtLeast(1) if how == How::Number => positive = true,
                Quick::Whole if mark == 0xFF => {}
                _ => how = How::Other,
            }
        }
        (leaf.checks.covered && named < SHORT).then_some(Plain { name, named, column, how, mark, positive, most })
    }

    #[inline(always)]
    fn text(&self, cell: Cell<'_>, json: &mut [u8]) -> Option<usize> {
        let first = cell.lanes.first_chunk::<LANE>()?;
        // Most texts are shorter still.
        let escaped = if cell.len <= LANE {
            json[..LANE].copy_from_slice(first);
            escaped_in(first) & cell.bits()
        } else {
            json[..SHORT].copy_from_slice(cell.lanes);
            escaped(cell.lanes) & cell.bits()
        };
        json[cell.len % SHORT] = b'"';
        (escaped == 0 && cell.len <= self.most).then_some(cell.len + 1)
    }

    #[inline(always)]
    fn number(&self, cell: Cell<'_>, json: &mut [u8]) -> Option<usize> {
        let lane: &[u8; LANE] = cell.lanes.first_chunk()?;
        let (digits, marks) = digits(lane, self.mark);
        let (len, bits) = (cell.len, cell.bits());
        let marks = marks & bits;
        let whole = (marks | 1 << (len % SHORT)).trailing_zeros() as usize;
        let leading_zero = lane[0] == b'0' && (whole > 1 || self.positive);
        let one_mark = marks & marks.wrapping_sub(1) == 0;
        if (digits | marks) & bits != bits || !one_mark || len > LANE || leading_zero || whole == 0 || whole + 1 == len
        {
            return None;
        }
        json[..LANE].copy_from_slice(lane);
        if self.mark != b'.' && whole < len {
            json[whole % SHORT] = b'.';
        }
        Some(len)
    }

    /// Writes what is not like nearly all fields; gives how many bytes the value takes in the room behind the name.
    #[inline(never)]
    fn other(&self, row: &Row<'_>, object: &ObjectPlan, number: usize, room: &mut [u8; WINDOW]) -> Option<usize> {
        let ValuePlan::Leaf(leaf) = &object.fields.get(number)?.value else { return None };
        let (dialect, outer) = (&row.table.dialect, row.outer(self.column)?);
        let quoted = row.table.text.get(outer.start).copied() == dialect.quote;
        let len = outer.len().checked_sub(2 * usize::from(quoted))?;
        let start = outer.start + usize::from(quoted);
        let text = Snippet::within(&row.table.text, start, start + len);
        if text.is_empty() || len >= LONG || !dialect.plain_nulls && dialect.is_null(text.bytes()) {
            return None;
        }
        let json = room.get_mut(self.named..)?;
        let plain = |json: &mut [u8]| text.copy_plain(json);
        let written = match (&leaf.codes, &leaf.kind) {
            (Some(codes), _) => {
                plain(json).then_some(())?;
                let translation = codes.json(text.packed()?).filter(|json| json.len() < SHORT)?;
                json[..SHORT].copy_from_slice(translation.lanes()?);
                translation.len()
            }
            (None, Kind::Text | Kind::Code) if len <= self.most && plain(json) => {
                json[len] = b'"';
                len + 1
            }
            (None, Kind::Integer(_) | Kind::Decimal(_)) if len < SHORT => {
                let lanes = row.table.text.get(start..)?.first_chunk()?;
                self.number(Cell { lanes, len }, json)?
            }
            (None, Kind::Date(notation)) => {
                json[..LANE].copy_from_slice(&notation.shape()?.iso(&text.lane(0), len)?);
                json[DAY] = b'"';
                DAY + 1
            }
            (None, Kind::Boolean { yes, no }) if plain(json) => {
                let is_one_of = |words: &[Vec<u8>]| words.iter().any(|word| word == text.bytes());
                let word: &[u8] = match (is_one_of(yes), is_one_of(no)) {
                    (true, _) => b"true",
                    (_, true) => b"false",
                    _ => return None,
                };
                json[..word.len()].copy_from_slice(word);
                word.len()
            }
            _ => return None,
        };
        // The rules look at all of the value: a text begins with the quote that stands behind the name.
        let is_text = leaf.codes.is_none() && leaf.kind.is_text();
        let json = room.get(self.named.checked_sub(usize::from(is_text))?..self.named + written)?;
        leaf.checks.quick.iter().all(|quick| quick.accepts(json)).then_some(written)
    }
}

/// A short cell and what stands behind it.
#[derive(Clone, Copy)]
struct Cell<'a> {
    lanes: &'a [u8; SHORT],
    len: usize,
}

impl Cell<'_> {
    #[inline(always)]
    fn bits(self) -> u32 {
        (1 << (self.len % SHORT)) - 1
    }

    #[inline(always)]
    fn day(self, json: &mut [u8]) -> Option<usize> {
        let lane = self.lanes.first_chunk()?;
        if self.len != DAY || !is_iso_day(lane) {
            return None;
        }
        json[..LANE].copy_from_slice(lane);
        json[DAY] = b'"';
        Some(DAY + 1)
    }
}

impl Codes {
    /// The JSON text of a short code, packed.
    #[inline]
    fn json(&self, word: u64) -> Option<&Padded> {
        let at = self.words.iter().position(|known| *known == Some(word))?;
        Some(&self.values[at].1)
    }
}

impl ObjectPlan {
    /// Notes which fields are plain, once it is known what is left to check of them.
    pub fn find_plain(&mut self) {
        self.plain = self.fields.iter().map(Plain::of).collect();
        self.fields.iter_mut().for_each(|field| field.value.find_plain());
    }
}

impl ValuePlan {
    fn find_plain(&mut self) {
        match self {
            ValuePlan::Const(_) | ValuePlan::Leaf(_) => {}
            ValuePlan::Object(object) => object.find_plain(),
            ValuePlan::Many(many) => many.item.find_plain(),
            ValuePlan::One(one) => one.value.find_plain(),
        }
    }
}
