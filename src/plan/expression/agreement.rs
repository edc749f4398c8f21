//! Random expressions over random rows: the compiled form gives what a slow evaluation of the parsed tree gives.
//!
//! The slow evaluation is written from the documentation alone: it knows no operations, calculates with whole numbers of any
//! length, and looks at the tree anew for each row. `XWALK_CASES` says how many expressions to compare, `XWALK_SEED` which.

use std::{borrow::Cow, cmp::Ordering, sync::Arc};

use minijinja::machinery::{
    ast::{BinOpKind, CallArg, CompareOpKind, Expr, Filter, GetItem, Slice, UnaryOpKind},
    parse_expr,
};
use num_bigint::{BigInt, Sign};

use crate::{
    plan::{
        conversion::Conversion,
        date_format::DateFormat,
        expression::{
            Expression,
            compile::{ExpressionColumn, ExpressionKind},
            operation::Fact,
            record_cells::RecordCells,
            small_number::LONGEST_NUMBER,
            value::ExpressionValue,
        },
        moment_format::MomentFormat,
    },
    table::cell_reading::CellSplit,
    text::{
        exact_decimal::ExactDecimal,
        lanes::{ByteLanes, LANES},
        number::NumberFormat,
    },
};

/// How many expressions are compared, unless the environment says so.
const CASES: u64 = 20_000;
/// How many differences are shown.
const SHOWN: usize = 20;
/// How many rows each is compared on.
const ROWS: usize = 2;

/// What of a failure only a record can tell; a type that does not fit is never among them.
const REASONS: [&str; 11] = [
    "a text is no real day in the format of `date`",
    "a text is no real moment in the format of `datetime`",
    "this local time never was: clocks were set forward and passed over it",
    "this local time was twice: clocks were set back and came to it again",
    "what is empty is in nothing",
    "what is empty is in no order",
    "what is empty is neither true nor false",
    "nothing can be divided by 0",
    "a text is no whole number",
    "a text is no decimal number",
    "a number has decimals, and `round(0)` is what rounds it",
];

/// The columns, with their kinds and some cells.
const COLUMNS: [(&str, Kind, &[&str]); 14] = [
    ("a", Kind::Text, &["", "abc", "ABC", "a/b/c", " a ", "ß", "007", "12.50", "-3", "é x"]),
    ("b", Kind::Text, &["", "abc", "b", "/", "x", "0", "1e3", "c"]),
    ("n", Kind::Whole, &["", "0", "7", "-3", "12", "1000000", "123456789012345678901234567890"]),
    ("k", Kind::Whole, &["", "1", "2", "-1", "0", "9007199254740993", "9223372036854775807"]),
    (
        "d",
        Kind::Number,
        &["", "0", "0.00", "2.50", "-0.335", "0.005", "99999999999999.99", "1234567890123456789.123456789"],
    ),
    ("e", Kind::Number, &["", "1", "2.5", "-2.5", "0.125", "1000000000000000", "0.0000000000000001", "3.14159"]),
    ("t", Kind::Truth, &["", "yes", "no"]),
    ("o", Kind::Text, &["", "15.06.2026", "29.02.2026", "29.02.2024", "1.2.2026", "00.01.2026", "31.12.2025 ", "5"]),
    ("c", Kind::Text, &["", "09:30", "2:30", "02:30", "24:00", "02:59", "03:00", "01:59"]),
    ("w", Kind::Day, &["", "01.02.2026", "31.12.1999", "15.06.2026", "29.03.2026", "25.10.2026"]),
    ("v", Kind::Day, &["", "15.06.2026", "01.01.0001"]),
    ("m", Kind::Moment, &["", "2026-06-15T09:00:00+02:00", "2026-06-15T07:00:00Z", "1999-12-31T23:59:59.5-05:30"]),
    ("s", Kind::Texts, &["", "a;b", " a ;; b", "abc"]),
    ("l", Kind::Numbers, &["", "1;2", "2.5", "0;-3;7"]),
];

/// What an expression is asked to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Whole,
    Number,
    Truth,
    Day,
    Moment,
    Texts,
    Numbers,
}

