//! What a contract finds wrong with a value: for each violation the deepest rule that was meant to hold.
//!
//! A `oneOf` that no branch fits says nothing that could be acted upon. The branch that was meant is looked for: by the
//! `discriminator`, by a field whose value one branch alone lists, by the type of the value, by how deep inside the value
//! its violations are. What that branch finds is told, with its name; if none is meant, what each of them wants.

use std::collections::BTreeSet;

use jsonschema::{ValidationError, error::ValidationErrorKind as Kind};
use serde_json::Value;

use crate::{
    config::{
        alternatives::{BranchFacts, MeantBranch},
        branch_count::count_branches,
        broken_rules::{
            NAMED_FIELDS, NO_VALUE, describe_broken_rule, describe_condition, describe_ruled_out, find_names, texts,
        },
        contract::Contract,
    },
    diagnostic::Code,
    json_pointer::{escape, unescape},
};

/// One rule of the contract that a value breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// JSON pointer into the checked value.
    pub pointer: String,
    /// The value to show: that one, or a field in it that is missing or not allowed.
    pub shown: String,
    /// The values on which it depends that this rule is the one that was meant, as JSON pointers.
    pub depends_on: Vec<String>,
    /// JSON pointer into the contract, `$ref` resolved.
    pub schema: String,
    /// What kind of rule it is.
    pub code: Code,
    /// What was expected, without the value.
    pub message: String,
    /// The names of fields that it is about, if the rule is about names.
    pub names: Vec<String>,
}

impl Violation {
    /// What was expected, without the names of fields, where these are what a cell says.
    #[must_use]
    pub fn message_without_names(&self) -> String {
        let named = format!("{NAMED_FIELDS}{}`", self.names.join("`, `"));
        match self.message.strip_prefix(&named).filter(|_| !self.names.is_empty()) {
            Some(rest) => format!("a field of this name{rest}"),
            None => self.message.clone(),
        }
    }

    /// The same violation, where no value of a field is allowed: that the field is not.
    #[must_use]
    pub fn of_field(self) -> Violation {
        let around = self.message.strip_prefix(NO_VALUE).zip(self.pointer.rsplit_once('/'));
        let Some((rest, (around, step))) = around.filter(|(_, (_, step))| step.parse::<usize>().is_err()) else {
            return self;
        };
        let (pointer, name) = (around.to_owned(), unescape(step));
        let message = format!("{NAMED_FIELDS}{name}` is not allowed{rest}");
        Violation { pointer, code: Code::CheckFields, message, names: vec![name], ..self }
    }

    /// Alternatives of a part of the contract that lie in each other so deep that nobody can say which were meant.
    fn too_deep(schema: &str) -> Violation {
        Violation {
            pointer: String::new(),
            shown: String::new(),
            depends_on: vec![String::new()],
            schema: schema.to_owned(),
            code: Code::CheckRule,
            message: "no branch fits, and branches lie in each other too deep to say which was meant".into(),
            names: Vec::new(),
        }
    }

    /// The same violation, of a value that stands at a pointer.
    #[must_use]
    pub fn below(self, pointer: &str) -> Violation {
        self.map_pointers(|inner| format!("{pointer}{inner}"))
    }

    /// The same violation, with pointers into the value at a pointer.
    #[must_use]
    pub fn inside(self, pointer: &str) -> Violation {
        self.map_pointers(|whole| whole.strip_prefix(pointer).unwrap_or(&whole).to_owned())
    }

    fn map_pointers(self, map: impl Fn(String) -> String) -> Violation {
        Violation {
            pointer: map(self.pointer),
            shown: map(self.shown),
            depends_on: self.depends_on.into_iter().map(map).collect(),
            ..self
        }
    }
}

/// So many branches are tried to find those that were meant: a fraction of a second.
const MAX_BRANCHES: u64 = 20_000;
/// So many branches are told if none of them was meant.
const MAX_TOLD: usize = 4;
/// So many letters are told of what one of them wants.
const MAX_LETTERS: usize = 120;
/// So many branches and conditions are told of one violation.
const MAX_CONTEXTS: usize = 3;
/// So many values are told of a field that chooses a branch.
const MAX_VALUES: usize = 12;

