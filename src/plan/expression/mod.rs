//! Expressions over the columns of one record: those of Jinja, with types and exact numbers.
//!
//! Only expressions: no statements, no macros, no functions, and the filters of one list. minijinja's parser alone decides
//! what an expression holds; `compile` walks its tree once and makes steps of it, `evaluate` takes them on each record.
//! No number passes through a float, and the text that one record makes is bounded.

pub mod value;
mod words;
mod operation;
mod evaluate;
mod never;
mod facts;
mod record_cells;
pub mod small_number;
mod contradiction;
pub mod compile;
mod times;
mod filters;
pub mod clashes;
mod told_apart;

use std::ops::Range;

use minijinja::{
    Error,
    machinery::{Token, Tokenizer, ast::Stmt, parse, parse_expr},
    syntax::SyntaxConfig,
};

use crate::{
    diagnostic::Place,
    plan::expression::{
        compile::{ExpressionCompiler, ExpressionFault, ExpressionKind, FindColumn},
        operation::Operation,
        record_cells::{RecordCells, RowOffsets},
        small_number::LONGEST_NUMBER,
        value::{ExpressionFailure, ExpressionValue, check_length},
    },
    table::row::Row,
};

/// The most words one expression may have, without its texts and numbers: the parser and the walk go as deep as it is long.
const MAX_WORDS: usize = 1_000;
/// What a template is about, for people who wrote something else.
const TEXT_HINT: &str = "write expressions over columns, as in `{{ firstname | trim }}`";
/// What a condition is about.
const CONDITION_HINT: &str = "write an expression over columns, as in `status == 'paid'`";
/// What a value is about.
const VALUE_HINT: &str = "write an expression over columns, as in `qty * price`";

/// A text with expressions in it.
#[derive(Debug)]
pub struct Template {
    parts: Vec<TemplatePart>,
    /// The columns it uses, as the plan numbers them.
    pub columns: Vec<usize>,
    /// How many wildcards of the path of its source it needs.
    pub captures: usize,
}

#[derive(Debug)]
enum TemplatePart {
    Literal(String),
    Expression(Operation),
}

/// An expression whose result keeps its type.
#[derive(Debug)]
pub struct Expression {
    operation: Operation,
    /// What it gives.
    pub kind: ExpressionKind,
    /// The columns it uses, as the plan numbers them.
    pub columns: Vec<usize>,
    /// How many wildcards of the path of its source it needs.
    pub captures: usize,
    /// It may be decided or calculated on the fast way.
    is_small: bool,
}

impl Template {
    /// Compiles a text with `{{ expressions }}`, for records of a source whose path has so many wildcards; `find_column` gives
    /// the number and the type of a column.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn compile(
        source: &str,
        wildcards: usize,
        find_column: &mut FindColumn<'_>,
    ) -> Result<Template, ExpressionFault> {
        check_words(source, false)?;
        let tree = parse(source, "template", SyntaxConfig::default()).map_err(|error| syntax_fault(&error, source))?;
        let Stmt::Template(tree) = tree else {
            return Err(ExpressionFault::new(0..source.len(), "this is no template", TEXT_HINT));
        };
        let mut compiler = ExpressionCompiler::new(source, wildcards, find_column);
        let mut parts = Vec::new();
        for part in &tree.children {
            match part {
                Stmt::EmitRaw(raw) => parts.push(TemplatePart::Literal(raw.raw.to_owned())),
                Stmt::EmitExpr(emitted) => {
                    parts.push(TemplatePart::Expression(compiler.compile_written(&emitted.expr)?.operation));
                }
                _ => {}
            }
        }
        let (columns, captures, has_facts) = compiler.finish();
        if columns.is_empty() && !has_facts {
            let message = "the template uses no column, so it is the same for every record";
            let hint =
                "name a column in double braces, as in `{{ firstname }}`; write a text that never changes as `const:`";
            return Err(ExpressionFault::new(0..source.len(), message, hint));
        }
        Ok(Template { parts, columns, captures })
    }

    /// The text it makes of a record; an empty one is nothing.
    ///
    /// # Errors
    /// Why it makes none, without any cell.
    pub fn render(&self, row: Row<'_>) -> Result<String, ExpressionFailure> {
        self.render_cells(&row)
    }

    fn render_cells<'a, C: RecordCells<'a>>(&'a self, cells: &C) -> Result<String, ExpressionFailure> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                TemplatePart::Literal(literal) => text.push_str(literal),
                TemplatePart::Expression(operation) => match operation.simple_text(cells) {
                    Some(simple) => text.push_str(&simple),
                    None => operation.evaluate(cells)?.write_plain(&mut text),
                },
            }
            check_length(text.len())?;
        }
        Ok(text)
    }
}

