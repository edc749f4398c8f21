//! The fast way to write fields: cell by cell into one buffer, without a call for most of them.
//!
//! `plan::fast_field` decided which fields are fast. A fast field whose cell is not (it is long, or holds characters to escape)
//! ends the run of fast fields; the writer that knows all rules takes over from there.

#![expect(clippy::inline_always, reason = "a call for each cell costs more than writing it")]

use std::num::NonZero;

use crate::{
    config::mapping::policy::IfEmpty,
    plan::{
        FastConversion, FastField, LONG, Leaf, ObjectPlan, SHORT, ValuePlan, ValueSource,
        conversion::Conversion,
        date_format::{DAY, IsoMoment, is_iso_day},
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

/// The longest value, and the bytes copied beyond its end.
const VALUE: usize = LONG + SHORT;
/// A name and its value.
const FIELD: usize = SHORT + VALUE;
/// No field is begun behind so many bytes.
const LAST_FIELD: usize = 4 << 10;
/// The fields of an object, and the bytes copied beyond their end.
const FIELDS: usize = LAST_FIELD + 2 * FIELD;

/// The spare bytes that fields are written into. Their number is known, so that no access has to be checked.
type FieldBuffer = [u8; FIELDS];

/// How many bytes were written; `None`: the cell is not fast.
type WrittenLength = Option<NonZero<usize>>;

/// Writes the fields of an object from `first` on, as long as they are fast; gives how many.
pub(super) fn write_fields(object: &ObjectPlan, first: usize, row: &Row<'_>, out: &mut OutputBuffer) -> usize {
    let (Some(traits), true) = (TableTraits::of(row.table), first < object.fast_fields.len()) else { return 0 };
    if row.table.has_u8_offsets {
        row.u8_offsets().map_or(0, |cells| write_fields_of_row(object, first, traits, row, cells, out))
    } else {
        row.u16_offsets().map_or(0, |cells| write_fields_of_row(object, first, traits, row, cells, out))
    }
}

#[inline(never)]
fn write_fields_of_row<'a>(
    object: &ObjectPlan,
    first: usize,
    traits: TableTraits<'_>,
    row: &Row<'a>,
    cells: impl Cells<'a>,
    out: &mut OutputBuffer,
) -> usize {
    let Some(buffer) = out.reserve(FIELDS).first_chunk_mut() else { return 0 };
    let written = write_cells(object, first, traits, row, cells, buffer);
    out.advance(written.bytes);
    written.fields
}

/// Writes the items of a list, a comma behind each, as long as all of their fields are fast; gives how many.
pub(super) fn write_items(
    object: &ObjectPlan,
    table: &Table,
    rows: impl Iterator<Item = u32>,
    out: &mut OutputBuffer,
) -> usize {
    let Some(traits) = TableTraits::of(table) else { return 0 };
    // A field that is never fast would end the run in each item again.
    if object.fast_fields.is_empty()
        || object.fast_fields.iter().any(|field| field.conversion == FastConversion::NotFast)
    {
        return 0;
    }
    let rows = rows.map(|row| table.row(row));
    if table.has_u8_offsets {
        write_items_of_rows(object, traits, rows.map_while(|row| Some((row, row.u8_offsets()?))), out)
    } else {
        write_items_of_rows(object, traits, rows.map_while(|row| Some((row, row.u16_offsets()?))), out)
    }
}

#[inline(never)]
fn write_items_of_rows<'a, C: Cells<'a>>(
    object: &ObjectPlan,
    traits: TableTraits<'_>,
    rows: impl Iterator<Item = (Row<'a>, C)>,
    out: &mut OutputBuffer,
) -> usize {
    let end = b"},";
    let mut items = 0;
    for (row, cells) in rows {
        let Some(buffer) = out.reserve(FIELDS).first_chunk_mut::<FIELDS>() else { break };
        let written = write_cells(object, 0, traits, &row, cells, buffer);
        if written.fields == 0 || written.fields < object.fast_fields.len() {
            break;
        }
        // The comma in front of the first field becomes the brace.
        let bytes = written.bytes.max(1);
        buffer[0] = b'{';
        buffer[bytes..bytes + end.len()].copy_from_slice(end);
        out.advance(bytes + end.len());
        items += 1;
    }
    items
}

/// What all cells of a table have in common.
#[derive(Clone, Copy)]
struct TableTraits<'a> {
    /// For each column of the plan, which column of the file it is.
    bind: &'a [usize],
    quote: u8,
    /// Cells of more bytes, and empty ones, are written by [`FastField::write_checked`].
    longest: usize,
}

impl<'a> TableTraits<'a> {
    /// Those of a table; `None`: its quotes are not those of JSON.
    fn of(table: &'a Table) -> Option<TableTraits<'a>> {
        let Dialect { quote, plain_nulls, .. } = table.dialect;
        // In a file without quotes, no cell begins with a line end.
        let quote = quote.unwrap_or(b'\n');
        let longest = if plain_nulls { SHORT - 1 } else { 0 };
        matches!(quote, b'"' | b'\n').then_some(TableTraits { bind: &table.bind, quote, longest })
    }
}

/// Fields that were written: how many, and their bytes.
#[derive(Clone, Copy)]
struct WrittenFields {
    fields: usize,
    bytes: usize,
}

/// Writes fields from `first` on, as long as they are fast.
///
/// All that nearly every field needs is in this one loop, and the rest behind a call: there are not more registers.
#[inline(always)]
fn write_cells<'a>(
    object: &ObjectPlan,
    first: usize,
    TableTraits { bind, quote, longest }: TableTraits<'_>,
    row: &Row<'a>,
    cells: impl Cells<'a>,
    buffer: &mut FieldBuffer,
) -> WrittenFields {
    let (mut number, mut at) = (first, 0);
    for field in object.fast_fields.get(first..).unwrap_or_default() {
        if at >= LAST_FIELD {
            break;
        }
        let Some((ahead, outer)) = cells.cell(bind[field.column]) else { break };
        let cell = FastCell::without_quotes(ahead, outer, quote);
        buffer[at..at + SHORT].copy_from_slice(&field.name);
        // A name is short; the compiler is told so that it checks no access.
        let value = at + field.name_length % SHORT;
        let Some(json) = buffer[value..].first_chunk_mut() else { break };
        let written = match field.conversion {
            _ if cell.len.wrapping_sub(1) >= longest => {
                if cell.len == 0 && longest > 0 && field.omits_empty {
                    // Its name is written over.
                    NonZero::new(at.wrapping_sub(value))
                } else {
                    field.write_checked(row, cell, object, number, buffer, value)
                }
            }
            FastConversion::Text => field.write_text(cell, json),
            FastConversion::WholeNumber => field.write_whole_number(cell, json),
            FastConversion::PointNumber => field.write_number(cell, b'.', json),
            FastConversion::SeparatorNumber => field.write_number(cell, field.separator, json),
            FastConversion::IsoDay => cell.write_iso_day(json),
            FastConversion::ShortCode => cell.write_code(object, number, json),
            FastConversion::Calculated => FastField::write_calculated(row, object, number, json),
            FastConversion::Checked => field.write_checked(row, cell, object, number, buffer, value),
            FastConversion::NotFast => None,
        };
        let Some(written) = written else { break };
        at = value.wrapping_add(written.get());
        number += 1;
    }
    WrittenFields { fields: number - first, bytes: at }
}

impl FastField {
    #[inline(always)]
    fn write_text(&self, cell: FastCell<'_>, json: &mut [u8; VALUE]) -> WrittenLength {
        // Most texts fit one vector.
        let escaped = if cell.len <= LANES {
            let lanes = cell.first_lanes();
            json[..LANES].copy_from_slice(&lanes);
            find_escaped(&lanes)
        } else {
            let lanes = *cell.lanes;
            json[..SHORT].copy_from_slice(&lanes);
            find_escaped_in_both(&lanes)
        };
        json[cell.len % SHORT] = b'"';
        if cell.contains_any(escaped) || cell.len > self.max_length { None } else { NonZero::new(cell.len + 1) }
    }

    #[inline(always)]
    fn write_whole_number(&self, cell: FastCell<'_>, json: &mut [u8; VALUE]) -> WrittenLength {
        let lanes = cell.first_lanes();
        json[..LANES].copy_from_slice(&lanes);
        let is_zero = self.is_positive && lanes[0] == b'0';
        if !is_short_whole(&lanes, cell.len) || is_zero { None } else { NonZero::new(cell.len) }
    }

    #[inline(always)]
    fn write_number(&self, cell: FastCell<'_>, separator: u8, json: &mut [u8; VALUE]) -> WrittenLength {
        let lanes = cell.first_lanes();
        json[..LANES].copy_from_slice(&lanes);
        let number = parse_short(&lanes, cell.len, separator)?;
        if self.is_positive && lanes[0] == b'0' {
            return None;
        }
        if separator != b'.' && number.whole < cell.len {
            json[number.whole % SHORT] = b'.';
        }
        NonZero::new(cell.len)
    }

    /// Writes any cell of a fast field behind its name, at `value`, and checks every rule: the cells that are less common.
    #[inline(never)]
    fn write_checked(
        &self,
        row: &Row<'_>,
        cell: FastCell<'_>,
        object: &ObjectPlan,
        number: usize,
        buffer: &mut FieldBuffer,
        value: usize,
    ) -> WrittenLength {
        let leaf = match &object.fields.get(number)?.value {
            _ if self.conversion == FastConversion::NotFast => return None,
            ValuePlan::Leaf(leaf) => leaf,
            // A constant was copied with its name.
            _ => return NonZero::new(self.max_length),
        };
        // The opening quote of a text stands behind the name.
        let start = value - usize::from(self.is_text);
        let json = buffer.get_mut(value..)?.first_chunk_mut()?;
        if let ValueSource::Value(_) = &leaf.from {
            return FastField::write_calculated(row, object, number, json);
        }
        let mut said = Vec::new();
        let (text, is_null) = self.find_text(row, cell, leaf, &mut said)?;
        let written = match (is_null, &leaf.if_empty.then) {
            (false, _) => self.write_any_text(leaf, text, json)?,
            // A default, or a warning, is left to the writer that knows all rules.
            _ if leaf.fallback.is_some() || leaf.if_empty.warn => return None,
            // Its name is written over.
            (true, IfEmpty::Omit) => return NonZero::new((self.name_length % SHORT).wrapping_neg()),
            (true, IfEmpty::SetNull) => {
                let null = b"null";
                buffer.get_mut(start..start + null.len())?.copy_from_slice(null);
                return NonZero::new((start + null.len()).wrapping_sub(value));
            }
            _ => return None,
        };
        let json = buffer.get(start..value + written)?;
        if leaf.checks.quick.iter().all(|rule| rule.accepts(json)) { NonZero::new(written) } else { None }
    }

    /// Writes a calculated number, and checks every rule.
    #[inline(never)]
    fn write_calculated(row: &Row<'_>, object: &ObjectPlan, number: usize, json: &mut [u8; VALUE]) -> WrittenLength {
        let ValuePlan::Leaf(leaf) = &object.fields.get(number)?.value else { return None };
        let ValueSource::Value(expression) = &leaf.from else { return None };
        let written = expression.write_small(*row, json.first_chunk_mut()?)?;
        let json = json.get(..written)?;
        if leaf.checks.quick.iter().all(|rule| rule.accepts(json)) { NonZero::new(written) } else { None }
    }

    /// What its cell says, and whether that counts as empty. A text as it stands in the file may hold doubled quotes.
    #[inline(always)]
    fn find_text<'b>(
        &self,
        row: &'b Row<'_>,
        cell: FastCell<'b>,
        leaf: &Leaf,
        said: &'b mut Vec<u8>,
    ) -> Option<(ByteLanes<'b>, bool)> {
        let Table { text: whole, dialect, .. } = row.table;
        if leaf.has_reading {
            let said = row.cell(self.column, said);
            return Some((said.into(), row.is_null(self.column, said)));
        }
        let text = if cell.len < SHORT {
            ByteLanes::within(cell.lanes, 0, cell.len)
        } else {
            let outer = row.outer(self.column)?;
            let quoted = usize::from(whole.get(outer.start).copied() == dialect.quote);
            let (start, end) = (outer.start + quoted, outer.end.checked_sub(quoted)?);
            if start > end {
                return None;
            }
            ByteLanes::within(whole, start, end)
        };
        Some((text, dialect.is_null(text.bytes())))
    }

    /// Writes any text that does not count as empty.
    #[inline(always)]
    fn write_any_text(&self, leaf: &Leaf, text: ByteLanes<'_>, json: &mut [u8; VALUE]) -> Option<usize> {
        let len = text.len();
        if len >= LONG {
            return None;
        }
        let copy_plain = |json: &mut [u8]| text.copy_plain(json);
        Some(match (&leaf.codes, &leaf.conversion) {
            (Some(codes), _) => {
                let translation = codes.get(text).filter(|json| json.len() < LONG)?;
                translation.copy_to(json);
                translation.len()
            }
            (None, Conversion::Text | Conversion::Code) if len <= self.max_length && copy_plain(json) => {
                json[len] = b'"';
                len + 1
            }
            (None, Conversion::Integer(_) | Conversion::Decimal(_)) => {
                let mut lanes = [0; SHORT];
                lanes[..LANES].copy_from_slice(&text.lanes_at(0));
                self.write_number(FastCell { lanes: &lanes, len }, self.separator, json)?.get()
            }
            (None, Conversion::Date(format)) => {
                json[..LANES].copy_from_slice(&format.shape()?.find_iso_day(&text.lanes_at(0), len)?);
                json[DAY] = b'"';
                DAY + 1
            }
            (None, Conversion::Datetime(format)) => {
                let IsoMoment { text, len } = format.find_iso(text.bytes()).ok()?;
                json[..text.len()].copy_from_slice(&text);
                json[len] = b'"';
                len + 1
            }
            (None, Conversion::Boolean { yes, no }) if copy_plain(json) => {
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
        })
    }
}

/// A short cell and the bytes behind it.
#[derive(Clone, Copy)]
struct FastCell<'a> {
    lanes: &'a [u8; SHORT],
    len: usize,
}