/// A source of random numbers.
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % count as u64).unwrap()
    }

    fn one<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    fn column(&mut self, kind: Kind) -> String {
        let fits: Vec<&str> = COLUMNS.iter().filter(|(_, of, _)| *of == kind).map(|(name, ..)| *name).collect();
        self.one(&fits).to_owned()
    }

    /// An expression of a kind, of so many levels at most.
    fn expression(&mut self, kind: Kind, depth: usize) -> String {
        if depth == 0 || self.below(8) == 0 {
            return if self.below(4) == 0 { self.literal(kind) } else { self.column(kind) };
        }
        let depth = depth - 1;
        if self.below(9) == 0 && !matches!(kind, Kind::Texts | Kind::Numbers) {
            let (yes, no) = (self.expression(kind, depth), self.expression(kind, depth));
            return format!("({yes} if {} else {no})", self.expression(Kind::Truth, depth));
        }
        match kind {
            Kind::Text => self.text(depth),
            Kind::Whole | Kind::Number => self.number(kind, depth),
            Kind::Truth => self.condition(depth),
            Kind::Day if self.below(2) == 0 => {
                let of = if self.below(3) == 0 { self.expression(Kind::Text, depth) } else { "o".into() };
                format!("({of} | date('%d.%m.%Y'))")
            }
            Kind::Moment if self.below(2) == 0 => {
                let of = if self.below(3) == 0 { self.text(depth) } else { "(w ~ ' ' ~ c)".into() };
                let choice = self.one(&["", ", 'earlier'", ", 'later'"]);
                format!("({of} | datetime('%Y-%m-%d %H:%M', 'Europe/Berlin'{choice}))")
            }
            Kind::Day | Kind::Moment => {
                let (one, other) = (self.column(kind), self.expression(kind, depth));
                format!("({one} | default({other}))")
            }
            Kind::Texts => {
                let (text, by) = (self.expression(Kind::Text, depth), self.one(&["'/'", "'b'", "' '"]));
                format!("({text} | split({by}))")
            }
            Kind::Numbers => {
                format!("[{}, {}]", self.expression(Kind::Number, depth), self.expression(Kind::Whole, depth))
            }
        }
    }

    fn literal(&mut self, kind: Kind) -> String {
        self.one(match kind {
            Kind::Text => &["'abc'", "'a'", "'/'", "'x y'", "'7'"],
            Kind::Whole => &["0", "1", "2", "10", "12345678901234567890123"],
            Kind::Number => &["0.5", "2.50", "0.01", "3", "1000000000000.0001"],
            Kind::Truth => &["t"],
            Kind::Day => &["w", "v"],
            Kind::Moment => &["m"],
            Kind::Texts => &["['a', 'abc']", "['b']"],
            Kind::Numbers => &["[1, 2.5]", "[7, 0, 3.00]"],
        })
        .to_owned()
    }

    fn text(&mut self, depth: usize) -> String {
        let of = self.expression(Kind::Text, depth);
        match self.below(13) {
            0 => format!("({of} | {})", self.one(&["trim", "upper", "lower", "title", "capitalize"])),
            1 => format!("({of} | trim({}))", self.one(&["'a'", "'ab/'"])),
            2 => format!("({of} | replace('a', {}))", self.one(&["'bb'", "''"])),
            3 => format!("({of} ~ {})", self.expression(Kind::Text, depth)),
            4 => format!("({of} ~ {})", self.expression(Kind::Number, depth)),
            5 => format!("({of} ~ {})", self.expression(Kind::Day, depth)),
            6 => format!("({of})[{}]", self.expression(Kind::Whole, depth)),
            7 => format!("({of})[{}:{}]", self.one(&["", "1", "-2", "k"]), self.one(&["", "2", "-1", "n"])),
            8 => format!("({of} | default({}))", self.expression(Kind::Text, depth)),
            9 => format!("({} | {})", self.expression(Kind::Texts, depth), self.one(&["first", "last"])),
            10 => format!("({} | join({}))", self.expression(Kind::Texts, depth), self.one(&["', '", "''"])),
            11 => format!("({} | join)", self.expression(Kind::Numbers, depth)),
            _ => format!("({})[{}]", self.expression(Kind::Texts, depth), self.one(&["0", "1", "-1", "k"])),
        }
    }

    fn number(&mut self, kind: Kind, depth: usize) -> String {
        let one = self.expression(kind, depth);
        match self.below(12) {
            0..=2 => format!("({one} {} {})", self.one(&["+", "-", "*"]), self.expression(kind, depth)),
            3 => format!("(-({one}))"),
            4 => format!("({one} | abs)"),
            5 => format!("({} | length)", self.expression(Kind::Text, depth)),
            6 => format!("({} | length)", self.expression(Kind::Texts, depth)),
            7 => format!("({} | default({one}))", self.column(kind)),
            8 => format!("({} | integer)", self.expression(Kind::Text, depth)),
            _ if kind == Kind::Whole => one,
            9 => {
                let other = self.expression(Kind::Number, depth);
                format!("(({one} / {other}) | round({}{}))", self.below(4), self.one(&["", ", 'even'"]))
            }
            10 => format!("({one} / {})", self.one(&["2", "8", "100", "0.5", "1000"])),
            _ => format!("({one} | round({}{}))", self.below(4), self.one(&["", ", 'even'"])),
        }
    }

    fn condition(&mut self, depth: usize) -> String {
        let kinds = [Kind::Text, Kind::Whole, Kind::Number, Kind::Day, Kind::Moment];
        let kind = kinds[self.below(kinds.len())];
        let one = self.expression(kind, depth);
        match self.below(12) {
            0..=3 => {
                let operator = self.one(&["==", "!=", "<", "<=", ">", ">="]);
                format!("({one} {operator} {})", self.expression(kind, depth))
            }
            4 => format!("({one} is {}none)", self.one(&["", "not "])),
            5 => format!("({one} {} none)", self.one(&["==", "!="])),
            6 => format!(
                "({} {}in {})",
                self.expression(Kind::Text, depth),
                self.one(&["", "not "]),
                self.expression(Kind::Texts, depth)
            ),
            7 => format!("({} in {})", self.expression(Kind::Number, depth), self.expression(Kind::Numbers, depth)),
            8 => format!("({} in {})", self.expression(Kind::Text, depth), self.expression(Kind::Text, depth)),
            9 => {
                let (test, is) = (self.one(&["startingwith", "endingwith"]), self.one(&["is", "is not"]));
                format!("({} {is} {test}({}))", self.expression(Kind::Text, depth), self.expression(Kind::Text, depth))
            }
            10 => format!("(not {})", self.expression(Kind::Truth, depth)),
            _ => {
                let (one, other) = (self.expression(Kind::Truth, depth), self.expression(Kind::Truth, depth));
                format!("({one} {} {other})", self.one(&["and", "or"]))
            }
        }
    }
}

