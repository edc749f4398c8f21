//! What nearly all fields are: one cell, copied or translated, with rules that are told by a look at its bytes.
//!
//! A plain field is written without a call and without a second look. Whatever is not that plain after all, an empty cell or
//! a text with something to escape, is left to the writer that knows everything.

use crate::{
    pen::Pen,
    plan::{
        Codes, FEW, Input, Leaf, ObjectPlan, Quick, ValuePlan,
        kind::{Kind, is_iso_day},
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
    Day,
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
            (None, Kind::Date(notation)) => notation.is_iso().then_some(How::Day),
            (None, _) => None,
        }?;
        let mut plain = Plain { column, how, positive: false, most: SHORT, more: false };
        let is_number = matches!(plain.how, How::Integer | How::Decimal(_));
        for quick in &leaf.checks.quick {
            match quick {
                Quick::MinLength(0 | 1) if matches!(plain.how, How::Text | How::Day) => {}
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
        let (text, dialect) = (&row.table.text, &row.table.dialect);
        let mut cell = row.outer(self.column)?;
        let ahead: &[u8; SHORT + 1] = text[cell.start..].first_chunk()?;
        let quoted = dialect.quote == Some(ahead[0]);
        if quoted {
            cell = cell.start + 1..cell.end - 1;
        }
        let lanes: &[u8; SHORT] = ahead[usize::from(quoted)..].first_chunk()?;
        let len = cell.len();
        let is_null = len == 0 || !dialect.plain_nulls && dialect.is_null(lanes.get(..len)?);
        if is_null || len >= SHORT || quoted && ahead[0] != b'"' {
            return None;
        }
        let room: &mut [u8; WINDOW] = out.room(WINDOW).first_chunk_mut()?;
        room[..SHORT].copy_from_slice(prefix.lanes(usize::from(first))?);
        // Both are short; the processor is told so that it need not look again.
        let (at, len) = ((prefix.len() - usize::from(first)) % SHORT, len % SHORT);
        let bits = (1 << len) - 1;
        let written = match self.how {
            How::Text => {
                if escaped(lanes) & bits != 0 || len > self.most {
                    return None;
                }
                room[at] = b'"';
                room[at + 1..at + 1 + SHORT].copy_from_slice(lanes);
                room[at + 1 + len] = b'"';
                len + 2
            }
            How::Integer | How::Decimal(_) => {
                let lane: &[u8; LANE] = lanes.first_chunk()?;
                let mark = if let How::Decimal(mark) = self.how { mark } else { b'0' };
                let (digits, marks) = digits(lane, mark);
                let marks = if matches!(self.how, How::Decimal(_)) { marks & bits } else { 0 };
                let whole = marks | 1 << len;
                let whole = whole.trailing_zeros() as usize;
                let leading_zero = lane[0] == b'0' && (whole > 1 || self.positive);
                let good = (digits | marks) & bits == bits && marks & marks.wrapping_sub(1) == 0;
                if !good || len > LANE || leading_zero || whole == 0 || whole + 1 == len {
                    return None;
                }
                room[at..at + LANE].copy_from_slice(lane);
                if whole < len {
                    room[(at + whole) % WINDOW] = b'.';
                }
                len
            }
            How::Day => {
                if !is_iso_day(lanes.get(..len)?) {
                    return None;
                }
                room[at] = b'"';
                room[at + 1..at + 1 + LANE].copy_from_slice(&lanes[..LANE]);
                room[at + 1 + len] = b'"';
                len + 2
            }
            How::Codes => {
                if quoted && escaped(lanes) & bits != 0 {
                    return None;
                }
                let word = Snippet::within(lanes, 0, len).packed()?;
                let json = leaf(value)?.codes.as_ref()?.json(word)?;
                if json.len() >= SHORT {
                    return None;
                }
                room[at..at + SHORT].copy_from_slice(json.lanes(0)?);
                json.len()
            }
        };
        if self.more && !leaf(value)?.checks.quick.iter().all(|quick| quick.accepts(&room[at..at + written])) {
            return None;
        }
        out.advance(at + written);
        Some(())
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
    pub(super) fn find_plain(&mut self) {
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
