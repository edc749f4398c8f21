//! Expressions, what they give, and what of them is refused.

use std::{borrow::Cow, sync::Arc};

use crate::{
    diagnostic::Place,
    plan::{
        conversion::Conversion,
        date_format::DateFormat,
        expression::{
            Expression, Template,
            compile::{ExpressionColumn, ExpressionFault},
            narrow_place,
            operation::Fact,
            record_cells::RecordCells,
            value::{ExpressionValue, MAX_OUTPUT},
        },
        moment_format::MomentFormat,
    },
    table::cell_reading::{CellReading, CellSplit, LetterCase},
    text::{
        buffer::OutputBuffer,
        exact_decimal::ExactDecimal,
        lanes::{ByteLanes, LANES},
        number::NumberFormat,
    },
};

/// The types of columns by their names: `n` is a whole number, `d` a decimal, `t` true or false, `w` a day, `m` a moment; all others
/// are texts.
fn conversion(name: &str) -> Conversion {
    match name {
        "n" | "n2" | "net" | "list" | "padded" => Conversion::Integer(NumberFormat::WHOLE),
        "d" => Conversion::Decimal(NumberFormat::JSON),
        "t" | "t2" => Conversion::Boolean { yes: vec![b"yes".to_vec()], no: vec![b"no".to_vec()] },
        "w" | "w2" => Conversion::Date(DateFormat::new("%d.%m.%Y").unwrap()),
        "m" | "m2" => {
            let format = DateFormat::new("%Y-%m-%dT%H:%M:%S%:z").unwrap();
            Conversion::Datetime(Box::new(MomentFormat::with_offset(format)))
        }
        _ => Conversion::Text,
    }
}

/// How columns are read: `up` in capitals, the number `padded` and `tidy` without white space and a currency behind, where `x` is empty.
fn reading(name: &str) -> Option<Arc<CellReading>> {
    let reading = match name {
        "padded" => CellReading { is_trimmed: true, ..CellReading::default() },
        "up" => CellReading { case: Some(LetterCase::Upper), ..CellReading::default() },
        "tidy" => CellReading {
            is_trimmed: true,
            suffixes: vec!["EUR".into()],
            null_values: vec!["x".into()],
            ..CellReading::default()
        },
        _ => return None,
    };
    Some(Arc::new(reading))
}

/// How cells are divided: `tags` and the numbers `list` at a semicolon.
fn split(name: &str) -> Option<Arc<CellSplit>> {
    let is_list = matches!(name, "tags" | "list");
    is_list.then(|| Arc::new(CellSplit { separator: ";".into(), is_trimmed: true }))
}

/// The names of columns, in the order in which they were found.
#[derive(Default)]
struct Names(Vec<String>);

impl Names {
    fn find(&mut self, name: &str) -> ExpressionColumn {
        let at = self.0.iter().position(|known| known == name);
        let at = at.unwrap_or_else(|| {
            self.0.push(name.to_owned());
            self.0.len() - 1
        });
        let near = (name == "qantity").then(|| "quantity".to_owned());
        let (reading, split) = (reading(name), split(name));
        ExpressionColumn { number: at, conversion: Arc::new(conversion(name)), reading, split, near }
    }
}

/// Cells by the names of their columns.
type NamedCells<'a> = &'a [(&'a str, &'a str)];

/// The cells of a record, and the names of its columns.
struct TestCells<'a> {
    names: &'a Names,
    cells: NamedCells<'a>,
}

impl<'a> RecordCells<'a> for TestCells<'a> {
    fn said(&self, column: usize) -> Option<Cow<'a, str>> {
        let (_, text) = self.cells.iter().find(|(name, _)| *name == self.names.0[column])?;
        (!text.is_empty()).then_some(Cow::Borrowed(*text))
    }

    fn lanes(&self, column: usize) -> Option<([u8; LANES], usize)> {
        let said = self.said(column)?;
        Some((ByteLanes::from(said.as_bytes()).lanes_at(0), said.len()))
    }

    fn fact(&self, fact: Fact) -> ExpressionValue<'a> {
        match fact {
            Fact::RecordingName => ExpressionValue::text("flight-7"),
            Fact::FileName => ExpressionValue::text("orders-par.csv"),
            Fact::FileLine => ExpressionValue::Number(ExactDecimal::of_count(12)),
            Fact::FileMatch(number) => ExpressionValue::text(["par", ""][number]),
        }
    }
}

fn cell<'a>(names: &'a Names, cells: NamedCells<'a>) -> TestCells<'a> {
    TestCells { names, cells }
}

