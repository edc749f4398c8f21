//! One diagnostic on one line: for people, as JSON, and as an annotation of a GitHub workflow.
//!
//! Each form ends in the only line feed it holds. The keys of the JSON are a promise to scripts.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::{
    diagnostic::{Diagnostic, Place, Severity},
    report::escape::{json_line, visible},
};

/// The version of the JSON lines. Keys are added without a new one; none is taken away or gets another meaning.
pub(crate) const VERSION: u64 = 1;

/// One line: the place, the weight, the code, the message, and the other places in brackets.
pub(crate) fn concise(diagnostic: &Diagnostic) -> String {
    let mut line = String::new();
    if let Some(place) = first_place(diagnostic) {
        let _ = write!(line, "{place}: ");
    }
    let _ = write!(line, "{}[{}]: {}", word(diagnostic.severity), diagnostic.code, diagnostic.message);
    let mut others = Vec::new();
    if let (Some(rule), Some(_)) = (&diagnostic.rule, &diagnostic.cell) {
        others.push(format!("rule {rule}"));
    }
    if let Some((place, says)) = diagnostic.also.as_deref() {
        others.push(format!("{says} {place}"));
    }
    if let Some(target) = diagnostic.target.as_ref().filter(|target| !target.pointer.is_empty()) {
        others.push(format!("target {}", target.pointer));
    }
    if !others.is_empty() {
        let _ = write!(line, " ({})", others.join("; "));
    }
    visible(&line) + "\n"
}

/// One JSON object on one line. The keys are a promise to scripts; a part that is not known is `null`.
pub(crate) fn json(diagnostic: &Diagnostic) -> String {
    json_line(&finding(diagnostic))
}

/// The same as a value.
pub(crate) fn finding(diagnostic: &Diagnostic) -> Value {
    let cell = diagnostic.cell.as_ref().map(|cell| {
        let mut object = place(&cell.place);
        object.insert("name".into(), json!(cell.column));
        object.insert("found".into(), json!(cell.found));
        object
    });
    let also = diagnostic.also.as_deref().map(|(at, says)| {
        let mut object = place(at);
        object.insert("says".into(), json!(says));
        object
    });
    let target = diagnostic.target.as_ref().map(|target| json!({ "pointer": target.pointer, "schema": target.schema }));
    json!({
        "type": "finding",
        "version": VERSION,
        "code": diagnostic.code.word(),
        "severity": word(diagnostic.severity),
        "message": diagnostic.message,
        "cell": cell,
        "rule": diagnostic.rule.as_deref().map(place),
        "also": also,
        "target": target,
        "hint": diagnostic.hint,
    })
}

/// A workflow command that puts the message beside the line in a pull request.
pub(crate) fn github(diagnostic: &Diagnostic) -> String {
    let mut properties = Vec::new();
    if let Some(place) = first_place(diagnostic) {
        properties.push(format!("file={}", property(&place.path)));
        if place.line > 0 {
            properties.push(format!("line={}", place.line));
        }
        if place.line > 0 && place.column > 0 {
            properties.push(format!("col={}", place.column));
        }
    }
    properties.push(format!("title={}", property(diagnostic.code.word())));
    let command = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Notice => "notice",
    };
    let mut message = diagnostic.message.clone();
    if !diagnostic.hint.is_empty() {
        let _ = write!(message, " (help: {})", diagnostic.hint);
    }
    format!("::{command} {}::{}\n", properties.join(","), percent(&visible(&message)))
}

/// Where a reader starts: the cell, else the rule.
pub(crate) fn first_place(diagnostic: &Diagnostic) -> Option<&Place> {
    diagnostic.cell.as_ref().map(|cell| &cell.place).or(diagnostic.rule.as_deref())
}

fn place(place: &Place) -> Map<String, Value> {
    let number = |number: u64| if number == 0 { Value::Null } else { json!(number) };
    let mut object = Map::new();
    object.insert("path".into(), json!(place.path));
    object.insert("line".into(), number(place.line));
    object.insert("column".into(), number(place.column));
    object
}

