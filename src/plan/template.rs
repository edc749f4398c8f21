//! Expressions over the columns of one record, by minijinja.
//!
//! Only expressions: no statements, no macros, no includes, no functions, and the filters of one list. Its parser alone
//! decides what a template holds: `template_kinds` walks its tree once, and `template_fast` takes the common forms from it.
//! Undefined names are errors, the work of one record is bounded by fuel, and so is the text it makes: fuel alone does not
//! bound memory.

use std::{borrow::Cow, collections::BTreeMap, ops::Range};

use minijinja::{
    Environment, Error, ErrorKind, Value,
    machinery::{Token, Tokenizer, ast::Stmt, parse, parse_expr},
    syntax::SyntaxConfig,
};

use crate::{
    diagnostic::Place,
    plan::{
        template_fast::{FastCondition, FastTemplate},
        template_kinds::{KindWalk, TemplateFault},
        template_words::{MAX_OUTPUT, ToldReason, build_engine},
    },
};

/// The most steps one expression may take on one record.
const FUEL: u64 = 10_000;
/// The most words one expression may have, without its texts and numbers: the parser and the walk go as deep as it is long.
const MAX_WORDS: usize = 1_000;
/// What a template is about, for people who wrote something else.
const TEXT_HINT: &str = "write expressions over columns, as in `{{ firstname | trim }}`";
/// What a condition is about.
const CONDITION_HINT: &str = "write an expression over columns, as in `status == 'paid'`";

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
    fast: Option<FastForm>,
}

#[derive(Debug)]
enum FastForm {
    Text(FastTemplate),
    Condition(FastCondition),
}