/// A row: a cell of each column.
struct RandomRow([&'static str; COLUMNS.len()]);

impl RandomRow {
    fn new(dice: &mut Dice) -> RandomRow {
        RandomRow(COLUMNS.map(|(_, _, cells)| dice.one(cells)))
    }
}

impl<'a> RecordCells<'a> for RandomRow {
    fn said(&self, column: usize) -> Option<Cow<'a, str>> {
        (!self.0[column].is_empty()).then_some(Cow::Borrowed(self.0[column]))
    }

    fn lanes(&self, column: usize) -> Option<([u8; LANES], usize)> {
        let cell = self.0[column].as_bytes();
        Some((ByteLanes::from(cell).lanes_at(0), cell.len()))
    }

    fn fact(&self, _: Fact) -> ExpressionValue<'a> {
        ExpressionValue::None
    }
}

fn find_column(name: &str) -> ExpressionColumn {
    let number = COLUMNS.iter().position(|(known, ..)| *known == name).unwrap();
    let conversion = match COLUMNS[number].1 {
        Kind::Text | Kind::Texts => Conversion::Text,
        Kind::Whole => Conversion::Integer(NumberFormat::WHOLE),
        Kind::Number | Kind::Numbers => Conversion::Decimal(NumberFormat::JSON),
        Kind::Truth => Conversion::Boolean { yes: vec![b"yes".to_vec()], no: vec![b"no".to_vec()] },
        Kind::Day => Conversion::Date(DateFormat::new("%d.%m.%Y").unwrap()),
        Kind::Moment => {
            let format = DateFormat::new("%Y-%m-%dT%H:%M:%S%.f%:z").unwrap();
            Conversion::Datetime(Box::new(MomentFormat::with_offset(format)))
        }
    };
    let is_list = matches!(COLUMNS[number].1, Kind::Texts | Kind::Numbers);
    let split = is_list.then(|| Arc::new(CellSplit { separator: ";".into(), is_trimmed: true }));
    ExpressionColumn { number, conversion: Arc::new(conversion), reading: None, split, near: None }
}

/// A value of the slow evaluation.
#[derive(Clone, Debug, PartialEq)]
enum Plain {
    Nothing,
    Text(String),
    Number(BigInt, usize),
    Truth(bool),
    Day(String),
    Moment(i128, String),
    List(Vec<Plain>),
}

/// The evaluation failed, as only a record can tell.
#[derive(Debug, PartialEq)]
struct Failed;

type Evaluated = Result<Plain, Failed>;

fn text(text: impl Into<String>) -> Plain {
    let text = text.into();
    if text.is_empty() { Plain::Nothing } else { Plain::Text(text) }
}

fn ten(power: usize) -> BigInt {
    BigInt::from(10).pow(u32::try_from(power).unwrap())
}

/// A number by its digits.
fn number(written: &str) -> Plain {
    let (whole, fraction) = written.split_once('.').unwrap_or((written, ""));
    Plain::Number([whole, fraction].concat().parse().unwrap(), fraction.len())
}

