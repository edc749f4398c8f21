//! The tree of the parser -> operations with a kind: one walk, in which everything is refused that can be known to be wrong.
//!
//! The kind of each part is known before any data is read, since columns have types. What can never work, what gives the same
//! for every record, and what is read in two ways is refused with its place in the expression.

use std::{cmp::Ordering, ops::Range, sync::Arc};

use jiff::{Timestamp, civil};
use minijinja::{
    machinery::ast::{BinOp, BinOpKind, Compare, CompareOpKind, Const, Expr, IfExpr, Slice, UnaryOpKind},
    value::ValueKind,
};

use crate::{
    plan::{
        conversion::Conversion,
        expression::{
            contradiction::{Contradiction, find_contradiction},
            never::{Comparing, find_outcome, find_read_reason, find_reason},
            operation::{Comparison, Fact, Operation, Operator},
            record_cells::NoCells,
            value::ExpressionValue,
        },
    },
    table::cell_reading::{CellReading, CellSplit},
    text::exact_decimal::ExactDecimal,
};

/// What is wrong with an expression.
#[derive(Debug, PartialEq, Eq)]
pub struct ExpressionFault {
    /// Which bytes of its source it is about.
    pub range: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write.
    pub hint: String,
}

impl ExpressionFault {
    pub(super) fn new(range: Range<usize>, message: impl Into<String>, hint: impl Into<String>) -> ExpressionFault {
        ExpressionFault { range, message: message.into(), hint: hint.into() }
    }
}

/// What an expression gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpressionKind {
    /// Never anything.
    Nothing,
    /// A text.
    Text,
    /// A number; whether it is whole.
    Number {
        /// It never has decimals.
        is_whole: bool,
    },
    /// True or false.
    Truth,
    /// A day.
    Date,
    /// A moment.
    Moment,
    /// A list of items of one kind.
    List(Box<ExpressionKind>),
}

impl ExpressionKind {
    /// The kind of the cells of a column.
    fn of_column(conversion: &Conversion) -> ExpressionKind {
        match conversion {
            Conversion::Text | Conversion::Code | Conversion::Json => ExpressionKind::Text,
            Conversion::Integer(_) => ExpressionKind::Number { is_whole: true },
            Conversion::Decimal(_) => ExpressionKind::Number { is_whole: false },
            Conversion::Boolean { .. } => ExpressionKind::Truth,
            Conversion::Date(_) => ExpressionKind::Date,
            Conversion::Datetime(_) => ExpressionKind::Moment,
        }
    }

    /// The kind of what is sometimes one and sometimes the other; `None`: they are different kinds.
    pub(super) fn unify(&self, other: &ExpressionKind) -> Option<ExpressionKind> {
        Some(match (self, other) {
            (ExpressionKind::Nothing, kind) | (kind, ExpressionKind::Nothing) => kind.clone(),
            (ExpressionKind::Number { is_whole: one }, ExpressionKind::Number { is_whole: other }) => {
                ExpressionKind::Number { is_whole: *one && *other }
            }
            (ExpressionKind::List(one), ExpressionKind::List(other)) => {
                ExpressionKind::List(Box::new(one.unify(other)?))
            }
            (one, other) if one == other => one.clone(),
            _ => return None,
        })
    }

    fn is_number(&self) -> bool {
        matches!(self, ExpressionKind::Number { .. })
    }

    /// Its name in a message.
    pub(super) fn name(&self) -> &'static str {
        match self {
            ExpressionKind::Nothing => "never there",
            ExpressionKind::Text => "a text",
            ExpressionKind::Number { .. } => "a number",
            ExpressionKind::Truth => "true or false",
            ExpressionKind::Date => "a day",
            ExpressionKind::Moment => "a moment",
            ExpressionKind::List(_) => "a list",
        }
    }
}

/// A part of an expression that was compiled.
pub(super) struct Typed {
    pub(super) kind: ExpressionKind,
    pub(super) operation: Operation,
    /// It uses a column.
    pub(super) has_column: bool,
}

/// A column that an expression uses.
#[derive(Clone, Debug)]
pub struct ExpressionColumn {
    /// Its number in the plan.
    pub number: usize,
    /// The type of its cells.
    pub conversion: Arc<Conversion>,
    /// How its cells are read, if not as they are.
    pub reading: Option<Arc<CellReading>>,
    /// How its cells are divided, if they are lists.
    pub split: Option<Arc<CellSplit>>,
    /// The declared column whose name is nearest, if it is not declared itself.
    pub near: Option<String>,
}

/// Gives a column by its name.
pub(super) type FindColumn<'a> = dyn FnMut(&str) -> ExpressionColumn + 'a;

/// The compiler of one source of expressions.
pub(super) struct ExpressionCompiler<'a, 'f> {
    pub(super) source: &'a str,
    find_column: &'a mut FindColumn<'f>,
    /// The columns that were found, with their names.
    pub(super) columns: Vec<(String, ExpressionColumn)>,
    /// How many wildcards the path of its source has.
    pub(super) wildcards: usize,
    /// The facts that were found.
    pub(super) facts: Vec<Fact>,
}

pub(super) type Compiled = Result<Typed, ExpressionFault>;

impl<'a, 'f> ExpressionCompiler<'a, 'f> {
    pub(super) fn new(
        source: &'a str,
        wildcards: usize,
        find_column: &'a mut FindColumn<'f>,
    ) -> ExpressionCompiler<'a, 'f> {
        ExpressionCompiler { source, find_column, columns: Vec::new(), wildcards, facts: Vec::new() }
    }

