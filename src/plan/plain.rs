//! What nearly all fields are: one cell, copied or translated, with rules that are told by a look at its bytes.
//!
//! A plain field is written without a call and without a second look. Whatever is not that plain after all, an empty cell or
//! a text with something to escape, is left to the writer that knows everything.

#![expect(clippy::inline_always, reason = "a call for each cell costs more than all that is done with it")]

use crate::{
    pen::Pen,
    plan::{
        Codes, FEW, Input, Leaf, ObjectPlan, Quick, ValuePlan,
        kind::{Kind, Shape},
    },
    record::Row,
    snippet::{LANE, Padded, Snippet, digits, escaped},
};

/// What is written at once: a name, quotes, a value, and what is copied beyond it.
const WINDOW: usize = 6 * LANE;
/// Names and values are shorter than this.
const SHORT: usize = 2 * LANE;

/// A field that is one cell.
#[derive(Debug)]
pub struct Plain {
    column: usize,
    how: How,
    /// A number has to be 1 at least.
    positive: bool,
    /// The most bytes a text may have, as long as nobody counts its characters.
    most: usize,
    /// There are more rules to check.
    more: bool,
}

#[derive(Debug)]
enum How {
    Text,
    Integer,
    Decimal(u8),
    Day(Shape),
    Boolean,
    Codes,
}

impl Plain {
    /// What is plain about a leaf whose field has this prefix.
    fn of(leaf: &Leaf, prefix: &Padded) -> Option<Plain> {
        let Input::Column(column) = leaf.input else { return None };
        let how = match (&leaf.codes, &leaf.kind) {
            (Some(codes), _) => (codes.values.len() <= FEW).then_some(How::Codes),
            (None, Kind::Text | Kind::Code) => Some(How::Text),
            (None, Kind::Integer(_)) => Some(How::Integer),
            (None, Kind::Decimal(digits)) => Some(How::Decimal(digits.mark)),
            (None, Kind::Date(notation)) => notation.shape().map(How::Day),
            (None, Kind::Boolean { .. }) => Some(How::Boolean),
            (None, Kind::Datetime { .. }) => None,
        }?;
        let mut plain = Plain { column, how, positive: false, most: SHORT, more: false };
        let is_number = matches!(plain.how, How::Integer | How::Decimal(_));
        for quick in &leaf.checks.quick {
            match quick {
                Quick::MinLength(0 | 1) if matches!(plain.how, How::Text | How::Day(_)) => {}
                Quick::MaxLength(most) if matches!(plain.how, How::Text) => {
                    plain.most = plain.most.min(usize::try_from(*most).ok()?);
                }
                Quick::AtLeast(..=0) if is_number => {}
                Quick::AtLeast(1) if is_number => plain.positive = true,
                Quick::Whole if matches!(plain.how, How::Integer) => {}
                _ => plain.more = true,
            }
        }
        (leaf.checks.covered && prefix.len() < SHORT).then_some(plain)
    }

    /// Writes the field; `false`: it is not that plain, and nothing was written.
    #[inline(always)]
    pub fn write(&self, prefix: &Padded, first: bool, value: &ValuePlan, row: Row<'_>, out: &mut Pen) -> bool {
        self.tried(prefix, first, value, row, out).is_some()
    }

    #[inline(always)]
    fn tried(&self, prefix: &Padded, first: bool, value: &ValuePlan, row: Row<'_>, out: &mut Pen) -> Option<()> {
        let dialect = &row.table.dialect;
        let outer = row.outer(self.column)?;
        let ahead: &[u8; SHORT + 1] = row.table.text[outer.start..].first_chunk()?;
        let quoted = dialect.quote == Some(ahead[0]);
        let len = outer.len() - 2 * usize::from(quoted);
        if len == 0 || len >= SHORT || quoted && ahead[0] != b'"' {
            return None;
        }
        let cell = Cell { lanes: ahead[usize::from(quoted)..].first_chunk()?, len: len % SHORT, quoted };
        if !dialect.plain_nulls && dialect.is_null(cell.text()) {
            return None;
        }
        let room: &mut [u8; WINDOW] = out.room(WINDOW).first_chunk_mut()?;
        room[..SHORT].copy_from_slice(prefix.lanes(usize::from(first))?);
        // A name is short; the processor is told so that it need not look again.
        let at = (prefix.len() - usize::from(first)) % SHORT;
        let json = &mut room[at..];
        let written = match &self.how {
            How::Text => self.text(cell, json),
            How::Integer => self.number(cell, None, json),
            How::Decimal(mark) => self.number(cell, Some(*mark), json),
            How::Day(shape) => cell.day(shape, json),
            How::Boolean => cell.boolean(leaf(value)?, json),
            How::Codes => cell.translated(leaf(value)?, json),
        }?;
        if self.more && !leaf(value)?.checks.quick.iter().all(|quick| quick.accepts(&json[..written])) {
            return None;
        }
        out.advance(at + written);
        Some(())
    }