impl Expression {
    /// Compiles a condition, written without braces, for records of a source whose path has so many wildcards; `find_column`
    /// gives the number and the type of a column.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn compile_condition(
        source: &str,
        wildcards: usize,
        find_column: &mut FindColumn<'_>,
    ) -> Result<Expression, ExpressionFault> {
        Expression::compile(source, ExpressionCompiler::new(source, wildcards, find_column), true)
    }

    /// Compiles a value, written without braces.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn compile_value(
        source: &str,
        wildcards: usize,
        find_column: &mut FindColumn<'_>,
    ) -> Result<Expression, ExpressionFault> {
        Expression::compile(source, ExpressionCompiler::new(source, wildcards, find_column), false)
    }

    fn compile(
        source: &str,
        mut compiler: ExpressionCompiler<'_, '_>,
        is_condition: bool,
    ) -> Result<Expression, ExpressionFault> {
        let (what, hint) = if is_condition { ("condition", CONDITION_HINT) } else { ("value", VALUE_HINT) };
        let trimmed = source.trim_start();
        if trimmed.starts_with("{{") || trimmed.starts_with("{%") {
            let message = format!("a {what} is one expression, without braces");
            return Err(ExpressionFault::new(0..source.len(), message, hint));
        }
        check_words(source, true)?;
        let tree = parse_expr(source).map_err(|error| syntax_fault(&error, source))?;
        let typed = if is_condition { compiler.compile_condition(&tree)? } else { compiler.compile_value(&tree)? };
        let (columns, captures, has_facts) = compiler.finish();
        if columns.is_empty() && is_condition && has_facts {
            let message = "the condition uses no column, only facts of the file";
            let hint = "compare a column too; which files are read is chosen by the `path` of their source";
            return Err(ExpressionFault::new(0..source.len(), message, hint));
        }
        if columns.is_empty() && !has_facts {
            let message = format!("the {what} uses no column, so it is the same for every record");
            return Err(ExpressionFault::new(0..source.len(), message, hint));
        }
        let is_small = !columns.is_empty() && typed.operation.may_be_small();
        Ok(Expression { operation: typed.operation, kind: typed.kind, columns, captures, is_small })
    }

    /// Whether it holds for a record.
    ///
    /// # Errors
    /// Why that cannot be known, without any cell.
    pub fn holds(&self, row: Row<'_>) -> Result<bool, ExpressionFailure> {
        if self.is_small
            && let Some(holds) = self.holds_small(row)
        {
            return Ok(holds);
        }
        self.operation.holds(&row)
    }

    /// What it gives for a record.
    ///
    /// # Errors
    /// Why it gives nothing, without any cell.
    pub fn evaluate<'a>(&'a self, row: Row<'a>) -> Result<ExpressionValue<'a>, ExpressionFailure> {
        self.operation.evaluate(&row)
    }

    /// Whether it may be a number that [`write_small`](Self::write_small) writes.
    #[must_use]
    pub fn may_be_small(&self) -> bool {
        self.is_small && matches!(self.kind, ExpressionKind::Number { .. })
    }

    /// Writes what it gives for a record as JSON, if that is a number of few digits and all cells are usual; gives how many bytes
    /// that takes. `None`: it is left to [`evaluate`](Self::evaluate).
    #[must_use]
    pub fn write_small(&self, row: Row<'_>, json: &mut [u8; LONGEST_NUMBER]) -> Option<usize> {
        if !row.table.dialect.plain_nulls {
            return None;
        }
        let number = if row.table.has_u8_offsets {
            self.operation.evaluate_small(&RowOffsets { row, cells: row.u8_offsets()? })
        } else {
            self.operation.evaluate_small(&RowOffsets { row, cells: row.u16_offsets()? })
        };
        number.map(|number| number.write(json))
    }

    /// Whether it holds for a record, if all cells are usual; `None`: it is left to [`holds`](Self::holds).
    fn holds_small(&self, row: Row<'_>) -> Option<bool> {
        if !row.table.dialect.plain_nulls {
            return None;
        }
        if row.table.has_u8_offsets {
            self.operation.holds_small(&RowOffsets { row, cells: row.u8_offsets()? })
        } else {
            self.operation.holds_small(&RowOffsets { row, cells: row.u16_offsets()? })
        }
    }
}

