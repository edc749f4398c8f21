//! What nearly all fields are: one cell, copied or translated, with rules that are told by a look at its bytes.
//!
//! A plain field is written without a call and without a second look. Whatever is not that plain after all, an empty cell or
//! a text with something to escape, is left to the writer that knows everything.

#![expect(clippy::inline_always, reason = "a call for each cell costs more than all that is done with it")]

use std::num::NonZero;

use crate::{
    plan::{
        How, LONG, ObjectPlan, Plain, SHORT, ValuePlan,
        conversion::Conversion,
        date_format::{DAY, is_iso_day},
    },
    table::{
        Table,
        dialect::Dialect,
        row::{AHEAD, Cells, Row},
    },
    text::{
        buffer::OutputBuffer,
        lanes::{ByteLanes, LANES, find_escaped, find_escaped_in_both},
        number::{is_short_whole, parse_short},
    },
};

/// The room for a value, and what is copied beyond it.
const ROOM: usize = LONG + SHORT;
/// The room for a field: its name and its value.
const WINDOW: usize = SHORT + ROOM;
/// Fields are written as long as fewer bytes are.
const MOST: usize = 4 << 10;
/// The room for the fields of an object, and what stands behind them.
const SHEET: usize = MOST + 2 * WINDOW;

/// The room for the fields of an object. Its size is known, so that no place in it has to be looked for.
type Sheet = [u8; SHEET];

/// How many bytes were written. `None`: it is not that plain.
type Written = Option<NonZero<usize>>;

/// Writes the fields of an object from `first` on, as long as they are plain; gives how many.
pub(super) fn write(object: &ObjectPlan, first: usize, row: &Row<'_>, out: &mut OutputBuffer) -> usize {
    let (Some(habits), true) = (Habits::of(row.table), first < object.plain.len()) else { return 0 };
    if row.table.is_narrow {
        row.narrow().map_or(0, |cells| some(object, first, habits, (row, cells), out))
    } else {
        row.wide().map_or(0, |cells| some(object, first, habits, (row, cells), out))
    }
}

#[inline(never)]
fn some<'a>(
    object: &ObjectPlan,
    first: usize,
    habits: Habits<'_>,
    (row, cells): (&Row<'a>, impl Cells<'a>),
    out: &mut OutputBuffer,
) -> usize {
    let Some(sheet) = out.reserve(SHEET).first_chunk_mut() else { return 0 };
    let (count, bytes) = fields(object, first, habits, (row, cells), sheet);
    out.advance(bytes);
    count
}

/// Writes the items of a list, a comma behind each, as long as all of their fields are plain; gives how many.
pub(super) fn items(
    object: &ObjectPlan,
    table: &Table,
    rows: impl Iterator<Item = u32>,
    out: &mut OutputBuffer,
) -> usize {
    let Some(habits) = Habits::of(table) else { return 0 };
    // One field that never is plain would be found anew in each item.
    if object.plain.iter().any(|plain| plain.how == How::Not) {
        return 0;
    }
    let rows = rows.map(|row| table.row(row));
    if table.is_narrow {
        all(object, habits, rows.map_while(|row| Some((row, row.narrow()?))), out)
    } else {
        all(object, habits, rows.map_while(|row| Some((row, row.wide()?))), out)
    }
}

#[inline(never)]
fn all<'a, C: Cells<'a>>(
    object: &ObjectPlan,
    habits: Habits<'_>,
    rows: impl Iterator<Item = (Row<'a>, C)>,
    out: &mut OutputBuffer,
) -> usize {
    let end = b"},";
    let mut written = 0;
    for (row, cells) in rows {
        let Some(sheet) = out.reserve(SHEET).first_chunk_mut::<SHEET>() else { break };
        let (count, bytes) = fields(object, 0, habits, (&row, cells), sheet);
        if count == 0 || count < object.plain.len() {
            break;
        }
        // The comma in front of the first field becomes the brace.
        sheet[0] = b'{';
        sheet[bytes..bytes + end.len()].copy_from_slice(end);
        out.advance(bytes + end.len());
        written += 1;
    }
    written
}

/// What is the same for all cells of a table.
#[derive(Clone, Copy)]
struct Habits<'a> {
    /// For each column of the plan, which column of the file it is.
    bind: &'a [usize],
    quote: u8,
    /// Cells of more bytes, and empty ones, are looked at by themselves.
    most: usize,
}

