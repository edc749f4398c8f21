//! The cells of a column -> what can be said of it: how many are filled, whether they differ, of which type they are.
//!
//! A type is the one that most cells have, and at least eight of ten; the evidence says how many. Whether a cell is of a type
//! is decided by what converts it later.

use std::collections::BTreeMap;

use crate::{
    commands::init::{
        dialect::Grid,
        names,
        yaml::{self, MAX_NAME},
    },
    plan::date_format::DateFormat,
    text::number::{NO_SEPARATOR, NumberFormat, Sign},
};

/// How many different values a column of codes has at most.
pub(super) const MAX_CODES: usize = 20;
/// How long a code is at most, in characters.
const MAX_CODE: usize = 20;

/// How files write days, the usual ways first.
const DAYS: &[&str] = &[
    "%Y-%m-%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%Y%m%d",
    "%d-%m-%Y",
    "%Y/%m/%d",
    "%d.%m.%y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d %b %Y",
    "%d-%b-%Y",
    "%b %d, %Y",
];
/// How files write moments.
const MOMENTS: &[&str] = &[
    "%Y-%m-%dT%H:%M:%S%:z",
    "%Y-%m-%dT%H:%M:%S%.f%:z",
    "%Y-%m-%d %H:%M:%S %z",
    "%Y-%m-%d %H:%M:%S%:z",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M",
];
/// Words for true and false, in small letters.
const TRUTHS: &[(&str, &str)] = &[
    ("true", "false"),
    ("yes", "no"),
    ("y", "n"),
    ("t", "f"),
    ("oui", "non"),
    ("o", "n"),
    ("ja", "nein"),
    ("j", "n"),
    ("si", "no"),
    ("sim", "não"),
    ("on", "off"),
    ("1", "0"),
];

/// A type that a column may be of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnType {
    Text,
    Integer,
    Decimal,
    Boolean,
    Date,
    Datetime,
}

impl ColumnType {
    /// All types.
    pub(super) const ALL: [ColumnType; 6] = [
        ColumnType::Text,
        ColumnType::Integer,
        ColumnType::Decimal,
        ColumnType::Boolean,
        ColumnType::Date,
        ColumnType::Datetime,
    ];

    /// Its word in a mapping.
    pub(super) fn word(self) -> &'static str {
        match self {
            ColumnType::Text => "text",
            ColumnType::Integer => "integer",
            ColumnType::Decimal => "decimal",
            ColumnType::Boolean => "boolean",
            ColumnType::Date => "date",
            ColumnType::Datetime => "datetime",
        }
    }
}

/// What a column is taken for.
#[derive(Clone, Debug)]
pub(super) struct Judgement {
    /// The type, and how it is written, as keys of `columns` with their values in YAML.
    pub(super) keys: Vec<(&'static str, String)>,
    /// How many of the filled cells it explains.
    pub(super) evidence: String,
    /// What is not certain.
    pub(super) todo: Option<String>,
}

/// What is known of a column.
#[derive(Clone, Debug)]
pub(super) struct ColumnFacts {
    pub(super) name: String,
    pub(super) words: Vec<String>,
    pub(super) records: usize,
    pub(super) filled: usize,
    /// The filled cells without white space around them, each with how often it is there.
    pub(super) values: BTreeMap<String, usize>,
    /// Some filled cells have white space around them.
    pub(super) has_spaces: bool,
    /// Most cells begin with an apostrophe, as spreadsheets keep texts.
    pub(super) has_apostrophes: bool,
    /// The type that its cells alone speak for.
    pub(super) own_type: ColumnType,
    /// What it is of each type, in the order of the types.
    judgements: Vec<Option<Judgement>>,
}

impl ColumnFacts {
    /// Looks at all cells of a column.
    pub(super) fn gather(grid: &Grid, column: usize) -> ColumnFacts {
        let name = grid.header[column].clone();
        // A name that is there twice, or that no reader of YAML takes for a key, cannot be used.
        let is_usable =
            name.chars().count() <= MAX_NAME && grid.header.iter().filter(|other| **other == name).count() == 1;
        let words = if is_usable { names::split_words(&name) } else { Vec::new() };
        let records = grid.records.len();
        let (mut values, mut filled, mut has_spaces) = (BTreeMap::new(), 0, false);
        for cell in (0..records).filter_map(|record| grid.filled(record, column)) {
            let said = cell.trim();
            has_spaces |= said.len() != cell.len();
            if !said.is_empty() {
                *values.entry(said.to_owned()).or_insert(0) += 1;
                filled += 1;
            }
        }
        let marked: usize = values.iter().filter(|(value, _)| value.starts_with('\'')).map(|(_, count)| count).sum();
        let has_apostrophes = filled > 0 && 10 * marked >= 8 * filled;
        let mut facts = ColumnFacts {
            name,
            words,
            records,
            filled,
            values,
            has_spaces,
            has_apostrophes,
            own_type: ColumnType::Text,
            judgements: Vec::new(),
        };
        facts.judgements = ColumnType::ALL.iter().map(|wanted| facts.judge_as(*wanted)).collect();
        facts.own_type = facts.find_type();
        facts
    }