impl Templates {
    /// Adds a text with `{{ expressions }}`, and gives its number and the columns it uses.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn add_text(&mut self, source: &str) -> Result<(usize, Vec<String>), TemplateFault> {
        check_words(source, false)?;
        let tree = parse(source, "template", SyntaxConfig::default()).map_err(|error| syntax_fault(&error, source))?;
        let Stmt::Template(tree) = tree else {
            return Err(TemplateFault::new(0..source.len(), "this is no template", TEXT_HINT));
        };
        let engine = self.engine.get_or_insert_with(|| build_engine(FUEL));
        let mut walk = KindWalk::new(source, engine);
        for part in &tree.children {
            if let Stmt::EmitExpr(emitted) = part {
                walk.check_written(&emitted.expr)?;
            }
        }
        let columns: Vec<String> = walk.columns.into_iter().collect();
        if columns.is_empty() {
            let message = "the template uses no column, so it is the same for every record";
            let hint =
                "name a column in double braces, as in `{{ firstname }}`; write a text that never changes as `const:`";
            return Err(TemplateFault::new(0..source.len(), message, hint));
        }
        let fast = FastTemplate::of(&tree.children, &columns).map(FastForm::Text);
        self.add_template(source.to_owned(), columns, fast)
    }

    /// Adds a condition, written without braces.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn add_condition(&mut self, source: &str) -> Result<(usize, Vec<String>), TemplateFault> {
        let trimmed = source.trim_start();
        if trimmed.starts_with("{{") || trimmed.starts_with("{%") {
            let message = "a condition is one expression, without braces";
            return Err(TemplateFault::new(0..source.len(), message, CONDITION_HINT));
        }
        check_words(source, true)?;
        let expression = parse_expr(source).map_err(|error| syntax_fault(&error, source))?;
        let engine = self.engine.get_or_insert_with(|| build_engine(FUEL));
        let mut walk = KindWalk::new(source, engine);
        walk.check_condition(&expression)?;
        let columns: Vec<String> = walk.columns.into_iter().collect();
        if columns.is_empty() {
            let message = "the condition uses no column, so it is the same for every record";
            return Err(TemplateFault::new(0..source.len(), message, CONDITION_HINT));
        }
        let fast = FastCondition::of(&expression, &columns).map(FastForm::Condition);
        self.add_template(format!("{{{{ 1 if ({source}) else '' }}}}"), columns, fast)
    }

    fn add_template(
        &mut self,
        source: String,
        columns: Vec<String>,
        fast: Option<FastForm>,
    ) -> Result<(usize, Vec<String>), TemplateFault> {
        let number = self.templates.len();
        let (name, whole) = (number.to_string(), 0..source.len());
        let engine = self.engine.get_or_insert_with(|| build_engine(FUEL));
        let added = engine.add_template_owned(name.clone(), source);
        added.map_err(|error| TemplateFault::new(whole, parser_words(&error), ""))?;
        self.templates.push(Template { name, columns: columns.clone(), fast });
        Ok((number, columns))
    }

    /// Renders a template; `cell` gives the cell of a column, by its number among those the template uses.
    ///
    /// # Errors
    /// Why it failed, without any cell.
    pub fn render<'a>(&self, number: usize, cell: impl Fn(usize) -> Cow<'a, str>) -> Result<String, String> {
        let text = match &self.templates[number].fast {
            Some(FastForm::Text(fast)) => fast.render(cell),
            _ => self.render_by_engine(number, cell)?,
        };
        if text.len() > MAX_OUTPUT { Err(format!("the result is longer than {MAX_OUTPUT} bytes")) } else { Ok(text) }
    }

    /// Whether a condition holds; `cell` gives the cell of a column, by its number among those the condition uses.
    ///
    /// # Errors
    /// Why that cannot be known, without any cell.
    pub fn holds<'a>(&self, number: usize, cell: impl Fn(usize) -> Cow<'a, str>) -> Result<bool, String> {
        match &self.templates[number].fast {
            Some(FastForm::Condition(fast)) => Ok(fast.holds(&cell)),
            _ => self.render_by_engine(number, cell).map(|text| text == "1"),
        }
    }

    fn render_by_engine<'a>(&self, number: usize, cell: impl Fn(usize) -> Cow<'a, str>) -> Result<String, String> {
        let Template { name, columns, .. } = &self.templates[number];
        let engine = self.engine.as_ref().ok_or("there is no such template")?;
        let template = engine.get_template(name).map_err(|error| parser_words(&error))?;
        let value = |(number, column): (usize, &String)| (column.clone(), Value::from(cell(number)));
        let context: BTreeMap<String, Value> = columns.iter().enumerate().map(value).collect();
        template.render(Value::from(context)).map_err(|error| describe_masked(&error))
    }
}

/// Checks the words of a template before it is parsed: statements and comments are refused, and what is too long.
fn check_words(source: &str, is_condition: bool) -> Result<(), TemplateFault> {
    let mut tokens = Tokenizer::new(source, "template", is_condition, SyntaxConfig::default());
    let (mut count, mut end, mut is_inside) = (0, 0, is_condition);
    let refuse = |start: usize, end: usize| {
        let message = "statements and comments are not allowed, only `{{ expressions }}`";
        let hint = "choose with `{{ 'a' if status == 'x' else 'b' }}`; to write such a brace itself, put it in quotes: `{{ '{%' }}`";
        Err(TemplateFault::new(start..end, message, hint))
    };
    loop {
        let (token, span) = match tokens.next_token() {
            Ok(Some(next)) => next,
            Ok(None) => break,
            Err(error) => return Err(syntax_fault(&error, source)),
        };
        let start = span.start_offset as usize;
        // What the tokenizer passed over outside of expressions: white space, comments, and the marks of raw blocks.
        let passed = if is_inside { "" } else { source.get(end..start).unwrap_or_default() };
        if let Some(mark) = passed.find("{#").or_else(|| passed.find("{%")) {
            return refuse(end + mark, start);
        }
        end = span.end_offset as usize;
        match token {
            Token::BlockStart => return refuse(start, end),
            Token::VariableStart => (count, is_inside) = (0, true),
            Token::VariableEnd => is_inside = false,
            // However long a list is, it is not deep.
            Token::Comma | Token::Str(_) | Token::String(_) | Token::Int(_) | Token::Float(_) => {}
            _ => count += 1,
        }
        if is_inside && count > MAX_WORDS {
            let message = format!("the expression is longer than {MAX_WORDS} words");
            return Err(TemplateFault::new(start..end, message, "use a code table, or several fields"));
        }
    }
    let rest = source.get(end..).unwrap_or_default();
    match rest.find("{#").or_else(|| rest.find("{%")).filter(|_| !is_inside) {
        Some(mark) => refuse(end + mark, source.len()),
        None => Ok(()),
    }
}

