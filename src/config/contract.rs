//! What the API accepts: the JSON Schema of a request body.
//!
//! A contract is a part of a file: mostly the whole. All pointers are into the file. It is compiled once. Formats are asserted, patterns run in linear time, and nothing outside the file is ever
//! opened. Its verdict is exact: a payload is sent only if every violation list would have been empty.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::{Arc, OnceLock, PoisonError, RwLock},
};

use serde_json::{Map, Value};

use crate::{
    config::{
        alternatives::BranchFacts,
        branch_count::{BranchFault, find_fault},
        broken_rules::describe_broken_rule,
        contract_part::{self, ContractPart, SchemaLanguage, WantedPart},
        contract_text::{ContractPlaces, ParsedContract},
        exact_number::ExactNumber,
        foreign_patterns,
        formats::{is_date, is_date_time, is_time},
        ignored_keywords::{self, DraftFacts, Schemas, find_schemas, is_in_draft, is_rule},
        open_api_schemas,
        unused_definitions::{self, Reached, decode_reference},
        yaml::Places,
    },
    diagnostic::{Code, Diagnostic, Place, nearest},
    json_pointer::escape,
};

/// A compiled contract.
#[derive(Debug)]
pub struct Contract {
    /// The file in which the schema is written, without what the schema does not reach.
    pub schema: Value,
    /// The pointer of the schema of the body in it; empty: it is the whole file.
    pub root: String,
    /// Where each of its nodes stands, for messages.
    pub places: ContractPlaces,
    /// It is of OpenAPI, where what is `readOnly` is no part of a request.
    is_api: bool,
    /// The draft that it is checked by.
    draft: jsonschema::Draft,
    /// The validator of the whole body.
    whole: Arc<jsonschema::Validator>,
    /// The validators of its parts by their pointers, each built when it is first needed: a part compiles everything it
    /// refers to, so building all of them takes a time that grows with the square of the contract.
    parts: RwLock<BTreeMap<String, KnownPart>>,
    /// The schema, for references out of parts.
    registry: OnceLock<Option<jsonschema::Registry<'static>>>,
    /// What is known of the branches of its `oneOf` and `anyOf`, by their pointers, each found when it is first needed.
    pub(super) branches: RwLock<BTreeMap<String, Arc<BranchFacts>>>,
    /// `$ref` hides its siblings: draft 7 and older.
    lone_references: bool,
    /// Some part has a base URI of its own, so that references inside it are not followed here.
    rebased: bool,
    /// What it says and nobody checks.
    pub ignored: Vec<Diagnostic>,
}

/// The validator of a part that was needed; `None`: it is no schema that can be used.
pub(super) type KnownPart = Option<Arc<jsonschema::Validator>>;

/// The largest pattern once it is compiled, in bytes: 10 MiB, the limit of the library, is too little for `^\p{L}{1,255}$`.
const MAX_PATTERN: usize = 128 << 20;
/// How much is remembered of a pattern that is matched, in bytes: enough for a name of a host.
const PATTERN_CACHE: usize = 16 << 20;
/// Under which URI parts refer to the whole.
const CONTRACT_URI: &str = "urn:xwalk:contract";

/// Everything the contract says directly about one place: `$ref` and `allOf` followed.
#[derive(Debug, Default)]
pub struct Rules<'a> {
    /// The schemas that apply, each with its pointer.
    pub schemas: Vec<(String, &'a Map<String, Value>)>,
    /// Something could not be followed, so these are not all.
    pub opaque: bool,
    /// A schema that allows nothing.
    pub never: Option<String>,
    /// The keywords, by their pointers, of which nothing is left to be checked.
    pub settled: BTreeSet<String>,
}

impl Rules<'_> {
    /// Whether nothing of a keyword is left to be checked.
    pub fn is_settled(&self, at: &str, keyword: &str) -> bool {
        self.settled.contains(&format!("{at}/{keyword}"))
    }
}

/// Which branch each value of a field chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discriminator {
    /// The field.
    pub property: String,
    /// The pointers of the branches, by the values of the field.
    pub branches: BTreeMap<String, String>,
}

impl Contract {
    /// Compiles the text of a JSON Schema file, draft 4 to 2020-12, in JSON or YAML.
    ///
    /// # Errors
    /// The text is neither, not a schema, or refers to something outside itself.
    pub fn compile(path: &str, text: &str) -> Result<Contract, Diagnostic> {
        Contract::compile_part(path, text.to_owned(), &WantedPart::default())
    }

