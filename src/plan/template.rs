//! Expressions over the columns of one record, by minijinja.
//!
//! Only expressions: no statements, no macros, no includes, no functions, and the filters of one list. Undefined names
//! are errors, the work of one record is bounded by fuel, and so is the text it makes: fuel alone does not bound memory.

use std::{borrow::Cow, collections::BTreeMap};

use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value, filters};

use crate::plan::template_fast::FastTemplate;

/// The most steps one expression may take on one record.
const FUEL: u64 = 10_000;
/// The most text one expression may make, in bytes.
const MAX_OUTPUT: usize = 64 << 10;
/// The filters that exist.
const FILTERS: &[&str] = &[
    "trim",
    "title",
    "upper",
    "lower",
    "capitalize",
    "replace",
    "default",
    "length",
    "first",
    "last",
    "int",
    "string",
    "split",
    "join",
    "reverse",
    "abs",
];

/// All templates of a plan.
#[derive(Debug, Default)]
pub struct Templates {
    /// The engine, built for the first template: most mappings have none.
    engine: Option<Environment<'static>>,
    templates: Vec<Template>,
}

/// One template or condition.
#[derive(Debug)]
struct Template {
    /// Its name for the engine.
    name: String,
    /// The columns it uses.
    columns: Vec<String>,
    /// The same without the engine, if it is that simple.
    fast: Option<FastTemplate>,
}

impl Templates {
    /// Adds a text with `{{ expressions }}`, and gives its number and the columns it uses.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn add_text(&mut self, source: &str) -> Result<(usize, Vec<String>), String> {
        if source.contains("{%") || source.contains("{#") {
            return Err("statements and comments are not allowed, only `{{ expressions }}`".into());
        }
        let (number, columns) = self.add_template(source.to_owned())?;
        self.templates[number].fast = FastTemplate::parse_text(source, &columns);
        Ok((number, columns))
    }

    /// Adds a condition, written without braces.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn add_condition(&mut self, source: &str) -> Result<(usize, Vec<String>), String> {
        if ["{%", "%}", "{{", "}}", "{#"].iter().any(|mark| source.contains(mark)) {
            return Err("a condition is one expression, without braces".into());
        }
        let (number, columns) = self.add_template(format!("{{{{ 1 if ({source}) else '' }}}}"))?;
        self.templates[number].fast = FastTemplate::parse_condition(source, &columns);
        Ok((number, columns))
    }

    fn add_template(&mut self, source: String) -> Result<(usize, Vec<String>), String> {
        check_filters(&source)?;
        let number = self.templates.len();
        let name = number.to_string();
        let engine = self.engine.get_or_insert_with(build_engine);
        engine.add_template_owned(name.clone(), source).map_err(|error| describe(&error))?;
        let template = engine.get_template(&name).map_err(|error| describe(&error))?;
        let mut columns: Vec<String> = template.undeclared_variables(false).into_iter().collect();
        columns.sort_unstable();
        // The engine reports unknown tests and functions only when it renders.
        let blank: BTreeMap<String, Value> = columns.iter().map(|column| (column.clone(), Value::from(""))).collect();
        match template.render(Value::from(blank)) {
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction
                ) =>
            {
                return Err(describe(&error));
            }
            Err(error) if error.detail().is_some_and(|detail| detail.contains("callable")) => {
                return Err("there are no functions, only columns and filters".into());
            }
            _ => {}
        }
        self.templates.push(Template { name, columns: columns.clone(), fast: None });
        Ok((number, columns))
    }

    /// Renders a template; `cell` gives the cell of a column, by its number among those the template uses.
    ///
    /// # Errors
    /// Why it failed, without any cell.
    pub fn render<'a>(&self, number: usize, cell: impl Fn(usize) -> Cow<'a, str>) -> Result<String, String> {
        let text = match &self.templates[number].fast {
            Some(fast) => fast.render(cell),
            None => self.render_by_engine(number, cell)?,
        };
        if text.len() > MAX_OUTPUT { Err(format!("the result is longer than {MAX_OUTPUT} bytes")) } else { Ok(text) }
    }

    fn render_by_engine<'a>(&self, number: usize, cell: impl Fn(usize) -> Cow<'a, str>) -> Result<String, String> {
        let Template { name, columns, .. } = &self.templates[number];
        let engine = self.engine.as_ref().ok_or("there is no such template")?;
        let template = engine.get_template(name).map_err(|error| describe(&error))?;
        let value = |(number, column): (usize, &String)| (column.clone(), Value::from(cell(number)));
        let context: BTreeMap<String, Value> = columns.iter().enumerate().map(value).collect();
        template.render(Value::from(context)).map_err(|error| describe_masked(&error))
    }
}

/// An engine without functions, with the filters of the list.
fn build_engine() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("title", filters::title);
    environment.add_filter("upper", filters::upper);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("capitalize", filters::capitalize);
    environment.add_filter("replace", replace);
    environment.add_filter("default", filters::default);
    environment.add_filter("length", filters::length);
    environment.add_filter("first", filters::first);
    environment.add_filter("last", filters::last);
    environment.add_filter("int", filters::int);
    environment.add_filter("string", |value: &Value| value.to_string());
    environment.add_filter("split", filters::split);
    environment.add_filter("join", filters::join);
    environment.add_filter("reverse", filters::reverse);
    environment.add_filter("abs", filters::abs);
    environment.add_test("startingwith", minijinja::tests::is_startingwith);
    environment.add_test("endingwith", minijinja::tests::is_endingwith);
    environment
}