/// What the parser did not understand.
fn syntax_fault(error: &Error, source: &str) -> TemplateFault {
    let found = error.range().filter(|range| range.start < source.len());
    let next = |at: usize| (at..=source.len()).find(|at| source.is_char_boundary(*at)).unwrap_or(source.len());
    let range = found.map_or(0..source.len(), |range| range.start..next(range.end));
    let words = parser_words(error);
    if let Some(right) = find_right_word(source, range.start) {
        return TemplateFault::new(range, words, format!("write `{right}`"));
    }
    let hint = match words.as_str() {
        "unexpected character" | "unexpected identifier, expected `}}`" | "unexpected input after expression" => {
            "a column whose name is not one plain word (letters, digits, `_`) cannot stand in an expression; use `from:`, or rename it"
        }
        _ => "an expression is as in `firstname | trim`, or `status == 'paid'`",
    };
    TemplateFault::new(range, words, hint)
}

/// The word of expressions for one of SQL or C that stands at a place, or before it.
fn find_right_word(source: &str, at: usize) -> Option<&'static str> {
    let (before, rest) = source.split_at_checked(at)?;
    let words =
        |text: &str| text.split(|letter: char| !letter.is_alphanumeric()).map(str::to_owned).collect::<Vec<_>>();
    match words(rest).first()?.as_str() {
        "AND" | "And" => return Some("and"),
        "OR" | "Or" => return Some("or"),
        "NOT" | "Not" => return Some("not"),
        "IN" | "In" => return Some("in"),
        "" if rest.starts_with('=') && !rest.starts_with("==") => return Some("=="),
        "" if rest.starts_with("<>") => return Some("!="),
        "" if rest.starts_with('&') => return Some("and"),
        "" if rest.starts_with('!') && !rest.starts_with("!=") => return Some("not"),
        _ => {}
    }
    let is_not = words(before.trim_end()).last().is_some_and(|word| matches!(word.as_str(), "NOT" | "Not"));
    is_not.then_some("not")
}

/// What the parser says, in the words of the documentation.
fn parser_words(error: &Error) -> String {
    let said = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    let said = said.replace("end of variable block", "`}}`").replace("start of variable block", "`{{`");
    said.replace("template exceeds maximum recursion limits", "the expression is nested too deeply")
}

/// An error while rendering may quote values, so only words of our own are told.
fn describe_masked(error: &Error) -> String {
    let told = std::error::Error::source(error).and_then(|source| source.downcast_ref::<ToldReason>());
    match (told, error.kind()) {
        (Some(told), _) => told.to_string(),
        (None, ErrorKind::UndefinedError) => "an item was asked for that is not there".into(),
        (None, ErrorKind::OutOfFuel) => format!("it takes more than {FUEL} steps"),
        (None, ErrorKind::InvalidOperation) => "it cannot be calculated with what stands in this record".into(),
        (None, kind) => kind.to_string(),
    }
}

/// The place of some bytes of a template, which stands at a place: as it is, where it is written over several lines.
#[must_use]
pub fn narrow_place(place: Place, source: &str, range: &Range<usize>) -> Place {
    let Some(columns) = find_columns(&place, source) else { return place };
    let at = |byte: usize| source.get(..byte).and_then(|text| columns.get(text.chars().count())).copied();
    match (at(range.start), at(range.end)) {
        (Some(start), Some(end)) => Place { column: start, width: end.saturating_sub(start).max(1), ..place },
        _ => place,
    }
}