    /// Compiles the wanted part of the text of a file: JSON Schema, or OpenAPI.
    ///
    /// # Errors
    /// The part is not there, not a schema, or refers to something outside the file.
    pub fn compile_part(path: &str, text: String, wanted: &WantedPart) -> Result<Contract, Diagnostic> {
        // Most contracts have no pattern, and no key that is written with escapes.
        let has_patterns = memchr::memmem::find(text.as_bytes(), b"pattern").is_some() || text.contains('\\');
        let mut file = ParsedContract::read(path, text)?;
        let ContractPart { at: root, dialect, draft: named } = contract_part::find(&file, wanted)?;
        let draft = find_draft(dialect, named.as_deref());
        if draft == jsonschema::Draft::Unknown && !root.is_empty() {
            return Err(refuse_draft(&file, named.as_deref().unwrap_or_default()));
        }
        let reached = if root.is_empty() {
            Reached { kept: BTreeSet::from([String::new()]), removed: unused_definitions::remove(&mut file.value) }
        } else {
            unused_definitions::keep_reachable(&mut file.value, &root)
        };
        let (mut schema, places) = file.with_places(reached.removed)?;
        let schemas = find_schemas(&schema, &root);
        if has_patterns && let Some(foreign) = foreign_patterns::find(&schemas, &places) {
            return Err(foreign);
        }
        let checks_format = |format: &str| is_known_format(draft, format);
        let facts = DraftFacts { number: draft_number(draft), dialect, checks_format: &checks_format };
        let ignored = ignored_keywords::find(&schema, &schemas, &places, &facts);
        let rebased = dialect != SchemaLanguage::OpenApi30 && has_own_bases(&schemas, draft);
        let references = badly_written_references(&schemas);
        let described = described_schemas(&schemas);
        drop(schemas);
        for (at, reference) in references {
            if let Some(schema) = schema.pointer_mut(&at) {
                schema["$ref"] = reference.into();
            }
        }
        remove_descriptions(&mut schema, &mut String::new(), &described);
        let lone_references =
            matches!(draft, jsonschema::Draft::Draft4 | jsonschema::Draft::Draft6 | jsonschema::Draft::Draft7);
        if dialect == SchemaLanguage::OpenApi30 {
            open_api_schemas::to_draft_4(&mut schema, &root);
        }
        let is_api = dialect != SchemaLanguage::JsonSchema;
        if is_api {
            open_api_schemas::require_no_read_only(&mut schema, &root, lone_references);
        }
        check_branches(&schema, &places)?;
        let whole = build_whole(&schema, &root, &reached.kept, draft, &places)?;
        let (registry, parts, branches) = (OnceLock::new(), RwLock::default(), RwLock::default());
        Ok(Contract {
            schema,
            root,
            places,
            is_api,
            draft,
            whole,
            parts,
            registry,
            branches,
            lone_references,
            rebased,
            ignored,
        })
    }

    /// Whether a keyword restricts values here: all others, those of other drafts and unknown formats are ignored.
    pub fn listens_to(&self, keyword: &str, value: &Value) -> bool {
        let is_unknown = |format: &str| !is_known_format(self.draft, format);
        match keyword {
            "format" => !value.as_str().is_some_and(is_unknown),
            other => is_rule(other) && is_in_draft(other, draft_number(self.draft)),
        }
    }

    /// The exact verdict on one request body.
    pub fn accepts(&self, body: &Value) -> bool {
        self.whole.is_valid(body)
    }

    /// Whether a part of the schema can be checked by itself.
    pub fn has_part(&self, pointer: &str) -> bool {
        self.part(pointer).is_some()
    }

    /// The exact verdict of one part of the schema. A part that does not exist accepts nothing.
    pub fn part_accepts(&self, pointer: &str, value: &Value) -> bool {
        self.part(pointer).is_some_and(|part| part.is_valid(value))
    }

    /// The validator of a part of the schema.
    pub(super) fn part(&self, pointer: &str) -> KnownPart {
        if pointer == self.root {
            return Some(Arc::clone(&self.whole));
        }
        if let Some(known) = self.parts.read().unwrap_or_else(PoisonError::into_inner).get(pointer) {
            return known.clone();
        }
        let built = self.build_part(pointer).map(Arc::new);
        self.parts.write().unwrap_or_else(PoisonError::into_inner).insert(pointer.to_owned(), built.clone());
        built
    }

    /// Builds the validator of a part of the schema.
    fn build_part(&self, pointer: &str) -> Option<jsonschema::Validator> {
        let part = self.schema.pointer(pointer)?;
        let options = options().with_draft(self.draft);
        if !refers(part) && !self.rebased {
            return options.build(part).ok();
        }
        let registry = self.registry.get_or_init(|| build_registry(&self.schema, self.draft));
        options.with_registry(registry.as_ref()?).build(&refer_to(pointer)).ok()
    }

    /// What a group of rules says of a field that is no part of a request: the pointer of its `readOnly`.
    pub fn read_only(&self, rules: &Rules<'_>) -> Option<String> {
        let is_read_only = |schema: &Map<String, Value>| schema.get("readOnly") == Some(&Value::Bool(true));
        let found = rules.schemas.iter().find(|(_, schema)| self.is_api && is_read_only(schema));
        found.map(|(at, _)| format!("{at}/readOnly"))
    }

    /// The `discriminator` of a schema, with the branches that its `mapping` names.
    pub fn discriminator(&self, at: &str) -> Option<Discriminator> {
        let schema = self.schema.pointer(at)?.as_object()?;
        let discriminator = schema.get("discriminator")?.as_object()?;
        let property = discriminator.get("propertyName")?.as_str()?.to_owned();
        let mut branches = BTreeMap::new();
        let mapping = discriminator.get("mapping").and_then(Value::as_object).into_iter().flatten();
        for (value, target) in mapping.filter_map(|(value, target)| Some((value, target.as_str()?))) {
            let named = || format!("/components/schemas/{}", escape(target));
            branches.insert(value.clone(), decode_reference(target).unwrap_or_else(named));
        }
        Some(Discriminator { property, branches })
    }