/// The `replace` of minijinja, within the limit of the output: nested, it doubles its text with every level.
fn replace(text: &str, from: &str, to: &str) -> Result<String, Error> {
    let times = if from.is_empty() { text.chars().count() + 1 } else { text.matches(from).count() };
    if text.len().saturating_add(times.saturating_mul(to.len())) > MAX_OUTPUT {
        return Err(Error::new(ErrorKind::InvalidOperation, "the result is too long"));
    }
    Ok(text.replace(from, to))
}

/// Checks the names of filters: in a branch that is not rendered, an unknown one would only be reported on some record.
fn check_filters(source: &str) -> Result<(), String> {
    let mut quote = None;
    let mut rest = source.char_indices();
    while let Some((at, character)) = rest.next() {
        match (quote, character) {
            (Some(_), '\\') => drop(rest.next()),
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(character),
            (None, '|') => {
                let name: String =
                    source[at + 1..].trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if !FILTERS.contains(&name.as_str()) {
                    let near = crate::diagnostic::nearest(&name, FILTERS.iter().copied());
                    let near = near.map_or_else(
                        || format!("there are: {}", FILTERS.join(", ")),
                        |near| format!("did you mean `{near}`?"),
                    );
                    return Err(format!("there is no filter `{name}`; {near}"));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn describe(error: &Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()))
}

/// An error while rendering may quote values, so only its kind is told.
fn describe_masked(error: &Error) -> String {
    error.kind().to_string()
}

#[cfg(test)]
mod tests {
    use super::{MAX_OUTPUT, Templates};

    fn rendered(templates: &Templates, number: usize, cells: &[&'static str]) -> Result<String, String> {
        templates.render(number, |column| cells[column].into())
    }

    #[test]
    fn fast_templates_give_what_the_engine_gives() {
        let texts = [
            "{{ a }}",
            "{{a|upper}}-{{ b }}",
            " {{ a | trim | title }} {{ b | lower }}!",
            "{{ a|trim|upper|lower|title }}",
            "no cell",
            "{{ a | title | trim }}{{ a }}",
        ];
        let conditions =
            ["a == 'paid'", "a != \"paid\"", "a == '' and b != 'x'", "a == 'x' or b == 'paid' or b == ' '", "a=='x'"];
        let cells = [
            "",
            " ",
            "paid",
            "x",
            "\u{DF}traße",
            " o'neill-mac  DONALD\u{A0}",
            "\u{1C6}ungla",
            "ΑΣ",
            "a\nb",
            "<ß>",
            "İ",
        ];
        let mut templates = Templates::default();
        let mut numbers: Vec<usize> = texts.iter().map(|text| templates.add_text(text).unwrap().0).collect();
        numbers.extend(conditions.iter().map(|text| templates.add_condition(text).unwrap().0));
        for number in numbers {
            assert!(templates.templates[number].fast.is_some(), "{number}");
            for a in cells {
                for b in cells {
                    let columns = templates.templates[number].columns.clone();
                    let cell = |column: usize| if columns[column] == "a" { a.into() } else { b.into() };
                    let expected = templates.render_by_engine(number, cell);
                    assert_eq!(templates.render(number, cell), expected, "{number} {a:?} {b:?}");
                }
            }
        }
    }

    #[test]
    fn other_templates_are_left_to_the_engine() {
        let mut templates = Templates::default();
        for text in ["{{ a ~ b }}", "{{ a|default('x') }}", "{{- a }}", "{{ a }}\n", "{{ 'x' }}", "{{ a|trim('x') }}"] {
            let (number, _) = templates.add_text(text).unwrap();
            assert!(templates.templates[number].fast.is_none(), "{text}");
        }
        for text in
            ["a", "a == b", "a == 'x' and b == 'y' or b == 'z'", "not a == 'x'", "a == 'x\\n'", "a | trim == 'x'"]
        {
            let (number, _) = templates.add_condition(text).unwrap();
            assert!(templates.templates[number].fast.is_none(), "{text}");
        }
        let (number, _) = templates.add_text("{{ a }}").unwrap();
        assert!(templates.render(number, |_| "x".repeat(MAX_OUTPUT + 1).into()).is_err());
    }

    #[test]
    fn expressions_over_columns() {
        let mut templates = Templates::default();
        let (number, columns) = templates.add_text("{{ a | trim | title }}, {{ b }}").unwrap();
        assert_eq!(columns, ["a", "b"]);
        assert_eq!(rendered(&templates, number, &["  chuck norris ", "x"]).unwrap(), "Chuck Norris, x");
        let (condition, _) = templates.add_condition("a == 'paid' and b != ''").unwrap();
        assert_eq!(rendered(&templates, condition, &["paid", "x"]).unwrap(), "1");
        assert_eq!(rendered(&templates, condition, &["paid", ""]).unwrap(), "");
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        let mut templates = Templates::default();
        for source in [
            "{% for x in range(9) %}{% endfor %}",
            "{{ a",
            "{{ a | nope }}",
            "{{ range(9) }}",
            "{{ 'x' if a else b|nope }}",
            "{# c #}",
        ] {
            assert!(templates.add_text(source).is_err(), "{source}");
        }
        assert!(templates.add_condition("a }}{{ b").is_err());
    }

    #[test]
    fn memory_is_bounded() {
        let mut templates = Templates::default();
        let doubling = format!("{{{{ a{} }}}}", "|replace('', 'xxxxxxxxxx')".repeat(12));
        let (number, _) = templates.add_text(&doubling).unwrap();
        assert!(rendered(&templates, number, &["abc"]).is_err());
        let (number, _) = templates.add_text("{{ a * 99999999 }}").unwrap();
        assert!(rendered(&templates, number, &["abc"]).is_err());
    }
}