/// The quotient of two whole numbers, rounded.
fn divide_rounded(dividend: &BigInt, divisor: &BigInt, half_to_even: bool) -> BigInt {
    let is_negative = (dividend.sign() == Sign::Minus) != (divisor.sign() == Sign::Minus);
    let positive = |number: &BigInt| BigInt::from(number.magnitude().clone());
    let (dividend, divisor) = (positive(dividend), positive(divisor));
    let quotient = &dividend / &divisor;
    let twice = (&dividend - &quotient * &divisor) * 2;
    let up = twice > divisor || twice == divisor && (!half_to_even || quotient.bit(0));
    let quotient = if up { quotient + 1 } else { quotient };
    if is_negative { -quotient } else { quotient }
}

impl Plain {
    /// As a template writes it.
    fn written(&self) -> String {
        match self {
            Plain::Nothing | Plain::List(_) => String::new(),
            Plain::Text(text) | Plain::Day(text) | Plain::Moment(_, text) => text.clone(),
            Plain::Truth(truth) => truth.to_string(),
            Plain::Number(digits, scale) => {
                let sign = if digits.sign() == Sign::Minus { "-" } else { "" };
                let digits = format!("{:0>width$}", digits.magnitude().to_string(), width = scale + 1);
                let (whole, fraction) = digits.split_at(digits.len() - scale);
                let point = if *scale > 0 { "." } else { "" };
                format!("{sign}{whole}{point}{fraction}")
            }
        }
    }

    fn order(&self, other: &Plain) -> Option<Ordering> {
        match (self, other) {
            (Plain::Text(one), Plain::Text(other)) => Some(one.chars().cmp(other.chars())),
            (Plain::Day(one), Plain::Day(other)) => Some(one.cmp(other)),
            (Plain::Moment(one, _), Plain::Moment(other, _)) => Some(one.cmp(other)),
            (Plain::Truth(one), Plain::Truth(other)) => Some(one.cmp(other)),
            (Plain::Number(one, scale), Plain::Number(other, other_scale)) => {
                Some((one * ten(*other_scale)).cmp(&(other * ten(*scale))))
            }
            _ => None,
        }
    }

    fn is_same(&self, other: &Plain) -> bool {
        matches!((self, other), (Plain::Nothing, Plain::Nothing)) || self.order(other) == Some(Ordering::Equal)
    }
}

/// The slow evaluation of a tree on a row.
struct Slow<'a>(&'a RandomRow, &'a str);

