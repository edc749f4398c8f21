//! Facts in expressions: the name of the recording, the file and the line of a record, and what a wildcard of its path stands for.

use std::ops::Range;

use minijinja::machinery::ast::Expr;

use crate::{
    diagnostic::nearest,
    plan::expression::{
        compile::{ExpressionCompiler, ExpressionFault, ExpressionKind, Typed},
        operation::{Fact, Operation},
    },
};

/// The facts that exist, as they are written.
const FACTS: [&str; 4] = ["recording.name", "file.name", "file.line", "file.match.1"];

impl ExpressionCompiler<'_, '_> {
    /// The fact that an expression with a point in it names; `None`: it is something else.
    ///
    /// # Errors
    /// It begins like a fact, and there is none of this name.
    pub(super) fn compile_fact(&mut self, expression: &Expr<'_>) -> Result<Option<Typed>, ExpressionFault> {
        let Some(fact) = self.find_fact(expression)? else { return Ok(None) };
        self.facts.push(fact);
        Ok(Some(Typed { kind: kind_of(fact), operation: Operation::Fact(fact), has_column: true }))
    }

    fn find_fact(&self, expression: &Expr<'_>) -> Result<Option<Fact>, ExpressionFault> {
        match expression {
            Expr::GetItem(item) => match &item.expr {
                Expr::GetAttr(attribute) if attribute.name == "match" && is_name(&attribute.expr, "file") => {
                    let index = item.subscript_expr.as_const().and_then(|index| index.as_usize());
                    self.find_match(index, self.range_of(expression)).map(Some)
                }
                _ => Ok(None),
            },
            Expr::GetAttr(attribute) => {
                let of = ["recording", "file"].into_iter().find(|name| is_name(&attribute.expr, name));
                match (of, attribute.name) {
                    (None, _) => Ok(None),
                    (Some("recording"), "name") => Ok(Some(Fact::RecordingName)),
                    (Some("file"), "name") => Ok(Some(Fact::FileName)),
                    (Some("file"), "line") => Ok(Some(Fact::FileLine)),
                    (Some("file"), "match") => self.find_match(None, self.range_of(expression)).map(Some),
                    (Some(of), name) => Err(refuse_fact(&format!("{of}.{name}"), self.range_of(expression))),
                }
            }
            _ => Ok(None),
        }
    }

    /// What a wildcard of the path of this source stands for, counted from 1.
    fn find_match(&self, number: Option<usize>, range: Range<usize>) -> Result<Fact, ExpressionFault> {
        let words = self.source.get(range.clone()).unwrap_or_default();
        match (number, self.wildcards) {
            (Some(number @ 1..), most) if number <= most => Ok(Fact::FileMatch(number - 1)),
            (_, 0) => {
                let message = format!("there is no `{words}`: the path of this source has no wildcard");
                Err(ExpressionFault::new(
                    range,
                    message,
                    "write `*` for the part of the name that is meant, as in `orders-*.csv`",
                ))
            }
            (_, most) => {
                let has = if most == 1 { "one wildcard".to_owned() } else { format!("{most} wildcards") };
                let hint = if most == 1 {
                    "write `file.match.1`".to_owned()
                } else {
                    format!("write a number from 1 to {most}, as in `file.match.1`")
                };
                Err(ExpressionFault::new(
                    range,
                    format!("there is no `{words}`: the path of this source has {has}"),
                    hint,
                ))
            }
        }
    }
}

fn is_name(expression: &Expr<'_>, name: &str) -> bool {
    matches!(expression, Expr::Var(variable) if variable.id == name)
}

fn refuse_fact(words: &str, range: Range<usize>) -> ExpressionFault {
    let hint = match nearest(words, FACTS) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are: {}", FACTS.join(", ")),
    };
    ExpressionFault::new(range, format!("there is no fact `{words}`"), hint)
}

fn kind_of(fact: Fact) -> ExpressionKind {
    match fact {
        Fact::RecordingName | Fact::FileName | Fact::FileMatch(_) => ExpressionKind::Text,
        Fact::FileLine => ExpressionKind::Number { is_whole: true },
    }
}