    /// What the contract says about the places of some pointers.
    pub fn rules(&self, pointers: &[String]) -> Rules<'_> {
        let mut rules = Rules::default();
        let mut open: Vec<String> = pointers.to_vec();
        let mut seen = BTreeSet::new();
        while let Some(at) = open.pop() {
            if !seen.insert(at.clone()) {
                continue;
            }
            match self.schema.pointer(&at) {
                Some(Value::Object(schema)) => {
                    self.follow(&at, schema, &mut open, &mut rules);
                }
                Some(Value::Bool(true)) => {}
                Some(Value::Bool(false)) => rules.never = Some(at.clone()),
                _ => rules.opaque = true,
            }
        }
        rules.schemas.sort_by(|one, other| one.0.cmp(&other.0));
        rules
    }

    fn follow<'a>(&self, at: &str, schema: &'a Map<String, Value>, open: &mut Vec<String>, rules: &mut Rules<'a>) {
        if self.rebased || schema.contains_key("$dynamicRef") || schema.contains_key("$recursiveRef") {
            rules.opaque = true;
        }
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            match decode_reference(reference) {
                Some(pointer) => open.push(pointer),
                None => rules.opaque = true,
            }
            if self.lone_references {
                return;
            }
        }
        let all = schema.get("allOf").and_then(Value::as_array).map_or(0, Vec::len);
        open.extend((0..all).map(|number| format!("{at}/allOf/{number}")));
        rules.schemas.push((at.to_owned(), schema));
    }

    /// The pointers to the rules that a schema at a pointer has for a field of an object.
    pub fn rules_of_field(&self, at: &str, schema: &Map<String, Value>, name: &str) -> Vec<String> {
        let parts = |keyword: &str| schema.get(keyword).and_then(Value::as_object);
        let mut rules = Vec::new();
        if parts("properties").is_some_and(|known| known.contains_key(name)) {
            rules.push(format!("{at}/properties/{}", escape(name)));
        }
        for pattern in parts("patternProperties").into_iter().flat_map(Map::keys) {
            let schema = serde_json::json!({ "pattern": pattern });
            let compiled = options().with_draft(self.draft).build(&schema);
            if compiled.is_ok_and(|pattern| pattern.is_valid(&name.into())) {
                rules.push(format!("{at}/patternProperties/{}", escape(pattern)));
            }
        }
        if rules.is_empty() && schema.contains_key("additionalProperties") {
            rules.push(format!("{at}/additionalProperties"));
        }
        rules
    }

    /// The place of a rule inside the contract file.
    pub fn place(&self, pointer: &str) -> Place {
        self.places.get().key(pointer)
    }
}

/// The draft that a contract is checked by. One that nobody knows is refused when the contract is compiled.
fn find_draft(dialect: SchemaLanguage, named: Option<&str>) -> jsonschema::Draft {
    match (dialect, named) {
        (SchemaLanguage::OpenApi30, _) => jsonschema::Draft::Draft4,
        (_, Some(uri)) => jsonschema::Draft::default().detect(&serde_json::json!({ "$schema": uri })),
        (_, None) => jsonschema::Draft::default(),
    }
}

/// A draft that nobody knows.
fn refuse_draft(file: &ParsedContract, named: &str) -> Diagnostic {
    let key = ["jsonSchemaDialect", "$schema"].into_iter().find(|key| file.value.get(key).is_some());
    let message = format!("the contract cannot be used: `{named}` is no draft of JSON Schema");
    let finding =
        Diagnostic::new(Code::PlanContract, message).rule(file.place(&format!("/{}", key.unwrap_or_default())));
    finding.hint("name one of the drafts 4, 6, 7, 2019-09 and 2020-12, or leave it out")
}

/// Refuses branches that lie in each other so that one value would be tried against too many of them.
fn check_branches(schema: &Value, places: &ContractPlaces) -> Result<(), Diagnostic> {
    let Some((fault, pointer)) = find_fault(schema) else { return Ok(()) };
    let (message, hint) = match fault {
        BranchFault::TooMany => (
            "the branches that lie in each other here would be tried more than a million times for one value",
            "say each alternative once, in one list",
        ),
        BranchFault::TooLong => (
            "more than 128 schemas lead from here to the next for one value, by `$ref` or a list of branches",
            "let the first `$ref` name the last schema",
        ),
    };
    Err(Diagnostic::new(Code::PlanContract, message).rule(places.get().key(&pointer)).hint(hint))
}

/// Builds the validator of the whole body: of the file, or of a part of it.
fn build_whole(
    file: &Value,
    root: &str,
    kept: &BTreeSet<String>,
    draft: jsonschema::Draft,
    places: &ContractPlaces,
) -> Result<Arc<jsonschema::Validator>, Diagnostic> {
    let unusable = |error: &jsonschema::ValidationError<'_>| explain_unusable(error, root, places);
    if root.is_empty() {
        return options().build(file).map(Arc::new).map_err(|error| unusable(&error));
    }
    check_parts(file, kept, draft, places)?;
    let registry =
        jsonschema::Registry::new().draft(draft).add(CONTRACT_URI, file).and_then(jsonschema::RegistryBuilder::prepare);
    let registry = registry.map_err(|error| {
        let message = format!("the contract cannot be used: {error}");
        Diagnostic::new(Code::PlanContract, message).rule(places.get().key(root))
    })?;
    let options = options().with_draft(draft).with_registry(&registry);
    options.build(&refer_to(root)).map(Arc::new).map_err(|error| unusable(&error))
}

/// References into the file that people write as they are, and that a URI writes with percent signs, by the pointers of
/// their schemas.
fn badly_written_references(schemas: &Schemas<'_>) -> Vec<(String, String)> {
    let is_bad = |byte: u8| !byte.is_ascii_graphic() || b"<>|{}\"^`\\[]".contains(&byte);
    let written = |schema: &Map<String, Value>| {
        let reference = schema.get("$ref")?.as_str().filter(|reference| reference.bytes().any(is_bad))?;
        decode_reference(reference).map(|pointer| format!("#{}", encode_fragment(&pointer)))
    };
    schemas.iter().filter_map(|(at, schema)| Some((at.clone(), written(schema)?))).collect()
}