impl Contract {
    /// Everything that is wrong with one request body, in the order of the document.
    pub fn violations(&self, body: &Value) -> Vec<Violation> {
        self.part_violations(&self.root, body)
    }

    /// Everything one part of the schema finds wrong with a value.
    pub fn part_violations(&self, pointer: &str, value: &Value) -> Vec<Violation> {
        let Some(part) = self.part(pointer) else { return Vec::new() };
        let schema = self.schema.pointer(pointer).unwrap_or(&Value::Null);
        if count_branches(&self.schema, schema, value) > MAX_BRANCHES {
            return if part.is_valid(value) { Vec::new() } else { vec![Violation::too_deep(pointer)] };
        }
        let mut told = ToldViolations { contract: self, part: pointer, violations: Vec::new() };
        part.iter_errors(value).for_each(|error| told.add_error(&error, &Because::default()));
        told.violations
    }

    /// The pointer of a rule inside the whole schema: a part speaks of its rules from its own root.
    fn rule(&self, part: &str, rule: &str) -> String {
        let inside = format!("{part}{rule}");
        let known = [inside, rule.to_owned()].into_iter().find(|pointer| self.schema.pointer(pointer).is_some());
        known.unwrap_or_else(|| part.to_owned())
    }
}

/// Why a violation is told.
#[derive(Clone, Debug, Default)]
struct Because {
    /// The branches that were meant, the outermost first.
    branches: Vec<String>,
    /// The values on which that depends.
    depends_on: Vec<String>,
}

impl Because {
    /// Of one more branch.
    fn and(&self, branch: &str, depends_on: Option<String>) -> Because {
        let mut because = self.clone();
        because.branches.extend((!branch.is_empty()).then(|| branch.to_owned()));
        because.depends_on.extend(depends_on);
        because
    }
}

/// The violations that one part of a contract finds, while they are put into words.
struct ToldViolations<'c> {
    contract: &'c Contract,
    part: &'c str,
    violations: Vec<Violation>,
}