impl Slow<'_> {
    fn evaluate(&self, expression: &Expr<'_>) -> Evaluated {
        Ok(match expression {
            Expr::Var(name) => self.cell(name.id),
            Expr::Const(constant) => self.constant(&constant.value, expression),
            Expr::List(list) => {
                Plain::List(list.items.iter().map(|item| self.evaluate(item)).collect::<Result<_, Failed>>()?)
            }
            Expr::UnaryOp(operation) => match (&operation.op, self.evaluate(&operation.expr)?) {
                (UnaryOpKind::Not, Plain::Truth(truth)) => Plain::Truth(!truth),
                (UnaryOpKind::Not, _) => return Err(Failed),
                (UnaryOpKind::Neg, Plain::Number(digits, scale)) => Plain::Number(-digits, scale),
                (UnaryOpKind::Neg, _) => Plain::Nothing,
            },
            Expr::BinOp(operation) => self.operate(operation.op, &operation.left, &operation.right)?,
            Expr::Compare(chain) => {
                let mut left = self.evaluate(&chain.expr)?;
                for next in &chain.ops {
                    let right = self.evaluate(&next.expr)?;
                    if !compare(compared(next.op), &left, &right)? {
                        return Ok(Plain::Truth(false));
                    }
                    left = right;
                }
                Plain::Truth(true)
            }
            Expr::IfExpr(choice) => {
                let other = choice.false_expr.as_ref().unwrap();
                self.evaluate(if self.holds(&choice.test_expr)? { &choice.true_expr } else { other })?
            }
            Expr::Filter(filter) => self.filter(filter)?,
            Expr::Test(test) => self.test(test.name, &test.expr, &test.args)?,
            Expr::GetItem(item) => self.item(item)?,
            Expr::Slice(slice) => self.slice(slice)?,
            other => panic!("{}", other.description()),
        })
    }

    fn filter(&self, filter: &Filter<'_>) -> Evaluated {
        let arguments: Vec<&Expr<'_>> = filter.args.iter().map(positional).collect();
        let of = filter.expr.as_ref().unwrap();
        if let ("round", Expr::BinOp(division)) = (filter.name, of)
            && matches!(division.op, BinOpKind::Div)
        {
            return self.divide(&division.left, &division.right, &arguments);
        }
        match (filter.name, self.evaluate(of)?) {
            ("default", Plain::Nothing) => self.evaluate(arguments[0]),
            ("default", value) => Ok(value),
            (name, value) => {
                let arguments = arguments.into_iter().map(|argument| self.evaluate(argument));
                apply(name, value, &arguments.collect::<Result<Vec<_>, Failed>>()?)
            }
        }
    }

    fn item(&self, item: &GetItem<'_>) -> Evaluated {
        let (of, at) = (self.evaluate(&item.expr)?, self.evaluate(&item.subscript_expr)?);
        let parts = parts_of(&of);
        let Plain::Number(at, _) = at else { return Ok(Plain::Nothing) };
        let at = if at.sign() == Sign::Minus { at + parts.len() } else { at };
        Ok(usize::try_from(at).ok().and_then(|at| parts.get(at).cloned()).unwrap_or(Plain::Nothing))
    }

    fn slice(&self, slice: &Slice<'_>) -> Evaluated {
        let of = self.evaluate(&slice.expr)?;
        let parts = parts_of(&of);
        let mut ends = [0, parts.len()];
        for (end, index) in ends.iter_mut().zip([&slice.start, &slice.stop]) {
            let Some(index) = index else { continue };
            let Plain::Number(index, _) = self.evaluate(index)? else { return Ok(Plain::Nothing) };
            let index = if index.sign() == Sign::Minus { index + parts.len() } else { index };
            let last = BigInt::from(parts.len());
            *end = usize::try_from(index.max(BigInt::from(0)).min(last)).unwrap();
        }
        let parts: Vec<Plain> = parts.into_iter().take(ends[1]).skip(ends[0]).collect();
        Ok(match of {
            Plain::Nothing => Plain::Nothing,
            Plain::List(_) => Plain::List(parts),
            _ => text(parts.iter().map(Plain::written).collect::<String>()),
        })
    }

    fn cell(&self, name: &str) -> Plain {
        let at = COLUMNS.iter().position(|(known, ..)| *known == name).unwrap();
        let (kind, cell) = (COLUMNS[at].1, self.0.0[at]);
        let pieces = || cell.split(';').map(str::trim).filter(|piece| !piece.is_empty());
        match kind {
            Kind::Texts => Plain::List(pieces().map(text).collect()),
            Kind::Numbers => Plain::List(pieces().map(number).collect()),
            _ if cell.is_empty() => Plain::Nothing,
            Kind::Text => text(cell),
            Kind::Whole | Kind::Number => number(cell),
            Kind::Truth => Plain::Truth(cell == "yes"),
            Kind::Day => Plain::Day(format!("{}-{}-{}", &cell[6..], &cell[3..5], &cell[..2])),
            Kind::Moment => {
                let moment: jiff::Timestamp = cell.parse().unwrap();
                Plain::Moment(moment.as_nanosecond(), cell.to_owned())
            }
        }
    }

    fn constant(&self, value: &minijinja::Value, expression: &Expr<'_>) -> Plain {
        if let Ok(items) = value.try_iter()
            && value.as_str().is_none()
            && !value.is_none()
        {
            // All lists of constants that are made here hold texts, or numbers of few digits.
            let item = |item: minijinja::Value| item.as_str().map_or_else(|| number(&item.to_string()), text);
            return Plain::List(items.map(item).collect());
        }
        let span = expression.span();
        let written = &self.1[span.start_offset as usize..span.end_offset as usize];
        match value.as_str() {
            Some(word) => text(word),
            None if value.is_none() => Plain::Nothing,
            None => number(written),
        }
    }

    fn holds(&self, condition: &Expr<'_>) -> Result<bool, Failed> {
        match self.evaluate(condition)? {
            Plain::Truth(truth) => Ok(truth),
            _ => Err(Failed),
        }
    }

    fn operate(&self, operator: BinOpKind, left: &Expr<'_>, right: &Expr<'_>) -> Evaluated {
        match operator {
            BinOpKind::ScAnd => return Ok(Plain::Truth(self.holds(left)? && self.holds(right)?)),
            BinOpKind::ScOr => return Ok(Plain::Truth(self.holds(left)? || self.holds(right)?)),
            BinOpKind::Div => return self.divide(left, right, &[]),
            _ => {}
        }
        let (one, other) = (self.evaluate(left)?, self.evaluate(right)?);
        Ok(match (operator, &one, &other) {
            (BinOpKind::Concat, ..) => text(one.written() + &other.written()),
            (BinOpKind::Eq, ..) => Plain::Truth(compare("==", &one, &other)?),
            (BinOpKind::Ne, ..) => Plain::Truth(compare("!=", &one, &other)?),
            (BinOpKind::Lt, ..) => Plain::Truth(compare("<", &one, &other)?),
            (BinOpKind::Lte, ..) => Plain::Truth(compare("<=", &one, &other)?),
            (BinOpKind::Gt, ..) => Plain::Truth(compare(">", &one, &other)?),
            (BinOpKind::Gte, ..) => Plain::Truth(compare(">=", &one, &other)?),
            (BinOpKind::In, ..) => Plain::Truth(compare("in", &one, &other)?),
            (operator, Plain::Number(digits, scale), Plain::Number(others, other_scale)) => {
                let both = *scale.max(other_scale);
                let (aligned, others_aligned) = (digits * ten(both - scale), others * ten(both - other_scale));
                match operator {
                    BinOpKind::Add => Plain::Number(aligned + others_aligned, both),
                    BinOpKind::Sub => Plain::Number(aligned - others_aligned, both),
                    _ => Plain::Number(digits * others, scale + other_scale),
                }
            }
            _ => Plain::Nothing,
        })
    }

    /// A quotient, rounded as arguments say; without any it has the fewest decimals that are exact.
    fn divide(&self, left: &Expr<'_>, right: &Expr<'_>, rounding: &[&Expr<'_>]) -> Evaluated {
        let (one, other) = (self.evaluate(left)?, self.evaluate(right)?);
        let (Plain::Number(digits, scale), Plain::Number(divisor, divisor_scale)) = (one, other) else {
            return Ok(Plain::Nothing);
        };
        if divisor == BigInt::from(0) {
            return Err(Failed);
        }
        let (dividend, divisor) = (digits * ten(divisor_scale), divisor * ten(scale));
        if let Some(decimals) = rounding.first() {
            let decimals = usize::try_from(decimals.as_const().unwrap().as_i64().unwrap()).unwrap();
            let quotient = divide_rounded(&(dividend * ten(decimals)), &divisor, rounding.len() > 1);
            return Ok(Plain::Number(quotient, decimals));
        }
        let is_exact = |decimals: &usize| (&dividend * ten(*decimals)) % &divisor == BigInt::from(0);
        let exact = (0..20_000).find(is_exact).unwrap();
        Ok(Plain::Number(dividend * ten(exact) / divisor, exact))
    }

    fn test(&self, name: &str, of: &Expr<'_>, arguments: &[CallArg<'_>]) -> Evaluated {
        let value = self.evaluate(of)?;
        if name == "none" {
            return Ok(Plain::Truth(value == Plain::Nothing));
        }
        let (Plain::Text(value), Plain::Text(part)) = (value, self.evaluate(positional(&arguments[0]))?) else {
            return Ok(Plain::Truth(false));
        };
        Ok(Plain::Truth(if name == "startingwith" { value.starts_with(&part) } else { value.ends_with(&part) }))
    }
}