/// The pointers of the schemas that are described in words.
fn described_schemas(schemas: &Schemas<'_>) -> BTreeSet<String> {
    let is_described = |schema: &Map<String, Value>| schema.get("description").is_some_and(Value::is_string);
    schemas.iter().filter(|(_, schema)| is_described(schema)).map(|(at, _)| at.clone()).collect()
}

/// Removes the descriptions of schemas: no message repeats them, and they are a third of a large contract.
fn remove_descriptions(value: &mut Value, at: &mut String, described: &BTreeSet<String>) {
    let length = at.len();
    match value {
        Value::Object(members) => {
            if described.contains(at.as_str()) {
                members.shift_remove("description");
            }
            for (name, member) in members {
                at.push('/');
                at.push_str(&escape(name));
                remove_descriptions(member, at, described);
                at.truncate(length);
            }
        }
        Value::Array(items) => {
            for (number, item) in items.iter_mut().enumerate() {
                _ = write!(at, "/{number}");
                remove_descriptions(item, at, described);
                at.truncate(length);
            }
        }
        _ => {}
    }
}

/// Checks parts of a file, which are compiled by reference, against the schema of schemas.
fn check_parts(
    file: &Value,
    parts: &BTreeSet<String>,
    draft: jsonschema::Draft,
    places: &ContractPlaces,
) -> Result<(), Diagnostic> {
    for at in parts {
        let Some(part) = file.pointer(at) else { continue };
        let checked = match draft {
            jsonschema::Draft::Draft4 => jsonschema::draft4::meta::validate(part),
            jsonschema::Draft::Draft6 => jsonschema::draft6::meta::validate(part),
            jsonschema::Draft::Draft7 => jsonschema::draft7::meta::validate(part),
            jsonschema::Draft::Draft201909 => jsonschema::draft201909::meta::validate(part),
            _ => jsonschema::draft202012::meta::validate(part),
        };
        checked.map_err(|error| explain_unusable(&error, at, places))?;
    }
    Ok(())
}

/// A file, for references into it.
fn build_registry(file: &Value, draft: jsonschema::Draft) -> Option<jsonschema::Registry<'static>> {
    jsonschema::Registry::new().draft(draft).add(CONTRACT_URI, file.clone()).ok()?.prepare().ok()
}

/// A schema that is a part of the file.
fn refer_to(pointer: &str) -> Value {
    serde_json::json!({ "$ref": format!("{CONTRACT_URI}#{}", encode_fragment(pointer)) })
}

/// How contracts are compiled.
fn options<'a>() -> jsonschema::ValidationOptions<'a> {
    let mut options = jsonschema::options()
        .should_validate_formats(true)
        .should_ignore_unknown_formats(true)
        .with_pattern_options(jsonschema::PatternOptions::regex().size_limit(MAX_PATTERN).dfa_size_limit(PATTERN_CACHE))
        // An address, and not `Ann <ann@x.example>`.
        .with_email_options(jsonschema::EmailOptions::default().without_display_text())
        .with_format("date", is_date)
        .with_format("time", is_time)
        .with_format("date-time", is_date_time)
        .offline();
    for keyword in NumberRule::KEYWORDS {
        options = options.with_keyword(*keyword, |schema, value, at| NumberRule::compile(schema, value, &at));
    }
    options
}

/// Whether a format restricts values in a draft. Those that are checked here are known in every draft.
fn is_known_format(draft: jsonschema::Draft, format: &str) -> bool {
    jsonschema::options().is_known_format(draft, format)
}

/// A rule about numbers, kept exactly.
struct NumberRule {
    keyword: &'static str,
    /// `minimum` and `maximum` of draft 4 may leave the limit itself out.
    is_exclusive: bool,
    limit: Option<ExactNumber>,
    /// The limit, if it is small: most are, and so are most numbers.
    small: Option<i64>,
    /// The limit as it is written.
    written: String,
}

impl NumberRule {
    const KEYWORDS: &[&str] = &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];

    fn compile<'a>(
        schema: &'a Map<String, Value>,
        value: &'a Value,
        at: &jsonschema::paths::Location,
    ) -> Result<Box<dyn for<'i> jsonschema::Keyword<'i>>, jsonschema::ValidationError<'a>> {
        let name = at.as_str().rsplit('/').next().unwrap_or_default();
        let keyword = NumberRule::KEYWORDS.iter().find(|keyword| **keyword == name).copied().unwrap_or_default();
        let is_true = |keyword: &str| schema.get(keyword) == Some(&Value::Bool(true));
        let is_exclusive = match keyword {
            "minimum" => is_true("exclusiveMinimum"),
            "maximum" => is_true("exclusiveMaximum"),
            other => other.starts_with("exclusive"),
        };
        let limit = value.as_number().and_then(|number| ExactNumber::parse(number.as_str()));
        if keyword == "multipleOf" && !limit.as_ref().is_some_and(ExactNumber::is_divisor) {
            return Err(jsonschema::ValidationError::custom("it has more digits than can be checked exactly"));
        }
        let small = value.as_i64();
        Ok(Box::new(NumberRule { keyword, is_exclusive, limit, small, written: value.to_string() }))
    }

    fn accepts(&self, value: &Value) -> bool {
        let (Some(limit), Some(number)) = (&self.limit, value.as_number()) else { return true };
        if let (Some(limit), Some(number)) = (self.small, number.as_i64()) {
            return match self.keyword {
                "multipleOf" => number % limit == 0,
                _ => self.allows(number.cmp(&limit)),
            };
        }
        let Some(number) = ExactNumber::parse(number.as_str()) else { return false };
        match self.keyword {
            "multipleOf" => number.is_multiple_of(limit),
            _ => self.allows(number.compare(limit)),
        }
    }

    /// Whether a number may stand so to the limit.
    fn allows(&self, order: Ordering) -> bool {
        let is_lower = matches!(self.keyword, "minimum" | "exclusiveMinimum");
        match order {
            Ordering::Equal => !self.is_exclusive,
            order => is_lower == (order == Ordering::Greater),
        }
    }

    fn describe(&self) -> String {
        let written = &self.written;
        match (self.keyword, self.is_exclusive) {
            ("multipleOf", _) => format!("expected a multiple of {written}"),
            ("minimum" | "exclusiveMinimum", false) => format!("expected at least {written}"),
            ("minimum" | "exclusiveMinimum", true) => format!("expected more than {written}"),
            (_, false) => format!("expected at most {written}"),
            (_, true) => format!("expected less than {written}"),
        }
    }
}

