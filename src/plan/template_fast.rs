//! The templates and conditions that most mappings have, rendered without the engine: cells with a few filters, and cells
//! compared with texts. They give what minijinja gives, forty times faster; everything else is left to it.

use std::borrow::Cow;

use minijinja::filters;

/// A template that needs no engine.
#[derive(Debug)]
pub(super) enum Simple {
    /// Literal texts and cells, one after the other.
    Text(Vec<Part>),
    /// Comparisons, of which all have to hold, or one.
    Condition { all: bool, comparisons: Vec<Comparison> },
}

#[derive(Debug)]
pub(super) enum Part {
    Literal(String),
    /// A cell, by the number of its column, with its filters.
    Cell(usize, Vec<Filter>),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Filter {
    Trim,
    Upper,
    Lower,
    Title,
}

#[derive(Debug)]
pub(super) struct Comparison {
    column: usize,
    equal: bool,
    text: String,
}

impl Simple {
    /// A text with `{{ expressions }}`, if it is simple.
    pub(super) fn text(source: &str, columns: &[String]) -> Option<Simple> {
        // White space is a matter of the engine's own.
        if source.contains(['\n', '\r']) || source.contains("{{-") || source.contains("-}}") {
            return None;
        }
        let (mut parts, mut rest) = (Vec::new(), source);
        while let Some((literal, behind)) = rest.split_once("{{") {
            let (expression, behind) = behind.split_once("}}")?;
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
            }
            let mut steps = expression.split('|').map(str::trim);
            let column = column(steps.next()?, columns)?;
            parts.push(Part::Cell(column, steps.map(Filter::named).collect::<Option<_>>()?));
            rest = behind;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        Some(Simple::Text(parts))
    }

    /// A condition, if it is simple.
    pub(super) fn condition(source: &str, columns: &[String]) -> Option<Simple> {
        let (all, any) = (source.contains(" and "), source.contains(" or "));
        let comparisons = source.split(if any { " or " } else { " and " });
        let comparisons: Option<Vec<_>> = comparisons.map(|text| comparison(text, columns)).collect();
        Some(Simple::Condition { all: !any, comparisons: comparisons.filter(|_| !(all && any))? })
    }

    /// Renders it; a condition that holds gives `1`.
    pub(super) fn render<'a>(&self, cell: impl Fn(usize) -> Cow<'a, str>) -> String {
        match self {
            Simple::Text(parts) => {
                let mut out = String::new();
                for part in parts {
                    match part {
                        Part::Literal(text) => out.push_str(text),
                        Part::Cell(column, filters) => {
                            let text = filters.iter().fold(cell(*column), |text, filter| filter.of(text));
                            out.push_str(&text);
                        }
                    }
                }
                out
            }
            Simple::Condition { all, comparisons } => {
                let holds = |comparison: &Comparison| (cell(comparison.column) == comparison.text) == comparison.equal;
                let holds = if *all { comparisons.iter().all(holds) } else { comparisons.iter().any(holds) };
                if holds { "1".to_owned() } else { String::new() }
            }
        }
    }
}

impl Filter {
    fn named(name: &str) -> Option<Filter> {
        match name {
            "trim" => Some(Filter::Trim),
            "upper" => Some(Filter::Upper),
            "lower" => Some(Filter::Lower),
            "title" => Some(Filter::Title),
            _ => None,
        }
    }

    fn of(self, text: Cow<'_, str>) -> Cow<'_, str> {
        match (self, text) {
            (Filter::Trim, Cow::Borrowed(text)) => Cow::Borrowed(text.trim()),
            (Filter::Trim, Cow::Owned(text)) => Cow::Owned(text.trim().to_owned()),
            (Filter::Upper, text) => Cow::Owned(text.to_uppercase()),
            (Filter::Lower, text) => Cow::Owned(text.to_lowercase()),
            (Filter::Title, text) => Cow::Owned(filters::title(text)),
        }
    }
}

/// The number of a column that stands here and nothing else.
fn column(name: &str, columns: &[String]) -> Option<usize> {
    columns.iter().position(|column| column == name)
}

/// `column == 'text'`, or `!=`.
fn comparison(source: &str, columns: &[String]) -> Option<Comparison> {
    let (equal, (name, text)) = match source.split_once("==") {
        Some(sides) => (true, sides),
        None => (false, source.split_once("!=")?),
    };
    let text = text.trim();
    let inner = [('\'', '\''), ('"', '"')];
    let text = inner.iter().find_map(|(open, close)| text.strip_prefix(*open)?.strip_suffix(*close))?;
    let plain = !text.contains(['\'', '"', '\\']);
    Some(Comparison { column: column(name.trim(), columns)?, equal, text: plain.then(|| text.to_owned())? })
}