impl ToldViolations<'_> {
    /// Adds what an error tells; of a branch, it depends on some values that this branch was meant.
    fn add_error(&mut self, error: &ValidationError<'_>, because: &Because) {
        match error.kind() {
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
                self.add_alternatives(error, context, because);
            }
            Kind::OneOfMultipleValid { context } => {
                let facts = self.contract.branches(&self.schema_of(error));
                let fitting = || context.iter().enumerate().filter(|(_, errors)| errors.is_empty());
                let names: Vec<&str> = fitting().map(|(branch, _)| facts.short_name(branch)).take(MAX_TOLD).collect();
                let (count, all) = (fitting().count(), context.len());
                let message = format!(
                    "{count} of the {all} branches of `oneOf` fit, and exactly one has to: {}",
                    names.join(", ")
                );
                self.add(error, "", Code::CheckRule, message, because);
            }
            Kind::Not { schema } => {
                let (field, message) = describe_ruled_out(schema);
                let field = field.map(|field| format!("/{}", escape(field))).unwrap_or_default();
                let is_there = error.instance().pointer(&field).is_some();
                self.add(error, if is_there { &field } else { "" }, Code::CheckRule, message, because);
            }
            Kind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                let (code, message) = describe_broken_rule(error.kind());
                let other = self.find_dependency(error, name).map(|other| format!(", and `{other}` is there"));
                let message = message.unwrap_or_default() + &other.unwrap_or_default();
                self.add(error, &format!("/{}", escape(name)), code, message, because);
            }
            Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
                let (code, message) = describe_broken_rule(error.kind());
                let first = unexpected.first().map(|name| format!("/{}", escape(name)));
                self.add(error, &first.unwrap_or_default(), code, message.unwrap_or_default(), because);
            }
            kind => {
                let (code, message) = describe_broken_rule(kind);
                self.add(error, "", code, message.unwrap_or_else(|| error.masked().to_string()), because);
            }
        }
    }

    /// Adds a violation: where it is, where it is shown below that, and under which conditions its rule holds.
    fn add(&mut self, error: &ValidationError<'_>, shown: &str, code: Code, message: String, because: &Because) {
        let pointer = error.instance_path().as_str().to_owned();
        let (mut contexts, mut reasons) = self.find_conditions(error);
        contexts.extend(because.branches.iter().rev().cloned());
        contexts.truncate(MAX_CONTEXTS);
        reasons.extend_from_slice(&because.depends_on);
        if !is_about_shape(error.kind()) {
            reasons.push(pointer.clone());
        }
        let message = if contexts.is_empty() { message } else { format!("{message} ({})", contexts.join(", in ")) };
        let (schema, shown) = (self.schema_of(error), format!("{pointer}{shown}"));
        let names = find_names(error.kind());
        self.violations.push(Violation { pointer, shown, depends_on: reasons, schema, code, message, names });
    }

    fn schema_of(&self, error: &ValidationError<'_>) -> String {
        self.contract.rule(self.part, error.schema_path().as_str())
    }

    /// Adds what the branch that was meant finds; if none was, what each of them wants.
    fn add_alternatives(
        &mut self,
        error: &ValidationError<'_>,
        context: &[Vec<ValidationError<'_>>],
        because: &Because,
    ) {
        let facts = self.contract.branches(&self.schema_of(error));
        let at = error.instance_path().as_str();
        let depth = count_steps(at);
        let typed: Vec<usize> =
            (0..context.len()).filter(|branch| fits_type(&context[*branch], error.instance(), depth)).collect();
        let typed = if typed.is_empty() { (0..context.len()).collect() } else { typed };
        if let [only] = typed.as_slice() {
            return self.add_branch(&context[*only], &because.and(facts.name(*only), None));
        }
        let object = error.instance().as_object();
        let meant =
            object.map_or(MeantBranch::Open(typed.clone()), |object| facts.choose(&typed, &|name| object.get(name)));
        let open = match meant {
            MeantBranch::Chosen(branch, field) if context.get(branch).is_some_and(|errors| !errors.is_empty()) => {
                let because = because.and(facts.name(branch), Some(format!("{at}/{}", escape(&field))));
                return self.add_branch(&context[branch], &because);
            }
            MeantBranch::NoneOf(field, values) => return self.add_unknown(error, &field, &values, because),
            MeantBranch::Chosen(..) => typed,
            MeantBranch::Open(open) => open,
        };
        if let Some(deepest) = find_deepest(context, &open, depth) {
            return self.add_branch(&context[deepest], &because.and(facts.name(deepest), Some(at.to_owned())));
        }
        let (first, others) =
            open.split_first().map_or((&[][..], &[][..]), |(first, rest)| (context[*first].as_slice(), rest));
        let is_common = |inner: &&ValidationError<'_>| {
            others.iter().all(|branch| context[*branch].iter().any(|other| is_same(other, inner)))
        };
        if let Some(common) = first.iter().find(is_common).filter(|_| !others.is_empty()) {
            self.add_error(common, &because.and("", Some(at.to_owned())));
            return;
        }
        let (code, message) = self.describe_open(error, context, &open, &facts);
        self.add(error, "", code, message, &because.and("", Some(at.to_owned())));
    }

    fn add_branch(&mut self, errors: &[ValidationError<'_>], because: &Because) {
        for error in errors {
            self.add_error(error, because);
        }
    }

    /// Adds that the field that chooses a branch has a value that no branch knows.
    fn add_unknown(&mut self, error: &ValidationError<'_>, field: &str, values: &[Value], because: &Because) {
        let keyword = error.kind().keyword().to_owned();
        let field = format!("/{}", escape(field));
        let message = format!("expected {}, which choose the branch of `{keyword}`", join_values(values));
        self.add(error, &field, Code::CheckEnum, message, because);
        if let Some(last) = self.violations.last_mut() {
            last.pointer = format!("{}{field}", last.pointer);
        }
    }

    /// What each of the branches wants, of which nobody knows which one was meant.
    fn describe_open(
        &self,
        error: &ValidationError<'_>,
        context: &[Vec<ValidationError<'_>>],
        open: &[usize],
        facts: &BranchFacts,
    ) -> (Code, String) {
        let mut values = Vec::new();
        let all_listed = open.iter().all(|branch| match context[*branch].as_slice() {
            [only] if only.instance_path() == error.instance_path() => match only.kind() {
                Kind::Constant { expected_value } => {
                    values.push(expected_value.as_ref().clone());
                    true
                }
                Kind::Enum { options } => {
                    values.extend(options.as_array().into_iter().flatten().cloned());
                    true
                }
                _ => false,
            },
            _ => false,
        });
        if all_listed && open.len() == context.len() {
            return (Code::CheckEnum, format!("expected {}", join_values(&values)));
        }
        let keyword = error.kind().keyword();
        let is_inside = |inner: &ValidationError<'_>| inner.instance_path() != error.instance_path();
        let line_of = |branch: &usize| self.contract.place(&format!("{}/{branch}", self.schema_of(error))).line;
        let lines: BTreeSet<u64> = open.iter().map(line_of).collect();
        let wants = open.iter().take(MAX_TOLD).map(|branch| {
            let said = context[*branch].first().map_or_else(String::new, |first| {
                let mut told = ToldViolations { contract: self.contract, part: self.part, violations: Vec::new() };
                told.add_error(first, &Because::default());
                let violation = told.violations.into_iter().next();
                violation.map_or_else(String::new, |violation| {
                    let message = violation.message_without_names();
                    let message = message.split(" (branch ").next().unwrap_or_default().to_owned();
                    match find_field(first.schema_path().as_str()) {
                        Some(name) if is_inside(first) => format!("{message} in `{name}`"),
                        _ => message,
                    }
                })
            });
            let name = facts.short_name(*branch);
            let name = match (lines.len() > 1, name.strip_suffix(')')) {
                (false, _) => name.to_owned(),
                (true, Some(begun)) => format!("{begun}, line {})", line_of(branch)),
                (true, None) => format!("{name} (line {})", line_of(branch)),
            };
            format!("{name}: {}", shorten(&said))
        });
        let wants: Vec<String> = wants.collect();
        let more = open.len().saturating_sub(MAX_TOLD);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        let count = context.len();
        let none = if count == 1 {
            format!("the branch of `{keyword}` does not fit")
        } else {
            format!("none of the {count} branches of `{keyword}` fits")
        };
        (Code::CheckRule, format!("{none}: {}{more}", wants.join("; ")))
    }

    /// The field whose presence makes a `dependentRequired` want another.
    fn find_dependency(&self, error: &ValidationError<'_>, missing: &str) -> Option<String> {
        let at = self.schema_of(error);
        let keyword = at.rsplit('/').next()?;
        if !matches!(keyword, "dependentRequired" | "dependencies") {
            return None;
        }
        let rules = self.contract.schema.pointer(&at)?.as_object()?;
        let wants = |(name, wanted): &(&String, &Value)| {
            error.instance().get(name.as_str()).is_some() && texts(Some(*wanted)).any(|name| name == missing)
        };
        rules.iter().find(wants).map(|(name, _)| name.clone())
    }

    /// The conditions under which the rule of an error stands, the innermost first, and the values on which they depend.
    fn find_conditions(&self, error: &ValidationError<'_>) -> (Vec<String>, Vec<String>) {
        let (mut contexts, mut reasons, mut depth) = (Vec::new(), Vec::new(), 0);
        let mut at = Some(self.part.to_owned());
        let path = error.evaluation_path().as_str();
        if !["/then", "/else", "/depend"].iter().any(|keyword| path.contains(keyword)) {
            return (contexts, reasons);
        }
        let mut steps = path.split('/').skip(1).peekable();
        // A part that refers to something is checked through a reference to it.
        if !self.part.is_empty() && steps.peek() == Some(&"$ref") {
            steps.next();
        }
        while let Some(keyword) = steps.next() {
            let here = at.clone();
            let schema = here.as_ref().and_then(|at| self.contract.schema.pointer(at));
            at = here.as_ref().map(|at| format!("{at}/{keyword}"));
            let mut enter = |at: &mut Option<String>| {
                let name = steps.next().unwrap_or_default();
                *at = at.as_ref().map(|at| format!("{at}/{name}"));
                name
            };
            match keyword {
                "$ref" => {
                    let target = schema.and_then(|schema| schema.get("$ref")?.as_str()?.strip_prefix('#'));
                    at = target.filter(|at| !at.contains('%')).map(str::to_owned);
                }
                "properties" | "patternProperties" | "prefixItems" => {
                    enter(&mut at);
                    depth += 1;
                }
                "items" => {
                    if schema.is_some_and(|schema| schema["items"].is_array()) {
                        enter(&mut at);
                    }
                    depth += 1;
                }
                "additionalProperties"
                | "additionalItems"
                | "contains"
                | "unevaluatedItems"
                | "unevaluatedProperties" => {
                    depth += 1;
                }
                "allOf" | "oneOf" | "anyOf" => drop(enter(&mut at)),
                "then" | "else" => {
                    contexts.push(describe_condition(schema.and_then(|schema| schema.get("if")), keyword == "then"));
                    reasons.push(take_steps(error.instance_path().as_str(), depth).to_owned());
                }
                "dependentSchemas" | "dependencies" => {
                    let name = enter(&mut at);
                    if !name.is_empty() {
                        contexts.push(format!("where `{}` is there", unescape(name)));
                    }
                }
                _ => {}
            }
        }
        contexts.reverse();
        (contexts, reasons)
    }
}

/// Whether a rule is about how many things there are and what kind of value it is, so that it holds whatever is inside.
fn is_about_shape(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Type { .. }
            | Kind::Required { .. }
            | Kind::AdditionalProperties { .. }
            | Kind::AdditionalItems { .. }
            | Kind::MinItems { .. }
            | Kind::MaxItems { .. }
            | Kind::MinProperties { .. }
            | Kind::MaxProperties { .. }
            | Kind::PropertyNames { .. }
            | Kind::FalseSchema
    )
}

