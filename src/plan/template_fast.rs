//! Templates and conditions of the most common forms, rendered without the engine: cells with a few filters, and cells
//! compared with texts. They give the text that minijinja gives, forty times faster; all others are left to it.
//!
//! They are made of the tree that the one parser gives, so a form cannot mean something else here.

use std::borrow::Cow;

use minijinja::{
    filters,
    machinery::ast::{BinOpKind, Expr, Stmt, UnaryOpKind},
};

/// A template that needs no engine: literal texts and cells, one after the other.
#[derive(Debug)]
pub(super) struct FastTemplate(Vec<TemplatePart>);

#[derive(Debug)]
enum TemplatePart {
    Literal(String),
    /// A cell, by the number of its column, with its filters.
    Cell(usize, Vec<FastFilter>),
}

#[derive(Clone, Copy, Debug)]
enum FastFilter {
    Trim,
    Upper,
    Lower,
    Title,
}

/// A condition that needs no engine.
#[derive(Debug)]
pub(super) enum FastCondition {
    /// A cell is one of these texts, or none of them.
    IsOneOf { column: usize, texts: Vec<String>, is_one: bool },
    /// All of them hold.
    All(Vec<FastCondition>),
    /// At least one of them holds.
    Any(Vec<FastCondition>),
    /// It does not hold.
    Not(Box<FastCondition>),
}

impl FastTemplate {
    /// The fast form of a template; `None`: it is left to the engine.
    pub(super) fn of(parts: &[Stmt<'_>], columns: &[String]) -> Option<FastTemplate> {
        let part = |part: &Stmt<'_>| match part {
            Stmt::EmitRaw(raw) => Some(TemplatePart::Literal(raw.raw.to_owned())),
            Stmt::EmitExpr(emitted) => TemplatePart::of(&emitted.expr, columns),
            _ => None,
        };
        Some(FastTemplate(parts.iter().map(part).collect::<Option<_>>()?))
    }

    /// Renders it.
    pub(super) fn render<'a>(&self, cell: impl Fn(usize) -> Cow<'a, str>) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                TemplatePart::Literal(text) => out.push_str(text),
                TemplatePart::Cell(column, filters) => {
                    let text = filters.iter().fold(cell(*column), |text, filter| filter.apply(text));
                    out.push_str(&text);
                }
            }
        }
        out
    }
}

impl TemplatePart {
    fn of(expression: &Expr<'_>, columns: &[String]) -> Option<TemplatePart> {
        let (mut filters, mut inner) = (Vec::new(), expression);
        while let Expr::Filter(filter) = inner {
            filters.push(FastFilter::from_name(filter.name).filter(|_| filter.args.is_empty())?);
            inner = filter.expr.as_ref()?;
        }
        filters.reverse();
        match inner {
            Expr::Var(name) => Some(TemplatePart::Cell(find_column(name.id, columns)?, filters)),
            Expr::Const(_) if filters.is_empty() => Some(TemplatePart::Literal(constant_text(inner)?)),
            _ => None,
        }
    }
}

impl FastFilter {
    fn from_name(name: &str) -> Option<FastFilter> {
        match name {
            "trim" => Some(FastFilter::Trim),
            "upper" => Some(FastFilter::Upper),
            "lower" => Some(FastFilter::Lower),
            "title" => Some(FastFilter::Title),
            _ => None,
        }
    }

    fn apply(self, text: Cow<'_, str>) -> Cow<'_, str> {
        match (self, text) {
            (FastFilter::Trim, Cow::Borrowed(text)) => Cow::Borrowed(text.trim()),
            (FastFilter::Trim, Cow::Owned(text)) => Cow::Owned(text.trim().to_owned()),
            (FastFilter::Upper, text) => Cow::Owned(text.to_uppercase()),
            (FastFilter::Lower, text) => Cow::Owned(text.to_lowercase()),
            (FastFilter::Title, text) => Cow::Owned(filters::title(text)),
        }
    }
}

impl FastCondition {
    /// The fast form of a condition; `None`: it is left to the engine.
    pub(super) fn of(expression: &Expr<'_>, columns: &[String]) -> Option<FastCondition> {
        let both = |left, right| Some(vec![FastCondition::of(left, columns)?, FastCondition::of(right, columns)?]);
        match expression {
            Expr::UnaryOp(not) if matches!(not.op, UnaryOpKind::Not) => {
                Some(FastCondition::Not(Box::new(FastCondition::of(&not.expr, columns)?)))
            }
            Expr::BinOp(operation) => {
                let (left, right) = (&operation.left, &operation.right);
                match operation.op {
                    BinOpKind::ScAnd => both(left, right).map(FastCondition::All),
                    BinOpKind::ScOr => both(left, right).map(FastCondition::Any),
                    BinOpKind::Eq => is_one_of(left, vec![constant_text(right)?], true, columns),
                    BinOpKind::Ne => is_one_of(left, vec![constant_text(right)?], false, columns),
                    BinOpKind::In => {
                        let Expr::List(list) = right else { return None };
                        let texts = list.items.iter().map(constant_text).collect::<Option<_>>()?;
                        is_one_of(left, texts, true, columns)
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Whether it holds.
    pub(super) fn holds<'a>(&self, cell: &impl Fn(usize) -> Cow<'a, str>) -> bool {
        match self {
            FastCondition::IsOneOf { column, texts, is_one } => {
                let cell = cell(*column);
                texts.iter().any(|text| cell == *text) == *is_one
            }
            FastCondition::All(conditions) => conditions.iter().all(|condition| condition.holds(cell)),
            FastCondition::Any(conditions) => conditions.iter().any(|condition| condition.holds(cell)),
            FastCondition::Not(condition) => !condition.holds(cell),
        }
    }
}

fn is_one_of(cell: &Expr<'_>, texts: Vec<String>, is_one: bool, columns: &[String]) -> Option<FastCondition> {
    let Expr::Var(name) = cell else { return None };
    Some(FastCondition::IsOneOf { column: find_column(name.id, columns)?, texts, is_one })
}

/// The number of the column with this name.
fn find_column(name: &str, columns: &[String]) -> Option<usize> {
    columns.iter().position(|column| column == name)
}

/// The text of a constant.
fn constant_text(expression: &Expr<'_>) -> Option<String> {
    let Expr::Const(constant) = expression else { return None };
    constant.value.as_str().map(str::to_owned)
}
