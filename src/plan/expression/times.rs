//! The filters that make days and moments of texts: `date` and `datetime`.

use std::sync::Arc;

use minijinja::machinery::ast::{CallArg, Expr, Filter};

use crate::{
    config::mapping::policy::{OnAmbiguous, Policy},
    plan::{
        conversion::Conversion,
        date_format::DateFormat,
        expression::{
            compile::{Compiled, ExpressionCompiler, ExpressionFault, ExpressionKind, Typed},
            operation::Operation,
            value::ExpressionValue,
        },
        moment_format::{MomentFault, MomentFormat, MomentZone},
        written_times::{self, TimeFault, USUAL_DAY, USUAL_MOMENT},
    },
    text::number::NumberFormat,
};

/// What a constant argument says, and its expression; `None`: there is no such argument.
type Word<'a, 'b> = Option<(&'a Expr<'b>, String)>;

impl ExpressionCompiler<'_, '_> {
    /// `text | date('%d.%m.%Y')`, `text | datetime('%d.%m.%Y %H:%M', 'Europe/Paris', 'earlier')`.
    pub(super) fn compile_time(&self, of: Typed, filter: &Filter<'_>, whole: &Expr<'_>) -> Compiled {
        let is_date = filter.name == "date";
        let word = self.read_word(filter, 0, if is_date { "%d.%m.%Y" } else { "%d.%m.%Y %H:%M" })?;
        let usual = if is_date { USUAL_DAY } else { USUAL_MOMENT };
        let format = word.as_ref().map_or(usual, |(_, format)| format.as_str());
        let compiled = written_times::compile_format(format, NumberFormat::JSON, &|format| format!("'{format}'"));
        let format = compiled.map_err(|fault| self.refuse_word(&word, whole, fault))?;
        let (kind, conversion) = if is_date {
            (ExpressionKind::Date, Conversion::Date(format))
        } else {
            let moment = self.compile_moment(format, filter, whole)?;
            (ExpressionKind::Moment, Conversion::Datetime(Box::new(moment)))
        };
        let operation = Operation::ToTime { conversion: Arc::new(conversion), text: Box::new(of.operation) };
        Ok(Typed { kind, operation, has_column: of.has_column })
    }

    fn compile_moment(
        &self,
        format: DateFormat,
        filter: &Filter<'_>,
        whole: &Expr<'_>,
    ) -> Result<MomentFormat, ExpressionFault> {
        let (zone, choice) = (self.read_word(filter, 1, "Europe/Paris")?, self.read_word(filter, 2, "earlier")?);
        let zone = match (format.has_offset(), &zone) {
            (true, None) => MomentZone::Format,
            (true, Some((expression, _))) => {
                let message = written_times::refuse_zone(&format.format);
                return Err(ExpressionFault::new(self.range_of(expression), message, "leave the time zone out"));
            }
            (false, Some((_, name))) => {
                let found = written_times::compile_zone(name);
                MomentZone::Mapping(found.map_err(|fault| self.refuse_word(&zone, whole, fault))?)
            }
            (false, None) => {
                let message = "nobody can tell which moment this is without a time zone";
                let hint = format!("write it as in `datetime('{}', 'Europe/Paris')`", format.format);
                return Err(ExpressionFault::new(self.range_of(whole), message, hint));
            }
        };
        let then = match &choice {
            None => OnAmbiguous::Reject,
            Some((_, word)) if word == "earlier" => OnAmbiguous::Earlier,
            Some((_, word)) if word == "later" => OnAmbiguous::Later,
            Some((expression, _)) => {
                let message = "behind the time zone stands `'earlier'` or `'later'`, or nothing";
                let hint = "it says which moment a local time is that was twice; without it such a time is rejected";
                return Err(ExpressionFault::new(self.range_of(expression), message, hint));
            }
        };
        Ok(MomentFormat { format, zone, on_ambiguous: Policy { then, warn: false } })
    }

    /// What an argument says, which is the same for every record.
    fn read_word<'a, 'b>(
        &self,
        filter: &'a Filter<'b>,
        number: usize,
        example: &str,
    ) -> Result<Word<'a, 'b>, ExpressionFault> {
        let Some(CallArg::Pos(argument)) = filter.args.get(number) else { return Ok(None) };
        let constant = argument.as_const();
        if let Some(word) = constant.as_ref().and_then(minijinja::Value::as_str) {
            return Ok(Some((argument, word.to_owned())));
        }
        let what = ["its format", "its time zone", "its choice"][number];
        let message = format!("`{}` takes {what} as a text in quotes", filter.name);
        let hint = if number == 1 {
            "write it as in `'Europe/Paris'`; for one that a cell names, declare a column with `timezone: { column: NAME }`"
                .to_owned()
        } else {
            format!("write it as in `'{example}'`")
        };
        Err(ExpressionFault::new(self.range_of(argument), message, hint))
    }

    fn refuse_word(&self, word: &Word<'_, '_>, whole: &Expr<'_>, fault: TimeFault) -> ExpressionFault {
        let range = word.as_ref().map_or_else(|| self.range_of(whole), |(expression, _)| self.range_of(expression));
        ExpressionFault::new(range, fault.message, fault.hint)
    }
}

/// The day or moment that a text is; fails with the reason why it is none.
pub(super) fn read_time(text: &str, conversion: &Conversion) -> Result<ExpressionValue<'static>, &'static str> {
    if let Some(value) = ExpressionValue::of_cell(text.into(), conversion) {
        return Ok(value.into_owned());
    }
    Err(match conversion {
        Conversion::Datetime(format) => {
            let change = format.read(text.as_bytes()).err().and_then(MomentFault::describe_change);
            change.unwrap_or("a text is no real moment in the format of `datetime`")
        }
        _ => "a text is no real day in the format of `date`",
    })
}