    /// An expression whose result is written as text.
    pub(super) fn compile_written(&mut self, expression: &Expr<'_>) -> Compiled {
        let typed = self.compile(expression)?;
        let (range, words) = (self.range_of(expression), self.words(expression));
        match typed.kind {
            ExpressionKind::Truth => {
                let message = format!("`{words}` gives true or false, and a template makes a text");
                Err(ExpressionFault::new(range, message, format!("write `'yes' if {words} else 'no'`")))
            }
            ExpressionKind::List(_) => Err(refuse_list(range, &words, "a template makes a text")),
            _ => Ok(typed),
        }
    }

    /// An expression that is a value of the document.
    pub(super) fn compile_value(&mut self, expression: &Expr<'_>) -> Compiled {
        let typed = self.compile(expression)?;
        let (range, words) = (self.range_of(expression), self.words(expression));
        match typed.kind {
            ExpressionKind::Nothing => {
                Err(ExpressionFault::new(range, format!("`{words}` is never there"), "use a column here"))
            }
            ExpressionKind::List(_) => {
                Err(refuse_list(range, &words, "a value is one text, number, truth value, day or moment"))
            }
            _ => Ok(typed),
        }
    }

    /// An expression that decides something.
    pub(super) fn compile_condition(&mut self, expression: &Expr<'_>) -> Compiled {
        let typed = self.compile(expression)?;
        let (range, words) = (self.range_of(expression), self.words(expression));
        if let (Expr::Const(constant), ExpressionKind::Truth) = (expression, &typed.kind) {
            let message = format!("this is always {}", if constant.value.is_true() { "true" } else { "false" });
            return Err(ExpressionFault::new(range, message, "compare a column, as in `status == 'paid'`"));
        }
        let hint = match &typed.kind {
            ExpressionKind::Truth => return Ok(typed),
            _ if !typed.has_column => "compare a column, as in `status == 'paid'`".into(),
            ExpressionKind::Number { .. } => format!("compare it, as in `{words} > 0`"),
            ExpressionKind::List(_) => format!("compare it, as in `{words} | length > 0`"),
            _ => format!("compare it, as in `{words} is not none`"),
        };
        let message = format!("`{words}` is {}, and a condition is true or false", typed.kind.name());
        Err(ExpressionFault::new(range, message, hint))
    }

    /// A part of an expression. What uses no column is evaluated now: if that fails, it fails on every record.
    pub(super) fn compile(&mut self, expression: &Expr<'_>) -> Compiled {
        let typed = self.compile_part(expression)?;
        if typed.has_column || matches!(typed.operation, Operation::Constant(_)) {
            return Ok(typed);
        }
        match typed.operation.evaluate(&NoCells) {
            Ok(value) => Ok(Typed { operation: Operation::Constant(value.into_owned()), ..typed }),
            Err(failure) => {
                let message = format!("`{}` fails on every record: {}", self.words(expression), failure.reason);
                Err(ExpressionFault::new(self.range_of(expression), message, "use a column here"))
            }
        }
    }

    fn compile_part(&mut self, expression: &Expr<'_>) -> Compiled {
        if let Some(fact) = self.compile_fact(expression)? {
            return Ok(fact);
        }
        match expression {
            Expr::Var(name) => {
                let column = (self.find_column)(name.id);
                let (number, conversion, split) = (column.number, column.conversion.clone(), column.split.clone());
                let has_reading = column.reading.is_some();
                if self.columns.iter().all(|(_, known)| known.number != number) {
                    self.columns.push((name.id.to_owned(), column));
                }
                if *conversion == Conversion::Json {
                    let message = format!("the cells of `{}` are JSON values, which are in no expression", name.id);
                    let hint = "write the value with `from`, or use another column";
                    return Err(ExpressionFault::new(self.range_of(expression), message, hint));
                }
                let kind = ExpressionKind::of_column(&conversion);
                if let Some(split) = split {
                    let kind = ExpressionKind::List(Box::new(kind));
                    let operation = Operation::Pieces { column: number, conversion, split };
                    return Ok(Typed { kind, operation, has_column: true });
                }
                Ok(Typed {
                    kind,
                    operation: Operation::Cell { column: number, conversion, has_reading },
                    has_column: true,
                })
            }
            Expr::Const(constant) => self.compile_constant(constant, self.range_of(expression)),
            Expr::Slice(slice) => self.compile_slice(slice, expression),
            Expr::UnaryOp(operation) => match operation.op {
                UnaryOpKind::Not => {
                    let typed = self.compile_condition(&operation.expr)?;
                    Ok(Typed { operation: Operation::Not(Box::new(typed.operation)), ..typed })
                }
                UnaryOpKind::Neg => {
                    let typed = self.compile_number(&operation.expr, "-")?;
                    Ok(Typed { operation: Operation::Negate(Box::new(typed.operation)), ..typed })
                }
            },
            Expr::BinOp(operation) => self.compile_operation(operation, expression),
            Expr::Compare(chain) => self.compile_chain(chain),
            Expr::IfExpr(choice) => self.compile_choice(choice, expression),
            Expr::Filter(filter) => self.compile_filter(filter, expression),
            Expr::Test(test) => self.compile_test(test.name, &test.expr, &test.args, test.span().start_offset as usize),
            Expr::GetAttr(attribute) => Err(self.refuse_attribute(&attribute.expr, attribute.name, expression)),
            Expr::GetItem(item) => {
                let of = self.compile_container(&item.expr, "counted through")?;
                let index = self.compile_index(&item.subscript_expr)?;
                Ok(item_of(of, index))
            }
            Expr::Call(call) => Err(self.refuse_call(call, expression)),
            Expr::List(list) => self.compile_items(&list.items, expression),
            Expr::Tuple(tuple) => self.compile_items(&tuple.items, expression),
            Expr::Map(_) => {
                let message = "there are no maps in expressions, only texts, numbers and lists";
                let hint = "use a code table to translate a column";
                Err(ExpressionFault::new(self.range_of(expression), message, hint))
            }
        }
    }

