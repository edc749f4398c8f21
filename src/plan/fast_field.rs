//! Decides which fields are fast: one cell, copied or translated, with rules that its bytes alone decide.
//!
//! Compiling notes the decision once for each field; `transform::fast` writes by it. Every other field is left to the
//! writer that knows all rules.

use crate::{
    plan::{
        FieldPlan, How, Input, LONG, Leaf, ObjectPlan, Plain, SHORT, ValuePlan, checks::Quick, conversion::Conversion,
        date_format::DayShape,
    },
    text::lanes::Padded,
};

impl Plain {
    /// What is plain about a field.
    fn of(field: &FieldPlan) -> Plain {
        let not =
            Plain { name: [0; SHORT], named: 0, column: 0, how: How::Not, separator: 0, positive: false, most: 0 };
        let plain = if let ValuePlan::Leaf(leaf) = &field.value { Plain::of_leaf(leaf, &field.prefix) } else { None };
        plain.unwrap_or(not)
    }

    /// What is plain about a leaf whose field has this prefix.
    fn of_leaf(leaf: &Leaf, prefix: &Padded) -> Option<Plain> {
        let Input::Column(column) = leaf.input else { return None };
        let (mut how, separator) = match (&leaf.codes, &leaf.conversion) {
            // A quote within quotes is written twice.
            (Some(codes), _) if codes.values.iter().any(|(code, _)| code.contains(&b'"')) => None,
            (Some(codes), _) => codes.is_short().then_some((How::Code, 0)),
            (None, Conversion::Text | Conversion::Code) => Some((How::Text, 0)),
            (None, Conversion::Integer(format)) => Some((How::Whole, format.decimal_separator)),
            (None, Conversion::Decimal(format)) if format.decimal_separator == b'.' => Some((How::Number, b'.')),
            (None, Conversion::Decimal(format)) => Some((How::Marked, format.decimal_separator)),
            (None, Conversion::Date(format)) => {
                format.shape().map(|shape| (if shape == DayShape::default() { How::Day } else { How::Other }, 0))
            }
            (None, Conversion::Boolean { .. }) => Some((How::Other, 0)),
            (None, Conversion::Datetime { .. }) => None,
        }?;
        let is_text = leaf.codes.is_none() && leaf.conversion.is_text();
        let quote: &[u8] = if is_text { b"\"" } else { b"" };
        let named = prefix.len() + quote.len();
        let mut name = [0; SHORT];
        name.get_mut(..prefix.len())?.copy_from_slice(prefix.whole().bytes());
        name.get_mut(prefix.len()..named)?.copy_from_slice(quote);
        let (mut positive, mut most) = (false, LONG);
        let (is_whole, is_number) = (how == How::Whole, matches!(how, How::Whole | How::Number | How::Marked));
        for quick in &leaf.checks.quick {
            match quick {
                Quick::MinLength(0 | 1) if is_text => {}
                Quick::MaxLength(least) if how == How::Text => most = most.min(usize::try_from(*least).ok()?),
                Quick::AtLeast(..=0) if is_number => {}
                Quick::AtLeast(1) if is_number => positive = true,
                Quick::Whole if is_whole => {}
                _ => how = How::Other,
            }
        }
        (leaf.checks.covered && named < SHORT).then_some(Plain { name, named, column, how, separator, positive, most })
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
