//! Comparisons that no record can decide, as `status | lower == 'PAID'`: what an expression can never give.
//!
//! Only what its outermost words tell. An expression that is not understood here may give anything.

use minijinja::machinery::ast::{BinOpKind, CallArg, Expr, Filter};

use crate::{
    plan::expression::{operation::Operation, value::ExpressionValue, words::TextFilter},
    table::cell_reading::CellReading,
    text::exact_decimal::ExactDecimal,
};

/// How a text is compared with a literal one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparing {
    /// With the whole text.
    Whole,
    /// With how it begins.
    Start,
    /// With how it ends.
    End,
    /// With any part of it.
    Part,
}

/// Why an expression never gives a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NeverReason {
    /// A filter makes another text of it: this one.
    Changed(String),
    /// The expression has at most this many characters.
    TooLong(usize),
    /// A cell that says it is empty.
    Empty,
}

impl NeverReason {
    /// What to write instead.
    pub(super) fn hint(&self) -> String {
        match self {
            NeverReason::Changed(right) if right.contains('\'') => format!("write `\"{right}\"`"),
            NeverReason::Changed(right) => format!("write `'{right}'`"),
            NeverReason::Empty => "it is one of the `null_values`; write `is none`".into(),
            NeverReason::TooLong(0) => "compare the column itself".into(),
            NeverReason::TooLong(1) => {
                "it has one character; how a text begins is tested as in `is startingwith('AB')`".into()
            }
            NeverReason::TooLong(most) => format!("it has {most} characters at most; compare with no more"),
        }
    }
}

/// Why an expression never gives a literal text, if that is certain. `is_list`: whether the cells of a column are lists.
pub(super) fn find_reason(
    expression: &Expr<'_>,
    literal: &str,
    comparing: Comparing,
    is_list: &dyn Fn(&str) -> bool,
) -> Option<NeverReason> {
    if let Some(most) = longest(expression, is_list).filter(|most| literal.chars().count() > *most) {
        return Some(NeverReason::TooLong(most));
    }
    let Expr::Filter(outer) = expression else { return find_case_reason(expression, literal) };
    let changed = apply_filter(outer, literal)?;
    let is_other = match outer.name {
        "lower" | "upper" => changed != literal,
        "title" | "capitalize" => {
            matches!(comparing, Comparing::Whole | Comparing::Start) && changed != literal && has_plain_case(literal)
        }
        // White space may be inside, and so at the end of what a text begins with.
        "trim" => match comparing {
            Comparing::Whole => changed != literal,
            Comparing::Start => changed.chars().next() != literal.chars().next(),
            Comparing::End => changed.chars().next_back() != literal.chars().next_back(),
            Comparing::Part => false,
        },
        _ => false,
    };
    if is_other { Some(NeverReason::Changed(changed)) } else { find_case_reason(expression, literal) }
}

/// The same for `lower` and `upper` further inside: what is cut out of a text in lower case is in lower case.
fn find_case_reason(expression: &Expr<'_>, literal: &str) -> Option<NeverReason> {
    let mut inner = expression;
    loop {
        inner = match inner {
            Expr::Filter(filter) if matches!(filter.name, "lower" | "upper") => {
                let changed = apply_filter(filter, literal).filter(|changed| changed != literal);
                return changed.map(NeverReason::Changed);
            }
            Expr::Filter(filter) if matches!(filter.name, "trim" | "first" | "last") => filter.expr.as_ref()?,
            Expr::Slice(slice) => &slice.expr,
            Expr::GetItem(item) => &item.expr,
            _ => return None,
        };
    }
}

/// What a filter makes of a text, if its arguments are constants.
fn apply_filter(filter: &Filter<'_>, text: &str) -> Option<String> {
    let mut values = Vec::new();
    for argument in &filter.args {
        let CallArg::Pos(argument) = argument else { return None };
        values.push(ExpressionValue::text(argument.as_const()?.as_str()?.to_owned()));
    }
    let made = TextFilter::named(filter.name)?.apply(text.into(), &values).ok()?;
    Some(made.into_owned())
}

/// Whether no capital in a text can be the second half of one letter: `ß` becomes `SS` at the start of a word.
fn has_plain_case(text: &str) -> bool {
    let text_upper = text.to_ascii_uppercase();
    text.is_ascii() && !["SS", "FF", "FI", "FL", "ST"].iter().any(|pair| text_upper.contains(pair))
}

/// The most characters that an expression gives, if it is a part of a text and that is counted.
fn longest(expression: &Expr<'_>, is_list: &dyn Fn(&str) -> bool) -> Option<usize> {
    match expression {
        Expr::GetItem(item) => is_text(&item.expr, is_list).then_some(1),
        Expr::Filter(filter) if matches!(filter.name, "first" | "last") => {
            filter.expr.as_ref().is_some_and(|inner| is_text(inner, is_list)).then_some(1)
        }
        Expr::Slice(slice) if is_text(&slice.expr, is_list) && slice.step.is_none() => {
            let whole = |index: &Expr<'_>| index.as_const().and_then(|value| value.as_i64());
            let first = slice.start.as_ref().map_or(Some(0), whole)?;
            let most = match slice.stop.as_ref().map(whole) {
                None if first < 0 => first.checked_neg()?,
                Some(Some(stop)) if (first < 0) == (stop < 0) => stop.saturating_sub(first).max(0),
                _ => return None,
            };
            usize::try_from(most).ok()
        }
        _ => None,
    }
}