    /// Whether a mapping can name it, and by which words.
    pub(super) fn is_usable(&self) -> bool {
        !self.words.is_empty()
    }

    /// Whether each record has a value of its own.
    pub(super) fn is_unique(&self) -> bool {
        self.records > 0 && self.filled == self.records && self.values.len() == self.records
    }

    /// Whether every record has a value.
    pub(super) fn is_filled(&self) -> bool {
        self.records > 0 && self.filled == self.records
    }

    /// Whether its cells are codes that may be shown: few, short, and not about people.
    pub(super) fn are_codes(&self) -> bool {
        let is_code = |value: &String| {
            let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ' ');
            value.chars().count() <= MAX_CODE && value.chars().all(plain)
        };
        (1..=MAX_CODES).contains(&self.values.len())
            && !names::is_personal_name(&self.words)
            && !self.is_contact()
            && self.values.keys().all(is_code)
    }

    /// Whether it looks like e-mail addresses or telephone numbers.
    pub(super) fn is_contact(&self) -> bool {
        names::is_contact_name(&self.words) || 2 * self.count(|value| value.contains('@')) > self.filled
    }

    /// How many cells fulfil a condition.
    pub(super) fn count(&self, holds: impl Fn(&str) -> bool) -> usize {
        self.values.iter().filter(|(value, _)| holds(value)).map(|(_, count)| *count).sum()
    }

    /// What it is if it has to be of a type; `None`: too few cells are.
    pub(super) fn judge(&self, wanted: ColumnType) -> Option<&Judgement> {
        let at = ColumnType::ALL.iter().position(|known| *known == wanted)?;
        self.judgements.get(at)?.as_ref()
    }

    fn judge_as(&self, wanted: ColumnType) -> Option<Judgement> {
        match wanted {
            ColumnType::Text => {
                Some(Judgement { keys: Vec::new(), evidence: format!("{} cells", self.filled), todo: None })
            }
            ColumnType::Integer => self.judge_number(true),
            ColumnType::Decimal => self.judge_number(false),
            ColumnType::Boolean => self.judge_truth(),
            ColumnType::Date => self.judge_moment(DAYS, "date"),
            ColumnType::Datetime => self.judge_moment(MOMENTS, "datetime"),
        }
    }

    fn find_type(&self) -> ColumnType {
        let candidates =
            [ColumnType::Integer, ColumnType::Decimal, ColumnType::Date, ColumnType::Datetime, ColumnType::Boolean];
        let is_it = |wanted: &ColumnType| {
            let is_bit = *wanted == ColumnType::Boolean && self.values.contains_key("1");
            self.filled > 0 && !is_bit && self.judge(*wanted).is_some()
        };
        candidates.into_iter().find(is_it).unwrap_or(ColumnType::Text)
    }

    /// Whether so many of the filled cells are enough.
    fn is_enough(&self, matching: usize) -> bool {
        self.filled == 0 || 10 * matching >= 8 * self.filled
    }

    fn tell(&self, matching: usize, what: &str) -> String {
        match self.filled {
            0 => "no cell is filled".to_owned(),
            filled => format!("{matching} of {filled} are {what}"),
        }
    }

