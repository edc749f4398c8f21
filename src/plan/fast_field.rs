//! Decides which fields are fast: one cell, copied or translated, with rules that its bytes alone decide, or a constant.
//!
//! The decision is made once for each field, when the checks of the contract are known; `transform::fast` writes by it. Every
//! other field is left to the writer that knows all rules.

use crate::{
    config::mapping::policy::IfEmpty,
    plan::{
        FastConversion, FastField, FieldPlan, LONG, Leaf, ObjectPlan, SHORT, ValuePlan, ValueSource, checks::Quick,
        conversion::Conversion, date_format::DayShape,
    },
    text::lanes::Padded,
};

impl ObjectPlan {
    /// Decides which fields are fast, once their checks are known.
    pub fn find_fast_fields(&mut self) {
        self.fast_fields = self.fields.iter().map(FastField::of_field).collect();
        // Without a fast field that has a cell none is asked for: a mapping may use no column at all.
        let has_cell = |(field, fast): (&FieldPlan, &FastField)| {
            matches!(field.value, ValuePlan::Leaf(_)) && fast.conversion != FastConversion::NotFast
        };
        if !self.fields.iter().zip(&self.fast_fields).any(has_cell) {
            self.fast_fields.clear();
        }
        self.fields.iter_mut().for_each(|field| field.value.find_fast_fields());
    }
}

impl ValuePlan {
    fn find_fast_fields(&mut self) {
        match self {
            ValuePlan::Const(_) | ValuePlan::Leaf(_) | ValuePlan::Pieces(_) | ValuePlan::Aggregate(_) => {}
            ValuePlan::Object(object) => object.find_fast_fields(),
            ValuePlan::List(list) => list.items.iter_mut().for_each(|item| item.value.find_fast_fields()),
            ValuePlan::When(when) => when.value.find_fast_fields(),
            ValuePlan::Many(many) => many.item.find_fast_fields(),
            ValuePlan::One(one) => one.value.find_fast_fields(),
        }
    }
}

impl FastField {
    /// A field that is left to the writer that knows all rules.
    const NOT_FAST: FastField = FastField {
        name: [0; SHORT],
        name_length: 0,
        is_text: false,
        column: 0,
        conversion: FastConversion::NotFast,
        omits_empty: false,
        separator: 0,
        is_positive: false,
        max_length: 0,
    };

    fn of_field(field: &FieldPlan) -> FastField {
        let fast = match &field.value {
            ValuePlan::Leaf(leaf) => FastField::of_leaf(leaf, &field.prefix),
            ValuePlan::Const(json) => FastField::of_constant(json, &field.prefix),
            _ => None,
        };
        fast.unwrap_or(FastField::NOT_FAST)
    }

    /// The fast field of a constant, if it is short.
    fn of_constant(json: &[u8], prefix: &Padded) -> Option<FastField> {
        // It is copied with its name, and stands behind it.
        let (name, _) = short_name(prefix, json)?;
        let (name_length, max_length) = (prefix.len(), json.len());
        Some(FastField { name, name_length, max_length, conversion: FastConversion::Checked, ..FastField::NOT_FAST })
    }

    /// The fast field of a leaf, if it is fast; `prefix` is the name as it is written.
    fn of_leaf(leaf: &Leaf, prefix: &Padded) -> Option<FastField> {
        let column = *leaf.columns().first()?;
        let is_column = matches!(leaf.from, ValueSource::Column(_));
        let mut conversion = match &leaf.from {
            ValueSource::Column(_) if leaf.has_reading => fast_conversion(leaf).map(|_| FastConversion::Checked)?,
            ValueSource::Column(_) => fast_conversion(leaf)?,
            ValueSource::Value(expression) if leaf.codes.is_none() && expression.may_be_small() => {
                FastConversion::Calculated
            }
            _ => return None,
        };
        let separator = leaf.conversion.number_format().map_or(0, |format| format.decimal_separator);
        let is_text = leaf.codes.is_none() && leaf.conversion.is_text();
        let (name, name_length) = short_name(prefix, if is_text { b"\"" } else { b"" })?;
        let omits_empty =
            is_column && leaf.fallback.is_none() && leaf.if_empty.then == IfEmpty::Omit && !leaf.if_empty.warn;
        let (mut is_positive, mut max_length) = (false, LONG);
        let is_whole = conversion == FastConversion::WholeNumber;
        let is_number = is_whole || matches!(conversion, FastConversion::PointNumber | FastConversion::SeparatorNumber);
        for quick in &leaf.checks.quick {
            match quick {
                Quick::MinLength(0 | 1) if is_text => {}
                Quick::MaxLength(most) if conversion == FastConversion::Text => {
                    max_length = max_length.min(usize::try_from(*most).ok()?);
                }
                Quick::AtLeast(..=0) if is_number => {}
                Quick::AtLeast(1) if is_number => is_positive = true,
                Quick::Whole if is_whole => {}
                _ if is_column => conversion = FastConversion::Checked,
                _ => {}
            }
        }
        leaf.checks.covered.then_some(FastField {
            name,
            name_length,
            is_text,
            column,
            conversion,
            omits_empty,
            separator,
            is_positive,
            max_length,
        })
    }
}

/// A name as it is written, and what stands behind it in every document, with its length; `None`: it is not short.
fn short_name(prefix: &Padded, behind: &[u8]) -> Option<([u8; SHORT], usize)> {
    let (mut name, length) = ([0; SHORT], prefix.len() + behind.len());
    name.get_mut(..prefix.len())?.copy_from_slice(prefix.whole().bytes());
    name.get_mut(prefix.len()..length)?.copy_from_slice(behind);
    (length < SHORT).then_some((name, length))
}

/// How the cell of a leaf is converted before its checks are looked at; `None`: the leaf is not fast.
fn fast_conversion(leaf: &Leaf) -> Option<FastConversion> {
    match (&leaf.codes, &leaf.conversion) {
        // A quote within quotes is written twice, so the code is not found by the bytes of the cell.
        (Some(codes), _) if codes.values.iter().any(|(code, _)| code.contains(&b'"')) => None,
        (Some(codes), _) if codes.is_short() => Some(FastConversion::ShortCode),
        (None, Conversion::Text | Conversion::Code) => Some(FastConversion::Text),
        (None, Conversion::Integer(_)) => Some(FastConversion::WholeNumber),
        (None, Conversion::Decimal(format)) if format.decimal_separator == b'.' => Some(FastConversion::PointNumber),
        (None, Conversion::Decimal(_)) => Some(FastConversion::SeparatorNumber),
        (None, Conversion::Date(format)) if format.shape()? == DayShape::default() => Some(FastConversion::IsoDay),
        (Some(_), _) | (None, Conversion::Date(_) | Conversion::Boolean { .. }) => Some(FastConversion::Checked),
        // Only the writer that knows all rules can warn.
        (None, Conversion::Datetime(format)) => (!format.on_ambiguous.warn).then_some(FastConversion::Checked),
        (None, Conversion::Json) => None,
    }
}
