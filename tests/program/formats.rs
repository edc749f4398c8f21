//! Every format of a contract that a plan proves, or checks in its own quick way, against the check of the `jsonschema` crate.
//!
//! The cells are parts at and beyond the ends of what there is, put together at random, the same in every run. What comes out
//! keeps the format as the crate reads it, or a proof is wrong.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

/// How many cells of each column are tried.
const CELLS: usize = 3_000;

/// What a column says, the format that the contract asks for, and how its cells are put together: each letter of
/// [`PARTS`] stands for one of these, every other character for itself.
const COLUMNS: &[(&str, &str, &str)] = &[
    ("type: date", "date", "Y-m-d"),
    ("type: date, format: \"%d.%m.%Y\"", "date", "d.m.Y"),
    ("type: date, format: \"%m/%d/%y\"", "date", "m/d/N"),
    ("type: date, format: \"%-d/%-m/%Y\"", "date", "d/m/Y"),
    ("type: date, format: \"%Y%m%d\"", "date", "Ymd"),
    ("type: date, format: \"%d %b %Y\"", "date", "d B Y"),
    ("type: date, format: \"%G-W%V-%u\"", "date", "Y-WN-N"),
    ("type: date, format: \"%Y %j\"", "date", "Y NN"),
    ("type: date, format: \"%Y-%m-%d %H:%M\"", "date", "Y-m-d H:M"),
    ("type: date, format: excel", "date", "C"),
    ("type: datetime", "date-time", "Y-m-dTH:M:Sz"),
    ("type: datetime, format: \"%Y-%m-%d %H:%M:%S%.f%z\"", "date-time", "Y-m-d H:M:SFz"),
    ("type: datetime, format: \"%Y-%m-%d %H:%M:%S%::z\"", "date-time", "Y-m-d H:M:Sz"),
    ("type: datetime, format: \"%Y-%m-%d %H:%M%:::z\"", "date-time", "Y-m-d H:Mz"),
    ("type: datetime, format: \"%Y-%m-%d %H:%M:%S\", timezone: Europe/Paris", "date-time", "Y-m-d H:M:S"),
    (
        "type: datetime, format: \"%Y-%m-%d %H:%M\", timezone: Africa/Monrovia, on_ambiguous: later",
        "date-time",
        "Y-m-d H:M",
    ),
    ("type: datetime, format: \"%d.%m.%Y %I:%M %p\", timezone: Asia/Kathmandu", "date-time", "d.m.Y H:M P"),
    ("type: datetime, format: \"%s\"", "date-time", "C"),
    ("type: datetime, format: \"%ms\"", "date-time", "C"),
    ("type: datetime, format: excel, timezone: Pacific/Apia", "date-time", "C"),
    ("type: text", "email", "AAAAA"),
    ("type: text", "email", "E@E.E"),
    ("type: text", "date", "Y-m-d"),
    ("type: text", "date-time", "Y-m-dTH:M:SFz"),
    ("type: text", "time", "H:M:SFz"),
    ("type: text", "uuid", "UUUUUUUU-UUUU-UUUU-UUUU-UUUUUUUUUUUU"),
    ("type: text", "ipv4", "N.N.N.N"),
    ("type: text", "ipv6", "U:U:U::U"),
    ("type: text", "uri", "E:EA/E"),
    ("type: text", "hostname", "E.E.E"),
];

