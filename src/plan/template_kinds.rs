//! What an expression holds and what it can give: one walk over the tree of the parser.
//!
//! Every column is text, so the kind of each part is known before any data is read. What can never work, what gives the same
//! for every record and what only looks like a text (`True`, a list) is refused here, with its place in the template.

use std::{collections::BTreeSet, ops::Range};

use minijinja::{
    Environment, Value,
    machinery::ast::{
        BinOp, BinOpKind, Call, CallArg, CallType, Compare, CompareOpKind, Const, Expr, Filter, IfExpr, UnaryOpKind,
    },
    value::ValueKind,
};

use crate::{
    diagnostic::nearest,
    plan::{
        template_never::{Comparing, find_contradiction, find_reason},
        template_words::{ELSEWHERE, FILTERS, FilterWord, KindBits, LIST, MISSING, Makes, NUMBER, TESTS, TEXT, TRUTH},
    },
};

/// What is wrong with a template.
#[derive(Debug, PartialEq, Eq)]
pub struct TemplateFault {
    /// Which bytes of the template it is about.
    pub range: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write.
    pub hint: String,
}

impl TemplateFault {
    pub(super) fn new(range: Range<usize>, message: impl Into<String>, hint: impl Into<String>) -> TemplateFault {
        TemplateFault { range, message: message.into(), hint: hint.into() }
    }
}

/// What an expression may give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kinds {
    /// Its own kinds.
    pub(super) own: KindBits,
    /// Those of its items, if it may be a list.
    items: KindBits,
}

impl Kinds {
    const fn of(own: KindBits) -> Kinds {
        Kinds { own, items: 0 }
    }

    fn or(self, other: Kinds) -> Kinds {
        Kinds { own: self.own | other.own, items: self.items | other.items }
    }

    /// Without the chance that there is nothing: that is found on the record.
    fn present(self) -> KindBits {
        self.own & !MISSING
    }

    /// Its name in a message.
    fn name(self) -> &'static str {
        match self.present() {
            TEXT => "a text",
            NUMBER => "a number",
            TRUTH => "true or false",
            LIST => "a list",
            _ => "sometimes one kind of value and sometimes another",
        }
    }
}

/// The walk over the expressions of one template.
pub(super) struct KindWalk<'a> {
    source: &'a str,
    engine: &'a Environment<'static>,
    /// The columns that were found.
    pub(super) columns: BTreeSet<String>,
}

type Checked = Result<Kinds, TemplateFault>;