/// The column of each character of a text that is written on one line, and of its end; `None`: it is written otherwise.
fn find_columns(place: &Place, source: &str) -> Option<Vec<u64>> {
    let before = usize::try_from(place.column).ok()?.checked_sub(1)?;
    let mut written = place.text.chars().skip(before).zip(place.column..).peekable();
    let quote = written.next_if(|(character, _)| matches!(character, '"' | '\'')).map(|(quote, _)| quote);
    let (mut columns, mut end) = (Vec::new(), place.column);
    for character in source.chars() {
        let (first, column) = written.next()?;
        columns.push(column);
        end = column + 1;
        let doubled = quote == Some('\'') && first == '\'';
        let is_same = if doubled || quote == Some('"') && first == '\\' {
            let (second, column) = written.next()?;
            end = column + 1;
            second == character || !doubled && matches!((second, character), ('n', '\n') | ('t', '\t'))
        } else {
            first == character
        };
        if !is_same {
            return None;
        }
    }
    columns.push(end);
    Some(columns)
}

#[cfg(test)]
mod tests {
    use super::{FastForm, MAX_OUTPUT, TemplateFault, Templates, narrow_place};
    use crate::diagnostic::Place;

    fn rendered(templates: &Templates, number: usize, cells: &[&'static str]) -> Result<String, String> {
        templates.render(number, |column| cells[column].into())
    }

    fn text_fault(source: &str) -> Option<TemplateFault> {
        Templates::default().add_text(source).err()
    }

    fn condition_fault(source: &str) -> Option<TemplateFault> {
        Templates::default().add_condition(source).err()
    }

    #[test]
    fn fast_templates_give_what_the_engine_gives() {
        let texts = [
            "{{ a }}",
            "{{a|upper}}-{{ b }}",
            " {{ a | trim | title }} {{ b | lower }}!",
            "{{ a|trim|upper|lower|title }}",
            "{{ a | title | trim }}{{ a }}",
            "{{- a -}} | {{ b }} } }} { %}",
            "{{ a }}\n",
            "{{ a }} {{ 'x\\n' }}{{ '{{' }}",
            "  {{- (a) | trim }}",
        ];
        let conditions = [
            "a == 'paid'",
            "a != \"paid\"",
            "a == '' and b != 'x'",
            "a == 'x' or b == 'paid' or b == ' '",
            "a=='x'",
            "a == 'x' and b == 'y' or not b == 'x'",
            "a == 'x\\n'",
            "a in ['x', 'paid'] and not (b in [''])",
            "a not in ['x']",
        ];
        let cells =
            ["", " ", "paid", "x", "\u{DF}traße", " o'neill-mac  DONALD\u{A0}", "\u{1C6}ungla", "ΑΣ", "a\nb", "İ"];
        let mut templates = Templates::default();
        let mut numbers: Vec<usize> = texts.iter().map(|text| templates.add_text(text).unwrap().0).collect();
        numbers.extend(conditions.iter().map(|text| templates.add_condition(text).unwrap().0));
        for number in numbers {
            let is_condition = match &templates.templates[number].fast {
                Some(FastForm::Text(_)) => false,
                Some(FastForm::Condition(_)) => true,
                None => panic!("{number} is left to the engine"),
            };
            for a in cells {
                for b in cells {
                    let columns = templates.templates[number].columns.clone();
                    let cell = |column: usize| if columns[column] == "a" { a.into() } else { b.into() };
                    let expected = templates.render_by_engine(number, cell);
                    if is_condition {
                        let holds = templates.holds(number, cell);
                        assert_eq!(holds, expected.map(|text| text == "1"), "{number} {a:?} {b:?}");
                    } else {
                        assert_eq!(templates.render(number, cell), expected, "{number} {a:?} {b:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn other_templates_are_left_to_the_engine() {
        let mut templates = Templates::default();
        for text in ["{{ a ~ b }}", "{{ a|default('x', true) }}", "{{ a|trim('x') }}", "{{ a | int }}{{ 5 }}"] {
            let (number, _) = templates.add_text(text).unwrap();
            assert!(templates.templates[number].fast.is_none(), "{text}");
        }
        for text in ["a == b", "a | trim == 'x'", "a < 'x'", "'x' in a", "'x' == a", "(a == 'x') == (b == 'y')"] {
            let (number, _) = templates.add_condition(text).unwrap();
            assert!(templates.templates[number].fast.is_none(), "{text}");
        }
        let (number, _) = templates.add_text("{{ a }}").unwrap();
        assert!(templates.render(number, |_| "x".repeat(MAX_OUTPUT + 1).into()).is_err());
    }

    #[test]
    fn expressions_over_columns() {
        for (source, columns, cells, wanted) in [
            ("{{ a | trim | title }}, {{ b }}", vec!["a", "b"], ["  chuck norris ", "x"], Ok("Chuck Norris, x")),
            ("a | b {{ a }} || {{ b|upper }} |", vec!["a", "b"], ["1", "x"], Ok("a | b 1 || X |")),
            ("{{ a[:3] }}{{ '|' }}{{ a[b|int] }}", vec!["a", "b"], ["Fréjus", "2"], Ok("Fré|é")),
            ("{{ (a | split('-'))[1:] | join('+') }}", vec!["a"], ["a-b-c", ""], Ok("b+c")),
            ("{{ 'yes' if a == 'x' and b | int > 5 else 'no' }}", vec!["a", "b"], ["x", "10"], Ok("yes")),
            ("{{ 'a' if a is startingwith(b) else '' }}{{ 1 }}", vec!["a", "b"], ["xy", "x"], Ok("a1")),
            ("{{ (a | int) / 4 }}", vec!["a"], ["10", ""], Ok("2.5")),
            ("{{ a | int }}", vec!["a"], ["9007199254740993.0", ""], Ok("9007199254740993")),
            ("{{ a | int }}", vec!["a"], ["heavy", ""], Err("`int` was given something that is no number")),
            ("{{ a | int }}", vec!["a"], ["inf", ""], Err("`int` was given something that is no number")),
            ("{{ a | first }}", vec!["a"], ["", ""], Err("an item was asked for that is not there")),
            ("{{ a | first | trim }}", vec!["a"], ["", ""], Err("an item was asked for that is not there")),
            ("{{ a | first | string }}", vec!["a"], ["", ""], Err("an item was asked for that is not there")),
            ("{{ a[9] ~ 'x' }}", vec!["a"], ["abc", ""], Err("an item was asked for that is not there")),
            ("{{ (a | first) | default('-') }}", vec!["a"], ["", ""], Ok("-")),
            (
                "{{ 1 / (a | int) }}",
                vec!["a"],
                ["0", ""],
                Err("it cannot be calculated with what stands in this record"),
            ),
            ("{{ a[9] | replace('a', 'b') }}", vec!["a"], ["abc", ""], Err("an item was asked for that is not there")),
            ("{{ a[9] | split('/') | join }}", vec!["a"], ["abc", ""], Err("an item was asked for that is not there")),
            ("{{ a[9] | length }}", vec!["a"], ["abc", ""], Err("an item was asked for that is not there")),
        ] {
            let mut templates = Templates::default();
            let (number, found) = templates.add_text(source).unwrap();
            assert_eq!(found, columns, "{source}");
            let made = rendered(&templates, number, &cells);
            assert_eq!(made, wanted.map(str::to_owned).map_err(str::to_owned), "{source}");
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
        ("{{ range(9) }}", "range(9)"),
        ("{{ a.lower() }}", "a.lower()"),
        ("{{ a() }}", "a()"),
        ("{{ 'x' if a == '' else b|nope }}", "nope"),
        ("{{ a == 'x' }}", "a == 'x'"),
        ("{{ a ~ (b == 'x') }}", "b == 'x'"),
        ("{{ not a == 'x' }}", "not a == 'x'"),
        ("{{ a not in 'abc' }}", "a not in 'abc'"),
        ("{{ a is not startingwith('x') }}", "a is not startingwith('x')"),
        ("{{ true }}{{ a }}", "true"),
        ("{{ none }}{{ a }}", "none"),
        ("{{ a == none }}", "none"),
        ("{{ a | split(',') }}", "a | split(',')"),
        ("{{ [a, b] }}", "[a, b]"),
        ("{{ (a, b) }}", "(a, b)"),
        ("{{ {'x': a} }}", "{'x': a}"),
        ("{{ a + 1 }}", "a"),
        ("{{ a * 2 }}", "a"),
        ("{{ a + b }}", "a"),
        ("{{ -a }}", "a"),
        ("{{ [a] + 1 }}", "[a]"),
        ("{{ a | int / 0 }}", "a | int / 0"),
        ("{{ a.b }}", "a.b"),
        ("{{ a[0].x }}", "a[0].x"),
        ("{{ a['x'] }}", "'x'"),
        ("{{ a[1.5] }}", "1.5"),
        ("{{ a[b] }}", "b"),
        ("{{ a[::0] }}", "a[::0]"),
        ("{{ (a | int)[0] }}", "a | int"),
        ("{{ a | abs }}", "a | abs"),
        ("{{ a | upper('x') }}", "a | upper('x')"),
        ("{{ a | replace('x') }}", "a | replace('x')"),
        ("{{ a | replace(1, 'x') }}", "1"),
        ("{{ a | trim(chars='x') }}", "a | trim(chars='x')"),
        ("{{ a | default('x') }}", "a | default('x')"),
        ("{{ a | split(',') | upper }}", "a | split(',') | upper"),
        ("{{ [a == b] | join }}", "[a == b] | join"),
        ("{{ 'abc' | int }}{{ a }}", "'abc' | int"),
        ("{{ 'x' if a else 'y' }}", "a"),
        ("{{ 'x' if a == 'y' }}", "'x' if a == 'y'"),
        ("{{ 'x' if true else a }}", "true"),
        ("{{ a ~ ('x' if a == '' else 'x') }}", "'x' if a == '' else 'x'"),
        ("{{ b if a == '' else b }}", "b if a == '' else b"),
        ("{{ 'x' if a | upper == 'paid' else 'y' }}", "a | upper == 'paid'"),
        ("{{ a or b }}", "a"),
        ("{{ a is defined }}", "defined"),
        ("{{ 'x' if a is startingwith(1) else '' }}", "1"),
        ("{{ [] | first }}{{ a }}", "[] | first"),
        ("{{ [a[9], b] | join }}", "a[9]"),
        ("{{ 1e300 ~ a }}", "1e300"),
        ("{{ 2 ** (a | int) }}", "a | int"),
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
        for source in
            ["{{ a", "{{ a }", "{{ first name }}", "{{ prénom }}", "{{ }}", "{{ a | }}", "{{ 'a }}", "{{ a b }}"]
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
        let hint = condition_fault("first name == 'x'").unwrap().hint;
        assert!(hint.starts_with("a column whose name"), "{hint}");
    }

    #[test]
    fn conditions_are_true_or_false_and_about_a_column() {
        for (source, words) in [
            ("status", "status"),
            ("not status", "status"),
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
            ("paid == true", "paid == true"),
            ("qty | int == '5'", "qty | int == '5'"),
            ("a == 'x' and b", "b"),
            ("a == 'x' or true", "true"),
            ("a == a", "a == a"),
            ("a < ''", "a < ''"),
            ("'' in a", "'' in a"),
            ("a is startingwith('')", "''"),
            ("a is endingwith(a)", "a"),
            ("qty | int", "qty | int"),
            ("a | split(',') == 'x'", "a | split(',') == 'x'"),
            ("a }}{{ b", "{"),
            ("a == 'x' | nope", "nope"),
            ("a == 'x' and (b == 'z' and a == 'y')", "a == 'x' and (b == 'z' and a == 'y')"),
            ("'x' != a or a != 'y'", "'x' != a or a != 'y'"),
            ("{{ a == 'x' }}", "{{ a == 'x' }}"),
        ] {
            let fault = condition_fault(source).expect(source);
            assert_eq!(&source[fault.range], words, "{source}: {}", fault.message);
        }
        for source in [
            "a == '}}' and b != '{{' or b == '{%'",
            "a | int > 5",
            "1 < a | int < 5",
            "a in ['x', 'y']",
            "'x' in a",
            "a not in b | split(',')",
            "not a == ''",
            "(a == 'x') == (b == 'y')",
            "a < '2024-01-31'",
            "(a | length) > 3 and a[0] == 'x'",
            "a is not startingwith('x')",
        ] {
            assert_eq!(condition_fault(source), None, "{source}");
        }
        let hint = condition_fault("qty > 5").unwrap().hint;
        assert_eq!(hint, "a column is text: write `qty | int > 5`");
    }

    #[test]
    fn texts_that_are_never_given_are_refused_with_the_right_one() {
        for (source, hint) in [
            ("a | lower == 'PAID'", "write `'paid'`"),
            ("b == '' and 'PAID' != a | lower", "write `'paid'`"),
            ("a | upper in ['PAID', 'open']", "write `'OPEN'`"),
            ("a | upper not in ['open']", "write `'OPEN'`"),
            ("'PA' in a | lower", "write `'pa'`"),
            ("a | title == 'chuck norris'", "write `'Chuck Norris'`"),
            ("a | capitalize is startingwith('PA')", "write `'Pa'`"),
            ("a | trim == ' paid'", "write `'paid'`"),
            ("a | trim('-') == 'paid-'", "write `'paid'`"),
            ("a | trim == ' '", "write `''`"),
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
        ] {
            assert_eq!(condition_fault(source).expect(source).hint, hint, "{source}");
        }
        for source in [
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
            "a | default('X', true) | replace('x', 'X') == 'X'",
            "a | lower | replace('p', 'P') == 'Paid'",
            "a | lower ~ 'X' == 'paidX'",
            "a | lower | upper == 'PAID'",
            "a[:2] == 'AB'",
            "a[1:] == 'ABC'",
            "a[:-1] == 'ABC'",
            "a[b | int:3] == 'ABCDE'",
            "(a | split(','))[0] == 'AB'",
            "a | split(',') | first == 'AB'",
            "a[0] in 'ABC'",
            "a == 'x' and b == 'y'",
            "a == 'x' or a == 'y'",
            "a != 'x' and a != 'y'",
            "(a == 'x' or b == 'x') and a == 'y'",
            "a == 'x' and not a == 'y'",
        ] {
            assert_eq!(condition_fault(source), None, "{source}");
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
        let mut templates = Templates::default();
        for expression in [
            format!("a{}", " ~ a".repeat(490)),
            format!("a{}", "|trim".repeat(490)),
            format!("{}a", "'x' if a == 'x' else ".repeat(140)),
        ] {
            let (number, _) = templates.add_text(&format!("{{{{ {expression} }}}}")).unwrap();
            assert!(rendered(&templates, number, &["a"]).is_ok());
        }
        for expression in [
            format!("a in [{}'x']", "'y', ".repeat(5_000)),
            format!("{}a == 'x'", "not ".repeat(990)),
            format!("a == 'x'{}", " and a != 'y'".repeat(240)),
        ] {
            let (number, _) = templates.add_condition(&expression).unwrap();
            assert!(templates.holds(number, |_| "x".into()).unwrap());
            assert!(templates.render_by_engine(number, |_| "x".into()).is_ok());
        }
    }

    /// A random expression; most are refused.
    fn random_expression(draw: &mut dyn FnMut(usize) -> usize, depth: usize) -> String {
        let leaves = ["a", "b", "'x'", "1", "2.5", "true", "''", "'a b'", "-1", "[]"];
        if depth == 0 || draw(5) == 0 {
            let most = if draw(3) == 0 { leaves.len() } else { 4 };
            return leaves[draw(most)].to_owned();
        }
        let forms = [
            "X | upper",
            "X | int",
            "(X | split(' '))",
            "X | first",
            "X | length",
            "X | join('-')",
            "X | default(Y, true)",
            "(X)[Y]",
            "(X)[Y:]",
            "(X)[::-1]",
            "(X ~ Y)",
            "(X + Y)",
            "(X * Y)",
            "(X / Y)",
            "(X == Y)",
            "(X < Y)",
            "(X in Y)",
            "(not X)",
            "(X and Y)",
            "(X or Y)",
            "(Y if X else Z)",
            "[X, Y]",
            "(X is startingwith(Y))",
            "X | string",
            "(X | replace(Y, Z))",
            "X | reverse",
            "X | last",
            "X | abs",
            "(X != Y)",
        ];
        let mut form = forms[draw(forms.len())].to_owned();
        for name in ["X", "Y", "Z"] {
            if form.contains(name) {
                form = form.replace(name, &random_expression(draw, depth - 1));
            }
        }
        form
    }

    #[test]
    fn random_expressions_write_only_texts_and_numbers() {
        let mut seed = 88_172_645_463_325_252_u64;
        let mut draw = |below: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            usize::try_from(seed % below as u64).unwrap()
        };
        let (cells, mut templates, mut rendered, mut held) =
            (["", "x", "a b", "12", "-3.5"], Templates::default(), 0, 0);
        for _ in 0..20_000 {
            let expression = random_expression(&mut draw, 3);
            let text = templates.add_text(&format!("{{{{ {expression} }}}}"));
            let condition = templates.add_condition(&expression);
            for (a, b) in cells.iter().flat_map(|a| cells.iter().map(move |b| (*a, *b))) {
                let by_name =
                    |columns: &[String], column: usize| if columns[column] == "a" { a.into() } else { b.into() };
                if let Ok((number, columns)) = &text {
                    let made = templates.render(*number, |column| by_name(columns, column));
                    assert_eq!(
                        made,
                        templates.render_by_engine(*number, |column| by_name(columns, column)),
                        "{expression}"
                    );
                    let words = ["True", "False", "None", "ndefined", "[", "(", "inf"];
                    let looks_odd = made.as_ref().is_ok_and(|made| words.iter().any(|word| made.contains(word)));
                    assert!(!looks_odd, "{expression} {made:?}");
                    rendered += usize::from(made.is_ok());
                }
                if let Ok((number, columns)) = &condition {
                    let holds = templates.holds(*number, |column| by_name(columns, column));
                    let engine = templates.render_by_engine(*number, |column| by_name(columns, column));
                    assert_eq!(holds, engine.map(|text| text == "1"), "{expression}");
                    held += usize::from(holds.is_ok());
                }
            }
        }
        assert!(rendered > 10_000 && held > 1_000, "{rendered} {held}");
    }

    #[test]
    fn memory_is_bounded() {
        let mut templates = Templates::default();
        let doubling = format!("{{{{ a{} }}}}", "|replace('', 'xxxxxxxxxx')".repeat(12));
        let (number, _) = templates.add_text(&doubling).unwrap();
        assert_eq!(rendered(&templates, number, &["abc"]), Err("the result is too long".into()));
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
}