impl<'i> jsonschema::Keyword<'i> for NumberRule {
    fn validate(&self, value: &'i Value) -> Result<(), jsonschema::ValidationError<'i>> {
        if self.accepts(value) { Ok(()) } else { Err(jsonschema::ValidationError::custom(self.describe())) }
    }

    fn is_valid(&self, value: &'i Value) -> bool {
        self.accepts(value)
    }
}

/// The number of a draft, as people name it.
fn draft_number(draft: jsonschema::Draft) -> u16 {
    match draft {
        jsonschema::Draft::Draft4 => 4,
        jsonschema::Draft::Draft6 => 6,
        jsonschema::Draft::Draft7 => 7,
        jsonschema::Draft::Draft201909 => 2019,
        _ => 2020,
    }
}

/// Whether a part of a schema refers to anything.
fn refers(part: &Value) -> bool {
    let is_reference = |name: &&str| part.get(name).is_some();
    ["$ref", "$dynamicRef", "$recursiveRef"].iter().any(is_reference) || nested_values(part).any(refers)
}

/// A JSON pointer as the fragment of a URI (RFC 6901, section 6).
fn encode_fragment(pointer: &str) -> String {
    let mut fragment = String::with_capacity(pointer.len());
    for byte in pointer.bytes() {
        match byte {
            b'/' | b'~' | b'-' | b'.' | b'_' | b'$' => fragment.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => fragment.push(char::from(byte)),
            byte => drop(write!(fragment, "%{byte:02X}")),
        }
    }
    fragment
}

/// The values directly inside a value.
fn nested_values(value: &Value) -> impl Iterator<Item = &Value> {
    let (list, object) = (value.as_array(), value.as_object());
    list.into_iter().flatten().chain(object.into_iter().flat_map(Map::values))
}

/// Whether a schema inside a contract has a base URI of its own: `$id`, in draft 4 `id`, which is elsewhere a word like others.
fn has_own_bases(schemas: &Schemas<'_>, draft: jsonschema::Draft) -> bool {
    let name = if draft == jsonschema::Draft::Draft4 { "id" } else { "$id" };
    schemas.iter().any(|(at, schema)| !at.is_empty() && schema.get(name).is_some_and(Value::is_string))
}

/// The types of JSON Schema.
const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// Why a schema cannot be compiled, with its place.
fn explain_unusable(error: &jsonschema::ValidationError<'_>, part: &str, places: &ContractPlaces) -> Diagnostic {
    use jsonschema::error::ValidationErrorKind as Kind;
    let places: &Places = places.get();
    let place = places.leaf(&format!("{part}{}", error.instance_path().as_str()));
    if let Kind::Referencing(cause) = error.kind() {
        let place = places.below("").find(|(at, node)| {
            at.ends_with("/$ref")
                && node
                    .scalar
                    .as_deref()
                    .is_some_and(|target| cause.to_string().contains(target.trim_start_matches('#')))
        });
        let target = place.and_then(|(_, node)| node.scalar.clone()).unwrap_or_default();
        let place = place.map_or_else(|| Place::file(places.path()), |(at, _)| places.value(at));
        let message = match target.as_str() {
            "" => format!("the contract refers to something that is not in it: {cause}"),
            target => format!("the contract refers to `{target}`, which is not in it"),
        };
        let finding = Diagnostic::new(Code::PlanContractReference, message).rule(place);
        let parts: Vec<String> = places.below("").map(|(at, _)| format!("#{at}")).collect();
        let near = nearest(&target, parts.iter().map(String::as_str)).filter(|_| target.starts_with('#'));
        return finding.hint(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                "copy what it refers to into `$defs` of this file; nothing outside the contract is ever opened".into()
            }
        });
    }
    let said = error.to_string();
    let said = said.split(". Adjust configuration").next().unwrap_or_default();
    let key = error.instance_path().as_str().rsplit('/').find(|step| step.parse::<u32>().is_err()).unwrap_or_default();
    let value = error.instance().as_str().unwrap_or_default();
    if key == "type" && !value.is_empty() {
        let near = nearest(value, TYPES).map(|near| format!("did you mean `{near}`? "));
        let hint = format!("{}the types are `{}`", near.unwrap_or_default(), TYPES.join("`, `"));
        let message = format!("the contract cannot be used: `{value}` is no type of JSON Schema");
        return Diagnostic::new(Code::PlanContract, message).rule(place).hint(hint);
    }
    let said = match (describe_broken_rule(error.kind()), error.instance_path().as_str()) {
        (_, "") if !error.instance().is_object() => "a JSON Schema is an object that begins with `{`".to_owned(),
        _ if matches!(error.kind(), Kind::Format { format } if format == "regex") => {
            format!("`{value}` is no regular expression that can be checked")
        }
        ((_, Some(expected)), _) if !key.is_empty() => format!("`{key}` is wrong: {expected}"),
        _ => said.to_owned(),
    };
    let diagnostic = Diagnostic::new(Code::PlanContract, format!("the contract cannot be used: {said}")).rule(place);
    match error.kind() {
        Kind::Format { format } if format == "regex" => diagnostic.hint(advise_pattern(value)),
        _ => diagnostic,
    }
}