    fn compile_constant(&self, constant: &Const, range: Range<usize>) -> Compiled {
        let text = self.source.get(range.clone()).unwrap_or_default();
        let value = match constant.value.kind() {
            ValueKind::Number => read_number(text.trim(), range.clone())?,
            _ => value_of(&constant.value),
        };
        let kind = kind_of(&value).ok_or_else(|| refuse_mixed_list(range))?;
        Ok(Typed { kind, operation: Operation::Constant(value), has_column: false })
    }

    fn compile_choice(&mut self, choice: &IfExpr<'_>, whole: &Expr<'_>) -> Compiled {
        let condition = self.compile_condition(&choice.test_expr)?;
        let yes = self.compile(&choice.true_expr)?;
        let Some(other) = &choice.false_expr else {
            let message = "this `if` has no `else`, so nothing says what to write otherwise";
            let hint = format!("write `{} else none`", self.words(whole));
            return Err(ExpressionFault::new(self.range_of(whole), message, hint));
        };
        let no = self.compile(other)?;
        let sides = [&choice.true_expr, other].map(|side| self.source.get(self.range_of(side)));
        if sides[0] == sides[1] {
            let message = format!("both sides of this `if` are `{}`", self.words(other));
            let hint = "write something else behind `else`, or leave the `if` out";
            return Err(ExpressionFault::new(self.range_of(whole), message, hint));
        }
        let Some(kind) = yes.kind.unify(&no.kind) else {
            let message = format!("one side of this `if` is {}, and the other is {}", yes.kind.name(), no.kind.name());
            return Err(ExpressionFault::new(
                self.range_of(whole),
                message,
                "write the same kind of value on both sides",
            ));
        };
        let operation = Operation::Choose(Box::new([condition.operation, yes.operation, no.operation]));
        Ok(Typed { kind, operation, has_column: true })
    }