fn rendered(source: &str, cells: NamedCells<'_>) -> Result<String, &'static str> {
    let mut names = Names::default();
    let template = Template::compile(source, 0, &mut |name| names.find(name)).expect(source);
    template.render_cells(&cell(&names, cells)).map_err(|failure| failure.reason)
}

/// What a value gives as JSON; nothing is `nothing`.
fn valued(source: &str, cells: NamedCells<'_>) -> Result<String, &'static str> {
    let mut names = Names::default();
    let expression = Expression::compile_value(source, 0, &mut |name| names.find(name)).expect(source);
    let value = expression.operation.evaluate(&cell(&names, cells)).map_err(|failure| failure.reason)?;
    if matches!(value, ExpressionValue::None) {
        return Ok("nothing".into());
    }
    let mut json = OutputBuffer::default();
    value.write_json(&mut json);
    Ok(String::from_utf8(Vec::from(json)).unwrap())
}

fn holds(source: &str, cells: NamedCells<'_>) -> Result<bool, &'static str> {
    let mut names = Names::default();
    let expression = Expression::compile_condition(source, 0, &mut |name| names.find(name)).expect(source);
    expression.operation.holds(&cell(&names, cells)).map_err(|failure| failure.reason)
}

fn text_fault(source: &str) -> Option<ExpressionFault> {
    let mut names = Names::default();
    Template::compile(source, 0, &mut |name| names.find(name)).err()
}

fn condition_fault(source: &str) -> Option<ExpressionFault> {
    let mut names = Names::default();
    Expression::compile_condition(source, 0, &mut |name| names.find(name)).err()
}

fn value_fault(source: &str) -> Option<ExpressionFault> {
    let mut names = Names::default();
    Expression::compile_value(source, 0, &mut |name| names.find(name)).err()
}

/// Values, cells, and the JSON they give.
const VALUES: &[(&str, NamedCells<'static>, &str)] = &[
    ("n * 2", &[("n", "33")], "66"),
    ("a[:9223372036854775807]", &[("a", "abc")], "\"abc\""),
    ("a[:9223372036854775808]", &[("a", "abc")], "\"abc\""),
    ("a[:n]", &[("a", "abc"), ("n", "99999999999999999999999999999999999999999999")], "\"abc\""),
    ("a[-n:]", &[("a", "abc"), ("n", "99999999999999999999999999999999999999999999")], "\"abc\""),
    ("a[n:]", &[("a", "abc"), ("n", "9223372036854775808")], "nothing"),
    ("a[n]", &[("a", "abc"), ("n", "-9223372036854775809")], "nothing"),
    ("'b' in tags", &[("tags", "a; b ;c")], "true"),
    ("tags[0] == 'ab'", &[("tags", "ab;cd")], "true"),
    ("(tags | last) != 'ab' and 'b' in tags[0] and 'cd' in tags[1:]", &[("tags", "ab;cd")], "true"),
    ("'b' in tags", &[("tags", "")], "false"),
    ("tags | length", &[("tags", "a;;b")], "2"),
    ("tags | length", &[("tags", "")], "0"),
    ("tags | first", &[("tags", "")], "nothing"),
    ("tags | join(', ')", &[("tags", "a; b")], "\"a, b\""),
    ("n in list", &[("n", "2"), ("list", "1;2")], "true"),
    ("n in list", &[("n", "3"), ("list", "1;2")], "false"),
    ("list[1] * 2", &[("list", "1;2")], "4"),
    ("n in [3, 1, 2.0, 1]", &[("n", "2")], "true"),
    ("d in [3, 1, 2.5]", &[("d", "2")], "false"),
    ("w in ['2026-06-15', '2026-01-31']", &[("w", "31.01.2026")], "true"),
    ("t in [true]", &[("t", "yes")], "true"),
    ("a | trim('xyxz')", &[("a", "zxAyx")], "\"A\""),
    ("net + d", &[("net", "10"), ("d", "2.50")], "12.50"),
    ("(net * d) | round(2)", &[("net", "3"), ("d", "0.335")], "1.01"),
    ("(d) | round(2, 'even')", &[("d", "2.665")], "2.66"),
    ("n / 100", &[("n", "20")], "0.2"),
    ("n / 100", &[("n", "135")], "1.35"),
    ("(n / net) | round(3)", &[("n", "1"), ("net", "3")], "0.333"),
    ("(n / net) | round(0)", &[("n", "5"), ("net", "2")], "3"),
    ("-n", &[("n", "5")], "-5"),
    ("n | abs", &[("n", "-5")], "5"),
    ("d - 0.10", &[("d", "0.3")], "0.20"),
    ("d * 1000000000000000000000", &[("d", "12345678901234567890.12")], "12345678901234567890120000000000000000000.00"),
    ("code | integer", &[("code", "0012")], "12"),
    ("code | integer", &[("code", "-007")], "-7"),
    ("code | decimal", &[("code", "00.50")], "0.50"),
    ("(code | decimal) + 1", &[("code", "9007199254740993.1")], "9007199254740994.1"),
    ("note | length", &[("note", "Größe")], "5"),
    ("n > 5", &[("n", "33")], "true"),
    ("n > 5", &[("n", "4")], "false"),
    ("t", &[("t", "yes")], "true"),
    ("not t", &[("t", "yes")], "false"),
    ("w", &[("w", "15.06.2026")], "\"2026-06-15\""),
    ("m if n > 1 else none", &[("n", "2"), ("m", "2026-06-15T09:00:00+02:00")], "\"2026-06-15T09:00:00+02:00\""),
    ("note | default('none')", &[("note", "")], "\"none\""),
    ("n | default(0)", &[("n", "")], "0"),
    ("(n | default(0)) + 1", &[("n", "")], "1"),
    ("code[:2] ~ '-' ~ code[2:]", &[("code", "ABCD")], "\"AB-CD\""),
    ("(path | split('/'))[-1]", &[("path", "a/b/c")], "\"c\""),
    ("path | split('/') | length", &[("path", "a/b/c")], "3"),
    ("'debit' if d < 0 else 'credit'", &[("d", "-1")], "\"debit\""),
    ("a | date('%d.%m.%Y')", &[("a", "05.06.2026")], "\"2026-06-05\""),
    ("a | date", &[("a", "2026-06-05")], "\"2026-06-05\""),
    ("(a ~ '1.2026') | date('%-d.%-m.%Y')", &[("a", "15.")], "\"2026-01-15\""),
    ("n | date('%Y%m%d')", &[("n", "20260605")], "\"2026-06-05\""),
    ("d | date('excel')", &[("d", "46023.75")], "\"2026-01-01\""),
    (
        "(w ~ ' ' ~ a) | datetime('%Y-%m-%d %H:%M', 'Europe/Paris')",
        &[("w", "15.06.2026"), ("a", "09:30")],
        "\"2026-06-15T09:30:00+02:00\"",
    ),
    (
        "(a ~ ' ' ~ b) | datetime('%m/%d/%Y %I:%M %p', 'America/Chicago')",
        &[("a", "01/31/2026"), ("b", "11:05 PM")],
        "\"2026-01-31T23:05:00-06:00\"",
    ),
    ("a | datetime", &[("a", "2026-06-15T09:30:00Z")], "\"2026-06-15T09:30:00Z\""),
    ("a[:10] | datetime('%s')", &[("a", "1767225600999")], "\"2026-01-01T00:00:00Z\""),
    ("n | datetime('%ms')", &[("n", "-1")], "\"1969-12-31T23:59:59.999Z\""),
    ("d | datetime('excel', 'Europe/Paris')", &[("d", "46023.5")], "\"2026-01-01T12:00:00+01:00\""),
    ("a | datetime('%F %R', 'Europe/Paris', 'earlier')", &[("a", "2026-10-25 02:30")], "\"2026-10-25T02:30:00+02:00\""),
    ("a | datetime('%F %R', 'Europe/Paris', 'later')", &[("a", "2026-10-25 02:30")], "\"2026-10-25T02:30:00+01:00\""),
    ("(a | date('%d.%m.%Y')) < w", &[("a", "05.06.2026"), ("w", "06.06.2026")], "true"),
    ("(a | date) in ['2026-06-05']", &[("a", "2026-06-05")], "true"),
    ("(a | datetime('%F %R', 'UTC')) == m", &[("a", "2026-06-15 07:00"), ("m", "2026-06-15T09:00:00+02:00")], "true"),
    ("w == ('05.06.2026' | date('%d.%m.%Y'))", &[("w", "05.06.2026")], "true"),
    ("(a | date('%d.%m.%Y')) ~ '!'", &[("a", "05.06.2026")], "\"2026-06-05!\""),
    // What is empty gives nothing.
    ("a | date", &[("a", "")], "nothing"),
    ("a | datetime('%F %R', 'UTC')", &[("a", "")], "nothing"),
    ("n | datetime('%s')", &[("n", "")], "nothing"),
    ("n * 2", &[("n", "")], "nothing"),
    ("d + n", &[("d", "1.5"), ("n", "")], "nothing"),
    ("note | upper", &[("note", "")], "nothing"),
    ("note | trim", &[("note", "   ")], "nothing"),
    ("note ~ other", &[("note", ""), ("other", "")], "nothing"),
    ("note ~ other", &[("note", ""), ("other", "x")], "\"x\""),
    ("note[9]", &[("note", "abc")], "nothing"),
    ("note | length", &[("note", "")], "nothing"),
    ("code | integer", &[("code", "")], "nothing"),
    ("note | replace('a', '')", &[("note", "aaa")], "nothing"),
];

const NO_DAY: &str = "a text is no real day in the format of `date`";
const NO_MOMENT: &str = "a text is no real moment in the format of `datetime`";
const NEVER_WAS: &str = "this local time never was: clocks were set forward and passed over it";
const WAS_TWICE: &str = "this local time was twice: clocks were set back and came to it again";

#[test]
fn values_are_exact_and_keep_their_type() {
    for &(source, cells, json) in VALUES {
        assert_eq!(valued(source, cells), Ok(json.to_owned()), "{source} {cells:?}");
    }
    for (source, cells, reason) in [
        ("(n / net) | round(2)", &[("n", "1"), ("net", "0")] as NamedCells<'_>, "nothing can be divided by 0"),
        ("d | integer", &[("d", "1.5")], "a number has decimals, and `round(0)` is what rounds it"),
        ("code | integer", &[("code", "heavy")], "a text is no whole number"),
        ("code | integer", &[("code", "1.5")], "a text is no whole number"),
        ("code | integer", &[("code", "+5")], "a text is no whole number"),
        ("code | decimal", &[("code", "1,5")], "a text is no decimal number"),
        ("code | decimal", &[("code", "1e5")], "a text is no decimal number"),
        ("code | decimal", &[("code", "inf")], "a text is no decimal number"),
        ("n > 5", &[("n", "")], "what is empty is in no order"),
        ("note in ['a', 'b']", &[("note", "")], "what is empty is in nothing"),
        ("'a' if t else 'b'", &[("t", "")], "what is empty is neither true nor false"),
        ("n + 1", &[("n", "x")], "the cell is not of its type"),
        ("a | date('%d.%m.%Y')", &[("a", "30.02.2026")], NO_DAY),
        ("a | date('%d.%m.%Y')", &[("a", "5.6.2026")], NO_DAY),
        ("a | date('%d.%m.%Y')", &[("a", " 05.06.2026")], NO_DAY),
        ("a | date('%s')", &[("a", "1")], NO_DAY),
        ("(a ~ ' ' ~ b) | datetime('%F %R', 'UTC')", &[("a", ""), ("b", "10:00")], NO_MOMENT),
        ("(a ~ ' ' ~ b) | datetime('%F %R', 'UTC')", &[("a", "2026-06-15"), ("b", "")], NO_MOMENT),
        ("a | datetime('%F %R', 'UTC')", &[("a", "2026-06-15 24:00")], NO_MOMENT),
        ("a | datetime", &[("a", "2026-06-15T09:30:00")], NO_MOMENT),
        ("a | datetime('%F %R', 'Europe/Paris')", &[("a", "2026-10-25 02:30")], WAS_TWICE),
        ("a | datetime('%F %R', 'Europe/Paris')", &[("a", "2026-03-29 02:30")], NEVER_WAS),
        ("a | datetime('%F %R', 'Europe/Paris', 'later')", &[("a", "2026-03-29 02:30")], NEVER_WAS),
    ] {
        assert_eq!(valued(source, cells), Err(reason), "{source} {cells:?}");
    }
}

#[test]
fn conditions_compare_values_of_one_kind() {
    for (source, cells, is_true) in [
        ("n > 5", &[("n", "10")] as NamedCells<'_>, true),
        ("n == 12", &[("n", "12")], true),
        ("padded > 5", &[("padded", "7")], true),
        ("padded + n == 9 and not 0 < padded * 2 < 14", &[("padded", "7"), ("n", "2")], true),
        ("d == 1.5", &[("d", "1.50")], true),
        ("d == n", &[("d", "2.0"), ("n", "2")], true),
        ("1 < n < 5", &[("n", "5")], false),
        ("n in [1, 2, 3]", &[("n", "2")], true),
        ("d in [0.5, 2]", &[("d", "0.50")], true),
        ("n not in [1, 2]", &[("n", "3")], true),
        ("status == 'paid'", &[("status", "paid")], true),
        ("status != 'paid'", &[("status", "")], true),
        ("status == ''", &[("status", "")], true),
        ("status is none", &[("status", "")], true),
        ("status is not none", &[("status", "x")], true),
        ("n is none", &[("n", "")], true),
        ("n != none", &[("n", "")], false),
        ("status == other", &[("status", ""), ("other", "")], true),
        ("t", &[("t", "yes")], true),
        ("t == true", &[("t", "no")], false),
        ("t and n > 1", &[("t", "yes"), ("n", "2")], true),
        ("w < '2026-06-16'", &[("w", "15.06.2026")], true),
        ("w in ['2026-06-15']", &[("w", "15.06.2026")], true),
        ("'2026-06-15' == w", &[("w", "15.06.2026")], true),
        ("w < w2", &[("w", "15.06.2026"), ("w2", "01.01.2027")], true),
        ("m < '2026-06-15T07:00:01Z'", &[("m", "2026-06-15T09:00:00+02:00")], true),
        ("m == '2026-06-15T07:00:00Z'", &[("m", "2026-06-15T09:00:00+02:00")], true),
        ("'x' in note", &[("note", "axb")], true),
        ("'b' in (path | split('/'))", &[("path", "a/b")], true),
        ("note is startingwith('A')", &[("note", "")], false),
        ("note is endingwith('b')", &[("note", "ab")], true),
        // What stands behind the first that decides is not looked at.
        ("status == 'x' and n > 1", &[("status", "y"), ("n", "")], false),
        ("status == 'y' or n > 1", &[("status", "y"), ("n", "")], true),
    ] {
        assert_eq!(holds(source, cells), Ok(is_true), "{source} {cells:?}");
    }
}

#[test]
fn templates_write_text() {
    for (source, cells, wanted) in [
        (
            "{{ a | trim | title }}, {{ b }}",
            &[("a", "  chuck norris "), ("b", "x")] as NamedCells<'_>,
            Ok("Chuck Norris, x"),
        ),
        ("a | b {{ a }} || {{ b|upper }} |", &[("a", "1"), ("b", "x")], Ok("a | b 1 || X |")),
        ("{{ a[:3] }}{{ '|' }}{{ a[n] }}", &[("a", "Fréjus"), ("n", "2")], Ok("Fré|é")),
        ("{{ (a | split('-'))[1:] | join('+') }}", &[("a", "a-b-c")], Ok("b+c")),
        ("{{ 'yes' if a == 'x' and n > 5 else 'no' }}", &[("a", "x"), ("n", "10")], Ok("yes")),
        ("{{ 'a' if a is startingwith(b) else '' }}{{ 1 }}", &[("a", "xy"), ("b", "x")], Ok("a1")),
        ("{{ n / 4 }}", &[("n", "10")], Ok("2.5")),
        ("{{ d }}", &[("d", "1234.50")], Ok("1234.50")),
        (
            "{{ w }} {{ m }}",
            &[("w", "15.06.2026"), ("m", "2026-06-15T09:00:00+02:00")],
            Ok("2026-06-15 2026-06-15T09:00:00+02:00"),
        ),
        ("{{ a }}-{{ b }}", &[("a", ""), ("b", "")], Ok("-")),
        ("{{ a | first }}", &[("a", "")], Ok("")),
        ("{{ a[9] ~ 'x' }}", &[("a", "abc")], Ok("x")),
        ("{{ (a | first) | default('-') }}", &[("a", "")], Ok("-")),
        ("{{- a -}} | {{ b }} } }} { %}", &[("a", "1"), ("b", "2")], Ok("1| 2 } }} { %}")),
        ("{{ a }} {{ 'x\\n' }}{{ '{{' }}", &[("a", "1")], Ok("1 x\n{{")),
        ("{{ a }}\n", &[("a", "1")], Ok("1")),
        ("{{ a | trim('-') }}", &[("a", "-x-")], Ok("x")),
        ("{{ a | capitalize }}", &[("a", "jean PAUL")], Ok("Jean paul")),
        ("{{ a | integer }}", &[("a", "heavy")], Err("a text is no whole number")),
    ] {
        assert_eq!(rendered(source, cells), wanted.map(str::to_owned), "{source}");
    }
}

/// Templates that are refused, and the words that are told.
const REFUSED: &[(&str, &str)] = &[
    ("{% for x in range(9) %}{% endfor %}", "{%"),
    ("{{ a }}{# c #}", "{# c #}"),
    ("{# c #}{{ a }}", "{# c #}"),
    ("{% raw %}{{ b }}{% endraw %}{{ a }}", "{% raw %}"),
    ("{{ a | nope }}", "nope"),
    ("x | y {{ a | upcase }}", "upcase"),
    ("{{ a | int }}", "int"),
    ("{{ range(9) }}", "range(9)"),
    ("{{ a.lower() }}", "a.lower()"),
    ("{{ a() }}", "a()"),
    ("{{ 'x' if a == '' else b|nope }}", "nope"),
    ("{{ a == 'x' }}", "a == 'x'"),
    ("{{ t }}", "t"),
    ("{{ a ~ (b == 'x') }}", "b == 'x'"),
    ("{{ not a == 'x' }}", "not a == 'x'"),
    ("{{ a not in 'abc' }}", "a not in 'abc'"),
    ("{{ a is not startingwith('x') }}", "a is not startingwith('x')"),
    ("{{ true }}{{ a }}", "true"),
    ("{{ a | split(',') }}", "a | split(',')"),
    ("{{ [a, b] }}", "[a, b]"),
    ("{{ (a, b) }}", "(a, b)"),
    ("{{ {'x': a} }}", "{'x': a}"),
    ("{{ a + 1 }}", "a"),
    ("{{ a * 2 }}", "a"),
    ("{{ a + b }}", "a"),
    ("{{ -a }}", "a"),
    ("{{ w + 1 }}", "w"),
    ("{{ t * 2 }}", "t"),
    ("{{ [a] + 1 }}", "[a]"),
    ("{{ n / 0 }}", "n / 0"),
    ("{{ n / 3 }}", "n / 3"),
    ("{{ n / d }}", "n / d"),
    ("{{ n // 2 }}", "n // 2"),
    ("{{ n % 2 }}", "n % 2"),
    ("{{ n ** 2 }}", "n ** 2"),
    ("{{ n * d | round(2) }}", "n * d | round(2)"),
    ("{{ d | round(2) * n }}", "d | round(2) * n"),
    ("{{ a | upper ~ b }}", "a | upper ~ b"),
    ("{{ d | round }}", "d | round"),
    ("{{ d | round(-1) }}", "d | round(-1)"),
    ("{{ d | round(n) }}", "d | round(n)"),
    ("{{ d | round(2, 'up') }}", "d | round(2, 'up')"),
    ("{{ a | round(2) }}", "a"),
    ("{{ a.b }}", "a.b"),
    ("{{ a[0].x }}", "a[0].x"),
    ("{{ a['x'] }}", "'x'"),
    ("{{ a[1.5] }}", "1.5"),
    ("{{ a[b] }}", "b"),
    ("{{ a[::2] }}", "a[::2]"),
    ("{{ n[0] }}", "n"),
    ("{{ a | abs }}", "a | abs"),
    ("{{ n | upper }}", "n | upper"),
    ("{{ a | upper('x') }}", "a | upper('x')"),
    ("{{ a | replace('x') }}", "a | replace('x')"),
    ("{{ a | replace(1, 'x') }}", "a | replace(1, 'x')"),
    ("{{ a | trim(chars='x') }}", "a | trim(chars='x')"),
    ("{{ a | default('x', true) }}", "a | default('x', true)"),
    ("{{ n | default('x') }}", "n | default('x')"),
    ("{{ a | split(',') | upper }}", "a | split(',') | upper"),
    ("{{ a | split('') }}", "a | split('')"),
    ("{{ [a == b] | join }}", "[a == b] | join"),
    ("{{ 'abc' | integer }}{{ a }}", "'abc' | integer"),
    ("{{ a | date('dd.MM.yyyy') }}", "'dd.MM.yyyy'"),
    ("{{ a | date('%H:%M') }}", "'%H:%M'"),
    ("{{ a | date('%d.%m.%Y', 'UTC') }}", "a | date('%d.%m.%Y', 'UTC')"),
    ("{{ a | date(b) }}", "b"),
    ("{{ a | date(1) }}", "1"),
    ("{{ a | date('') }}", "''"),
    ("{{ w | date }}", "w | date"),
    ("{{ m | date }}", "m | date"),
    ("{{ w | datetime('%F', 'UTC') }}", "w | datetime('%F', 'UTC')"),
    ("{{ (a == 'x') | date }}", "(a == 'x') | date"),
    ("{{ a | split(' ') | date }}", "a | split(' ') | date"),
    ("{{ none | date }}{{ a }}", "none | date"),
    ("{{ 'x' | date }}{{ a }}", "'x' | date"),
    ("{{ a | datetime('%d.%m.%Y %H:%M') }}", "a | datetime('%d.%m.%Y %H:%M')"),
    ("{{ a | datetime('excel') }}", "a | datetime('excel')"),
    ("{{ a | datetime('%F %R', 'Paris') }}", "'Paris'"),
    ("{{ a | datetime('%F %R', b) }}", "b"),
    ("{{ a | datetime('%F %R', 'UTC', 'first') }}", "'first'"),
    ("{{ a | datetime('%F %R%:z', 'UTC') }}", "'UTC'"),
    ("{{ a | datetime('%s', 'UTC') }}", "'UTC'"),
    ("{{ a | datetime('%F %R', 'UTC', 'later', 'x') }}", "a | datetime('%F %R', 'UTC', 'later', 'x')"),
    ("{{ a ~ ' 10:00' | datetime('%F %R', 'UTC') }}", "a ~ ' 10:00' | datetime('%F %R', 'UTC')"),
    ("{{ a | strptime('%F') }}", "strptime"),
    ("{{ 'x' if a else 'y' }}", "a"),
    ("{{ 'x' if n else 'y' }}", "n"),
    ("{{ 'x' if a == 'y' }}", "'x' if a == 'y'"),
    ("{{ 'x' if a == 'y' else 5 }}", "'x' if a == 'y' else 5"),
    ("{{ 'x' if true else a }}", "true"),
    ("{{ a ~ ('x' if a == '' else 'x') }}", "'x' if a == '' else 'x'"),
    ("{{ b if a == '' else b }}", "b if a == '' else b"),
    ("{{ 'x' if a | upper == 'paid' else 'y' }}", "a | upper == 'paid'"),
    ("{{ a or b }}", "a"),
    ("{{ a is defined }}", "defined"),
    ("{{ 'x' if a is startingwith(1) else '' }}", "1"),
    ("{{ 1e300 ~ a }}", "1e300"),
    ("{{ 1_000 ~ a }}", "1_000"),
    ("no cell", "no cell"),
    ("{ a }", "{ a }"),
    ("{{ 'x' }}", "{{ 'x' }}"),
];

#[test]
fn what_cannot_work_is_refused_at_its_place() {
    for &(source, words) in REFUSED {
        let fault = text_fault(source).expect(source);
        assert_eq!(&source[fault.range], words, "{source}: {}", fault.message);
    }
}

#[test]
fn what_is_no_expression_is_refused() {
    for source in ["{{ a", "{{ a }", "{{ first name }}", "{{ prénom }}", "{{ }}", "{{ a | }}", "{{ 'a }}", "{{ a b }}"]
    {
        assert!(text_fault(source).is_some(), "{source}");
    }
}

#[test]
fn words_of_other_languages_are_refused_with_the_right_ones() {
    for (source, hint) in [
        ("id = '1'", "write `==`"),
        ("a == 'x' AND b == 'y'", "write `and`"),
        ("a == 'x' Or b == 'y'", "write `or`"),
        ("NOT a == 'x'", "write `not`"),
        ("a == 'x' and NOT b == 'y'", "write `not`"),
        ("a IN ['x', 'y']", "write `in`"),
        ("a == 'x' && b == 'y'", "write `and`"),
        ("!(a == 'x')", "write `not`"),
    ] {
        assert_eq!(condition_fault(source).expect(source).hint, hint, "{source}");
    }
    assert_eq!(text_fault("{{ 'x' if a = 'y' else 'z' }}").unwrap().hint, "write `==`");
    assert_eq!(text_fault("{{ a | int }}").unwrap().hint, "write it as in `name | integer`");
    let hint = condition_fault("first name == 'x'").unwrap().hint;
    assert!(hint.starts_with("a column whose name"), "{hint}");
}

/// Conditions that are refused, and the words that are told.
const REFUSED_CONDITIONS: &[(&str, &str)] = &[
    ("status", "status"),
    ("not status", "status"),
    ("n", "n"),
    ("w", "w"),
    ("'x'", "'x'"),
    ("true", "true"),
    ("1 == 1", "1 == 1"),
    ("'a' in ['a']", "'a' in ['a']"),
    ("qty > 5", "qty > 5"),
    ("qty == 5", "qty == 5"),
    ("5 < qty", "5 < qty"),
    ("1 < qty < 5", "1 < qty"),
    ("qty in [1, 2]", "qty in [1, 2]"),
    ("qty in []", "qty in []"),
    ("n == '5'", "n == '5'"),
    ("n in ['5']", "n in ['5']"),
    ("n in [1, 'x']", "[1, 'x']"),
    ("paid == true", "paid == true"),
    ("t == 'yes'", "t == 'yes'"),
    ("t < true", "t < true"),
    ("w < '2026-02-30'", "'2026-02-30'"),
    ("w < '15.06.2026'", "'15.06.2026'"),
    ("w == m", "w == m"),
    ("m < '2026-06-15'", "'2026-06-15'"),
    ("a == 'x' and b", "b"),
    ("tags == 'x'", "tags == 'x'"),
    ("tags", "tags"),
    ("tags is none", "tags"),
    ("1 in tags", "1 in tags"),
    ("a == 'x' or true", "true"),
    ("a == a", "a == a"),
    ("a < ''", "a < ''"),
    ("n > none", "n > none"),
    ("'' in a", "'' in a"),
    ("a in none", "a in none"),
    ("a is startingwith('')", "''"),
    ("a is endingwith(a)", "a"),
    ("a | integer", "a | integer"),
    ("a | split(',') == 'x'", "a | split(',') == 'x'"),
    ("a }}{{ b", "{"),
    ("a == 'x' | nope", "nope"),
    ("a == 'x' and (b == 'z' and a == 'y')", "a == 'x' and (b == 'z' and a == 'y')"),
    ("'x' != a or a != 'y'", "'x' != a or a != 'y'"),
    ("{{ a == 'x' }}", "{{ a == 'x' }}"),
];

#[test]
fn conditions_are_true_or_false_and_about_a_column() {
    for &(source, words) in REFUSED_CONDITIONS {
        let fault = condition_fault(source).expect(source);
        assert_eq!(&source[fault.range], words, "{source}: {}", fault.message);
    }
    for source in [
        "a == '}}' and b != '{{' or b == '{%'",
        "a | integer > 5",
        "1 < a | integer < 5",
        "a in ['x', 'y']",
        "'x' in a",
        "a not in (b | split(','))",
        "not a == ''",
        "(a == 'x') == (b == 'y')",
        "a < '2024-01-31'",
        "(a | length) > 3 and a[0] == 'x'",
        "a is not startingwith('x')",
        "t and not (n > 5)",
    ] {
        assert_eq!(condition_fault(source), None, "{source}");
    }
    let hint = condition_fault("qty > 5").unwrap().hint;
    assert_eq!(hint, "declare the type of the column `qty` under `sources`");
}

/// Every operator over every pair of kinds: what is refused, and what is not.
#[test]
fn operators_take_the_kinds_that_the_documentation_says() {
    let kinds =
        [("a", "text"), ("n", "number"), ("t", "truth"), ("w", "day"), ("m", "moment"), ("(a | split(','))", "list")];
    let operators = ["+", "-", "*", "/", "~", "==", "!=", "<", "<=", ">", ">=", "in", "and"];
    for operator in operators {
        for (one, left) in kinds {
            for (other, right) in kinds {
                // Nothing is compared with itself.
                let other =
                    other.replace('a', "b").replace('n', "n2").replace('t', "t2").replace('w', "w2").replace('m', "m2");
                let other = if right == "list" { "(b | split(','))".to_owned() } else { other };
                let source = format!("{one} {operator} {other}");
                let source = if operator == "/" { format!("({source}) | round(2)") } else { source };
                let same = left == right;
                let fits = match operator {
                    "+" | "-" | "*" | "/" => same && left == "number",
                    "~" => !["truth", "list"].contains(&left) && !["truth", "list"].contains(&right),
                    "==" | "!=" => same && left != "list",
                    "<" | "<=" | ">" | ">=" => same && !["truth", "list"].contains(&left),
                    "in" => left == "text" && ["text", "list"].contains(&right),
                    _ => same && left == "truth",
                };
                assert_eq!(value_fault(&source).is_none(), fits, "{source}: {:?}", value_fault(&source));
            }
        }
    }
}

/// Comparisons with a text that is never given, and what to write.
const NEVER_GIVEN: &[(&str, &str)] = &[
    ("a | lower == 'PAID'", "write `'paid'`"),
    ("b == '' and 'PAID' != a | lower", "write `'paid'`"),
    ("a | upper in ['PAID', 'open']", "write `'OPEN'`"),
    ("a | upper not in ['open']", "write `'OPEN'`"),
    ("'PA' in a | lower", "write `'pa'`"),
    ("a | title == 'chuck norris'", "write `'Chuck Norris'`"),
    ("a | capitalize is startingwith('PA')", "write `'Pa'`"),
    ("a | trim == ' paid'", "write `'paid'`"),
    ("a | trim('-') == 'paid-'", "write `'paid'`"),
    ("a | trim is startingwith(' x ')", "write `'x'`"),
    ("a | trim is endingwith('x ')", "write `'x'`"),
    ("a | lower | trim == 'PAID'", "write `'paid'`"),
    ("(a | lower)[:2] == 'PA'", "write `'pa'`"),
    ("a | lower is endingwith('ID')", "write `'id'`"),
    ("a | lower == \"L'ÉTÉ\"", "write `\"l'été\"`"),
    ("a[0] == 'AB'", "it has one character; how a text begins is tested as in `is startingwith('AB')`"),
    ("a | last == 'AB'", "it has one character; how a text begins is tested as in `is startingwith('AB')`"),
    ("a[:2] == 'ABC'", "it has 2 characters at most; compare with no more"),
    ("(a | trim)[1:4] in ['ABC', 'ABCD']", "it has 3 characters at most; compare with no more"),
    ("a[-2:] is endingwith('ABC')", "it has 2 characters at most; compare with no more"),
    ("'ABC' in a[-3:-1]", "it has 2 characters at most; compare with no more"),
    ("a[:0] != 'x'", "compare the column itself"),
    ("up == 'paid'", "write `'PAID'`"),
    ("up != 'paid'", "write `'PAID'`"),
    ("up in ['PAID', 'open']", "write `'OPEN'`"),
    ("up is startingwith('pa')", "write `'PA'`"),
    ("'pa' in up", "write `'PA'`"),
    ("tidy == ' a'", "write `'a'`"),
    ("tidy is startingwith(' a')", "write `'a'`"),
    ("tidy == 'x'", "it is one of the `null_values`; write `is none`"),
];

/// Comparisons with texts that may be given.
const PERHAPS_GIVEN: &[&str] = &[
    "a | lower == 'paid'",
    "a | lower == b",
    "a | lower in ['paid', 'open']",
    "a | lower in 'PAID or open'",
    "a | title == 'SSa'",
    "a | title is endingwith('id')",
    "a | trim is startingwith('x ')",
    "a | trim is endingwith(' x')",
    "' x ' in a | trim",
    "a | trim(b) == ' x'",
    "a | default('X') | replace('x', 'X') == 'X'",
    "a | lower | replace('p', 'P') == 'Paid'",
    "(a | lower) ~ 'X' == 'paidX'",
    "a | lower | upper == 'PAID'",
    "a[:2] == 'AB'",
    "a[1:] == 'ABC'",
    "a[:-1] == 'ABC'",
    "a[n:3] == 'ABCDE'",
    "(a | split(','))[0] == 'AB'",
    "a | split(',') | first == 'AB'",
    "a[0] in 'ABC'",
    "a == 'x' and b == 'y'",
    "a == 'x' or a == 'y'",
    "a != 'x' and a != 'y'",
    "(a == 'x' or b == 'x') and a == 'y'",
    "a == 'x' and not a == 'y'",
    "up == 'PAID'",
    "tidy == 'a '",
    "tidy is endingwith('a ')",
    "' a' in tidy",
    "tidy is startingwith('x')",
];

#[test]
fn texts_that_are_never_given_are_refused_with_the_right_one() {
    for &(source, hint) in NEVER_GIVEN {
        assert_eq!(condition_fault(source).expect(source).hint, hint, "{source}");
    }
    for &source in PERHAPS_GIVEN {
        assert_eq!(condition_fault(source), None, "{source}");
    }
}

/// Comparisons that come out the same for every record, with the end of what is told.
#[test]
fn comparisons_that_decide_nothing_are_refused() {
    for (source, told) in [
        ("n == 1.5", "never true: `n` is a whole number"),
        ("1.5 != n", "always true: `n` is a whole number"),
        ("n in [1, 2.5]", "never true: `n` is a whole number"),
        ("(d | round(1)) == 1.25", "never true: `d | round(1)` has no more than 1 decimals"),
        ("((n / n2) | round(2)) == 1.125", "never true: `(n / n2) | round(2)` has no more than 2 decimals"),
        ("(d | abs) == -1", "never true: `d | abs` is never below 0"),
        ("(d | abs) >= 0", "always true: `d | abs` is never below 0"),
        ("(a | length) < 0", "never true: `a | length` is never below 0"),
        ("-1 < (a | length)", "always true: `a | length` is never below 0"),
        ("(a | length) == 1.5", "never true: `a | length` is a whole number"),
        ("n == 1 and n == 2", "never true: `n` cannot be two values at once"),
        ("a in ['x', 'y'] and a in ['z']", "never true: `a` cannot be two values at once"),
        ("a in ['x', 'y'] and a == 'z'", "never true: `a` cannot be two values at once"),
        ("n > 5 and n < 3", "never true: `n` cannot be both"),
        ("n > 3 and 3 > n", "never true: `n` cannot be both"),
        ("n == 3 and n < 3", "never true: `n` cannot be both"),
        ("5 < n and (a == 'x' and n <= 5)", "never true: `n` cannot be both"),
        ("a == 'x' and a != 'x'", "never true: `a` cannot be both"),
        ("a in ['x'] and a not in ['x', 'y']", "never true: `a` cannot be both"),
        ("a is none and a == 'x'", "never true: `a` cannot be both"),
        ("a is none and a is not none", "never true: `a` cannot be both"),
        ("w is none and w > '2026-01-01'", "never true: `w` cannot be both"),
        ("w < '2026-01-01' and w > '2026-01-01'", "never true: `w` cannot be both"),
        ("not (a == 'x' or n == 1) and a == 'x'", "never true: `a` cannot be both"),
        ("n < 5 or n >= 3", "always true: `n` is always one of them"),
        ("a == 'x' or a != 'x'", "always true: `a` is always one of them"),
        ("a != 'x' or a != 'y'", "always true: `a` cannot be two values at once"),
    ] {
        let fault = condition_fault(source).expect(source);
        assert_eq!(fault.message, format!("this is {told}"), "{source}");
    }
    for source in [
        "n == 1.0",
        "n != 2",
        "d == 1.5",
        "(d | abs) == 0",
        "(d | abs) > 0",
        "(d | abs) <= 0",
        "(d | round(2)) == 1.250",
        "(a | length) < 1",
        "n >= 3 and n <= 3",
        "n > 3 and n < 4",
        "n > 5 or n < 3",
        "n > 5 and d < 3",
        "n > 5 and n2 < 3",
        "n is none or n > 5",
        "a != 'x' and a != 'y'",
        "a is none or a == 'x'",
        "a is not none and a != 'x'",
        "a in ['x', 'y'] and a != 'x'",
    ] {
        assert_eq!(condition_fault(source), None, "{source}");
    }
}

#[test]
fn misspelt_columns_are_told_with_the_declared_one() {
    let fault = value_fault("qantity * 2").unwrap();
    assert_eq!(
        fault.hint,
        "did you mean `quantity`? else declare the type of the column `qantity`, or write `(qantity | decimal)`"
    );
    assert!(condition_fault("qantity > 2").unwrap().hint.starts_with("did you mean `quantity`? else declare"));
}

/// What fails is told of the column whose cell is the reason.
#[test]
fn failures_name_the_column_that_is_the_reason() {
    let cells: NamedCells<'_> = &[("d", "1"), ("n", "0"), ("a", "x,1")];
    for (source, column) in [
        ("(d / n) | round(1)", "n"),
        ("(d / (n * 2)) | round(1)", "n"),
        ("(a | split(','))[n] | integer", "a"),
        ("(a | trim) | decimal", "a"),
        ("('x' ~ a) | date('%d.%m.%Y')", "a"),
        ("(a ~ b) | datetime('%F %R', 'UTC')", "a"),
        ("'y' if d > n2 else 'n'", "n2"),
        ("'y' if b in ['x'] else 'n'", "b"),
        ("'y' if (b | lower) in a else 'n'", "b"),
    ] {
        let mut names = Names::default();
        let expression = Expression::compile_value(source, 0, &mut |name| names.find(name)).expect(source);
        let failure = expression.operation.evaluate(&cell(&names, cells)).expect_err(source);
        assert_eq!(failure.column.map(|column| names.0[column].as_str()), Some(column), "{source}");
    }
}

#[test]
fn deep_expressions_are_refused() {
    let deep = |open: &str, close: &str| format!("{}a{}", open.repeat(30_000), close.repeat(30_000));
    for expression in [
        deep("(", ")"),
        deep("[", "]"),
        deep("not ", ""),
        deep("-", ""),
        deep("'x' if a == 'x' else ", ""),
        deep("", " ~ a"),
        deep("", "|trim"),
        deep("", "[0]"),
        deep("", ".x"),
        deep("a and ", ""),
        deep("", " == a"),
        deep("{'a':", "}"),
    ] {
        assert!(text_fault(&format!("{{{{ {expression} }}}}")).is_some());
        assert!(condition_fault(&expression).is_some());
    }
    // As long as is allowed, and as deep; only lists may be longer.
    for expression in [
        format!("a{}", " ~ a".repeat(490)),
        format!("a{}", "|trim".repeat(490)),
        format!("{}a", "'x' if a == 'x' else ".repeat(140)),
    ] {
        assert!(rendered(&format!("{{{{ {expression} }}}}"), &[("a", "a")]).is_ok());
    }
    for expression in [
        format!("a in [{}'x']", "'y', ".repeat(5_000)),
        format!("{}a == 'x'", "not ".repeat(990)),
        format!("a == 'x'{}", " and a != 'y'".repeat(240)),
    ] {
        assert_eq!(holds(&expression, &[("a", "x")]), Ok(true));
    }
}

#[test]
fn texts_and_numbers_are_bounded() {
    let doubling = format!("{{{{ a{} }}}}", "|replace('a', 'aaaaaaaaaa')".repeat(12));
    assert_eq!(rendered(&doubling, &[("a", "abc")]), Err("the result is longer than 65,536 bytes"));
    assert_eq!(
        rendered("{{ a }}", &[("a", &"x".repeat(MAX_OUTPUT + 1))]),
        Err("the result is longer than 65,536 bytes")
    );
    let long = "9".repeat(9_999);
    assert_eq!(valued("n * n2", &[("n", &long), ("n2", &long)]), Err("the number is too long"));
    assert_eq!(valued("(a | split(',')) | length", &[("a", &",".repeat(20_000))]), Err("the list is too long"));
}

#[test]
fn places_are_those_of_the_mapping() {
    let place = |text: &str, column| Place { path: "m".into(), line: 1, column, width: 20, text: text.into() };
    for (text, column, source, words, wanted) in [
        ("  where: a == b", 10, "a == b", "b", (15, 1)),
        ("t: \"{{ a | nope }}\"", 4, "{{ a | nope }}", "nope", (12, 4)),
        ("t: 'é {{ ''x'' | nope }}'", 4, "é {{ 'x' | nope }}", "nope", (18, 4)),
        ("t: \"\\\"{{ nope }}\"", 4, "\"{{ nope }}", "nope", (10, 4)),
        ("t: \"\\u0041{{ nope }}\"", 4, "A{{ nope }}", "nope", (4, 20)),
        ("t: |", 4, "{{ nope }}", "nope", (4, 20)),
    ] {
        let start = source.find(words).unwrap();
        let narrowed = narrow_place(place(text, column), source, &(start..start + words.len()));
        assert_eq!((narrowed.column, narrowed.width), wanted, "{text}");
    }
}

/// Expressions over facts of a file whose path has two wildcards, the second of which stands for nothing.
#[test]
fn facts_are_texts_and_a_line_is_a_number() {
    for (source, expected) in [
        ("recording.name", Ok("\"flight-7\"")),
        ("file.name | upper", Ok("\"ORDERS-PAR.CSV\"")),
        ("file.line + n", Ok("17")),
        ("file.line == 12", Ok("true")),
        ("file.match.1 ~ '/' ~ file.match[1]", Ok("\"par/par\"")),
        ("file.match.2 | default('none')", Ok("\"none\"")),
        ("file.match.2", Ok("nothing")),
        ("file ~ file.line", Ok("\"f12\"")),
        ("file.match.3", Err("there is no `file.match.3`: the path of this source has 2 wildcards")),
        ("file.match.0", Err("there is no `file.match.0`: the path of this source has 2 wildcards")),
        ("file.match", Err("there is no `file.match`: the path of this source has 2 wildcards")),
        ("file.match[n]", Err("there is no `file.match[n]`: the path of this source has 2 wildcards")),
        (
            "file.match.99999999999999999999",
            Err("there is no `file.match.99999999999999999999`: the path of this source has 2 wildcards"),
        ),
        ("file.lines", Err("there is no fact `file.lines`")),
        ("recording.line", Err("there is no fact `recording.line`")),
        ("file.name + 1", Err("`+` takes numbers, and `file.name` is a text")),
        ("file.line.name", Err("`file.line` is a number, and has no `.name`")),
        ("a.name", Err("`a` is a text, and has no `.name`")),
    ] {
        let mut names = Names::default();
        let compiled = Expression::compile_value(source, 2, &mut |name| names.find(name));
        let given = compiled.map_err(|fault| fault.message).map(|expression| {
            let value = expression.operation.evaluate(&cell(&names, &[("n", "5"), ("file", "f")])).unwrap();
            let mut json = OutputBuffer::default();
            value.write_json(&mut json);
            if json.is_empty() { "nothing".to_owned() } else { String::from_utf8(Vec::from(json)).unwrap() }
        });
        assert_eq!(given, expected.map(str::to_owned).map_err(str::to_owned), "{source}");
    }
    let mut names = Names::default();
    let condition = Expression::compile_condition("file.match.1 == 'par'", 2, &mut |name| names.find(name));
    assert_eq!(condition.unwrap_err().message, "the condition uses no column, only facts of the file");
    let condition = Expression::compile_condition("file.match.2 == 'par' or a == 'x'", 2, &mut |name| names.find(name));
    assert_eq!(condition.unwrap().captures, 2);
}
