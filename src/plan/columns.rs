//! The compiler of columns: the declared type of a column becomes a conversion.
//!
//! This is the part of the compiler that knows how files write numbers, words, days and moments.

use std::sync::Arc;

use crate::{
    config::mapping::{
        column::{Column, Type, ZoneColumn},
        short_forms::{Columns, Named},
    },
    diagnostic::Code,
    plan::{
        ColumnPlan,
        compile::Compiler,
        conversion::Conversion,
        date_format::DateFormat,
        moment_format::{MomentFormat, MomentZone},
        time_count::TimeCount,
        written_times::{TimeFault, USUAL_DAY, USUAL_MOMENT, compile_format, compile_zone, refuse_zone},
    },
    table::cell_reading::{CellReading, CellSplit},
    text::number::{NO_SEPARATOR, NumberFormat},
};

impl Compiler<'_> {
    /// The conversion of a column, from what the mapping declares of it.
    pub(super) fn compile_conversion(&mut self, column: &Column, zone: Option<usize>, pointer: &str) -> Conversion {
        let kind = column.kind;
        let is_time = matches!(kind, Type::Date | Type::Datetime);
        let is_counted = is_time && column.format.as_deref().and_then(TimeCount::of_format).is_some();
        for (set, name, fits) in [
            (column.format.is_some(), "format", is_time),
            (column.timezone.is_some(), "timezone", kind == Type::Datetime),
            (column.on_ambiguous.is_some(), "on_ambiguous", kind == Type::Datetime),
            (column.decimal_mark.is_some(), "decimal_mark", kind == Type::Decimal || is_counted),
            (column.group_mark.is_some(), "group_mark", matches!(kind, Type::Decimal | Type::Integer)),
            (column.true_values.is_some(), "true_values", kind == Type::Boolean),
            (column.false_values.is_some(), "false_values", kind == Type::Boolean),
            (column.sign.is_some(), "sign", matches!(kind, Type::Decimal | Type::Integer)),
            (column.case.is_some(), "case", matches!(kind, Type::Text | Type::Code | Type::Boolean)),
        ] {
            if set && !fits {
                self.report(
                    Code::PlanWrongValue,
                    &format!("{pointer}/{name}"),
                    format!("`{name}` says nothing about this type"),
                    "change `type`, or leave it out",
                );
            }
        }
        match kind {
            Type::Text => Conversion::Text,
            Type::Json => Conversion::Json,
            Type::Code => Conversion::Code,
            Type::Integer => Conversion::Integer(self.compile_number_format(column, pointer)),
            Type::Decimal => Conversion::Decimal(self.compile_number_format(column, pointer)),
            Type::Boolean => self.compile_boolean(column, pointer),
            Type::Date => {
                let format = self.compile_date_format(column, USUAL_DAY, pointer);
                Conversion::Date(format.unwrap_or_default())
            }
            Type::Datetime => Conversion::Datetime(Box::new(self.compile_moment_format(column, zone, pointer))),
        }
    }

    fn compile_moment_format(&mut self, column: &Column, zone: Option<usize>, pointer: &str) -> MomentFormat {
        let format = self.compile_date_format(column, USUAL_MOMENT, pointer);
        let has_offset = format.as_ref().map(DateFormat::has_offset);
        let zone = match zone {
            Some(zone) if has_offset != Some(true) => MomentZone::Column(zone),
            _ => self.find_time_zone(column, has_offset, pointer).map_or(MomentZone::Format, MomentZone::Mapping),
        };
        if column.on_ambiguous.is_some() && has_offset == Some(true) {
            let rule = format!("{pointer}/on_ambiguous");
            let message = "the format tells the offset already, so no moment is ambiguous";
            self.report(Code::PlanWrongValue, &rule, message, "leave `on_ambiguous` out");
        }
        let on_ambiguous = column.on_ambiguous.clone().unwrap_or_default();
        MomentFormat { format: format.unwrap_or_default(), zone, on_ambiguous }
    }

    /// The column that names the time zone of a column; `None`: there is none, or none that can, which is reported.
    pub(super) fn find_zone_column(&mut self, source: usize, column: &Column, pointer: &str) -> Option<usize> {
        let Some(Named::Here(ZoneColumn { column: name })) = &column.timezone else { return None };
        let rule = format!("{pointer}/timezone/column");
        let declared = self.declared_columns(source).and_then(|columns| columns.get(name));
        let is_text = declared.is_none_or(|zone| matches!(zone.kind, Type::Text | Type::Code) && zone.split.is_none());
        if !is_text {
            let message = format!("`{name}` names time zones, and its cells are no texts");
            self.report(Code::PlanWrongValue, &rule, message, "name a column of type `text`, without `split`");
            return None;
        }
        if column.split.is_some() {
            let message = "one cell names one time zone, and this cell is a list";
            self.report(Code::PlanWrongValue, &rule, message, "leave `split` out, or write the zone itself");
        }
        // What cannot be a zone column is told where the type is.
        (column.kind == Type::Datetime).then(|| self.find_or_add_column(source, name, &rule))
    }

    /// How the cells of a column are read before its type looks at them; `None`: as they are.
    pub(super) fn compile_reading(
        &mut self,
        column: &Column,
        zone: Option<usize>,
        pointer: &str,
    ) -> Option<Arc<CellReading>> {
        let is_counted = column.format.as_deref().and_then(TimeCount::of_format).is_some();
        let is_number = is_counted || matches!(column.kind, Type::Integer | Type::Decimal);
        let reading = CellReading {
            is_trimmed: column.trim,
            prefixes: column.prefix.0.clone(),
            suffixes: column.suffix.0.clone(),
            case: column.case,
            null_values: column.null_values.0.clone(),
            zone,
        };
        for (key, words) in [("prefix", &reading.prefixes), ("suffix", &reading.suffixes)] {
            if words.iter().any(String::is_empty) {
                let (rule, message) = (format!("{pointer}/{key}"), format!("`{key}` is empty"));
                self.report(Code::PlanWrongValue, &rule, message, "write what is dropped, or leave it out");
            }
            // The last one is the minus sign of typesetters.
            let is_sign = |c: char| matches!(c, '-' | '+' | '(' | ')' | '\u{2212}');
            let is_part = |c: char| is_sign(c) || c.is_ascii_digit();
            let holds_sign = |word: &&String| match key {
                "prefix" => word.trim().starts_with(is_sign) || word.trim().ends_with(is_part),
                _ => word.trim().starts_with(is_part),
            };
            if let Some(word) = words.iter().find(holds_sign).filter(|_| is_number) {
                let message =
                    format!("the {key} `{word}` may be a part of the number, which would be another one without it");
                let hint = "no digit and no sign stands at its edge; how a negative number is told is what `sign` says";
                self.report(Code::PlanWrongValue, &format!("{pointer}/{key}"), message, hint);
            }
            let is_cut = |word: &&String| match key {
                "prefix" => word.trim_start() != word.as_str(),
                _ => word.trim_end() != word.as_str(),
            };
            if let Some(word) = words.iter().find(is_cut).filter(|_| reading.is_trimmed) {
                let message = format!("no cell has the {key} `{word}`, as `trim` drops its white space first");
                self.report(
                    Code::PlanWrongValue,
                    &format!("{pointer}/{key}"),
                    message,
                    format!("write `{}`", word.trim()),
                );
            }
        }
        let lists = [
            ("null_values", Some(&column.null_values)),
            ("true_values", column.true_values.as_ref()),
            ("false_values", column.false_values.as_ref()),
        ];
        for (key, Columns(words)) in lists.into_iter().filter_map(|(key, words)| Some((key, words?))) {
            for word in words {
                self.expect_said(&reading, word, &format!("{pointer}/{key}"));
            }
        }
        (reading != CellReading::default()).then(|| Arc::new(reading))
    }

    /// How the cells of a column are divided; `None`: they are no lists.
    pub(super) fn compile_split(&mut self, column: &Column, pointer: &str) -> Option<Arc<CellSplit>> {
        let separator = column.split.clone()?;
        if separator.is_empty() {
            let hint = "write what stands between pieces, as in `split: \";\"`";
            self.report(Code::PlanWrongValue, &format!("{pointer}/split"), "`split` is empty", hint);
            return None;
        }
        if column.kind == Type::Json {
            let hint = "write the list in JSON, as in `[1, 2]`, or declare the type of its pieces";
            self.report(Code::PlanWrongValue, &format!("{pointer}/split"), "a JSON value is not divided", hint);
            return None;
        }
        Some(Arc::new(CellSplit { separator, is_trimmed: column.trim }))
    }

    /// Reports a column whose cells are lists or JSON values, where cells are compared, ordered or added up.
    pub(super) fn expect_no_list(&mut self, source: usize, column: usize, pointer: &str) {
        if let Some(ColumnPlan { name, conversion: Conversion::Json, .. }) = self.sources[source].columns.get(column) {
            let message = format!("the cells of `{name}` are JSON values, which are not compared, ordered or added up");
            self.report(Code::PlanWrongValue, pointer, message, "use another column here");
        } else if let Some(ColumnPlan { name, split: Some(_), .. }) = self.sources[source].columns.get(column) {
            let message = format!("the cells of `{name}` are lists, which are not compared, ordered or added up");
            self.report(Code::PlanWrongValue, pointer, message, "use another column here, or leave its `split` out");
        }
    }

    /// Reports a text that no cell says, as `case` or `trim` changes it.
    pub(super) fn expect_said(&mut self, reading: &CellReading, word: &str, rule: &str) {
        let CellReading { is_trimmed, case, .. } = *reading;
        let said = CellReading { is_trimmed, case, ..CellReading::default() }.read(word).into_owned();
        if said != word {
            let step = if case.is_some() { "case" } else { "trim" };
            let message = format!("no cell says `{word}`, as `{step}` makes it `{said}`");
            self.report(Code::PlanWrongValue, rule, message, format!("write `{said}`"));
        }
    }

    fn compile_number_format(&mut self, column: &Column, pointer: &str) -> NumberFormat {
        let mut separator = |written: &Option<String>, name| {
            written.as_ref().and_then(|text| self.parse_ascii_byte(text, &format!("{pointer}/{name}")))
        };
        let decimal_separator = separator(&column.decimal_mark, "decimal_mark").unwrap_or(b'.');
        let group_separator = separator(&column.group_mark, "group_mark");
        let sign = column.sign.unwrap_or_default();
        let is_decimal = column.kind == Type::Decimal;
        if is_decimal && group_separator == Some(decimal_separator)
            || [Some(decimal_separator), group_separator].contains(&Some(b'-'))
        {
            self.report(
                Code::PlanWrongValue,
                &format!("{pointer}/group_mark"),
                "the separators of a number cannot be the same, or `-`",
                "",
            );
        }
        let decimal_separator = if is_decimal { decimal_separator } else { NO_SEPARATOR };
        NumberFormat { decimal_separator, group_separator, sign }
    }

    fn compile_boolean(&mut self, column: &Column, pointer: &str) -> Conversion {
        let words = |words: &Option<Columns>, default: &str| match words {
            Some(Columns(words)) => words.iter().map(|word| word.clone().into_bytes()).collect(),
            None => vec![default.as_bytes().to_vec()],
        };
        let (yes, no): (Vec<Vec<u8>>, Vec<Vec<u8>>) =
            (words(&column.true_values, "true"), words(&column.false_values, "false"));
        if yes.iter().any(|word| no.contains(word)) {
            self.report(
                Code::PlanWrongValue,
                &format!("{pointer}/false_values"),
                "a word means both true and false",
                "",
            );
        }
        Conversion::Boolean { yes, no }
    }

    fn compile_date_format(&mut self, column: &Column, usual: &str, pointer: &str) -> Option<DateFormat> {
        let format = column.format.as_deref().unwrap_or(usual);
        let mark = column.decimal_mark.as_ref().filter(|_| TimeCount::of_format(format).is_some());
        let mark = mark.and_then(|text| self.parse_ascii_byte(text, &format!("{pointer}/decimal_mark")));
        let number = NumberFormat { decimal_separator: mark.unwrap_or(b'.'), ..NumberFormat::JSON };
        let compiled = compile_format(format, number, &|format| format!("format: \"{format}\""));
        self.report_time(compiled, &format!("{pointer}/format"))
    }

    /// A format or a time zone; `None`: it cannot be used, which is reported.
    fn report_time<T>(&mut self, compiled: Result<T, TimeFault>, rule: &str) -> Option<T> {
        compiled.map_err(|TimeFault { message, hint }| self.report(Code::PlanWrongValue, rule, message, hint)).ok()
    }

    /// The time zone of a column; `has_offset` is not known of a format that cannot be used.
    fn find_time_zone(
        &mut self,
        column: &Column,
        has_offset: Option<bool>,
        pointer: &str,
    ) -> Option<jiff::tz::TimeZone> {
        match (&column.timezone, has_offset) {
            (None, Some(true) | None) | (Some(Named::Here(_)), Some(false) | None) => None,
            (Some(_), Some(true)) => {
                let message = refuse_zone(column.format.as_deref().unwrap_or_default());
                self.report(Code::PlanWrongValue, &format!("{pointer}/timezone"), message, "leave `timezone` out");
                None
            }
            (None, Some(false)) => {
                self.report(
                    Code::PlanMissingKey,
                    pointer,
                    "nobody can tell which moment this is without a time zone",
                    "add `timezone:` as in `timezone: Europe/Paris`, or `UTC`, or `{ column: NAME }`",
                );
                None
            }
            (Some(Named::Name(name)), Some(false) | None) => {
                self.report_time(compile_zone(name), &format!("{pointer}/timezone"))
            }
        }
    }
}