impl<'a> Habits<'a> {
    /// Those of a table. `None`: its quotes are not those of JSON.
    fn of(table: &'a Table) -> Option<Habits<'a>> {
        let Dialect { quote, plain_nulls, .. } = table.dialect;
        // Where there are no quotes, no cell begins with this.
        let quote = quote.unwrap_or(b'\n');
        let most = if plain_nulls { SHORT - 1 } else { 0 };
        matches!(quote, b'"' | b'\n').then_some(Habits { bind: &table.bind, quote, most })
    }
}

/// Writes fields from `first` on, as long as they are plain; gives how many, and how many bytes they take.
///
/// All that nearly every field needs is in this one loop, and all else behind a call: there are not more registers.
#[inline(always)]
fn fields<'a>(
    object: &ObjectPlan,
    first: usize,
    Habits { bind, quote, most }: Habits<'_>,
    (row, cells): (&Row<'a>, impl Cells<'a>),
    sheet: &mut Sheet,
) -> (usize, usize) {
    let (mut number, mut at) = (first, 0);
    for plain in object.plain.get(first..).unwrap_or_default() {
        if at >= MOST {
            break;
        }
        let Some((ahead, outer)) = cells.cell(bind[plain.column]) else { break };
        let cell = Cell::of(ahead, outer, quote);
        sheet[at..at + SHORT].copy_from_slice(&plain.name);
        // A name is short; the processor is told so that it need not look again.
        let named = at + plain.named % SHORT;
        let Some(json) = sheet[named..].first_chunk_mut() else { break };
        let written = match plain.how {
            _ if cell.len.wrapping_sub(1) >= most => plain.other(row, object, number, json),
            How::Text => plain.text(cell, json),
            How::Whole => plain.whole(cell, json),
            How::Number => plain.number(cell, b'.', json),
            How::Marked => plain.number(cell, plain.separator, json),
            How::Day => cell.day(json),
            How::Code => cell.code(object, number, json),
            How::Other => plain.other(row, object, number, json),
            How::Not => None,
        };
        let Some(written) = written else { break };
        at = named + written.get();
        number += 1;
    }
    (number - first, at)
}

impl Plain {
    #[inline(always)]
    fn text(&self, cell: Cell<'_>, json: &mut [u8; ROOM]) -> Written {
        // Most texts are shorter still.
        let escaped = if cell.len <= LANES {
            let lanes = cell.lanes_at();
            json[..LANES].copy_from_slice(&lanes);
            find_escaped(&lanes)
        } else {
            let lanes = *cell.lanes;
            json[..SHORT].copy_from_slice(&lanes);
            find_escaped_in_both(&lanes)
        };
        json[cell.len % SHORT] = b'"';
        if cell.reaches(escaped) || cell.len > self.most { None } else { NonZero::new(cell.len + 1) }
    }

    #[inline(always)]
    fn whole(&self, cell: Cell<'_>, json: &mut [u8; ROOM]) -> Written {
        let lanes = cell.lanes_at();
        json[..LANES].copy_from_slice(&lanes);
        let is_zero = self.positive && lanes[0] == b'0';
        if !is_short_whole(&lanes, cell.len) || is_zero { None } else { NonZero::new(cell.len) }
    }

    #[inline(always)]
    fn number(&self, cell: Cell<'_>, separator: u8, json: &mut [u8; ROOM]) -> Written {
        let lanes = cell.lanes_at();
        json[..LANES].copy_from_slice(&lanes);
        let number = parse_short(&lanes, cell.len, separator)?;
        if self.positive && lanes[0] == b'0' {
            return None;
        }
        if separator != b'.' && number.whole < cell.len {
            json[number.whole % SHORT] = b'.';
        }
        NonZero::new(cell.len)
    }