impl<'a> FastCell<'a> {
    /// The inside of a cell, which begins with its quote or its text; `outer` is its length with quotes.
    #[inline(always)]
    fn without_quotes(ahead: &'a [u8; AHEAD], outer: usize, quote: u8) -> FastCell<'a> {
        let quoted = usize::from(ahead[0] == quote);
        let (first, second) = (ahead.first_chunk(), ahead.last_chunk());
        let lanes = if quoted == 0 { first } else { second };
        FastCell { lanes: lanes.unwrap_or(&[0; SHORT]), len: outer.wrapping_sub(2 * quoted) }
    }

    /// Its first bytes.
    #[inline(always)]
    fn first_lanes(self) -> [u8; LANES] {
        *self.lanes.first_chunk().unwrap_or(&[0; LANES])
    }

    /// Whether one of these bits belongs to a byte of it.
    #[inline(always)]
    fn contains_any(self, bits: u32) -> bool {
        (bits.trailing_zeros() as usize) < self.len
    }

    /// Writes the translation of a code.
    fn write_code(self, object: &ObjectPlan, number: usize, json: &mut [u8; VALUE]) -> WrittenLength {
        let ValuePlan::Leaf(leaf) = &object.fields.get(number)?.value else { return None };
        let code = ByteLanes::from(self.lanes.get(..self.len)?).packed()?;
        let translation = leaf.codes.as_ref()?.get_packed(code).filter(|json| json.len() < SHORT)?;
        json[..SHORT].copy_from_slice(translation.lanes()?);
        NonZero::new(translation.len())
    }

    #[inline(always)]
    fn write_iso_day(self, json: &mut [u8; VALUE]) -> WrittenLength {
        let lanes = self.first_lanes();
        json[..LANES].copy_from_slice(&lanes);
        json[DAY] = b'"';
        if self.len != DAY || !is_iso_day(&lanes) { None } else { NonZero::new(DAY + 1) }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        plan::{FastConversion, FastField, SHORT},
        text::{
            buffer::OutputBuffer,
            lanes::LANES,
            number::{NO_SEPARATOR, NumberFormat, samples},
        },
        transform::fast::{FastCell, VALUE},
    };

    /// What a field writes of a cell; a separator of the file's own stands behind it.
    fn written(format: NumberFormat, text: &str, is_positive: bool) -> Option<Vec<u8>> {
        let separator = format.decimal_separator;
        let field = FastField {
            name: [0; SHORT],
            name_length: 0,
            is_text: false,
            column: 0,
            conversion: FastConversion::PointNumber,
            omits_empty: false,
            separator,
            is_positive,
            max_length: 0,
        };
        let (mut lanes, mut json) = ([b';'; SHORT], [0; VALUE]);
        lanes[..text.len()].copy_from_slice(text.as_bytes());
        let cell = FastCell { lanes: &lanes, len: text.len() };
        let number = field.write_number(cell, separator, &mut json).map(|length| json[..length.get()].to_vec());
        if separator == NO_SEPARATOR {
            let whole = field.write_whole_number(cell, &mut json).map(|length| json[..length.get()].to_vec());
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