impl ExpressionCompiler<'_, '_> {
    /// The columns that were used, in the order of their names; how many wildcards are needed; and whether there are facts.
    fn finish(mut self) -> (Vec<usize>, usize, bool) {
        self.columns.sort_by(|(one, _), (other, _)| one.cmp(other));
        let captures = self.facts.iter().map(|fact| fact.captures()).max().unwrap_or(0);
        (self.columns.into_iter().map(|(_, column)| column.number).collect(), captures, !self.facts.is_empty())
    }
}

/// Checks the words of a template before it is parsed: statements and comments are refused, and what is too long.
fn check_words(source: &str, is_condition: bool) -> Result<(), ExpressionFault> {
    let mut tokens = Tokenizer::new(source, "template", is_condition, SyntaxConfig::default());
    let (mut count, mut end, mut is_inside) = (0, 0, is_condition);
    let refuse = |start: usize, end: usize| {
        let message = "statements and comments are not allowed, only `{{ expressions }}`";
        let hint = "choose with `{{ 'a' if status == 'x' else 'b' }}`; to write such a brace itself, put it in quotes: `{{ '{%' }}`";
        Err(ExpressionFault::new(start..end, message, hint))
    };
    loop {
        let (token, span) = match tokens.next_token() {
            Ok(Some(next)) => next,
            Ok(None) => break,
            Err(error) => return Err(syntax_fault(&error, source)),
        };
        let start = span.start_offset as usize;
        // What the tokenizer passed over outside of expressions: white space, comments, and the marks of raw blocks.
        let passed = if is_inside { "" } else { source.get(end..start).unwrap_or_default() };
        if let Some(mark) = passed.find("{#").or_else(|| passed.find("{%")) {
            return refuse(end + mark, start);
        }
        end = span.end_offset as usize;
        match token {
            Token::BlockStart => return refuse(start, end),
            Token::VariableStart => (count, is_inside) = (0, true),
            Token::VariableEnd => is_inside = false,
            // However long a list is, it is not deep.
            Token::Comma | Token::Str(_) | Token::String(_) | Token::Int(_) | Token::Float(_) => {}
            _ => count += 1,
        }
        if is_inside && count > MAX_WORDS {
            let message = format!("the expression is longer than {MAX_WORDS} words");
            return Err(ExpressionFault::new(start..end, message, "use a code table, or several fields"));
        }
    }
    let rest = source.get(end..).unwrap_or_default();
    match rest.find("{#").or_else(|| rest.find("{%")).filter(|_| !is_inside) {
        Some(mark) => refuse(end + mark, source.len()),
        None => Ok(()),
    }
}