fn positional<'a, 'b>(argument: &'a CallArg<'b>) -> &'a Expr<'b> {
    let CallArg::Pos(argument) = argument else { panic!("all arguments have a place") };
    argument
}

fn compared(operator: CompareOpKind) -> &'static str {
    match operator {
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

fn compare(operator: &str, one: &Plain, other: &Plain) -> Result<bool, Failed> {
    match operator {
        "==" => return Ok(one.is_same(other)),
        "!=" => return Ok(!one.is_same(other)),
        _ if *one == Plain::Nothing || *other == Plain::Nothing => return Err(Failed),
        "in" | "not in" => {
            let is_in = match other {
                Plain::List(items) => items.iter().any(|item| item.is_same(one)),
                _ => other.written().contains(&one.written()),
            };
            return Ok(is_in == (operator == "in"));
        }
        _ => {}
    }
    let order = one.order(other).unwrap();
    Ok(match operator {
        "<" => order == Ordering::Less,
        "<=" => order != Ordering::Greater,
        ">" => order == Ordering::Greater,
        _ => order != Ordering::Less,
    })
}

/// The items of a list, or the characters of a text.
fn parts_of(of: &Plain) -> Vec<Plain> {
    match of {
        Plain::List(items) => items.clone(),
        Plain::Text(characters) => characters.chars().map(text).collect(),
        _ => Vec::new(),
    }
}

/// What a filter makes of a value; of nothing it makes nothing.
fn apply(name: &str, value: Plain, arguments: &[Plain]) -> Evaluated {
    let argument = |at: usize| arguments.get(at).map(Plain::written).unwrap_or_default();
    Ok(match (name, value) {
        (_, Plain::Nothing) => Plain::Nothing,
        ("length", value) => Plain::Number(BigInt::from(parts_of(&value).len()), 0),
        ("first", value) => parts_of(&value).first().cloned().unwrap_or(Plain::Nothing),
        ("last", value) => parts_of(&value).last().cloned().unwrap_or(Plain::Nothing),
        ("join", Plain::List(items)) => text(items.iter().map(Plain::written).collect::<Vec<_>>().join(&argument(0))),
        ("split", Plain::Text(of)) => Plain::List(of.split(&argument(0)).map(text).collect()),
        ("abs", Plain::Number(digits, scale)) => Plain::Number(BigInt::from(digits.magnitude().clone()), scale),
        ("round", Plain::Number(digits, scale)) => {
            let decimals = argument(0).parse().unwrap();
            Plain::Number(divide_rounded(&(digits * ten(decimals)), &ten(scale), arguments.len() > 1), decimals)
        }
        ("integer" | "decimal", value) => {
            let written = value.written();
            let digits = written.strip_prefix('-').unwrap_or(&written);
            let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
            let is_number =
                [whole, fraction].iter().all(|it| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit()));
            if !is_number || name == "integer" && digits.contains('.') {
                return Err(Failed);
            }
            number(&written)
        }
        ("date", value) => {
            let day = read_digits(&value.written(), "##.##.####").ok_or(Failed)?;
            let [day, month, year] = day[..] else { return Err(Failed) };
            count_days(year, month, day).ok_or(Failed)?;
            Plain::Day(format!("{year:04}-{month:02}-{day:02}"))
        }
        ("datetime", value) => {
            let local = read_digits(&value.written(), "####-##-## ##:##").ok_or(Failed)?;
            berlin_moment(&local, arguments.get(2).map(Plain::written).as_deref())?
        }
        ("trim", Plain::Text(of)) if arguments.is_empty() => text(of.trim()),
        ("trim", Plain::Text(of)) => text(of.trim_matches(|letter| argument(0).contains(letter))),
        ("upper", Plain::Text(of)) => text(of.to_uppercase()),
        ("lower", Plain::Text(of)) => text(of.to_lowercase()),
        ("replace", Plain::Text(of)) => text(of.replace(&argument(0), &argument(1))),
        ("title", Plain::Text(of)) => {
            text(capitalize_words(&of, |letter| letter.is_whitespace() || "-({[<".contains(letter)))
        }
        ("capitalize", Plain::Text(of)) => text(capitalize_words(&of, |_| false)),
        (name, value) => panic!("{name} of {value:?}"),
    })
}