/// Whether a value is of the type that a branch wants.
fn fits_type(errors: &[ValidationError<'_>], value: &Value, depth: usize) -> bool {
    let is_other = |expected: &Value| std::mem::discriminant(expected) != std::mem::discriminant(value);
    !errors.iter().any(|error| {
        count_steps(error.instance_path().as_str()) == depth
            && match error.kind() {
                Kind::Type { .. } | Kind::FalseSchema => true,
                Kind::Constant { expected_value } => is_other(expected_value),
                Kind::Enum { options } => options.as_array().is_some_and(|options| options.iter().all(is_other)),
                _ => false,
            }
    })
}

/// The branch whose violations all lie deeper inside the value than those of the others; of several, the one with the fewest.
fn find_deepest(context: &[Vec<ValidationError<'_>>], open: &[usize], depth: usize) -> Option<usize> {
    let rank = |branch: &usize| (find_depth(&context[*branch]), std::cmp::Reverse(context[*branch].len()));
    let best = open.iter().map(rank).max().filter(|(deepest, _)| *deepest > depth)?;
    let mut chosen = open.iter().filter(|branch| rank(branch) == best);
    chosen.next().filter(|_| chosen.next().is_none()).copied()
}

/// How deep the shallowest of some violations lies.
fn find_depth(errors: &[ValidationError<'_>]) -> usize {
    let depth = |error: &ValidationError<'_>| match error.kind() {
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            context.iter().map(|branch| find_depth(branch)).max().unwrap_or_default()
        }
        _ => count_steps(error.instance_path().as_str()),
    };
    errors.iter().map(depth).min().unwrap_or_default()
}

/// The field that a rule is about: a name of the contract, and so none that a cell says.
fn find_field(schema: &str) -> Option<String> {
    let (_, behind) = schema.rsplit_once("/properties/")?;
    behind.split('/').next().map(unescape)
}

/// The first steps of a pointer.
fn take_steps(pointer: &str, count: usize) -> &str {
    let end = pointer.match_indices('/').nth(count).map_or(pointer.len(), |(at, _)| at);
    &pointer[..end]
}

fn count_steps(pointer: &str) -> usize {
    pointer.bytes().filter(|byte| *byte == b'/').count()
}

/// Whether two branches find the same thing wrong.
fn is_same(one: &ValidationError<'_>, other: &ValidationError<'_>) -> bool {
    let said = |error: &ValidationError<'_>| describe_broken_rule(error.kind());
    let is_alternative = matches!(
        one.kind(),
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } | Kind::OneOfMultipleValid { .. } | Kind::Not { .. }
    );
    !is_alternative && one.instance_path() == other.instance_path() && said(one) == said(other)
}

/// Some values, as a message names them.
fn join_values(values: &[Value]) -> String {
    let told: Vec<String> = values.iter().take(MAX_VALUES).map(Value::to_string).collect();
    let more = if values.len() > MAX_VALUES { ",…" } else { "" };
    format!("one of [{}{more}]", told.join(","))
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_LETTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