/// What the parser did not understand.
fn syntax_fault(error: &Error, source: &str) -> ExpressionFault {
    let found = error.range().filter(|range| range.start < source.len());
    let next = |at: usize| (at..=source.len()).find(|at| source.is_char_boundary(*at)).unwrap_or(source.len());
    let range = found.map_or(0..source.len(), |range| range.start..next(range.end));
    let words = parser_words(error);
    if let Some(right) = find_right_word(source, range.start) {
        return ExpressionFault::new(range, words, format!("write `{right}`"));
    }
    let hint = match words.as_str() {
        "invalid integer (too large)" => {
            "a whole number has 38 digits at most; with decimals it may be longer, as `….0`"
        }
        "unexpected character" | "unexpected identifier, expected `}}`" | "unexpected input after expression" => {
            "a column whose name is not one plain word (letters, digits, `_`) cannot stand in an expression; use `from:`, or rename it"
        }
        _ => "an expression is as in `firstname | trim`, or `status == 'paid'`",
    };
    ExpressionFault::new(range, words, hint)
}

/// The word of expressions for one of SQL or C that stands at a place, or before it.
fn find_right_word(source: &str, at: usize) -> Option<&'static str> {
    let (before, rest) = source.split_at_checked(at)?;
    let words =
        |text: &str| text.split(|letter: char| !letter.is_alphanumeric()).map(str::to_owned).collect::<Vec<_>>();
    match words(rest).first()?.as_str() {
        "AND" | "And" => return Some("and"),
        "OR" | "Or" => return Some("or"),
        "NOT" | "Not" => return Some("not"),
        "IN" | "In" => return Some("in"),
        "" if rest.starts_with('=') && !rest.starts_with("==") => return Some("=="),
        "" if rest.starts_with("<>") => return Some("!="),
        "" if rest.starts_with('&') => return Some("and"),
        "" if rest.starts_with('!') && !rest.starts_with("!=") => return Some("not"),
        _ => {}
    }
    let is_not = words(before.trim_end()).last().is_some_and(|word| matches!(word.as_str(), "NOT" | "Not"));
    is_not.then_some("not")
}

/// What the parser says, in the words of the documentation.
fn parser_words(error: &Error) -> String {
    let said = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    let said = said.replace("end of variable block", "`}}`").replace("start of variable block", "`{{`");
    said.replace("template exceeds maximum recursion limits", "the expression is nested too deeply")
}

/// The place of some bytes of an expression, which stands at a place: as it is, where it is written over several lines.
#[must_use]
pub fn narrow_place(place: Place, source: &str, range: &Range<usize>) -> Place {
    let Some(columns) = find_columns(&place, source) else { return place };
    let at = |byte: usize| source.get(..byte).and_then(|text| columns.get(text.chars().count())).copied();
    match (at(range.start), at(range.end)) {
        (Some(start), Some(end)) => Place { column: start, width: end.saturating_sub(start).max(1), ..place },
        _ => place,
    }
}

/// The column of each character of a text that is written on one line, and of its end; `None`: it is written otherwise.
fn find_columns(place: &Place, source: &str) -> Option<Vec<u64>> {
    let before = usize::try_from(place.column).ok()?.checked_sub(1)?;
    let mut written = place.text.chars().skip(before).zip(place.column..).peekable();
    let quote = written.next_if(|(character, _)| matches!(character, '"' | '\'')).map(|(quote, _)| quote);
    let (mut columns, mut end) = (Vec::new(), place.column);
    for character in source.chars() {
        let (first, column) = written.next()?;
        columns.push(column);
        end = column + 1;
        let doubled = quote == Some('\'') && first == '\'';
        let is_same = if doubled || quote == Some('"') && first == '\\' {
            let (second, column) = written.next()?;
            end = column + 1;
            second == character || !doubled && matches!((second, character), ('n', '\n') | ('t', '\t'))
        } else {
            first == character
        };
        if !is_same {
            return None;
        }
    }
    columns.push(end);
    Some(columns)
}

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod tests;