/// The numbers in a text that has digits and other letters where a layout has `#` and these.
fn read_digits(text: &str, layout: &str) -> Option<Vec<i64>> {
    let is_digit = |letter: char| letter.is_ascii_digit();
    let fits = |(letter, wanted): (char, char)| if wanted == '#' { is_digit(letter) } else { letter == wanted };
    let is_like = text.chars().count() == layout.len() && text.chars().zip(layout.chars()).all(fits);
    is_like.then(|| text.split(|letter| !is_digit(letter)).map(|digits| digits.parse().unwrap()).collect())
}

/// How many days a day is behind the first day of the year 1; `None`: there is no such day.
fn count_days(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let before = lengths.get(..usize::try_from(month - 1).ok()?)?;
    let length = *lengths.get(before.len())?;
    let years = year - 1;
    let is_day = year >= 1 && (1..=length).contains(&day);
    is_day.then(|| years * 365 + years / 4 - years / 100 + years / 400 + before.iter().sum::<i64>() + day - 1)
}

/// The moment of a local time in Berlin since 1996, when clocks go forward at two o'clock on the last Sunday of March, and back
/// at three o'clock on that of October.
fn berlin_moment(local: &[i64], choice: Option<&str>) -> Evaluated {
    let [year, month, day, hour, minute] = local[..] else { return Err(Failed) };
    let days = count_days(year, month, day).filter(|_| hour < 24 && minute < 60).ok_or(Failed)?;
    assert!(year >= 1996, "the rule of {year} is another");
    let minutes = days * 1440 + hour * 60 + minute;
    // The first day of the year 1 was a Monday.
    let last_sunday = |month: i64| {
        let last = count_days(year, month, 31).unwrap();
        (last - (last + 1) % 7) * 1440
    };
    let (forward, back) = (last_sunday(3) + 120, last_sunday(10) + 180);
    let offset = match (minutes, choice) {
        (minutes, _) if (forward..forward + 60).contains(&minutes) => return Err(Failed),
        (minutes, None) if (back - 60..back).contains(&minutes) => return Err(Failed),
        (minutes, Some("later")) if (back - 60..back).contains(&minutes) => 1,
        (minutes, _) if (forward..back).contains(&minutes) => 2,
        _ => 1,
    };
    let since_1970 = minutes - count_days(1970, 1, 1).unwrap() * 1440 - offset * 60;
    let written = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:00+0{offset}:00");
    Ok(Plain::Moment(i128::from(since_1970) * 60_000_000_000, written))
}