/// What to do about a pattern that cannot be checked.
fn advise_pattern(pattern: &str) -> &'static str {
    let looks_around = ["(?=", "(?!", "(?<=", "(?<!", "\\k<"].iter().any(|start| pattern.contains(start));
    let refers_back = pattern.split('\\').skip(1).any(|behind| behind.starts_with(|c| matches!(c, '1'..='9')));
    if looks_around || refers_back {
        "look-around and back-references are not supported: patterns run in linear time"
    } else if ["\\w-", "\\d-", "\\s-", "\\W-", "\\D-", "\\S-"].iter().any(|class| pattern.contains(class)) {
        "a `-` beside a class such as `\\w` is no range: write it as `\\-`, or last in the brackets"
    } else if pattern.contains(',') && pattern.contains('{') {
        "write it as ECMA-262 does with the flag `u`; if it is, it repeats too much: say less in `{…}`, or use `maxLength`"
    } else {
        "write it as ECMA-262 does with the flag `u`"
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{
        contract::{Contract, Discriminator},
        exact_number::ExactNumber,
    };

    #[test]
    fn patterns_of_long_names_are_taken_and_those_too_large_are_told_so() {
        for pattern in [r"^\\p{L}{1,255}$", r"^[\\p{L}\\w .]{0,200}$", r"^[^<>]{1,10000}$"] {
            assert!(accepts(&format!(r#"{{"pattern": "{pattern}"}}"#), "\"\u{e9}l\u{e8}ve\""), "{pattern}");
        }
        let wrong = Contract::compile("c.json", r#"{"pattern": "^\\p{L}{1,100000}$"}"#).unwrap_err();
        assert!(wrong.hint.contains("repeats too much"), "{}", wrong.message);
    }

    fn accepts(schema: &str, json: &str) -> bool {
        let contract = Contract::compile("contract.json", schema).map_err(|wrong| wrong.message).unwrap();
        contract.accepts(&serde_json::from_str(json).unwrap())
    }

    /// For each format, texts in it and texts that only look so.
    const FORMATS: &[(&str, &[&str], &[&str])] = &[
        (
            "email",
            &[
                "ann@x.example",
                "ann+tag@x.example",
                "o'neill@mail.x.example",
                "ann@localhost",
                "\"a b\"@x.example",
                "ann@[127.0.0.1]",
                "ann@[IPv6:::1]",
            ],
            &[
                "Ann <ann@x.example>",
                "<ann@x.example>",
                "\"Ann\" <ann@x.example>",
                "ann@x.example ",
                " ann@x.example",
                "ann",
                "ann@",
                "@x.example",
                "ann@x..example",
                "ann..b@x.example",
                ".ann@x.example",
                "ann@-x.example",
                "ann@x_y.example",
                "ann@x.example, bob@x.example",
                "ann@x.example\n",
                "mailto:ann@x.example",
                "é@x.example",
                "ann@é.example",
                "ann@[1.2.3]",
                "a b@x.example",
                "",
            ],
        ),
        (
            "hostname",
            &["a", "x.example", "X.EXAMPLE", "1.2.3.4", "a-b.c", "xn--bcher-kva.example"],
            &[
                "",
                "a..b",
                "-a",
                "a-",
                "a_b",
                "a b",
                "a.",
                "é.example",
                "ab--c",
                "x.example:80",
                "http://x.example",
                "a\n",
            ],
        ),
        (
            "ipv4",
            &["1.2.3.4", "255.255.255.255", "0.0.0.0"],
            &[
                "256.1.1.1",
                "1.2.3",
                "1.2.3.4.5",
                "01.2.3.4",
                "1.2.3.4/24",
                " 1.2.3.4",
                "1.2.3.4\n",
                "0x1.2.3.4",
                "١.2.3.4",
                "",
            ],
        ),
        (
            "ipv6",
            &["::", "::1", "2001:db8::1", "::ffff:1.2.3.4"],
            &["1::2::3", "12345::", "[::1]", "fe80::1%eth0", "::1/64", "1:2:3:4:5:6:7", ":::", "::1 ", "1.2.3.4", ""],
        ),
        (
            "uri",
            &["http://x.example/a?b#c", "urn:x:y", "mailto:ann@x.example", "http://[::1]:80/"],
            &[
                "/a",
                "a",
                "//x.example",
                "http://x.example/a b",
                "http://x/é",
                "http://x/%zz",
                "http://x:port/",
                "http://[::1",
                "1a:b",
                "",
                "http://x/<a>",
            ],
        ),
        (
            "uri-reference",
            &["", "a", "/a/b", "#c", "?q", "http://x.example"],
            &["a b", "\\a", "%zz", "é", "1:b", "a|b"],
        ),
        ("iri", &["http://x/é", "http://é.example/"], &["/é", "http://x/a b", "é:a", ""]),
        ("iri-reference", &["é", "/é", ""], &["a b", "a|b", "%zz"]),
        ("uri-template", &["/a/{b}", "{?a,b*}", "{a:3}", ""], &["/a/{b", "/a/b}", "{}", "{a b}", "{a:0}", "a b"]),
        (
            "uuid",
            &["2eb8aa08-aa98-11ea-b4aa-73b441d16380", "2EB8AA08-AA98-11EA-B4AA-73B441D16380"],
            &[
                "2eb8aa08aa9811eab4aa73b441d16380",
                "{2eb8aa08-aa98-11ea-b4aa-73b441d16380}",
                "2eb8aa08-aa98-11ea-b4aa-73b441d1638",
                "2eb8aa08-aa98-11ea-b4aa-73b441d1638g",
                "2eb8-aa08-aa98-11ea-b4aa73b441d16380-",
                "",
            ],
        ),
        (
            "date",
            &["2024-02-29", "2000-02-29", "2024-12-31"],
            &[
                "2023-02-29",
                "1900-02-29",
                "2024-1-1",
                "2024-13-01",
                "2024-00-10",
                "2024-01-32",
                "2024-04-31",
                "20240101",
                "31.12.2024",
                "2024-01-1/",
                "2024-01--1",
                "2024-01-1*",
                "2024-.1-01",
                "2,24-01-01",
                "2024-01-01 ",
                "2024-01-01T",
                "２024-01-01",
                "+2024-01-01",
                "",
            ],
        ),
        (
            "time",
            &["12:00:00Z", "12:00:00z", "12:00:00.5+01:00", "23:59:60Z", "00:59:60+01:00", "00:00:00-23:59"],
            &[
                "12:00:00",
                "12:00Z",
                "24:00:00Z",
                "12:60:00Z",
                "12:00:61Z",
                "22:59:60Z",
                "12:00:00.Z",
                "12:00:00+0100",
                "12:00:00+24:00",
                "12:00:00+01:0/",
                "1-:00:00Z",
                "12:00:0.Z",
                "12:00:00Z ",
                "",
            ],
        ),
        (
            "date-time",
            &["2024-02-29T12:00:00Z", "2024-02-29t12:00:00.123+05:30", "2016-12-31T23:59:60Z"],
            &[
                "2024-02-29 12:00:00Z",
                "2024-02-29T12:00:00",
                "2024-02-30T12:00:00Z",
                "2024-02-29",
                "2024-02-2/T12:00:00Z",
                "2024-02-29T12:00:00+25:00",
                "2024-02-29TT12:00:00Z",
                "",
            ],
        ),
        (
            "duration",
            &["P1D", "P1Y2M3DT4H5M6S", "P2W", "PT0S"],
            &["P", "PT", "P1DT", "1D", "P1.5D", "P1W1D", "P1Y1D", "PT1H1S", "-P1D", "p1d", "P1D ", ""],
        ),
        ("json-pointer", &["", "/a/0", "/~0~1"], &["a", "/~", "/~2", "#/a"]),
        ("relative-json-pointer", &["0", "1/a", "2#"], &["", "/a", "01", "-1", "1#a", "+1", "1 "]),
        ("regex", &["^a+$", "(?<year>[0-9]{4})"], &["(", "[a", "a{2,1}", "\\Z", "(?P<y>a)", "a**"]),
    ];

    #[test]
    fn formats_take_what_is_in_them_and_nothing_else() {
        let mut wrong = Vec::new();
        for (format, good, bad) in FORMATS {
            let compile =
                |schema: String| Contract::compile("contract.json", &schema).map_err(|wrong| wrong.message).unwrap();
            let schema =
                format!(r#"{{"items": {{"properties": {{"a": {{"type": "string", "format": "{format}"}}}}}}}}"#);
            let contract = compile(schema);
            for (text, is_good) in good.iter().map(|text| (text, true)).chain(bad.iter().map(|text| (text, false))) {
                let value = serde_json::json!(text);
                let whole = contract.accepts(&serde_json::json!([{ "a": text }]));
                let part = contract.part_accepts("/items/properties/a", &value);
                let told = contract.part_violations("/items/properties/a", &value).is_empty();
                if [whole, part, told] != [is_good; 3] {
                    wrong.push(format!("{format} {text:?}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    /// Numbers that floats take for others.
    const NUMBERS: &[&str] = &[
        "0",
        "-0",
        "0.0",
        "1",
        "1.0",
        "1.00000000000000000001",
        "0.99999999999999999999",
        "-1",
        "-1.5",
        "0.1",
        "0.10",
        "0.1000000000000000055511151231257827",
        "0.10000000000000000001",
        "0.3",
        "0.2999999999999999999",
        "1e2",
        "100",
        "100.0",
        "9007199254740992",
        "9007199254740992.0",
        "9007199254740992.5",
        "9007199254740993",
        "9007199254740993.0",
        "9007199254740993.5",
        "9223372036854775807",
        "9223372036854775807.5",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775808.5",
        "18446744073709551615",
        "18446744073709551615.5",
        "18446744073709551616",
        "18446744073709551616.0",
        "18446744073709551616.5",
        "12345678901234567890.5",
        "12345678901234567890.50",
        "123456789012345678901234567890.1",
        "123456789012345678901234567890.2",
        "1e30",
        "1000000000000000000000000000000",
        "1e400",
        "1e-400",
        "5e-324",
    ];

    #[test]
    fn numbers_are_exact_in_every_rule() {
        let number = |text: &str| ExactNumber::parse(text).unwrap();
        let mut wrong = Vec::new();
        for &limit in NUMBERS {
            let is = number(limit);
            for &text in NUMBERS {
                let order = number(text).compare(&is);
                let mut expect = |schema: String, json: &str, expected: bool| {
                    if accepts(&schema, json) != expected {
                        wrong.push(format!("{schema} {json}"));
                    }
                };
                expect(format!(r#"{{"const": {limit}}}"#), text, order.is_eq());
                expect(format!(r#"{{"enum": ["a", {limit}]}}"#), text, order.is_eq());
                expect(format!(r#"{{"const": [{{"a": {limit}}}]}}"#), &format!(r#"[{{"a": {text}}}]"#), order.is_eq());
                expect(r#"{"uniqueItems": true}"#.into(), &format!("[{limit}, {text}]"), order.is_ne());
                expect(format!(r#"{{"minimum": {limit}}}"#), text, order.is_ge());
                expect(format!(r#"{{"maximum": {limit}}}"#), text, order.is_le());
                expect(format!(r#"{{"exclusiveMinimum": {limit}}}"#), text, order.is_gt());
                expect(format!(r#"{{"exclusiveMaximum": {limit}}}"#), text, order.is_lt());
                if is.is_divisor() && !limit.starts_with('-') {
                    expect(format!(r#"{{"multipleOf": {limit}}}"#), text, number(text).is_multiple_of(&is));
                }
            }
            let is_whole = number(limit).is_multiple_of(&number("1"));
            if accepts(r#"{"type": "integer"}"#, limit) != is_whole {
                wrong.push(format!("integer {limit}"));
            }
        }
        assert!(wrong.is_empty(), "{} {wrong:#?}", wrong.len());
    }

    #[test]
    fn limits_of_draft_4_and_rules_that_cannot_be_exact() {
        let draft = |rules: &str| format!(r#"{{"$schema": "http://json-schema.org/draft-04/schema#", {rules}}}"#);
        let exclusive = draft(r#""minimum": 9007199254740993, "exclusiveMinimum": true"#);
        assert!(!accepts(&exclusive, "9007199254740993.0"));
        assert!(accepts(&exclusive, "9007199254740993.5"));
        assert!(accepts(&draft(r#""maximum": 5, "exclusiveMaximum": false"#), "5"));
        assert!(!accepts(&draft(r#""maximum": 5, "exclusiveMaximum": true"#), "5.0"));
        let long = format!(r#"{{"multipleOf": 0.{}}}"#, "1".repeat(37));
        assert!(Contract::compile("contract.json", &long).is_err());
    }

    #[test]
    fn a_part_with_a_base_of_its_own_is_never_followed() {
        let contract = |title: &str, base: &str| {
            let text = format!(
                r##"{{"title": "{title}", "$defs": {{"a": {{{base}"type": "string"}}}}, "$ref": "#/$defs/a"}}"##
            );
            let contract = Contract::compile("contract.json", &text).map_err(|wrong| wrong.message).unwrap();
            contract.rules(&[String::new()]).opaque
        };
        let base = r#""$id": "http://example.com/a", "#;
        assert!(!contract("plain", ""));
        assert!(contract("plain", base));
        // A character that JSON allows and YAML does not, so that no node has a place.
        assert!(contract("\u{7f}", base));
    }

    #[test]
    fn a_field_is_a_field_whatever_it_is_called() {
        let drafts = ["draft-04/schema#", "draft-06/schema#", "draft-07/schema#"]
            .map(|draft| format!("http://json-schema.org/{draft}"));
        let newer = ["2019-09", "2020-12"].map(|draft| format!("https://json-schema.org/draft/{draft}/schema"));
        for draft in drafts.iter().chain(&newer) {
            let text = format!(
                r##"{{"$schema": "{draft}", "id": "urn:a", "properties": {{
                    "id": {{"type": "string"}}, "$id": {{"type": "string"}}, "$ref": {{"type": "string"}},
                    "n": {{"$ref": "#/definitions/n"}} }}, "definitions": {{"n": {{"maximum": 5}}}} }}"##
            );
            let contract = Contract::compile("contract.json", &text).map_err(|wrong| wrong.message).unwrap();
            assert!(!contract.rules(&[String::new()]).opaque, "{draft}");
            let table = [(r#"{"id": "a", "$id": "b", "n": 5}"#, true), (r#"{"id": 1}"#, false), (r#"{"n": 6}"#, false)];
            for (json, expected) in table {
                assert_eq!(contract.accepts(&serde_json::from_str(json).unwrap()), expected, "{draft} {json}");
            }
        }
    }

    #[test]
    fn a_discriminator_names_its_branches() {
        let text = r##"{"discriminator": {"propertyName": "kind", "mapping": {"c": "#/$defs/cat", "Dog": "dog"}},
            "oneOf": [{"$ref": "#/$defs/cat"}, {"$ref": "#/$defs/dog"}], "$defs": {"cat": {}, "dog": {}}}"##;
        let contract = Contract::compile("contract.json", text).map_err(|wrong| wrong.message).unwrap();
        let Discriminator { property, branches } = contract.discriminator("").unwrap();
        let branches: Vec<String> = branches.iter().map(|(value, target)| format!("{value} {target}")).collect();
        assert_eq!(property, "kind");
        assert_eq!(branches.join(", "), "Dog /components/schemas/dog, c /$defs/cat");
    }
}