pub(crate) fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Notice => "notice",
    }
}

fn property(text: &str) -> String {
    percent(&visible(text)).replace(':', "%3A").replace(',', "%2C")
}

fn percent(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use crate::{
        diagnostic::{Cell, Code, Diagnostic, Place, Severity},
        report::line::{concise, github, json},
    };

    fn range() -> Diagnostic {
        let at = |path: &str, line, column| Place { line, column, width: 2, ..Place::file(path) };
        let place = at("samples/flight-02/purchases.csv", 3, 13);
        Diagnostic::new(Code::CheckRange, "expected at least 1")
            .cell(Cell {
                place,
                source: String::new(),
                column: "quantity".into(),
                found: "-9".into(),
                is_masked: false,
            })
            .rule(at("mappings/inflight-sales.yaml", 36, 9))
            .target("/purchases/0/quantity", "/items/properties/purchases/items/properties/quantity/minimum")
            .hint("fix the till's export, or loosen the contract")
    }

    #[test]
    fn concise_is_one_line() {
        let expected = "samples/flight-02/purchases.csv:3:13: error[check/range]: expected at least 1 \
                        (rule mappings/inflight-sales.yaml:36:9; target /purchases/0/quantity)\n";
        assert_eq!(concise(&range()), expected);
        let mut rule_only = range();
        rule_only.cell = None;
        rule_only.target = None;
        let also = Place::file("profiles.yaml");
        let expected = "mappings/inflight-sales.yaml:36:9: error[check/range]: expected at least 1 \
                        (named in profiles.yaml)\n";
        assert_eq!(concise(&rule_only.also(also, "named in")), expected);
        let nowhere = Diagnostic::new(Code::PlanUsage, "there is no mapping").severity(Severity::Notice);
        assert_eq!(concise(&nowhere), "notice[plan/usage]: there is no mapping\n");
    }

    #[test]
    fn json_has_the_same_keys_always() {
        let expected = concat!(
            r#"{"type":"finding","version":1,"code":"check/range","severity":"error","message":"expected at least 1","#,
            r#""cell":{"path":"samples/flight-02/purchases.csv","line":3,"column":13,"name":"quantity","found":"-9"},"#,
            r#""rule":{"path":"mappings/inflight-sales.yaml","line":36,"column":9},"also":null,"#,
            r#""target":{"pointer":"/purchases/0/quantity","#,
            r#""schema":"/items/properties/purchases/items/properties/quantity/minimum"},"#,
            r#""hint":"fix the till's export, or loosen the contract"}"#,
            "\n"
        );
        assert_eq!(json(&range()), expected);
        let nowhere = Diagnostic::new(Code::ReadEmpty, "empty").file("a.csv").also(Place::file("b"), "too");
        let expected = concat!(
            r#"{"type":"finding","version":1,"code":"read/empty","severity":"error","message":"empty","#,
            r#""cell":{"path":"a.csv","line":null,"column":null,"name":"","found":""},"rule":null,"#,
            r#""also":{"path":"b","line":null,"column":null,"says":"too"},"target":null,"hint":""}"#,
            "\n"
        );
        assert_eq!(json(&nowhere), expected);
    }

    #[test]
    fn github_gets_its_own_escapes() {
        let mut diagnostic = range();
        diagnostic.message = "100% wrong\nor, so: it seems".into();
        if let Some(cell) = &mut diagnostic.cell {
            cell.place.path = "a,b:c%.csv".into();
        }
        let expected = "::error file=a%2Cb%3Ac%25.csv,line=3,col=13,title=check/range::\
                        100%25 wrong\\nor, so: it seems (help: fix the till's export, or loosen the contract)\n";
        assert_eq!(github(&diagnostic), expected);
        let file = Diagnostic::new(Code::ReadEmpty, "empty").file("a.csv").severity(Severity::Warning);
        assert_eq!(github(&file), "::warning file=a.csv,title=read/empty::empty\n");
    }
}