/// Whether an expression certainly is a text, and no list.
fn is_text(expression: &Expr<'_>, is_list: &dyn Fn(&str) -> bool) -> bool {
    match expression {
        Expr::Var(name) => !is_list(name.id),
        Expr::Slice(slice) => is_text(&slice.expr, is_list),
        Expr::BinOp(operation) => matches!(operation.op, BinOpKind::Concat),
        Expr::Filter(filter) => {
            matches!(filter.name, "trim" | "title" | "upper" | "lower" | "capitalize" | "replace" | "join")
        }
        _ => false,
    }
}

/// How a comparison with a number comes out for every record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FixedOutcome {
    /// It is true; else it is false.
    pub(super) is_always: bool,
    /// What the number that is compared is, or is not.
    pub(super) reason: String,
}

/// How a number is compared with a constant by an operator, if it comes out the same for every record.
pub(super) fn find_outcome(
    operation: &Operation,
    is_whole: bool,
    operator: &str,
    constant: &ExpressionValue<'_>,
) -> Option<FixedOutcome> {
    let numbers: Vec<&ExactDecimal> = match constant {
        ExpressionValue::Number(number) => vec![number],
        ExpressionValue::List(items) => items.iter().filter_map(|item| item.as_number()).collect(),
        _ => return None,
    };
    let is_equal = matches!(operator, "==" | "in");
    let decimals = match operation {
        Operation::Round(_, rounding) | Operation::Divide(_, rounding) => Some(rounding.scale),
        _ => is_whole.then_some(0),
    };
    if matches!(operator, "==" | "!=" | "in" | "not in")
        && let Some(most) = decimals.filter(|most| numbers.iter().any(|number| number.decimals() > *most))
    {
        let reason = if most == 0 { "is a whole number".into() } else { format!("has no more than {most} decimals") };
        return Some(FixedOutcome { is_always: !is_equal, reason });
    }
    let is_positive = matches!(operation, Operation::Absolute(_) | Operation::Length(_));
    let below = |number: &&ExactDecimal| number.is_negative();
    let is_always = match operator {
        "==" | "in" | "<=" if numbers.iter().any(below) => false,
        "<" if numbers.iter().all(|number| number.is_negative() || number.is_zero()) => false,
        "!=" | "not in" | ">" if numbers.iter().any(below) => true,
        ">=" if numbers.iter().all(|number| number.is_negative() || number.is_zero()) => true,
        _ => return None,
    };
    is_positive.then(|| FixedOutcome { is_always, reason: "is never below 0".into() })
}

/// Why what a cell says is never a literal text, if that is certain: its case, white space around it, and what is empty.
pub(super) fn find_read_reason(reading: &CellReading, literal: &str, comparing: Comparing) -> Option<NeverReason> {
    let in_case = CellReading { case: reading.case, ..CellReading::default() }.read(literal).into_owned();
    if in_case != literal {
        return Some(NeverReason::Changed(in_case));
    }
    if comparing == Comparing::Whole && reading.is_null(literal.as_bytes()) {
        return Some(NeverReason::Empty);
    }
    // What is dropped in front may have white space behind it.
    let (has_start, has_end) = (reading.prefixes.is_empty(), reading.suffixes.is_empty());
    let (start, end) = (literal.trim_start(), literal.trim_end());
    let is_cut = reading.is_trimmed
        && match comparing {
            Comparing::Whole => (has_start && start != literal) || (has_end && end != literal),
            Comparing::Start => has_start && start != literal,
            Comparing::End => has_end && end != literal,
            Comparing::Part => false,
        };
    is_cut.then(|| NeverReason::Changed(literal.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::has_plain_case;
    use crate::plan::expression::words::TextFilter;

    /// A text that a filter changes is none that it gives: what it gives once, it gives again.
    #[test]
    fn filters_change_a_text_once() {
        let apply = |filter: &str, text: String| {
            TextFilter::named(filter).unwrap().apply(text.into(), &[]).unwrap().into_owned()
        };
        let has_case = |letter: &char| !letter.to_lowercase().eq([*letter]) || !letter.to_uppercase().eq([*letter]);
        for letter in ('\0'..=char::MAX).filter(|letter| has_case(letter) || letter.is_whitespace()) {
            for text in [format!("{letter}"), format!("{letter}Σ a"), format!("aS{letter}")] {
                for filter in ["lower", "upper", "trim", "title", "capitalize"] {
                    let once = apply(filter, text.clone());
                    let is_told = matches!(filter, "lower" | "upper" | "trim") || has_plain_case(&once);
                    assert!(!is_told || apply(filter, once.clone()) == once, "{filter} {text:?}");
                }
            }
        }
    }
}