    fn judge_number(&self, is_whole: bool) -> Option<Judgement> {
        let decimals: &[u8] = if is_whole { &[NO_SEPARATOR] } else { b".," };
        let signs = [(Sign::Leading, ""), (Sign::Trailing, "trailing"), (Sign::Parentheses, "parentheses")];
        let mut best: Option<(usize, Vec<(&'static str, String)>)> = None;
        for (sign, word) in signs {
            for group_separator in [None, Some(b','), Some(b'.'), Some(b' '), Some(b'\'')] {
                for decimal_separator in decimals.iter().copied().filter(|mark| Some(*mark) != group_separator) {
                    let format = NumberFormat { decimal_separator, group_separator, sign };
                    let matching = self.count(|value| format.parse(value.as_bytes()).is_some());
                    if best.as_ref().is_some_and(|(known, _)| *known >= matching) {
                        continue;
                    }
                    let mut keys = vec![("type", if is_whole { "integer" } else { "decimal" }.to_owned())];
                    if decimal_separator == b',' {
                        keys.push(("decimal_mark", yaml::quoted(",")));
                    }
                    keys.extend(
                        group_separator.map(|mark| ("group_mark", yaml::quoted(&char::from(mark).to_string()))),
                    );
                    keys.extend((!word.is_empty()).then(|| ("sign", word.to_owned())));
                    best = Some((matching, keys));
                }
            }
        }
        let (matching, keys) = best.filter(|(matching, _)| self.is_enough(*matching))?;
        let what = if is_whole { "whole numbers" } else { "numbers" };
        let marks = keys.len() > 1;
        let todo = (marks && self.is_ambiguous()).then(|| "is `1,234` a thousand, or one and a bit?".to_owned());
        Some(Judgement { evidence: self.tell(matching, what), keys, todo })
    }

    /// Whether each mark in its numbers stands before three digits, so that it may separate groups or decimals.
    fn is_ambiguous(&self) -> bool {
        let is_either = |value: &str| match value.split_once([',', '.']) {
            Some((_, rest)) => rest.len() == 3 && rest.bytes().all(|byte| byte.is_ascii_digit()),
            None => true,
        };
        self.values.keys().all(|value| is_either(value))
    }

    fn judge_truth(&self) -> Option<Judgement> {
        let among = |words: &[&str]| -> Vec<&String> {
            self.values.keys().filter(|value| words.contains(&value.to_lowercase().as_str())).collect()
        };
        let (yes, no): (Vec<&str>, Vec<&str>) = TRUTHS.iter().copied().unzip();
        let (said_yes, said_no) = (among(&yes), among(&no));
        if said_yes.len() + said_no.len() < self.values.len() || said_yes.iter().any(|word| said_no.contains(word)) {
            return None;
        }
        // A word that nobody said yet is the other one of the pair.
        let other = |said: &[&String], from: &[&str], to: &[&str]| {
            let first = said.first().map(|word| word.to_lowercase());
            let at = from.iter().position(|word| Some(*word) == first.as_deref()).unwrap_or(0);
            vec![to[at].to_owned()]
        };
        let said = |words: &[&String]| -> Vec<String> { words.iter().map(|word| (*word).clone()).collect() };
        let words = match (said_yes.is_empty(), said_no.is_empty()) {
            (true, _) => (other(&said_no, &no, &yes), said(&said_no)),
            (_, true) => (said(&said_yes), other(&said_yes, &yes, &no)),
            _ => (said(&said_yes), said(&said_no)),
        };
        let mut keys = vec![("type", "boolean".to_owned())];
        let list = |words: &[String]| match words {
            [only] => yaml::quoted(only),
            words => format!("[{}]", words.iter().map(|word| yaml::quoted(word)).collect::<Vec<_>>().join(", ")),
        };
        let (yes, no) = (list(&words.0), list(&words.1));
        if (yes.as_str(), no.as_str()) != ("\"true\"", "\"false\"") {
            keys.extend([("true_values", yes), ("false_values", no)]);
        }
        Some(Judgement { evidence: self.tell(self.filled, "words for true and false"), keys, todo: None })
    }

    fn judge_moment(&self, formats: &[&'static str], word: &str) -> Option<Judgement> {
        let count = |format: &'static str| {
            let compiled = DateFormat::find(format)?;
            Some((self.count(|value| compiled.reads(value.as_bytes())), format))
        };
        let counted: Vec<(usize, &str)> = formats.iter().filter_map(|format| count(format)).collect();
        let most = counted.iter().map(|(matching, _)| *matching).max().filter(|most| self.is_enough(*most))?;
        let mut best = counted.iter().filter(|(matching, _)| *matching == most).map(|(_, format)| *format);
        let format = best.next()?;
        let other =
            best.next().filter(|other| self.filled > 0 && format.starts_with("%d/") && other.starts_with("%m/"));
        let mut keys = vec![("type", word.to_owned())];
        if format != formats[0] {
            keys.push(("format", yaml::quoted(format)));
        }
        let is_local = word == "datetime" && !format.ends_with('z');
        if is_local {
            keys.push(("timezone", "TODO".into()));
        }
        let what = match (format == formats[0], word) {
            (true, "date") => "ISO dates".to_owned(),
            (true, _) => "moments as RFC 3339 writes them".to_owned(),
            (false, _) => format!("like `{format}`"),
        };
        let todo = match (other, is_local) {
            (Some(other), _) => Some(format!("as many are like `{other}`: which is it?")),
            (None, true) => Some("in which time zone, as in Europe/Paris?".to_owned()),
            (None, false) => None,
        };
        Some(Judgement { keys, evidence: self.tell(most, &what), todo })
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::init::{
        columns::{ColumnFacts, ColumnType},
        dialect::Grid,
    };

    fn facts(name: &str, cells: &[&str]) -> ColumnFacts {
        let text = format!("{name};x\n{};1\n", cells.join(";1\n"));
        ColumnFacts::gather(&Grid::divide(text.into_bytes(), true), 0)
    }

    fn judged(cells: &[&str], wanted: ColumnType) -> String {
        facts("c", cells).judge(wanted).cloned().map_or_else(String::new, |judged| {
            let keys: Vec<String> = judged.keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
            format!("{} # {}{}", keys.join(" "), judged.evidence, judged.todo.map_or("", |_| " TODO"))
        })
    }

    #[test]
    fn a_type_is_what_most_cells_are() {
        use ColumnType::{Boolean, Date, Datetime, Decimal, Integer};
        let table: &[(&[&str], ColumnType, &str)] = &[
            (&["2026-06-15", "2026-06-16"], Date, "type=date # 2 of 2 are ISO dates"),
            (&["15.06.2026"], Date, "type=date format=\"%d.%m.%Y\" # 1 of 1 are like `%d.%m.%Y`"),
            (&["01/02/2026"], Date, "type=date format=\"%d/%m/%Y\" # 1 of 1 are like `%d/%m/%Y` TODO"),
            (&["01/02/2026", "02/28/2026"], Date, "type=date format=\"%m/%d/%Y\" # 2 of 2 are like `%m/%d/%Y`"),
            (&["x"], Date, ""),
            (&["1.249,00", "0,99"], Decimal, "type=decimal decimal_mark=\",\" group_mark=\".\" # 2 of 2 are numbers"),
            (&["10", "3.90"], Decimal, "type=decimal # 2 of 2 are numbers"),
            (&["4,90-", "12,00"], Decimal, "type=decimal decimal_mark=\",\" sign=trailing # 2 of 2 are numbers"),
            (&["1", "1.000"], Integer, "type=integer group_mark=\".\" # 2 of 2 are whole numbers TODO"),
            (&["0042"], Integer, ""),
            (
                &["Yes", "No", "Yes"],
                Boolean,
                "type=boolean true_values=\"Yes\" false_values=\"No\" # 3 of 3 are words for true and false",
            ),
            (&["true"], Boolean, "type=boolean # 1 of 1 are words for true and false"),
            (
                &["oui", "o", "non"],
                Boolean,
                "type=boolean true_values=[\"o\", \"oui\"] false_values=\"non\" # 3 of 3 are words for true and false",
            ),
            (
                &["0"],
                Boolean,
                "type=boolean true_values=\"1\" false_values=\"0\" # 1 of 1 are words for true and false",
            ),
            (&["perhaps"], Boolean, ""),
            (
                &["29.03.2026 09:15"],
                Datetime,
                "type=datetime format=\"%d.%m.%Y %H:%M\" timezone=TODO # 1 of 1 are like `%d.%m.%Y %H:%M` TODO",
            ),
            (&["2026-03-28T09:00:00Z"], Datetime, "type=datetime # 1 of 1 are moments as RFC 3339 writes them"),
        ];
        for (cells, wanted, expected) in table {
            assert_eq!(judged(cells, *wanted), *expected, "{cells:?}");
        }
    }

    #[test]
    fn cells_about_people_are_no_codes() {
        assert!(facts("status", &["paid", "open"]).are_codes());
        for (name, cell) in
            [("name", "Ann"), ("x", "a@b.example"), ("x", "a rather long remark of many words"), ("tel", "1")]
        {
            assert!(!facts(name, &[cell]).are_codes(), "{name}");
        }
        assert!(facts("x", &["a@b.example"]).is_contact() && facts("Phone", &["1"]).is_contact());
        assert!(!facts("Phone1 Type", &["work"]).is_contact());
    }
}
