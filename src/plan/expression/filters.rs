//! The compiler of filters, tests and what looks like them: functions, methods, attributes.

use minijinja::machinery::ast::{BinOp, BinOpKind, Call, CallArg, CallType, Expr, Filter};

use crate::{
    diagnostic::nearest,
    plan::expression::{
        compile::{Compiled, ExpressionCompiler, ExpressionFault, ExpressionKind, Typed, choice_of, item_of},
        never::Comparing,
        operation::Operation,
        value::ExpressionValue,
        words::{ELSEWHERE, FILTERS, TESTS, TextFilter},
    },
    text::exact_decimal::{ExactDecimal, Rounding},
};

/// The most decimals that a number is rounded to.
const MAX_DECIMALS: i64 = 100;

impl ExpressionCompiler<'_, '_> {
    pub(super) fn compile_filter(&mut self, filter: &Filter<'_>, whole: &Expr<'_>) -> Compiled {
        let start = whole.span().start_offset as usize;
        let name = start..start + filter.name.len();
        let Some((word, least, most)) = FILTERS.iter().find(|(name, ..)| *name == filter.name) else {
            let message = format!("there is no filter `{}`", filter.name);
            return Err(ExpressionFault::new(name, message, filter_hint(filter.name)));
        };
        let Some(input) = &filter.expr else {
            return Err(ExpressionFault::new(name, "a filter stands behind what it changes", ""));
        };
        if *word == "default" && filter.args.len() == 2 {
            let message = "`default` takes one argument: there is no empty text, only nothing";
            let hint =
                self.argument_of(filter, 0).map_or_else(String::new, |first| format!("write `default({first})`"));
            return Err(ExpressionFault::new(self.range_of(whole), message, hint));
        }
        if !(*least..=*most).contains(&filter.args.len()) {
            let message = format!("`{word}` {}, and here it has {}", arity_of(*least, *most), filter.args.len());
            return Err(ExpressionFault::new(self.range_of(whole), message, ""));
        }
        if *word == "round" {
            return self.compile_round(input, filter, whole);
        }
        let of = self.compile(input)?;
        let arguments = self.compile_arguments(filter, whole)?;
        if matches!(*word, "date" | "datetime")
            && matches!(of.kind, ExpressionKind::Text | ExpressionKind::Number { .. })
        {
            return self.compile_time(of, filter, whole);
        }
        self.apply(word, (input, of), arguments, whole)
    }