    #[inline(always)]
    fn text(&self, cell: Cell<'_>, json: &mut [u8]) -> Option<usize> {
        if cell.has_escapes() || cell.len > self.most {
            return None;
        }
        json[0] = b'"';
        json[1..=SHORT].copy_from_slice(cell.lanes);
        json[1 + cell.len] = b'"';
        Some(cell.len + 2)
    }

    #[inline(always)]
    fn number(&self, cell: Cell<'_>, mark: Option<u8>, json: &mut [u8]) -> Option<usize> {
        let lane: &[u8; LANE] = cell.lanes.first_chunk()?;
        let (digits, marks) = digits(lane, mark.unwrap_or(b'0'));
        let (len, bits) = (cell.len, cell.bits());
        let marks = if mark.is_some() { marks & bits } else { 0 };
        let whole = (marks | 1 << len).trailing_zeros() as usize;
        let leading_zero = lane[0] == b'0' && (whole > 1 || self.positive);
        let one_mark = marks & marks.wrapping_sub(1) == 0;
        if (digits | marks) & bits != bits || !one_mark || len > LANE || leading_zero || whole == 0 || whole + 1 == len
        {
            return None;
        }
        json[..LANE].copy_from_slice(lane);
        if whole < len {
            json[whole] = b'.';
        }
        Some(len)
    }
}

/// A short cell and what stands behind it.
#[derive(Clone, Copy)]
struct Cell<'a> {
    lanes: &'a [u8; SHORT],
    len: usize,
    quoted: bool,
}

impl<'a> Cell<'a> {
    #[inline(always)]
    fn text(self) -> &'a [u8] {
        &self.lanes[..self.len]
    }

    #[inline(always)]
    fn bits(self) -> u32 {
        (1 << self.len) - 1
    }

    #[inline(always)]
    fn has_escapes(self) -> bool {
        escaped(self.lanes) & self.bits() != 0
    }

    #[inline(always)]
    fn day(self, shape: &Shape, json: &mut [u8]) -> Option<usize> {
        let day = shape.iso(self.text())?;
        json[0] = b'"';
        json[1..11].copy_from_slice(&day);
        json[11] = b'"';
        Some(12)
    }

    fn boolean(self, leaf: &Leaf, json: &mut [u8]) -> Option<usize> {
        let Kind::Boolean { yes, no } = &leaf.kind else { return None };
        let is_one_of = |words: &[Vec<u8>]| words.iter().any(|word| word == self.text());
        let word: &[u8] = match (is_one_of(yes), is_one_of(no)) {
            _ if self.quoted && self.has_escapes() => return None,
            (true, _) => b"true",
            (_, true) => b"false",
            _ => return None,
        };
        json[..word.len()].copy_from_slice(word);
        Some(word.len())
    }

    #[inline(always)]
    fn translated(self, leaf: &Leaf, json: &mut [u8]) -> Option<usize> {
        if self.quoted && self.has_escapes() {
            return None;
        }
        let word = Snippet::within(self.lanes, 0, self.len).packed()?;
        let translation = leaf.codes.as_ref()?.json(word).filter(|json| json.len() < SHORT)?;
        json[..SHORT].copy_from_slice(translation.lanes(0)?);
        Some(translation.len())
    }
}

fn leaf(value: &ValuePlan) -> Option<&Leaf> {
    if let ValuePlan::Leaf(leaf) = value { Some(leaf) } else { None }
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
        for field in &mut self.fields {
            field.plain = if let ValuePlan::Leaf(leaf) = &field.value { Plain::of(leaf, &field.prefix) } else { None };
            field.value.find_plain();
        }
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
