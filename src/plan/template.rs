//! Expressions over the columns of one record, by minijinja.
//!
//! Only expressions: no statements, no macros, no includes, no functions, and the filters of one list. Undefined names
//! are errors, the work of one record is bounded by fuel, and so is the text it makes: fuel alone does not bound memory.

use std::collections::BTreeMap;

use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value, filters};

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
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
    templates: Vec<Vec<String>>,
}

impl Templates {
    /// No templates yet.
    #[must_use]
    pub fn new() -> Templates {
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
        Templates { environment, templates: Vec::new() }
    }

    /// Adds a text with `{{ expressions }}` and gives its number and the columns it uses.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn text(&mut self, source: &str) -> Result<(usize, Vec<String>), String> {
        if source.contains("{%") || source.contains("{#") {
            return Err("statements and comments are not allowed, only `{{ expressions }}`".into());
        }
        self.add(source.to_owned())
    }

    /// Adds a condition, written without braces.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn condition(&mut self, source: &str) -> Result<(usize, Vec<String>), String> {
        if ["{%", "%}", "{{", "}}", "{#"].iter().any(|mark| source.contains(mark)) {
            return Err("a condition is one expression, without braces".into());
        }
        self.add(format!("{{{{ 1 if ({source}) else '' }}}}"))
    }

    fn add(&mut self, source: String) -> Result<(usize, Vec<String>), String> {
        known_filters(&source)?;
        let number = self.templates.len();
        let name = number.to_string();
        self.environment.add_template_owned(name.clone(), source).map_err(|error| said(&error))?;
        let template = self.environment.get_template(&name).map_err(|error| said(&error))?;
        let mut columns: Vec<String> = template.undeclared_variables(false).into_iter().collect();
        columns.sort_unstable();
        // Unknown tests and functions show only when rendered.
        let blank: BTreeMap<String, Value> = columns.iter().map(|column| (column.clone(), Value::from(""))).collect();
        match template.render(Value::from(blank)) {
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction
                ) =>
            {
                return Err(said(&error));
            }
            Err(error) if error.detail().is_some_and(|detail| detail.contains("callable")) => {
                return Err("there are no functions, only columns and filters".into());
            }
            _ => {}
        }
        self.templates.push(columns.clone());
        Ok((number, columns))
    }

    /// Renders a template; `cells` are those of its columns, in their order.
    ///
    /// # Errors
    /// Why it failed, without any cell.
    pub fn render<'a>(&self, number: usize, cells: impl Iterator<Item = &'a str>) -> Result<String, String> {
        let template = self.environment.get_template(&number.to_string()).map_err(|error| said(&error))?;
        let columns = &self.templates[number];
        let context: BTreeMap<String, Value> = columns.iter().cloned().zip(cells.map(Value::from)).collect();
        let text = template.render(Value::from(context)).map_err(|error| masked(&error))?;
        if text.len() > MAX_OUTPUT { Err(format!("the result is longer than {MAX_OUTPUT} bytes")) } else { Ok(text) }
    }
}

impl Default for Templates {
    fn default() -> Templates {
        Templates::new()
    }
}

/// minijinja's own, within the limit of the output: nested, it doubles its text with every level.
fn replace(text: &str, from: &str, to: &str) -> Result<String, Error> {
    let times = if from.is_empty() { text.chars().count() + 1 } else { text.matches(from).count() };
    if text.len().saturating_add(times.saturating_mul(to.len())) > MAX_OUTPUT {
        return Err(Error::new(ErrorKind::InvalidOperation, "the result is too long"));
    }
    Ok(text.replace(from, to))
}

/// Filters in a branch that was not rendered would only be missed on some record, so their names are looked at.
fn known_filters(source: &str) -> Result<(), String> {
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

fn said(error: &Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()))
}

/// An error while rendering may quote the values it met, so only its kind is told.
fn masked(error: &Error) -> String {
    error.kind().to_string()
}

#[cfg(test)]
mod tests {
    use super::Templates;

    #[test]
    fn expressions_over_columns() {
        let mut templates = Templates::new();
        let (number, columns) = templates.text("{{ a | trim | title }}, {{ b }}").unwrap();
        assert_eq!(columns, ["a", "b"]);
        assert_eq!(templates.render(number, ["  chuck norris ", "x"].into_iter()).unwrap(), "Chuck Norris, x");
        let (condition, _) = templates.condition("a == 'paid' and b != ''").unwrap();
        assert_eq!(templates.render(condition, ["paid", "x"].into_iter()).unwrap(), "1");
        assert_eq!(templates.render(condition, ["paid", ""].into_iter()).unwrap(), "");
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        let mut templates = Templates::new();
        for source in [
            "{% for x in range(9) %}{% endfor %}",
            "{{ a",
            "{{ a | nope }}",
            "{{ range(9) }}",
            "{{ 'x' if a else b|nope }}",
            "{# c #}",
        ] {
            assert!(templates.text(source).is_err(), "{source}");
        }
        assert!(templates.condition("a }}{{ b").is_err());
    }

    #[test]
    fn memory_is_bounded() {
        let mut templates = Templates::new();
        let doubling = format!("{{{{ a{} }}}}", "|replace('', 'xxxxxxxxxx')".repeat(12));
        let (number, _) = templates.text(&doubling).unwrap();
        assert!(templates.render(number, ["abc"].into_iter()).is_err());
        let (number, _) = templates.text("{{ a * 99999999 }}").unwrap();
        assert!(templates.render(number, ["abc"].into_iter()).is_err());
    }
}