fn capitalize_words(words: &str, is_between: impl Fn(char) -> bool) -> String {
    let (mut made, mut is_first) = (String::new(), true);
    for letter in words.chars() {
        if is_between(letter) {
            made.push(letter);
            is_first = true;
        } else if is_first {
            made.extend(letter.to_uppercase());
            is_first = false;
        } else {
            made.extend(letter.to_lowercase());
        }
    }
    made
}

#[expect(clippy::disallowed_methods, reason = "who runs the test says how long")]
fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Whether a value is of the kind that was promised.
fn is_of_kind(value: &ExpressionValue<'_>, kind: &ExpressionKind) -> bool {
    match (value, kind) {
        (ExpressionValue::None, _)
        | (ExpressionValue::Text(_), ExpressionKind::Text)
        | (ExpressionValue::Truth(_), ExpressionKind::Truth)
        | (ExpressionValue::Date(_), ExpressionKind::Date)
        | (ExpressionValue::Moment(..), ExpressionKind::Moment) => true,
        (ExpressionValue::Number(number), ExpressionKind::Number { is_whole }) => !is_whole || !number.has_decimals(),
        _ => false,
    }
}

/// What is different on a row, if anything is.
fn find_difference(source: &str, tree: &Expr<'_>, expression: &Expression, row: &RandomRow) -> Option<String> {
    let slow = Slow(row, source).evaluate(tree);
    let difference = match (expression.operation.evaluate(row), &slow) {
        (Ok(value), Ok(plain)) => {
            let mut written = String::new();
            value.write_plain(&mut written);
            let is_same = written == plain.written()
                && matches!(value, ExpressionValue::None) == (*plain == Plain::Nothing)
                && is_of_kind(&value, &expression.kind);
            (!is_same).then(|| format!("{value:?} as {:?}, and not {plain:?}", expression.kind))
        }
        (Err(failure), Err(Failed)) => (!REASONS.contains(&failure.reason)).then(|| failure.reason.to_owned()),
        (Ok(value), Err(Failed)) => Some(format!("{value:?}, and it should fail")),
        (Err(failure), Ok(plain)) => Some(format!("it fails ({}), and should be {plain:?}", failure.reason)),
    };
    let mut json = [0; LONGEST_NUMBER];
    let small = expression.operation.evaluate_small(row).map(|number| number.write(&mut json));
    let small = small.map(|length| String::from_utf8(json[..length].to_vec()).unwrap());
    let is_small =
        small.clone().is_none_or(|small| slow == Ok(number(&small)) && ExactDecimal::parse(&small).is_some());
    let decided = expression.operation.holds_small(row).map(Plain::Truth);
    let is_small = is_small && decided.clone().is_none_or(|decided| slow == Ok(decided));
    let small = small.or(decided.map(|decided| decided.written()));
    let difference = difference.or_else(|| (!is_small).then(|| format!("{small:?} on the fast way, and not {slow:?}")));
    difference.map(|difference| format!("{source} on {:?}: {difference}", row.0))
}

#[test]
fn compiled_expressions_give_what_their_trees_say() {
    let (cases, seed) = (from_environment("XWALK_CASES").unwrap_or(CASES), from_environment("XWALK_SEED").unwrap_or(1));
    println!("XWALK_CASES={cases} XWALK_SEED={seed}");
    let kinds = [Kind::Text, Kind::Whole, Kind::Number, Kind::Number, Kind::Truth, Kind::Day, Kind::Moment];
    let (mut dice, mut accepted, mut differences) = (Dice(seed), 0, Vec::new());
    for case in 0..cases {
        let kind = kinds[dice.below(kinds.len())];
        let depth = 1 + dice.below(4);
        let source = dice.expression(kind, depth);
        // Some of them are refused: what compares a column with itself, say, or has no column.
        let is_condition = kind == Kind::Truth && case % 2 == 0;
        let compiled = if is_condition {
            Expression::compile_condition(&source, 0, &mut |name| find_column(name))
        } else {
            Expression::compile_value(&source, 0, &mut |name| find_column(name))
        };
        let Ok(expression) = compiled else { continue };
        let tree = parse_expr(&source).unwrap();
        accepted += 1;
        for _ in 0..ROWS {
            differences.extend(find_difference(&source, &tree, &expression, &RandomRow::new(&mut dice)));
        }
    }
    let count = differences.len();
    differences.truncate(SHOWN);
    assert!(count == 0, "{count} differences\n{}", differences.join("\n"));
    assert!(accepted * 2 > cases, "only {accepted} of {cases} expressions were compared");
}