    /// Writes what is not like nearly all fields.
    #[inline(never)]
    fn other(&self, row: &Row<'_>, object: &ObjectPlan, number: usize, json: &mut [u8; ROOM]) -> Written {
        if self.how == How::Not {
            return None;
        }
        let ValuePlan::Leaf(leaf) = &object.fields.get(number)?.value else { return None };
        let (dialect, outer) = (&row.table.dialect, row.outer(self.column)?);
        let quoted = row.table.text.get(outer.start).copied() == dialect.quote;
        let len = outer.len().checked_sub(2 * usize::from(quoted))?;
        let start = outer.start + usize::from(quoted);
        let text = ByteLanes::within(&row.table.text, start, start + len);
        if text.is_empty() || len >= LONG || !dialect.plain_nulls && dialect.is_null(text.bytes()) {
            return None;
        }
        let plain = |json: &mut [u8]| text.copy_plain(json);
        let written = match (&leaf.codes, &leaf.conversion) {
            (Some(_), _) if len < SHORT => {
                let cell = Cell { lanes: row.table.text.get(start..)?.first_chunk()?, len };
                cell.code(object, number, json)?.get()
            }
            (None, Conversion::Text | Conversion::Code) if len <= self.most && plain(json) => {
                json[len] = b'"';
                len + 1
            }
            (None, Conversion::Integer(_) | Conversion::Decimal(_)) if len < SHORT => {
                let cell = Cell { lanes: row.table.text.get(start..)?.first_chunk()?, len };
                self.number(cell, self.separator, json)?.get()
            }
            (None, Conversion::Date(format)) => {
                json[..LANES].copy_from_slice(&format.shape()?.to_iso(&text.lanes_at(0), len)?);
                json[DAY] = b'"';
                DAY + 1
            }
            (None, Conversion::Boolean { yes, no }) if plain(json) => {
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
        let rules = &leaf.checks.quick;
        let accepted = rules.is_empty() || {
            // They look at all of the value: a text begins with the quote that stands behind the name.
            let is_text = leaf.codes.is_none() && leaf.conversion.is_text();
            let mut opened = [b'"'; ROOM + 1];
            opened[1..].copy_from_slice(json);
            let value = opened.get(usize::from(!is_text)..=written)?;
            rules.iter().all(|rule| rule.accepts(value))
        };
        if accepted { NonZero::new(written) } else { None }
    }
}

/// A short cell and what stands behind it.
#[derive(Clone, Copy)]
struct Cell<'a> {
    lanes: &'a [u8; SHORT],
    len: usize,
}

impl<'a> Cell<'a> {
    /// A cell by what stands from its begin on, and how long it is with its quotes.
    #[inline(always)]
    fn of(ahead: &'a [u8; AHEAD], outer: usize, quote: u8) -> Cell<'a> {
        let quoted = usize::from(ahead[0] == quote);
        let (first, second) = (ahead.first_chunk(), ahead.last_chunk());
        let lanes = if quoted == 0 { first } else { second };
        Cell { lanes: lanes.unwrap_or(&[0; SHORT]), len: outer.wrapping_sub(2 * quoted) }
    }

    /// Its first bytes.
    #[inline(always)]
    fn lanes_at(self) -> [u8; LANES] {
        *self.lanes.first_chunk().unwrap_or(&[0; LANES])
    }

    /// Whether one of these bits belongs to a byte of it.
    #[inline(always)]
    fn reaches(self, bits: u32) -> bool {
        (bits.trailing_zeros() as usize) < self.len
    }

    /// The translation of a code.
    fn code(self, object: &ObjectPlan, number: usize, json: &mut [u8; ROOM]) -> Written {
        let ValuePlan::Leaf(leaf) = &object.fields.get(number)?.value else { return None };
        let word = ByteLanes::from(self.lanes.get(..self.len)?).packed()?;
        let translation = leaf.codes.as_ref()?.packed(word).filter(|json| json.len() < SHORT)?;
        json[..SHORT].copy_from_slice(translation.lanes()?);
        NonZero::new(translation.len())
    }

    #[inline(always)]
    fn day(self, json: &mut [u8; ROOM]) -> Written {
        let lanes = self.lanes_at();
        json[..LANES].copy_from_slice(&lanes);
        json[DAY] = b'"';
        if self.len != DAY || !is_iso_day(&lanes) { None } else { NonZero::new(DAY + 1) }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        plan::{How, Plain, SHORT},
        text::{
            buffer::OutputBuffer,
            lanes::LANES,
            number::{NO_SEPARATOR, NumberFormat, samples},
        },
        transform::fast::{Cell, ROOM},
    };

    /// What a field writes of a cell; a separator of the file's own stands behind it.
    fn written(format: NumberFormat, text: &str, positive: bool) -> Option<Vec<u8>> {
        let separator = format.decimal_separator;
        let plain = Plain { name: [0; SHORT], named: 0, column: 0, how: How::Number, separator, positive, most: 0 };
        let (mut lanes, mut json) = ([b';'; SHORT], [0; ROOM]);
        lanes[..text.len()].copy_from_slice(text.as_bytes());
        let cell = Cell { lanes: &lanes, len: text.len() };
        let number = plain.number(cell, separator, &mut json).map(|length| json[..length.get()].to_vec());
        if separator == NO_SEPARATOR {
            let whole = plain.whole(cell, &mut json).map(|length| json[..length.get()].to_vec());
            assert_eq!(whole, number, "{text:?}");
        }
        number
    }

    #[test]
    fn fast_numbers_are_those_of_the_grammar() {
        samples::for_each_text(&mut |format, text| {
            if text.is_empty() || text.len() >= SHORT {
                return;
            }
            let mut out = OutputBuffer::default();
            let expected = format.write_json(text.as_bytes().into(), &mut out).map(|()| out.to_vec());
            let is_short =
                text.len() <= LANES && text.bytes().all(|byte| byte != b'-' && format.group_separator != Some(byte));
            let expected = expected.filter(|_| is_short);
            assert_eq!(written(format, text, false), expected, "{format:?} {text:?}");
            let expected = expected.filter(|json| json[0] != b'0');
            assert_eq!(written(format, text, true), expected, "{format:?} {text:?}");
        });
    }
}