    fn compile_items(&mut self, items: &[Expr<'_>], whole: &Expr<'_>) -> Compiled {
        let (mut kind, mut operations, mut has_column) = (ExpressionKind::Nothing, Vec::new(), false);
        for item in items {
            let typed = self.compile(item)?;
            let Some(unified) = kind.unify(&typed.kind) else {
                return Err(refuse_mixed_list(self.range_of(whole)));
            };
            (kind, has_column) = (unified, has_column || typed.has_column);
            operations.push(typed.operation);
        }
        let constants: Option<Vec<_>> = operations.iter().map(Operation::constant).collect();
        let operation = match constants {
            Some(values) => Operation::Constant(ExpressionValue::List(values)),
            None => Operation::List(operations),
        };
        Ok(Typed { kind: ExpressionKind::List(Box::new(kind)), operation, has_column })
    }

    /// What stands in front of `[…]`.
    fn compile_container(&mut self, expression: &Expr<'_>, what: &str) -> Compiled {
        let typed = self.compile(expression)?;
        if matches!(typed.kind, ExpressionKind::Text | ExpressionKind::List(_)) {
            return Ok(typed);
        }
        let message = format!("`{}` is {}, which cannot be {what}", self.words(expression), typed.kind.name());
        Err(ExpressionFault::new(self.range_of(expression), message, "only texts and lists have parts"))
    }

    /// What stands inside `[…]`.
    fn compile_index(&mut self, expression: &Expr<'_>) -> Compiled {
        let typed = self.compile(expression)?;
        let words = self.words(expression);
        let (message, hint) = match &typed.kind {
            ExpressionKind::Number { is_whole: true } => return Ok(typed),
            ExpressionKind::Number { .. } => {
                (format!("`{words}` is no whole number"), "parts are counted from 0, as in `[0]`".to_owned())
            }
            ExpressionKind::Text if matches!(expression, Expr::Var(_)) => {
                (format!("`{words}` is a text, and parts are counted"), format!("write `{words} | integer`"))
            }
            kind => {
                let message = format!("`{words}` is {}, and parts are counted", kind.name());
                (message, "write a number from 0, as in `[0]`".to_owned())
            }
        };
        Err(ExpressionFault::new(self.range_of(expression), message, hint))
    }

    fn compile_slice(&mut self, slice: &Slice<'_>, whole: &Expr<'_>) -> Compiled {
        let of = self.compile_container(&slice.expr, "cut")?;
        if slice.step.is_some() {
            let message = "parts are cut out as they stand, without a step";
            return Err(ExpressionFault::new(self.range_of(whole), message, "write it as in `name[:3]`"));
        }
        let mut has_column = of.has_column;
        let mut ends = [None, None];
        for (end, index) in ends.iter_mut().zip([&slice.start, &slice.stop]) {
            if let Some(index) = index {
                let index = self.compile_index(index)?;
                has_column |= index.has_column;
                *end = Some(Box::new(index.operation));
            }
        }
        Ok(Typed { kind: of.kind, operation: Operation::Slice(Box::new(of.operation), ends), has_column })
    }

    pub(super) fn compile_number(&mut self, expression: &Expr<'_>, operator: &str) -> Compiled {
        let typed = self.compile(expression)?;
        if typed.kind.is_number() {
            return Ok(typed);
        }
        let words = self.words(expression);
        let is_column = matches!(expression, Expr::Var(_));
        let hint = match (&typed.kind, operator) {
            (ExpressionKind::Text, "+") if is_column => {
                format!("`~` joins texts; for numbers declare the type of the column `{words}`")
            }
            (ExpressionKind::Text, "+") => format!("`~` joins texts, and `({words}) | decimal` is a number"),
            (ExpressionKind::Text, "-") if is_column => {
                format!("declare the type of the column `{words}`; a name with `-` in it cannot stand in an expression")
            }
            (ExpressionKind::Text, _) if is_column => {
                format!("declare the type of the column `{words}`, or write `({words} | decimal)`")
            }
            (ExpressionKind::Text, _) => format!("`({words}) | decimal` is a number"),
            _ => String::new(),
        };
        let message = format!("`{operator}` takes numbers, and `{words}` is {}", typed.kind.name());
        Err(ExpressionFault::new(self.range_of(expression), message, self.suggest_near(&words) + &hint))
    }

    fn compile_operation(&mut self, operation: &BinOp<'_>, whole: &Expr<'_>) -> Compiled {
        let BinOp { op, left, right } = operation;
        if let Some(operator) = comparison_word(*op) {
            let (one, other) = (self.compile(left)?, self.compile(right)?);
            return self.compile_comparison(operator, (left, one), (right, other), self.range_of(whole));
        }
        let operator = match op {
            BinOpKind::ScAnd | BinOpKind::ScOr => return self.compile_connection(operation, whole),
            BinOpKind::Concat => "~",
            BinOpKind::Add => "+",
            BinOpKind::Sub => "-",
            BinOpKind::Mul => "*",
            BinOpKind::Div => "/",
            other => {
                let word = match other {
                    BinOpKind::FloorDiv => "//",
                    BinOpKind::Rem => "%",
                    _ => "**",
                };
                let message = format!("there is no `{word}` in expressions");
                return Err(ExpressionFault::new(
                    self.range_of(whole),
                    message,
                    "there are `+`, `-`, `*`, `/` and `~`",
                ));
            }
        };
        self.check_readings(operator, left, right)?;
        if operator == "~" {
            let (one, other) = (self.compile_joined(left)?, self.compile_joined(right)?);
            let has_column = one.has_column || other.has_column;
            let mut parts = Vec::new();
            for part in [one.operation, other.operation] {
                match part {
                    Operation::Join(inner) => parts.extend(inner),
                    part => parts.push(part),
                }
            }
            return Ok(Typed { kind: ExpressionKind::Text, operation: Operation::Join(parts), has_column });
        }
        let (one, other) = (self.compile_number(left, operator)?, self.compile_number(right, operator)?);
        if operator == "/" {
            return self.compile_division(one, &other, whole);
        }
        let operator = match operator {
            "+" => Operator::Add,
            "-" => Operator::Subtract,
            _ => Operator::Multiply,
        };
        let has_column = one.has_column || other.has_column;
        let kind = one.kind.unify(&other.kind).unwrap_or(ExpressionKind::Nothing);
        Ok(Typed {
            kind,
            operation: Operation::Calculate(operator, Box::new([one.operation, other.operation])),
            has_column,
        })
    }

    /// A division that is not rounded: its divisor is a number by which every quotient has an end.
    fn compile_division(&self, one: Typed, other: &Typed, whole: &Expr<'_>) -> Compiled {
        let words = self.words(whole);
        let divisor = match &other.operation {
            Operation::Constant(ExpressionValue::Number(divisor)) => Some(divisor.clone()),
            _ => None,
        };
        if divisor.as_ref().is_some_and(ExactDecimal::is_zero) {
            return Err(ExpressionFault::new(self.range_of(whole), "nothing can be divided by 0", ""));
        }
        let Some((divisor, decimals)) =
            divisor.and_then(|divisor| Some((divisor.clone(), divisor.quotient_decimals()?)))
        else {
            let message = format!("`{words}` may have decimals without end, as 1 / 3 has");
            return Err(ExpressionFault::new(
                self.range_of(whole),
                message,
                format!("round it: `({words}) | round(2)`"),
            ));
        };
        let operation = Operation::DivideExactly { dividend: Box::new(one.operation), divisor, decimals };
        Ok(Typed { kind: ExpressionKind::Number { is_whole: false }, operation, has_column: one.has_column })
    }

    /// Refuses a filter beside an operator, which some read as one of the whole and some as one of its side.
    pub(super) fn check_readings(
        &self,
        operator: &str,
        left: &Expr<'_>,
        right: &Expr<'_>,
    ) -> Result<(), ExpressionFault> {
        for (side, is_left) in [(left, true), (right, false)] {
            let Expr::Filter(filter) = side else { continue };
            if self.is_in_parentheses(side) {
                continue;
            }
            let (one, other) = (self.words(left), self.words(right));
            let inner = filter.expr.as_ref().map_or_else(String::new, |inner| self.words(inner));
            let span = side.span().start_offset as usize..side.span().end_offset as usize;
            let name = format!("| {}", self.source.get(span).unwrap_or_default());
            let message = format!("`{one} {operator} {other}` can be read in two ways");
            let hint = if is_left {
                format!("write `({one}) {operator} {other}`")
            } else {
                format!("write `({one} {operator} {inner}) {name}` or `{one} {operator} ({other})`")
            };
            return Err(ExpressionFault::new(self.range_of(left).start..self.range_of(right).end, message, hint));
        }
        Ok(())
    }

    /// Whether an expression stands in parentheses of its own.
    fn is_in_parentheses(&self, expression: &Expr<'_>) -> bool {
        let range = self.range_of(expression);
        self.widen(range.clone()) != range
    }

    /// Conditions joined by `and` or `or`.
    fn compile_connection(&mut self, operation: &BinOp<'_>, whole: &Expr<'_>) -> Compiled {
        let BinOp { op, left, right } = operation;
        let one = self.compile_condition(left).map_err(|fault| self.suggest_default(fault, operation))?;
        let other = self.compile_condition(right)?;
        let is_and = matches!(op, BinOpKind::ScAnd);
        if let Some(found) = find_contradiction(&one.operation, &other.operation, is_and) {
            return Err(self.refuse_contradiction(&found, is_and, whole));
        }
        let sides = vec![one.operation, other.operation];
        let operation = if is_and { Operation::All(sides) } else { Operation::Any(sides) };
        Ok(Typed { kind: ExpressionKind::Truth, operation, has_column: true })
    }

    /// Refuses comparisons of one column that are never all true, or of which one always is.
    fn refuse_contradiction(&self, found: &Contradiction, is_and: bool, whole: &Expr<'_>) -> ExpressionFault {
        let name = self.columns.iter().find(|(_, column)| column.number == found.column).map(|(name, _)| name.as_str());
        let name = name.unwrap_or_default();
        let (always, other, test) = if is_and { ("never", "or", "in") } else { ("always", "and", "not in") };
        let (reason, hint) = if found.are_values {
            ("cannot be two values at once", format!("write `{other}`, or `{name} {test} ['…', '…']`"))
        } else if is_and {
            ("cannot be both", format!("write `{other}`, or leave one of them out"))
        } else {
            ("is always one of them", format!("write `{other}`, or leave them out"))
        };
        ExpressionFault::new(self.range_of(whole), format!("this is {always} true: `{name}` {reason}"), hint)
    }

    /// Says what to write for `a or b` where the first text that is filled is meant.
    fn suggest_default(&self, fault: ExpressionFault, BinOp { op, left, right }: &BinOp<'_>) -> ExpressionFault {
        if !matches!((op, left), (BinOpKind::ScOr, Expr::Var(_))) {
            return fault;
        }
        let (one, other) = (self.words(left), self.words(right));
        let hint = format!("{}; for the first that is filled, write `{one} | default({other})`", fault.hint);
        ExpressionFault { hint, ..fault }
    }

    /// A side of `~`.
    fn compile_joined(&mut self, expression: &Expr<'_>) -> Compiled {
        let typed = self.compile(expression)?;
        let words = self.words(expression);
        let hint = match typed.kind {
            ExpressionKind::Truth => choice_of(&words),
            ExpressionKind::List(_) => "join a list with `join`".into(),
            _ => return Ok(typed),
        };
        let message = format!("`~` joins texts and numbers, and `{words}` is {}", typed.kind.name());
        Err(ExpressionFault::new(self.range_of(expression), message, hint))
    }

    fn compile_chain(&mut self, chain: &Compare<'_>) -> Compiled {
        let (mut left, mut conditions) = (&chain.expr, Vec::new());
        for next in &chain.ops {
            let range = self.range_of(left).start..self.range_of(&next.expr).end;
            let (one, other) = (self.compile(left)?, self.compile(&next.expr)?);
            let compared = self.compile_comparison(chained_word(next.op), (left, one), (&next.expr, other), range)?;
            conditions.push(compared.operation);
            left = &next.expr;
        }
        Ok(Typed { kind: ExpressionKind::Truth, operation: Operation::All(conditions), has_column: true })
    }

    fn compile_comparison(
        &self,
        operator: &str,
        (left, mut one): (&Expr<'_>, Typed),
        (right, mut other): (&Expr<'_>, Typed),
        range: Range<usize>,
    ) -> Compiled {
        let (words, other_words) = (self.words(left), self.words(right));
        let refuse = |message: String, hint: String| Err(ExpressionFault::new(range.clone(), message, hint));
        if !one.has_column && !other.has_column {
            let message =
                format!("`{words} {operator} {other_words}` compares no column, so it is the same for every record");
            return refuse(message, "compare a column, as in `status == 'paid'`".into());
        }
        if words == other_words {
            return refuse(format!("`{words} {operator} {other_words}` compares something with itself"), String::new());
        }
        read_literal(&mut other, &one.kind, self.range_of(right))?;
        read_literal(&mut one, &other.kind, self.range_of(left))?;
        let is_in = matches!(operator, "in" | "not in");
        let fits = match (operator, &one.kind, &other.kind) {
            (_, kind, ExpressionKind::List(items)) if is_in => {
                **items != ExpressionKind::Nothing && *kind != ExpressionKind::Nothing && kind.unify(items).is_some()
            }
            (_, one, other) if is_in => (one, other) == (&ExpressionKind::Text, &ExpressionKind::Text),
            (_, ExpressionKind::List(_), _) | (_, _, ExpressionKind::List(_)) => false,
            ("==" | "!=", one, other) => one.unify(other).is_some(),
            (_, one, other) => {
                one.unify(other).is_some()
                    && !matches!(one, ExpressionKind::Truth | ExpressionKind::Nothing)
                    && *other != ExpressionKind::Nothing
            }
        };
        if !fits {
            let near = self.suggest_near(&words) + &self.suggest_near(&other_words);
            let fault = refuse_comparison(operator, (&words, &one.kind), (&other_words, &other.kind), range);
            return Err(ExpressionFault { hint: near + &fault.hint, ..fault });
        }
        self.check_possible(operator, left, right, range.clone())?;
        self.check_outcome(operator, (&one, &other), (left, right), range)?;
        let sides = Box::new([one.operation, other.operation]);
        let operation = match operator {
            "==" => Operation::Equals(sides),
            "!=" => Operation::Not(Box::new(Operation::Equals(sides))),
            "in" => look_for(*sides),
            "not in" => Operation::Not(Box::new(look_for(*sides))),
            "<" => Operation::IsOrdered(Comparison::Less, sides),
            "<=" => Operation::IsOrdered(Comparison::LessOrEqual, sides),
            ">" => Operation::IsOrdered(Comparison::Greater, sides),
            _ => Operation::IsOrdered(Comparison::GreaterOrEqual, sides),
        };
        Ok(Typed { kind: ExpressionKind::Truth, operation, has_column: true })
    }

    /// Refuses a comparison with a number that comes out the same for all records.
    fn check_outcome(
        &self,
        operator: &str,
        (one, other): (&Typed, &Typed),
        (left, right): (&Expr<'_>, &Expr<'_>),
        range: Range<usize>,
    ) -> Result<(), ExpressionFault> {
        let (typed, expression, constant, operator) = match (&one.operation, &other.operation) {
            (_, Operation::Constant(constant)) => (one, left, constant, operator),
            (Operation::Constant(constant), _) => (other, right, constant, turn(operator)),
            _ => return Ok(()),
        };
        let is_whole = typed.kind == ExpressionKind::Number { is_whole: true };
        let Some(outcome) = find_outcome(&typed.operation, is_whole, operator, constant) else { return Ok(()) };
        let always = if outcome.is_always { "always" } else { "never" };
        let message = format!("this is {always} true: `{}` {}", self.words(expression), outcome.reason);
        Err(ExpressionFault::new(range, message, "compare with a number that it can be, or leave this out"))
    }

    /// Refuses a comparison with a text that the other side never is.
    fn check_possible(
        &self,
        operator: &str,
        left: &Expr<'_>,
        right: &Expr<'_>,
        range: Range<usize>,
    ) -> Result<(), ExpressionFault> {
        let (one, other) = (left.as_const(), right.as_const());
        let (expression, constant, comparing) = match (operator, one, other) {
            ("==" | "!=", None, Some(other)) => (left, other, Comparing::Whole),
            ("==" | "!=", Some(one), None) => (right, one, Comparing::Whole),
            ("in" | "not in", None, Some(other)) if other.as_str().is_none() => (left, other, Comparing::Whole),
            ("in" | "not in", Some(one), None) => (right, one, Comparing::Part),
            _ => return Ok(()),
        };
        let items: Vec<minijinja::Value> = match constant.as_str() {
            Some(_) => vec![constant],
            None => constant.try_iter().map(Iterator::collect).unwrap_or_default(),
        };
        let mut texts = items.iter().filter_map(minijinja::Value::as_str);
        texts.try_for_each(|text| self.check_text(expression, text, comparing, range.clone()))
    }

    /// Refuses a text that an expression never is, begins with, ends with or holds.
    pub(super) fn check_text(
        &self,
        expression: &Expr<'_>,
        text: &str,
        comparing: Comparing,
        range: Range<usize>,
    ) -> Result<(), ExpressionFault> {
        let reading = match expression {
            Expr::Var(name) => self.columns.iter().find(|(known, _)| known == name.id),
            _ => None,
        };
        let reading = reading.and_then(|(_, column)| column.reading.as_deref());
        let read = reading.and_then(|reading| find_read_reason(reading, text, comparing));
        let is_list = |name: &str| self.columns.iter().any(|(known, column)| known == name && column.split.is_some());
        let Some(reason) = read.or_else(|| find_reason(expression, text, comparing, &is_list)) else { return Ok(()) };
        let never = match comparing {
            Comparing::Whole => "is never",
            Comparing::Start => "never begins with",
            Comparing::End => "never ends with",
            Comparing::Part => "never holds",
        };
        let message = format!("`{}` {never} `'{text}'`", self.words(expression));
        Err(ExpressionFault::new(range, message, reason.hint()))
    }
}

impl ExpressionCompiler<'_, '_> {
    /// Which bytes of the source an expression is. The spans of the parser begin where its last word does.
    pub(super) fn range_of(&self, expression: &Expr<'_>) -> Range<usize> {
        self.start_of(expression)..expression.span().end_offset as usize
    }

    fn start_of(&self, expression: &Expr<'_>) -> usize {
        let start = expression.span().start_offset as usize;
        let inner = match expression {
            Expr::BinOp(operation) => Some(&operation.left),
            Expr::Compare(chain) => Some(&chain.expr),
            Expr::IfExpr(choice) => Some(&choice.true_expr),
            Expr::Filter(filter) => filter.expr.as_ref(),
            Expr::Test(test) => Some(&test.expr),
            Expr::GetAttr(attribute) => Some(&attribute.expr),
            Expr::GetItem(item) => Some(&item.expr),
            Expr::Slice(slice) => Some(&slice.expr),
            Expr::Call(call) => Some(&call.expr),
            // Of `a not in b` and `a is not startingwith('x')`, the word does not come first.
            Expr::UnaryOp(operation) => {
                let comes_first =
                    self.source.get(start..).is_some_and(|rest| rest.starts_with("not") || rest.starts_with('-'));
                (!comes_first).then_some(&operation.expr)
            }
            _ => None,
        };
        inner.map_or(start, |inner| self.widen(self.range_of(inner)).start)
    }

    /// An expression with the parentheses around it.
    fn widen(&self, Range { mut start, mut end }: Range<usize>) -> Range<usize> {
        loop {
            let before = self.source.get(..start).unwrap_or_default().trim_end();
            let behind = self.source.get(end..).unwrap_or_default().trim_start();
            if !before.ends_with('(') || !behind.starts_with(')') {
                return start..end;
            }
            (start, end) = (before.len() - 1, self.source.len() - behind.len() + 1);
        }
    }

    /// The beginning of a hint about a column whose name is near that of a declared one.
    fn suggest_near(&self, words: &str) -> String {
        let known = self.columns.iter().find(|(name, _)| name == words);
        let near = known.and_then(|(_, column)| column.near.as_ref());
        near.map_or_else(String::new, |near| format!("did you mean `{near}`? else "))
    }

    /// The words of an expression, for a message.
    pub(super) fn words(&self, expression: &Expr<'_>) -> String {
        const LONGEST: usize = 40;
        let words = self.source.get(self.range_of(expression)).unwrap_or_default().trim();
        if words.chars().count() <= LONGEST {
            return words.to_owned();
        }
        words.chars().take(LONGEST).chain(['…']).collect()
    }
}

/// The comparison with its sides the other way round.
fn turn(operator: &str) -> &str {
    match operator {
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        other => other,
    }
}

/// Looks for a value in a list or a text; values that have an order are found in a list without a look at each.
fn look_for([item, list]: [Operation; 2]) -> Operation {
    let Operation::Constant(ExpressionValue::List(values)) = &list else {
        return Operation::IsIn(Box::new([item, list]));
    };
    let mut values: Vec<_> = values.iter().filter(|value| !matches!(value, ExpressionValue::None)).cloned().collect();
    if values.iter().any(|value| value.order(value).is_none()) {
        return Operation::IsIn(Box::new([item, list]));
    }
    values.sort_by(|one, other| one.order(other).unwrap_or(Ordering::Equal));
    Operation::IsAmong(Box::new(item), values)
}

/// What a truth value could be written as.
pub(super) fn choice_of(words: &str) -> String {
    format!("write `('yes' if {words} else 'no')`")
}

/// An item of a list, or a character of a text.
pub(super) fn item_of(of: Typed, index: Typed) -> Typed {
    let kind = match of.kind {
        ExpressionKind::List(items) => *items,
        kind => kind,
    };
    let has_column = of.has_column || index.has_column;
    Typed { kind, operation: Operation::Item(Box::new([of.operation, index.operation])), has_column }
}

/// Reads a literal text, or those of a list, as the day or moment that it is compared with.
fn read_literal(literal: &mut Typed, kind: &ExpressionKind, range: Range<usize>) -> Result<(), ExpressionFault> {
    if !matches!(kind, ExpressionKind::Date | ExpressionKind::Moment) {
        return Ok(());
    }
    let read = |text: &str| {
        if *kind == ExpressionKind::Date {
            let day = text.parse::<civil::Date>().ok().filter(|day| day.to_string() == text)?;
            return Some(ExpressionValue::Date(day.to_string()));
        }
        text.parse::<Timestamp>().ok().map(|moment| ExpressionValue::Moment(moment, text.to_owned()))
    };
    let fault = |text: &str| {
        let (what, example) =
            if *kind == ExpressionKind::Date { ("day", "2026-06-15") } else { ("moment", "2026-06-15T09:00:00+02:00") };
        let message = format!("`'{text}'` is no {what}");
        ExpressionFault::new(range.clone(), message, format!("write it as in `'{example}'`"))
    };
    match &literal.operation {
        Operation::Constant(ExpressionValue::Text(text)) => {
            literal.operation = Operation::Constant(read(text).ok_or_else(|| fault(text))?);
            literal.kind = kind.clone();
        }
        Operation::Constant(ExpressionValue::List(items))
            if items.iter().all(|item| matches!(item, ExpressionValue::Text(_))) =>
        {
            let mut values = Vec::new();
            for item in items {
                let ExpressionValue::Text(text) = item else { continue };
                values.push(read(text).ok_or_else(|| fault(text))?);
            }
            literal.operation = Operation::Constant(ExpressionValue::List(values));
            literal.kind = ExpressionKind::List(Box::new(kind.clone()));
        }
        _ => {}
    }
    Ok(())
}

/// A number as it is written, digit for digit.
fn read_number(text: &str, range: Range<usize>) -> Result<ExpressionValue<'static>, ExpressionFault> {
    ExactDecimal::parse(text).map(ExpressionValue::Number).ok_or_else(|| {
        let message = format!("`{text}` is no decimal number, as in `1200.50`");
        ExpressionFault::new(range, message, "write digits, and a point in front of decimals")
    })
}

fn refuse_mixed_list(range: Range<usize>) -> ExpressionFault {
    ExpressionFault::new(range, "the items of this list are of several kinds", "write only texts, or only numbers")
}

fn refuse_list(range: Range<usize>, words: &str, wanted: &str) -> ExpressionFault {
    let hint = "join its items, as in `path | split('/') | join(', ')`, or take one, with `first` or `[0]`";
    ExpressionFault::new(range, format!("`{words}` gives a list, and {wanted}"), hint)
}

/// A constant of the parser that is no number.
fn value_of(constant: &minijinja::Value) -> ExpressionValue<'static> {
    match constant.kind() {
        ValueKind::String => ExpressionValue::text(constant.as_str().unwrap_or_default().to_owned()),
        ValueKind::Bool => ExpressionValue::Truth(constant.is_true()),
        // The parser keeps whole numbers, and writes others as they were read if they have few digits.
        ValueKind::Number => {
            ExactDecimal::parse(&constant.to_string()).map_or(ExpressionValue::None, ExpressionValue::Number)
        }
        ValueKind::Seq | ValueKind::Iterable => {
            ExpressionValue::List(constant.try_iter().into_iter().flatten().map(|item| value_of(&item)).collect())
        }
        _ => ExpressionValue::None,
    }
}

/// The kind of a constant; `None`: a list of several kinds.
fn kind_of(value: &ExpressionValue<'_>) -> Option<ExpressionKind> {
    Some(match value {
        ExpressionValue::None => ExpressionKind::Nothing,
        ExpressionValue::Text(_) => ExpressionKind::Text,
        ExpressionValue::Number(number) => ExpressionKind::Number { is_whole: !number.has_decimals() },
        ExpressionValue::Truth(_) => ExpressionKind::Truth,
        ExpressionValue::Date(_) => ExpressionKind::Date,
        ExpressionValue::Moment(..) => ExpressionKind::Moment,
        ExpressionValue::List(items) => {
            let mut kind = ExpressionKind::Nothing;
            for item in items {
                kind = kind.unify(&kind_of(item)?)?;
            }
            ExpressionKind::List(Box::new(kind))
        }
    })
}

fn comparison_word(operation: BinOpKind) -> Option<&'static str> {
    match operation {
        BinOpKind::Eq => Some("=="),
        BinOpKind::Ne => Some("!="),
        BinOpKind::Lt => Some("<"),
        BinOpKind::Lte => Some("<="),
        BinOpKind::Gt => Some(">"),
        BinOpKind::Gte => Some(">="),
        BinOpKind::In => Some("in"),
        _ => None,
    }
}