impl<'a> KindWalk<'a> {
    pub(super) fn new(source: &'a str, engine: &'a Environment<'static>) -> KindWalk<'a> {
        KindWalk { source, engine, columns: BTreeSet::new() }
    }

    /// Checks an expression whose result is written.
    pub(super) fn check_written(&mut self, expression: &Expr<'_>) -> Result<(), TemplateFault> {
        let kinds = self.check(expression)?;
        let (range, words) = (self.range_of(expression), self.words(expression));
        let Kinds { own, .. } = kinds;
        if own & TRUTH != 0 {
            let message = format!("`{words}` gives true or false, and a template makes a text");
            return Err(TemplateFault::new(range, message, format!("write `'yes' if {words} else 'no'`")));
        }
        if own & LIST != 0 {
            let hint = "join its items, as in `path | split('/') | join(', ')`, or take one, with `first` or `[0]`";
            return Err(TemplateFault::new(
                range,
                format!("`{words}` gives a list, and a template makes a text"),
                hint,
            ));
        }
        Ok(())
    }

    /// Checks an expression that decides something.
    pub(super) fn check_condition(&mut self, expression: &Expr<'_>) -> Result<(), TemplateFault> {
        let kinds = self.check(expression)?;
        let (range, words) = (self.range_of(expression), self.words(expression));
        if let Expr::Const(constant) = expression
            && kinds.own == TRUTH
        {
            let message = format!("this is always {}", if constant.value.is_true() { "true" } else { "false" });
            return Err(TemplateFault::new(range, message, "compare a column, as in `status == 'paid'`"));
        }
        if kinds.present() == TRUTH {
            return Ok(());
        }
        let hint = match kinds.present() {
            _ if !uses_column(expression) => "compare a column, as in `status == 'paid'`".into(),
            TEXT => format!("compare it, as in `{words} != ''`"),
            NUMBER => format!("compare it, as in `{words} > 0`"),
            LIST => format!("compare it, as in `{words} | length > 0`"),
            _ => "compare a column, as in `status == 'paid'`".into(),
        };
        let message = format!("`{words}` is {}, and a condition is true or false", kinds.name());
        Err(TemplateFault::new(range, message, hint))
    }

    /// What an expression may give; what can never be there is refused.
    fn check(&mut self, expression: &Expr<'_>) -> Checked {
        let kinds = self.check_parts(expression)?;
        if kinds.present() == 0 {
            let message = format!("`{}` is never there", self.words(expression));
            return Err(TemplateFault::new(self.range_of(expression), message, "use a column here"));
        }
        Ok(kinds)
    }

    fn check_parts(&mut self, expression: &Expr<'_>) -> Checked {
        match expression {
            Expr::Var(name) => {
                self.columns.insert(name.id.to_owned());
                Ok(Kinds::of(TEXT))
            }
            Expr::Const(constant) => check_constant(constant, self.range_of(expression)),
            Expr::Slice(slice) => {
                let kinds = self.check_container(&slice.expr, "cut")?;
                for index in [&slice.start, &slice.stop, &slice.step].into_iter().flatten() {
                    self.check_index(index)?;
                }
                let step = slice.step.as_ref().and_then(Expr::as_const);
                if step.is_some_and(|step| step.as_i64() == Some(0)) {
                    let message = "a step of 0 never comes to the end".to_owned();
                    return Err(TemplateFault::new(
                        self.range_of(expression),
                        message,
                        "leave it out, or write 1 or more",
                    ));
                }
                Ok(kinds)
            }
            Expr::UnaryOp(operation) => match operation.op {
                UnaryOpKind::Not => self.check_condition(&operation.expr).map(|()| Kinds::of(TRUTH)),
                UnaryOpKind::Neg => self.check_number(&operation.expr, "-"),
            },
            Expr::BinOp(operation) => self.check_operation(operation, expression),
            Expr::Compare(chain) => self.check_chain(chain),
            Expr::IfExpr(choice) => self.check_choice(choice, expression),
            Expr::Filter(filter) => self.check_filter(filter, expression),
            Expr::Test(test) => self.check_test(test.name, &test.expr, &test.args, test.span().start_offset as usize),
            Expr::GetAttr(attribute) => Err(self.refuse_attribute(&attribute.expr, attribute.name, expression)),
            Expr::GetItem(item) => {
                let kinds = self.check_container(&item.expr, "counted through")?;
                self.check_index(&item.subscript_expr)?;
                Ok(item_of(kinds))
            }
            Expr::Call(call) => Err(self.refuse_call(call, expression)),
            Expr::List(list) => self.check_items(&list.items),
            Expr::Tuple(tuple) => self.check_items(&tuple.items),
            Expr::Map(_) => {
                let message = "there are no maps in expressions, only texts, numbers and lists";
                Err(TemplateFault::new(self.range_of(expression), message, "use a code table to translate a column"))
            }
        }
    }

    fn check_choice(&mut self, choice: &IfExpr<'_>, whole: &Expr<'_>) -> Checked {
        self.check_condition(&choice.test_expr)?;
        let yes = self.check(&choice.true_expr)?;
        let Some(other) = &choice.false_expr else {
            let message = "this `if` has no `else`, so nothing says what to write otherwise";
            let hint = format!("write `{} else ''`", self.words(whole));
            return Err(TemplateFault::new(self.range_of(whole), message, hint));
        };
        let kinds = yes.or(self.check(other)?);
        let sides = [&choice.true_expr, other].map(|side| self.source.get(self.range_of(side)));
        if sides[0] == sides[1] {
            let message = format!("both sides of this `if` are `{}`", self.words(other));
            let hint = "write something else behind `else`, or leave the `if` out";
            return Err(TemplateFault::new(self.range_of(whole), message, hint));
        }
        Ok(kinds)
    }

    fn check_items(&mut self, items: &[Expr<'_>]) -> Checked {
        let mut kinds = Kinds::of(LIST);
        for item in items {
            let found = self.check(item)?;
            if found.own & MISSING != 0 {
                let words = self.words(item);
                let message = format!("`{words}` may not be there, and stands in a list");
                return Err(TemplateFault::new(self.range_of(item), message, format!("write `{words} | default('')`")));
            }
            kinds.items |= found.own;
        }
        Ok(kinds)
    }

    /// What stands in front of `[…]`.
    fn check_container(&mut self, expression: &Expr<'_>, what: &str) -> Checked {
        let kinds = self.check(expression)?;
        if kinds.own & !(TEXT | LIST | MISSING) == 0 {
            return Ok(kinds);
        }
        let message = format!("`{}` is {}, which cannot be {what}", self.words(expression), kinds.name());
        Err(TemplateFault::new(self.range_of(expression), message, "only texts and lists have parts"))
    }

    /// What stands inside `[…]`.
    fn check_index(&mut self, expression: &Expr<'_>) -> Result<(), TemplateFault> {
        let kinds = self.check(expression)?;
        let is_whole = expression.as_const().is_none_or(|value| value.as_i64().is_some());
        if kinds.own == NUMBER && is_whole {
            return Ok(());
        }
        let words = self.words(expression);
        let (message, hint) = match kinds.present() {
            NUMBER => (format!("`{words}` is no whole number"), "parts are counted from 0, as in `[0]`".to_owned()),
            TEXT if matches!(expression, Expr::Var(_)) => {
                (format!("`{words}` is a text, and parts are counted"), format!("write `{words} | int`"))
            }
            _ => {
                let message = format!("`{words}` is {}, and parts are counted", kinds.name());
                (message, "write a number from 0, as in `[0]`".to_owned())
            }
        };
        Err(TemplateFault::new(self.range_of(expression), message, hint))
    }

    fn check_number(&mut self, expression: &Expr<'_>, operator: &str) -> Checked {
        let kinds = self.check(expression)?;
        if kinds.present() == NUMBER {
            return Ok(kinds);
        }
        let words = self.words(expression);
        let hint = match (kinds.present(), operator) {
            (TEXT, "+") => format!("`~` joins texts, and `{words} | int` is a whole number"),
            (TEXT, "-") if matches!(expression, Expr::Var(_)) => {
                format!("`{words} | int` is a whole number; a name with `-` in it cannot stand in an expression")
            }
            (TEXT, _) => format!("`{words} | int` is a whole number"),
            _ => String::new(),
        };
        let message = format!("`{operator}` takes numbers, and `{words}` is {}", kinds.name());
        Err(TemplateFault::new(self.range_of(expression), message, hint))
    }

    fn check_operation(&mut self, operation: &BinOp<'_>, whole: &Expr<'_>) -> Checked {
        let BinOp { op, left, right } = operation;
        if let Some(operator) = comparison_word(*op) {
            let kinds = (self.check(left)?, self.check(right)?);
            self.check_comparison(operator, (left, kinds.0), (right, kinds.1), self.range_of(whole))?;
            return Ok(Kinds::of(TRUTH));
        }
        let operator = match op {
            BinOpKind::ScAnd | BinOpKind::ScOr => {
                self.check_condition(left).map_err(|fault| self.suggest_default(fault, operation))?;
                self.check_condition(right)?;
                return self.check_joined_conditions(operation, whole);
            }
            BinOpKind::Concat => {
                self.check_joined(left)?;
                self.check_joined(right)?;
                return Ok(Kinds::of(TEXT));
            }
            BinOpKind::Add => "+",
            BinOpKind::Sub => "-",
            BinOpKind::Mul => "*",
            BinOpKind::Div => "/",
            BinOpKind::FloorDiv => "//",
            BinOpKind::Rem => "%",
            _ => "**",
        };
        self.check_number(left, operator)?;
        self.check_number(right, operator)?;
        let is_power =
            right.as_const().and_then(|value| value.as_i64()).is_some_and(|power| (0..=100).contains(&power));
        if operator == "**" && !is_power {
            let message = "behind `**` stands a whole number from 0 to 100";
            return Err(TemplateFault::new(self.range_of(right), message, ""));
        }
        let is_zero = right.as_const().is_some_and(|value| f64::try_from(value).is_ok_and(|value| value == 0.0));
        if is_zero && matches!(operator, "/" | "//" | "%") {
            return Err(TemplateFault::new(self.range_of(whole), "nothing can be divided by 0", ""));
        }
        Ok(Kinds::of(NUMBER))
    }

    /// Refuses `a == 'x' and a == 'y'`, and `a != 'x' or a != 'y'`.
    fn check_joined_conditions(&self, operation: &BinOp<'_>, whole: &Expr<'_>) -> Checked {
        let Some(column) = find_contradiction(operation) else { return Ok(Kinds::of(TRUTH)) };
        let (message, hint) = if matches!(operation.op, BinOpKind::ScAnd) {
            let message = format!("this is never true: `{column}` cannot be two texts at once");
            (message, format!("write `or`, or `{column} in ['…', '…']`"))
        } else {
            let message = format!("this is always true: `{column}` cannot be two texts at once");
            (message, format!("write `and`, or `{column} not in ['…', '…']`"))
        };
        Err(TemplateFault::new(self.range_of(whole), message, hint))
    }

    /// Says what to write for `a or b` where the first text that is filled is meant.
    fn suggest_default(&self, fault: TemplateFault, BinOp { op, left, right }: &BinOp<'_>) -> TemplateFault {
        if !matches!((op, left), (BinOpKind::ScOr, Expr::Var(_))) {
            return fault;
        }
        let (one, other) = (self.words(left), self.words(right));
        let hint = format!("{}; for the first that is filled, write `{one} | default({other}, true)`", fault.hint);
        TemplateFault { hint, ..fault }
    }

    /// A side of `~`.
    fn check_joined(&mut self, expression: &Expr<'_>) -> Result<(), TemplateFault> {
        let kinds = self.check(expression)?;
        if kinds.own & !(TEXT | NUMBER | MISSING) == 0 {
            return Ok(());
        }
        let words = self.words(expression);
        let hint = if kinds.own & TRUTH == 0 { "join a list with `join`".into() } else { choice_of(&words) };
        let message = format!("`~` joins texts and numbers, and `{words}` is {}", kinds.name());
        Err(TemplateFault::new(self.range_of(expression), message, hint))
    }

    fn check_chain(&mut self, chain: &Compare<'_>) -> Checked {
        let (mut left, mut kinds) = (&chain.expr, self.check(&chain.expr)?);
        for next in &chain.ops {
            let right = self.check(&next.expr)?;
            let range = self.range_of(left).start..self.range_of(&next.expr).end;
            self.check_comparison(chained_word(next.op), (left, kinds), (&next.expr, right), range)?;
            (left, kinds) = (&next.expr, right);
        }
        Ok(Kinds::of(TRUTH))
    }

    fn check_comparison(
        &self,
        operator: &str,
        (left, left_kinds): (&Expr<'_>, Kinds),
        (right, right_kinds): (&Expr<'_>, Kinds),
        range: Range<usize>,
    ) -> Result<(), TemplateFault> {
        let (one, other) = (self.words(left), self.words(right));
        let refuse = |message: String, hint: String| Err(TemplateFault::new(range.clone(), message, hint));
        if !uses_column(left) && !uses_column(right) {
            let message = format!("`{one} {operator} {other}` compares no column, so it is the same for every record");
            return refuse(message, "compare a column, as in `status == 'paid'`".into());
        }
        let is_blank = |side: &Expr<'_>| side.as_const().is_some_and(|value| value.as_str() == Some(""));
        let is_constant = match operator {
            "<" | ">=" => is_blank(right),
            ">" | "<=" | "in" | "not in" => is_blank(left) && right_kinds.own & LIST == 0,
            _ => false,
        };
        if is_constant {
            let message =
                format!("`{one} {operator} {other}` is the same for every record: no text stands before `''`");
            return refuse(message, "compare with `== ''` or `!= ''`".into());
        }
        if one == other {
            let message = format!("`{one} {operator} {other}` compares something with itself");
            return refuse(message, String::new());
        }
        let fits = if matches!(operator, "in" | "not in") {
            match right_kinds.present() {
                LIST => left_kinds.present() & right_kinds.items != 0,
                TEXT => left_kinds.present() == TEXT,
                _ => false,
            }
        } else {
            left_kinds.present() == right_kinds.present()
                && matches!(left_kinds.present(), TEXT | NUMBER | TRUTH | LIST)
        };
        if fits {
            return self.check_possible(operator, left, right, range);
        }
        if matches!(operator, "in" | "not in") && right_kinds.present() == LIST {
            let message = format!("nothing in `{other}` is {}, as `{one}` is", left_kinds.name());
            return refuse(message, "write texts, as in `status in ['paid', 'open']`".into());
        }
        let message = format!(
            "`{one} {operator} {other}` compares {} with {}, so it is the same for every record",
            left_kinds.name(),
            right_kinds.name()
        );
        refuse(message, comparison_hint(operator, (&one, left_kinds), (&other, right_kinds)))
    }

    /// Refuses a comparison with a text that the other side never is.
    fn check_possible(
        &self,
        operator: &str,
        left: &Expr<'_>,
        right: &Expr<'_>,
        range: Range<usize>,
    ) -> Result<(), TemplateFault> {
        let (one, other) = (left.as_const(), right.as_const());
        let (expression, constant, comparing) = match (operator, one, other) {
            ("==" | "!=", None, Some(other)) => (left, other, Comparing::Whole),
            ("==" | "!=", Some(one), None) => (right, one, Comparing::Whole),
            ("in" | "not in", None, Some(other)) if other.as_str().is_none() => (left, other, Comparing::Whole),
            ("in" | "not in", Some(one), None) => (right, one, Comparing::Part),
            _ => return Ok(()),
        };
        let items: Vec<Value> = match constant.as_str() {
            Some(_) => vec![constant],
            None => constant.try_iter().map(Iterator::collect).unwrap_or_default(),
        };
        let mut texts = items.iter().filter_map(Value::as_str);
        texts.try_for_each(|text| self.check_text(expression, text, comparing, range.clone()))
    }

    /// Refuses a text that an expression never is, begins with, ends with or holds.
    fn check_text(
        &self,
        expression: &Expr<'_>,
        text: &str,
        comparing: Comparing,
        range: Range<usize>,
    ) -> Result<(), TemplateFault> {
        let Some(reason) = find_reason(expression, text, comparing, self.engine) else { return Ok(()) };
        let never = match comparing {
            Comparing::Whole => "is never",
            Comparing::Start => "never begins with",
            Comparing::End => "never ends with",
            Comparing::Part => "never holds",
        };
        let message = format!("`{}` {never} `'{text}'`", self.words(expression));
        Err(TemplateFault::new(range, message, reason.hint()))
    }

    fn check_filter(&mut self, filter: &Filter<'_>, whole: &Expr<'_>) -> Checked {
        let start = whole.span().start_offset as usize;
        let name = start..start + filter.name.len();
        let Some(word) = FILTERS.iter().find(|word| word.name == filter.name) else {
            let message = format!("there is no filter `{}`", filter.name);
            return Err(TemplateFault::new(name, message, filter_hint(filter.name)));
        };
        let Some(input) = &filter.expr else {
            return Err(TemplateFault::new(name, "a filter stands behind what it changes", ""));
        };
        let kinds = self.check(input)?;
        let items_print = word.name != "join" || kinds.items & !(TEXT | NUMBER | MISSING) == 0;
        if kinds.own & !(word.takes | MISSING) != 0 || !items_print {
            let words = self.words(input);
            let message = format!("`{}` cannot be used on {}, as `{words}` is", word.name, kinds.name());
            let hint = match (word.name, kinds.present()) {
                ("abs", TEXT) => format!("write `{words} | int | abs`"),
                (_, LIST) => "take one of its items first, as with `first` or `[0]`".into(),
                (_, NUMBER) => format!("write `{words} | string | {}`", word.name),
                (_, TRUTH) => choice_of(&words),
                _ => String::new(),
            };
            return Err(TemplateFault::new(self.range_of(whole), message, hint));
        }
        let arguments = self.check_arguments(word, &filter.args, self.range_of(whole))?;
        self.try_constant(filter, self.range_of(whole))?;
        Ok(match word.makes {
            Makes::Text => Kinds::of(TEXT),
            Makes::Number => Kinds::of(NUMBER),
            Makes::Texts => Kinds { own: LIST, items: TEXT },
            Makes::Same => kinds,
            Makes::Item => item_of(kinds),
            Makes::Default => {
                let is_for_empty =
                    matches!(filter.args.get(1), Some(CallArg::Pos(Expr::Const(yes))) if yes.value.is_true());
                let applies = kinds.own & MISSING != 0 || is_for_empty;
                let instead = arguments.first().copied().unwrap_or(Kinds::of(TEXT));
                if !applies {
                    let message = "this `default` never applies: a cell is there, even if it is empty";
                    let Some(CallArg::Pos(first)) = filter.args.first() else { return Ok(kinds) };
                    let hint = format!("write `default({}, true)` for empty texts", self.words(first));
                    return Err(TemplateFault::new(self.range_of(whole), message, hint));
                }
                Kinds { own: kinds.present(), ..kinds }.or(instead)
            }
        })
    }

    fn check_arguments(
        &mut self,
        word: &FilterWord,
        arguments: &[CallArg<'_>],
        range: Range<usize>,
    ) -> Result<Vec<Kinds>, TemplateFault> {
        let name = word.name;
        if !(word.least..=word.arguments.len()).contains(&arguments.len()) {
            let message = format!("`{name}` {}, and here it has {}", arity_of(word), arguments.len());
            return Err(TemplateFault::new(range, message, ""));
        }
        let mut found = Vec::new();
        for (number, argument) in arguments.iter().enumerate() {
            let CallArg::Pos(argument) = argument else {
                let message = format!("the arguments of `{name}` are written without names and stars");
                return Err(TemplateFault::new(range, message, ""));
            };
            let kinds = self.check(argument)?;
            let takes = word.arguments[number];
            if kinds.own & !takes != 0 {
                let words = self.words(argument);
                let message = format!("the argument `{words}` of `{name}` is {}", kinds.name());
                let hint = match takes {
                    TEXT => format!("put it in quotes: `'{words}'`"),
                    TRUTH => "write `true`".into(),
                    NUMBER => "write a number".into(),
                    _ => String::new(),
                };
                return Err(TemplateFault::new(self.range_of(argument), message, hint));
            }
            found.push(kinds);
        }
        Ok(found)
    }

    /// Applies a filter to a constant, now: if that fails, it fails on every record.
    fn try_constant(&self, filter: &Filter<'_>, range: Range<usize>) -> Result<(), TemplateFault> {
        let argument = |argument: &CallArg<'_>| match argument {
            CallArg::Pos(argument) => argument.as_const(),
            _ => None,
        };
        let input = filter.expr.as_ref().and_then(Expr::as_const);
        let values: Option<Vec<Value>> = [input].into_iter().chain(filter.args.iter().map(argument)).collect();
        if values.is_some_and(|values| self.engine.empty_state().apply_filter(filter.name, &values).is_err()) {
            let message = format!("`{}` fails on every record", &self.source[range.clone()]);
            return Err(TemplateFault::new(range, message, "use a column here"));
        }
        Ok(())
    }

    fn check_test(&mut self, name: &str, input: &Expr<'_>, arguments: &[CallArg<'_>], start: usize) -> Checked {
        let range = start..start + name.len();
        if !TESTS.contains(&name) {
            let hint = match nearest(name, TESTS.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if matches!(name, "defined" | "undefined" | "none") => {
                    "a cell is always there; compare it with `''`".into()
                }
                None => format!("there are: {}", TESTS.join(", ")),
            };
            return Err(TemplateFault::new(range, format!("there is no test `{name}`"), hint));
        }
        let [CallArg::Pos(argument)] = arguments else {
            let message = format!("`is {name}` takes one text");
            return Err(TemplateFault::new(range, message, format!("write it as in `is {name}('A')`")));
        };
        let words = (self.words(input), self.words(argument));
        if words.0 == words.1 || argument.as_const().is_some_and(|value| value.as_str() == Some("")) {
            let message = format!("`{} is {name}({})` is always true", words.0, words.1);
            return Err(TemplateFault::new(self.range_of(argument), message, "compare with another text"));
        }
        for side in [input, argument] {
            let kinds = self.check(side)?;
            if kinds.present() != TEXT {
                let message = format!("`is {name}` takes texts, and `{}` is {}", self.words(side), kinds.name());
                return Err(TemplateFault::new(self.range_of(side), message, ""));
            }
        }
        if let Some(text) = argument.as_const() {
            let comparing = if name == "startingwith" { Comparing::Start } else { Comparing::End };
            let range = self.range_of(input).start..self.range_of(argument).end;
            self.check_text(input, text.as_str().unwrap_or_default(), comparing, range)?;
        }
        Ok(Kinds::of(TRUTH))
    }

    fn refuse_attribute(&mut self, of: &Expr<'_>, name: &str, whole: &Expr<'_>) -> TemplateFault {
        let kinds = match self.check(of) {
            Ok(kinds) => kinds,
            Err(fault) => return fault,
        };
        let message = format!("`{}` is {}, and has no `.{name}`", self.words(of), kinds.name());
        let hint = if matches!(of, Expr::Var(_)) {
            "the name of a column with a point in it cannot stand in an expression; use `from:`, or rename the column"
        } else {
            "take its parts with `[0]`, or use a filter, as in `name | upper`"
        };
        TemplateFault::new(self.range_of(whole), message, hint)
    }

    fn refuse_call(&self, call: &Call<'_>, whole: &Expr<'_>) -> TemplateFault {
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
                return TemplateFault::new(
                    self.range_of(whole),
                    "there are no functions, only columns and filters",
                    "",
                );
            }
        };
        let of = of.map_or_else(|| "name".to_owned(), |of| self.words(of));
        let message = format!("there is no function or method `{name}`, only columns, filters and tests");
        let elsewhere = ELSEWHERE.iter().find(|(known, _)| *known == name).map(|(_, instead)| *instead);
        let near = nearest(name, FILTERS.iter().map(|word| word.name));
        let hint = match (elsewhere, near) {
            (Some(instead), _) if instead.starts_with(['|', 'i']) => format!("write it as in `{of} {instead}`"),
            (Some(instead), _) => format!("write {instead}"),
            (None, Some(near)) => format!("write it as in `{of} | {near}`"),
            (None, None) => filter_hint(name),
        };
        TemplateFault::new(self.range_of(whole), message, hint)
    }

    /// Which bytes of the source an expression is. The spans of the parser begin where its last word does.
    fn range_of(&self, expression: &Expr<'_>) -> Range<usize> {
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
        inner.map_or(start, |inner| self.start_of(inner))
    }

    /// The words of an expression, for a message.
    fn words(&self, expression: &Expr<'_>) -> String {
        const LONGEST: usize = 40;
        let words = self.source.get(self.range_of(expression)).unwrap_or_default().trim();
        if words.chars().count() <= LONGEST {
            return words.to_owned();
        }
        words.chars().take(LONGEST).chain(['…']).collect()
    }
}

/// What a truth value could be written as.
fn choice_of(words: &str) -> String {
    format!("write `('yes' if {words} else 'no')`")
}

fn check_constant(constant: &Const, range: Range<usize>) -> Checked {
    match constant.value.kind() {
        ValueKind::String => Ok(Kinds::of(TEXT)),
        ValueKind::Number if is_plain_number(&constant.value) => Ok(Kinds::of(NUMBER)),
        ValueKind::Number => {
            let message = "this number is too large or too small to calculate with";
            Err(TemplateFault::new(range, message, "write it as a text, in quotes"))
        }
        ValueKind::Bool => Ok(Kinds::of(TRUTH)),
        ValueKind::Seq | ValueKind::Iterable => Ok(Kinds { own: LIST, items: TEXT | NUMBER | TRUTH }),
        _ => {
            let message = "there is no `none` in expressions: an empty cell is an empty text";
            Err(TemplateFault::new(range, message, "write `''`"))
        }
    }
}

/// Whether a number is of a size that floats hold, if it is one.
fn is_plain_number(value: &Value) -> bool {
    const LARGEST: f64 = 1e15;
    let size = f64::try_from(value.clone()).map(f64::abs);
    value.is_integer() || size.is_ok_and(|size| size == 0.0 || (1.0 / LARGEST..=LARGEST).contains(&size))
}

/// What an item of a list, or a character of a text, is.
fn item_of(kinds: Kinds) -> Kinds {
    let of_text = kinds.own & TEXT;
    let of_list = if kinds.own & LIST == 0 { 0 } else { kinds.items };
    Kinds::of(of_text | of_list | MISSING)
}

fn uses_column(expression: &Expr<'_>) -> bool {
    let argument = |argument: &CallArg<'_>| match argument {
        CallArg::Pos(value) | CallArg::Kwarg(_, value) | CallArg::PosSplat(value) | CallArg::KwargSplat(value) => {
            uses_column(value)
        }
    };
    match expression {
        Expr::Var(_) => true,
        Expr::Const(_) | Expr::Map(_) | Expr::Call(_) => false,
        Expr::Slice(slice) => {
            uses_column(&slice.expr) || [&slice.start, &slice.stop, &slice.step].into_iter().flatten().any(uses_column)
        }
        Expr::UnaryOp(operation) => uses_column(&operation.expr),
        Expr::BinOp(operation) => uses_column(&operation.left) || uses_column(&operation.right),
        Expr::Compare(chain) => uses_column(&chain.expr) || chain.ops.iter().any(|next| uses_column(&next.expr)),
        Expr::IfExpr(choice) => {
            let parts = [Some(&choice.test_expr), Some(&choice.true_expr), choice.false_expr.as_ref()];
            parts.into_iter().flatten().any(uses_column)
        }
        Expr::Filter(filter) => filter.expr.as_ref().is_some_and(uses_column) || filter.args.iter().any(argument),
        Expr::Test(test) => uses_column(&test.expr) || test.args.iter().any(argument),
        Expr::GetAttr(attribute) => uses_column(&attribute.expr),
        Expr::GetItem(item) => uses_column(&item.expr) || uses_column(&item.subscript_expr),
        Expr::List(list) => list.items.iter().any(uses_column),
        Expr::Tuple(tuple) => tuple.items.iter().any(uses_column),
    }
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

/// What to write in place of a comparison of different kinds.
fn comparison_hint(operator: &str, (one, left): (&str, Kinds), (other, right): (&str, Kinds)) -> String {
    match (left.present(), right.present()) {
        (TEXT, NUMBER) => format!("a column is text: write `{one} | int {operator} {other}`"),
        (NUMBER, TEXT) => format!("a column is text: write `{one} {operator} {other} | int`"),
        (TEXT, TRUTH) if matches!(other, "true" | "True" | "false" | "False") => {
            format!("a column is text: write `{one} {operator} '{other}'`, with the word of the file")
        }
        _ => String::new(),
    }
}

/// What to write in place of a filter that is not there.
fn filter_hint(name: &str) -> String {
    let elsewhere = ELSEWHERE.iter().find(|(known, _)| *known == name);
    if let Some((_, instead)) = elsewhere {
        return format!("write it as in `name {instead}`");
    }
    match nearest(name, FILTERS.iter().map(|word| word.name)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are: {}", FILTERS.iter().map(|word| word.name).collect::<Vec<_>>().join(", ")),
    }
}

/// How many arguments a filter takes.
fn arity_of(word: &FilterWord) -> String {
    match (word.least, word.arguments.len()) {
        (_, 0) => "takes no argument".into(),
        (least, most) if least == most => format!("takes {most} arguments"),
        (0, 1) => "takes at most one argument".into(),
        (least, most) => format!("takes {least} to {most} arguments"),
    }
}