/// What may stand in the place of a letter.
const PARTS: &[(char, &[&str])] = &[
    (
        'Y',
        &[
            "2024", "2023", "2000", "1972", "1900", "1850", "1582", "0001", "0000", "9999", "10000", "-001", "+2024",
            "24",
        ],
    ),
    ('m', &["01", "02", "03", "10", "12", "06", "00", "13", "1", " 2", "٠١"]),
    ('d', &["01", "28", "29", "30", "31", "15", "00", "32", "1", " 5", "1/"]),
    ('B', &["Jan", "Feb", "feb", "Dec", "Sept", "May", "Mai"]),
    ('H', &["00", "01", "02", "12", "23", "09", "24", "9", "-1"]),
    ('M', &["00", "30", "59", "60", "5", "44"]),
    ('S', &["00", "30", "59", "60", "61", "0"]),
    ('F', &["", ".5", ".0", ".123456789", ".1234567890", ".", ",5"]),
    ('P', &["AM", "PM", "am", "pm", "PM "]),
    (
        'z',
        &[
            "Z",
            "z",
            "+00:00",
            "-00:00",
            "+02:00",
            "+0200",
            "+02",
            "+23:59",
            "-23:59",
            "+24:00",
            "+25:00",
            "-25:59",
            "+02:00:30",
            "-00:00:59",
            "-00:44:30",
            "+14:00",
            "+99:99",
            " +02:00",
            "",
        ],
    ),
    (
        'C',
        &[
            "0",
            "-1",
            "1",
            "59",
            "60",
            "61",
            "0.5",
            "45000.25",
            "1e3",
            "253402300799",
            "253402300800",
            "-62135596800",
            "-62135596801",
            "-62167219200",
            "2958465",
            "2958466",
            "2958465.99999999",
            "9223372036854775807",
            "-9223372036854775808",
            "99999999999999999999",
            "253402300799999",
            "63072000000",
            "-377705116800",
        ],
    ),
    ('N', &["0", "1", "7", "00", "01", "12", "53", "54", "99", "255", "256", "366"]),
    ('E', &["a", "b1", "x-y", "xn--a", "a_b", "a.b", "", "é", "-", "-a", "[::1]", "a b", "a@b", "A+B"]),
    ('U', &["0", "a", "F", "9", "g", "-"]),
    (
        'A',
        &[
            "a", "1", "@", ".", "-", "_", "xn--a", "<", ">", " ", "é", "[::1]", "+", "", "b.c", "@c.de", "a@b", "..",
            "%41", "http", "/", "ß", "\u{301}", "İ",
        ],
    ),
];

/// Random numbers, the same in every run.
struct Dice(u64);

impl Dice {
    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        // The first are what there is: most cells have only one part beyond.
        let most = if self.0 >> 62 == 0 { from.len() } else { from.len().div_ceil(2) };
        from[(self.0 >> 33) as usize % most]
    }

    fn cell(&mut self, template: &str) -> String {
        let part = |letter: char| PARTS.iter().find(|(known, _)| *known == letter);
        template
            .chars()
            .map(|letter| part(letter).map_or_else(|| letter.to_string(), |(_, from)| self.pick(from).to_owned()))
            .collect()
    }
}

/// The values that come out of cells of a column, if the contract asks for a format.
fn convert(folder: &Path, column: &str, format: &str, cells: &[String]) -> Vec<Value> {
    let mapping = format!(
        "mapping: 1\nname: x\ncontract: schema.json\nrequest: {{ method: PUT, path: /x }}\nsources:\n  s: {{ path: s.csv, \
         dialect: {{ delimiter: \";\" }}, columns: {{ a: {{ {column} }} }} }}\noutput: {{ each: s, fields: {{ a: a }} }}\n"
    );
    let field = json!({ "type": "string", "format": format });
    let schema = json!({ "type": "array", "items": { "type": "object", "properties": { "a": field } } });
    let rows = cells.iter().enumerate().map(|(number, cell)| format!("{number};{cell}\n")).collect::<Vec<_>>().concat();
    for (name, text) in
        [("mapping.yaml", mapping), ("schema.json", schema.to_string()), ("s.csv", format!("n;a\n{rows}"))]
    {
        fs::write(folder.join(name), text).unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_xwalk"))
        .args(["convert", ".", "--mapping", "mapping.yaml", "-q", "--output", "-"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{column} {format}: {told}");
    let documents: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    documents.iter().filter_map(|document| document.get("a").cloned()).collect()
}

#[test]
fn what_comes_out_keeps_the_format_of_the_contract_as_the_crate_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let (mut dice, mut wrong) = (Dice(16), Vec::new());
    for (column, format, template) in COLUMNS {
        let cells: Vec<String> = (0..CELLS).map(|_| dice.cell(template)).collect();
        let schema = json!({ "format": format });
        let check = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        let values = convert(folder.path(), column, format, &cells);
        assert!(values.len() > 2, "{column} {template}: of {CELLS} cells only {} are good", values.len());
        wrong.extend(values.iter().filter(|value| !check.is_valid(value)).map(|value| format!("{column}: {value}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
