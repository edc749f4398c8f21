//! Decides which fields are fast: one cell, copied or translated, with rules that its first bytes alone decide.
//!
//! The decision is made once for each field, when the checks of the contract are known; `transform::fast` writes by it. Every
//! other field is left to the writer that knows all rules.

use crate::{
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
        // Without a fast field no cell is asked for: a mapping may use no column at all.
        if self.fast_fields.iter().all(|field| field.conversion == FastConversion::NotFast) {
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
        column: 0,
        conversion: FastConversion::NotFast,
        separator: 0,
        is_positive: false,
        max_length: 0,
    };

    fn of_field(field: &FieldPlan) -> FastField {
        let leaf = if let ValuePlan::Leaf(leaf) = &field.value { Some(leaf) } else { None };
        leaf.and_then(|leaf| FastField::of_leaf(leaf, &field.prefix)).unwrap_or(FastField::NOT_FAST)
    }

    /// The fast field of a leaf, if it is fast; `prefix` is the name as it is written.
    fn of_leaf(leaf: &Leaf, prefix: &Padded) -> Option<FastField> {
        let column = *leaf.columns().first()?;
        let mut conversion = match &leaf.from {
            ValueSource::Column(_) if !leaf.has_reading => fast_conversion(leaf)?,
            ValueSource::Value(expression) if leaf.codes.is_none() && expression.may_be_small() => {
                FastConversion::Checked
            }
            _ => return None,
        };
        let separator = leaf.conversion.number_format().map_or(0, |format| format.decimal_separator);
        let is_text = leaf.codes.is_none() && leaf.conversion.is_text();
        let quote: &[u8] = if is_text { b"\"" } else { b"" };
        let name_length = prefix.len() + quote.len();
        let mut name = [0; SHORT];
        name.get_mut(..prefix.len())?.copy_from_slice(prefix.whole().bytes());
        name.get_mut(prefix.len()..name_length)?.copy_from_slice(quote);
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
                _ => conversion = FastConversion::Checked,
            }
        }
        let field = FastField { name, name_length, column, conversion, separator, is_positive, max_length };
        (leaf.checks.covered && name_length < SHORT).then_some(field)
    }
}

/// How the cell of a leaf is converted before its checks are looked at; `None`: the leaf is not fast.
fn fast_conversion(leaf: &Leaf) -> Option<FastConversion> {
    match (&leaf.codes, &leaf.conversion) {
        // A quote within quotes is written twice, so the code is not found by the bytes of the cell.
        (Some(codes), _) if codes.values.iter().any(|(code, _)| code.contains(&b'"')) => None,
        (Some(codes), _) => codes.is_short().then_some(FastConversion::ShortCode),
        (None, Conversion::Text | Conversion::Code) => Some(FastConversion::Text),
        (None, Conversion::Integer(_)) => Some(FastConversion::WholeNumber),
        (None, Conversion::Decimal(format)) if format.decimal_separator == b'.' => Some(FastConversion::PointNumber),
        (None, Conversion::Decimal(_)) => Some(FastConversion::SeparatorNumber),
        (None, Conversion::Date(format)) if format.shape()? == DayShape::default() => Some(FastConversion::IsoDay),
        (None, Conversion::Date(_) | Conversion::Boolean { .. }) => Some(FastConversion::Checked),
        (None, Conversion::Datetime(_) | Conversion::Json) => None,
    }
}