    /// A filter on what stands in front of it.
    fn apply(
        &self,
        word: &str,
        (input, of): (&Expr<'_>, Typed),
        mut arguments: Vec<Typed>,
        whole: &Expr<'_>,
    ) -> Compiled {
        let has_column = of.has_column || arguments.iter().any(|argument| argument.has_column);
        let typed = |kind, operation| Ok(Typed { kind, operation, has_column });
        let takes_texts = |arguments: &[Typed]| {
            arguments.iter().all(|it| matches!(it.kind, ExpressionKind::Text | ExpressionKind::Nothing))
        };
        let refused = || Err(self.refuse_input(word, input, &of.kind, whole));
        match (word, &of.kind) {
            ("default", _) => self.apply_default((input, of), arguments.remove(0), whole),
            ("split" | "join" | "trim" | "replace", _) if !takes_texts(&arguments) => {
                let message = format!("the arguments of `{word}` are texts");
                Err(ExpressionFault::new(self.range_of(whole), message, "put them in quotes"))
            }
            ("split", ExpressionKind::Text) => self.apply_split(of, arguments.remove(0), whole),
            ("join", ExpressionKind::List(items))
                if !matches!(**items, ExpressionKind::Truth | ExpressionKind::List(_)) =>
            {
                let separator =
                    arguments.pop().map_or(Operation::Constant(ExpressionValue::None), |separator| separator.operation);
                typed(ExpressionKind::Text, Operation::JoinItems(Box::new([of.operation, separator])))
            }
            ("length", ExpressionKind::Text | ExpressionKind::List(_)) => {
                typed(ExpressionKind::Number { is_whole: true }, Operation::Length(Box::new(of.operation)))
            }
            ("first" | "last", ExpressionKind::Text | ExpressionKind::List(_)) => {
                let index = ExactDecimal::parse(if word == "first" { "0" } else { "-1" }).map(ExpressionValue::Number);
                let operation = Operation::Constant(index.unwrap_or(ExpressionValue::None));
                Ok(item_of(of, Typed { kind: ExpressionKind::Number { is_whole: true }, operation, has_column: false }))
            }
            ("integer" | "decimal", ExpressionKind::Text | ExpressionKind::Number { .. }) => {
                let is_whole = word == "integer";
                typed(
                    ExpressionKind::Number { is_whole },
                    Operation::ToNumber { is_whole, text: Box::new(of.operation) },
                )
            }
            ("abs", ExpressionKind::Number { .. }) => {
                typed(of.kind.clone(), Operation::Absolute(Box::new(of.operation)))
            }
            (_, ExpressionKind::Text | ExpressionKind::Nothing) => match TextFilter::named(word) {
                Some(filter) => {
                    let arguments = arguments.into_iter().map(|argument| argument.operation).collect();
                    typed(ExpressionKind::Text, Operation::Change(filter, Box::new(of.operation), arguments))
                }
                None => refused(),
            },
            _ => refused(),
        }
    }

    /// The parts of a text.
    fn apply_split(&self, of: Typed, separator: Typed, whole: &Expr<'_>) -> Compiled {
        if matches!(separator.operation, Operation::Constant(ExpressionValue::None)) {
            let message = "nothing separates the parts here";
            return Err(ExpressionFault::new(self.range_of(whole), message, "write it as in `split(',')`"));
        }
        let has_column = of.has_column || separator.has_column;
        let operation = Operation::Split(Box::new([of.operation, separator.operation]));
        Ok(Typed { kind: ExpressionKind::List(Box::new(ExpressionKind::Text)), operation, has_column })
    }

    /// What stands in front of `default`, or what it gives instead.
    fn apply_default(&self, (input, of): (&Expr<'_>, Typed), instead: Typed, whole: &Expr<'_>) -> Compiled {
        let Some(kind) = of.kind.unify(&instead.kind) else {
            let (words, kind) = (self.words(input), of.kind.name());
            let message = format!("`{words}` is {kind}, and the default is {}", instead.kind.name());
            return Err(ExpressionFault::new(self.range_of(whole), message, "write a default of the same kind"));
        };
        let has_column = of.has_column || instead.has_column;
        Ok(Typed { kind, operation: Operation::Default(Box::new([of.operation, instead.operation])), has_column })
    }

    fn refuse_input(&self, word: &str, input: &Expr<'_>, kind: &ExpressionKind, whole: &Expr<'_>) -> ExpressionFault {
        let words = self.words(input);
        let message = format!("`{word}` cannot be used on {}, as `{words}` is", kind.name());
        let hint = match (word, kind) {
            ("abs", ExpressionKind::Text) => format!("write `{words} | decimal | abs`"),
            (_, ExpressionKind::List(_)) => "take one of its items first, as with `first` or `[0]`".into(),
            (_, ExpressionKind::Number { .. }) => format!("make it a text first: `({words} ~ '') | {word}`"),
            (_, ExpressionKind::Truth) => choice_of(&words),
            _ => String::new(),
        };
        ExpressionFault::new(self.range_of(whole), message, hint)
    }

    /// `number | round(2)`, also of a division, whose quotient may have decimals without end.
    fn compile_round(&mut self, input: &Expr<'_>, filter: &Filter<'_>, whole: &Expr<'_>) -> Compiled {
        let rounding = self.compile_rounding(filter, whole)?;
        let kind = ExpressionKind::Number { is_whole: rounding.scale == 0 };
        if let Expr::BinOp(operation) = input
            && matches!(operation.op, BinOpKind::Div)
        {
            let BinOp { left, right, .. } = &**operation;
            self.check_readings("/", left, right)?;
            let (one, other) = (self.compile_number(left, "/")?, self.compile_number(right, "/")?);
            if matches!(&other.operation, Operation::Constant(ExpressionValue::Number(divisor)) if divisor.is_zero()) {
                return Err(ExpressionFault::new(self.range_of(input), "nothing can be divided by 0", ""));
            }
            let has_column = one.has_column || other.has_column;
            return Ok(Typed {
                kind,
                operation: Operation::Divide(Box::new([one.operation, other.operation]), rounding),
                has_column,
            });
        }
        let of = self.compile_number(input, "round")?;
        Ok(Typed { kind, operation: Operation::Round(Box::new(of.operation), rounding), has_column: of.has_column })
    }

    fn compile_rounding(&mut self, filter: &Filter<'_>, whole: &Expr<'_>) -> Result<Rounding, ExpressionFault> {
        let arguments = self.compile_arguments(filter, whole)?;
        let scale = match arguments.first().map(|argument| &argument.operation) {
            Some(Operation::Constant(ExpressionValue::Number(number))) => number.as_index(),
            _ => None,
        };
        let half_to_even = match arguments.get(1).map(|argument| &argument.operation) {
            None => Some(false),
            Some(Operation::Constant(ExpressionValue::Text(word))) if word == "even" => Some(true),
            _ => None,
        };
        let scale =
            scale.filter(|scale| (0..=MAX_DECIMALS).contains(scale)).and_then(|scale| u32::try_from(scale).ok());
        match (scale, half_to_even) {
            (Some(scale), Some(half_to_even)) => Ok(Rounding { scale, half_to_even }),
            (None, _) => {
                let message = format!("`round` takes how many decimals there are, from 0 to {MAX_DECIMALS}");
                Err(ExpressionFault::new(self.range_of(whole), message, "write it as in `round(2)`"))
            }
            (_, None) => {
                let message = "behind the decimals stands `'even'`, or nothing";
                let hint = "half is rounded away from zero, with `round(2, 'even')` to the even digit";
                Err(ExpressionFault::new(self.range_of(whole), message, hint))
            }
        }
    }

    fn compile_arguments(&mut self, filter: &Filter<'_>, whole: &Expr<'_>) -> Result<Vec<Typed>, ExpressionFault> {
        let mut compiled = Vec::new();
        for argument in &filter.args {
            let CallArg::Pos(argument) = argument else {
                let message = format!("the arguments of `{}` are written without names and stars", filter.name);
                return Err(ExpressionFault::new(self.range_of(whole), message, ""));
            };
            compiled.push(self.compile(argument)?);
        }
        Ok(compiled)
    }

    /// The words of an argument.
    fn argument_of(&self, filter: &Filter<'_>, number: usize) -> Option<String> {
        match filter.args.get(number)? {
            CallArg::Pos(argument) => Some(self.words(argument)),
            _ => None,
        }
    }

    /// `name is none`.
    fn compile_none(&mut self, input: &Expr<'_>) -> Compiled {
        let of = self.compile(input)?;
        if !of.has_column {
            let message = format!("`{} is none` is the same for every record", self.words(input));
            return Err(ExpressionFault::new(self.range_of(input), message, "use a column here"));
        }
        if let ExpressionKind::List(_) = of.kind {
            let words = self.words(input);
            let message = format!("`{words}` is a list, which is empty but never nothing");
            let hint = format!("write `({words} | length) == 0`");
            return Err(ExpressionFault::new(self.range_of(input), message, hint));
        }
        let operation = Operation::Equals(Box::new([of.operation, Operation::Constant(ExpressionValue::None)]));
        Ok(Typed { kind: ExpressionKind::Truth, operation, has_column: true })
    }

    pub(super) fn compile_test(
        &mut self,
        name: &str,
        input: &Expr<'_>,
        arguments: &[CallArg<'_>],
        start: usize,
    ) -> Compiled {
        let range = start..start + name.len();
        if matches!(name, "none") && arguments.is_empty() {
            return self.compile_none(input);
        }
        if !TESTS.contains(&name) {
            let hint = match nearest(name, TESTS.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if matches!(name, "defined" | "undefined" | "null" | "empty") => {
                    "write `is none` for what is empty, and `is not none`".into()
                }
                None => format!("there are: none, {}", TESTS.join(", ")),
            };
            return Err(ExpressionFault::new(range, format!("there is no test `{name}`"), hint));
        }
        let [CallArg::Pos(argument)] = arguments else {
            let message = format!("`is {name}` takes one text");
            return Err(ExpressionFault::new(range, message, format!("write it as in `is {name}('A')`")));
        };
        let words = (self.words(input), self.words(argument));
        if words.0 == words.1 || argument.as_const().is_some_and(|value| value.as_str() == Some("")) {
            let message = format!("`{} is {name}({})` is the same for every record", words.0, words.1);
            return Err(ExpressionFault::new(self.range_of(argument), message, "compare with another text"));
        }
        let mut sides = Vec::new();
        for side in [input, argument] {
            let typed = self.compile(side)?;
            if typed.kind != ExpressionKind::Text {
                let message = format!("`is {name}` takes texts, and `{}` is {}", self.words(side), typed.kind.name());
                return Err(ExpressionFault::new(self.range_of(side), message, ""));
            }
            sides.push(typed);
        }
        let whole = self.range_of(input).start..self.range_of(argument).end;
        if !sides.iter().any(|side| side.has_column) {
            let message = "this compares no column, so it is the same for every record";
            return Err(ExpressionFault::new(whole, message, "compare a column, as in `status == 'paid'`"));
        }
        let at_start = name == "startingwith";
        if let Some(text) = argument.as_const() {
            let comparing = if at_start { Comparing::Start } else { Comparing::End };
            self.check_text(input, text.as_str().unwrap_or_default(), comparing, whole)?;
        }
        let mut operations = sides.into_iter().map(|side| side.operation);
        let (Some(text), Some(part)) = (operations.next(), operations.next()) else {
            return Err(ExpressionFault::new(range, "this test takes a text", ""));
        };
        Ok(Typed {
            kind: ExpressionKind::Truth,
            operation: Operation::Touches { at_start, sides: Box::new([text, part]) },
            has_column: true,
        })
    }

    pub(super) fn refuse_attribute(&mut self, of: &Expr<'_>, name: &str, whole: &Expr<'_>) -> ExpressionFault {
        let kind = match self.compile(of) {
            Ok(typed) => typed.kind,
            Err(fault) => return fault,
        };
        let message = format!("`{}` is {}, and has no `.{name}`", self.words(of), kind.name());
        let hint = if matches!(of, Expr::Var(_)) {
            "a column whose name has a point in it needs another name here: `columns: { name: { header: \"the.name\" } }`"
        } else {
            "take its parts with `[0]`, or use a filter, as in `name | upper`"
        };
        ExpressionFault::new(self.range_of(whole), message, hint)
    }

    pub(super) fn refuse_call(&self, call: &Call<'_>, whole: &Expr<'_>) -> ExpressionFault {
        let (name, of) = match call.identify_call() {
            CallType::Function(name) => (
                name,
                call.args.first().and_then(|argument| match argument {
                    CallArg::Pos(argument) => Some(argument),
                    _ => None,
                }),
            ),
            CallType::Method(of, name) => (name, Some(of)),
            CallType::Object(_) => {
                let message = "there are no functions, only columns and filters";
                return ExpressionFault::new(self.range_of(whole), message, "");
            }
        };
        let of = of.map_or_else(|| "name".to_owned(), |of| self.words(of));
        let message = format!("there is no function or method `{name}`, only columns, filters and tests");
        let elsewhere = ELSEWHERE.iter().find(|(known, _)| *known == name).map(|(_, instead)| *instead);
        let near = nearest(name, FILTERS.iter().map(|(name, ..)| *name));
        let hint = match (elsewhere, near) {
            (Some(instead), _) if instead.starts_with(['|', 'i']) => format!("write it as in `{of} {instead}`"),
            (Some(instead), _) => format!("write {instead}"),
            (None, Some(near)) => format!("write it as in `{of} | {near}`"),
            (None, None) => filter_hint(name),
        };
        ExpressionFault::new(self.range_of(whole), message, hint)
    }
}

/// What to write in place of a filter that is not there.
fn filter_hint(name: &str) -> String {
    let elsewhere = ELSEWHERE.iter().find(|(known, _)| *known == name);
    match (elsewhere, nearest(name, FILTERS.iter().map(|(name, ..)| *name))) {
        (Some((_, instead)), _) if instead.starts_with('|') || instead.starts_with('i') => {
            format!("write it as in `name {instead}`")
        }
        (Some((_, instead)), _) => format!("write {instead}"),
        (None, Some(near)) => format!("did you mean `{near}`?"),
        (None, None) => {
            format!("there are: {}", FILTERS.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", "))
        }
    }
}

/// How many arguments a filter takes.
fn arity_of(least: usize, most: usize) -> String {
    match (least, most) {
        (_, 0) => "takes no argument".into(),
        (least, most) if least == most && most == 1 => "takes one argument".into(),
        (least, most) if least == most => format!("takes {most} arguments"),
        (0, 1) => "takes at most one argument".into(),
        (least, most) => format!("takes {least} to {most} arguments"),
    }
}