fn chained_word(operation: CompareOpKind) -> &'static str {
    match operation {
        CompareOpKind::Eq => "==",
        CompareOpKind::Ne => "!=",
        CompareOpKind::Lt => "<",
        CompareOpKind::Lte => "<=",
        CompareOpKind::Gt => ">",
        CompareOpKind::Gte => ">=",
        CompareOpKind::In => "in",
        CompareOpKind::NotIn => "not in",
    }
}

/// Refuses a comparison of different kinds, and says what to write instead.
fn refuse_comparison(
    operator: &str,
    (one, left): (&str, &ExpressionKind),
    (other, right): (&str, &ExpressionKind),
    range: Range<usize>,
) -> ExpressionFault {
    let declare = |column: &str| format!("declare the type of the column `{column}` under `sources`");
    let is_word = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let hint = match (left, right) {
        (ExpressionKind::Nothing, _) | (_, ExpressionKind::Nothing) => {
            "what is empty is found by `is none`, or by `== ''`".into()
        }
        (ExpressionKind::List(_), _) | (_, ExpressionKind::List(_)) if !matches!(operator, "in" | "not in") => {
            "compare what is asked of the list: `'x' in tags`, `tags | length`, `tags | first`, `tags | join(', ')`"
                .into()
        }
        (
            ExpressionKind::Text,
            ExpressionKind::Number { .. } | ExpressionKind::Truth | ExpressionKind::Date | ExpressionKind::Moment,
        ) if is_word(one) => declare(one),
        (
            ExpressionKind::Number { .. } | ExpressionKind::Truth | ExpressionKind::Date | ExpressionKind::Moment,
            ExpressionKind::Text,
        ) if is_word(other) => declare(other),
        (ExpressionKind::Number { .. }, ExpressionKind::Text) => "write the number without quotes".into(),
        (ExpressionKind::Truth, ExpressionKind::Text) => format!("write `{one}` alone, or `not {one}`"),
        _ => String::new(),
    };
    let message = match (operator, right) {
        ("in" | "not in", ExpressionKind::List(items)) if **items != ExpressionKind::Nothing => {
            format!("nothing in `{other}` is {}, as `{one}` is", left.name())
        }
        ("in" | "not in", ExpressionKind::List(_)) => format!("nothing is in `{other}`"),
        (_, ExpressionKind::Nothing) | ("in" | "not in", _) if *left == ExpressionKind::Nothing => {
            format!("`{one} {operator} {other}` compares nothing")
        }
        (_, ExpressionKind::Nothing) => format!("`{one} {operator} {other}` compares {} with nothing", left.name()),
        _ => format!("`{one} {operator} {other}` compares {} with {}", left.name(), right.name()),
    };
    ExpressionFault::new(range, message, hint)
}
