//! What was chosen -> the YAML of a mapping, with the reason of each guess behind a `#`.

use std::fmt::Write as _;

use crate::commands::init::{
    choose::Choice,
    drafted::{Declaration, DraftedField, DraftedValue},
    keys::JoinGuess,
    sources::SampledSource,
    yaml::{comment, quoted, scalar},
};

/// How many unused columns are named.
const MAX_UNUSED: usize = 30;

/// The lines of a draft.
#[derive(Default)]
pub(super) struct DraftText {
    text: String,
}

/// What a draft says of the contract and of the request.
pub(super) struct DraftHead {
    pub(super) contract: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) path_note: String,
    pub(super) root: String,
    pub(super) root_note: String,
}

impl DraftText {
    /// Adds a line, with a comment behind it.
    fn add(&mut self, depth: usize, line: &str, note: &str) {
        let mark = if note.is_empty() { "" } else { "  # " };
        let _ = writeln!(self.text, "{}{line}{mark}{}", "  ".repeat(depth), comment(note));
    }

    /// Adds a line that is only a comment.
    fn remark(&mut self, depth: usize, note: &str) {
        let _ = writeln!(self.text, "{}# {}", "  ".repeat(depth), comment(note));
    }

    fn blank(&mut self) {
        self.text.push('\n');
    }
}

/// Writes a mapping.
pub(super) fn write_mapping(head: &DraftHead, choice: &Choice<'_>) -> String {
    let mut draft = DraftText::default();
    let each = &choice.sources[choice.each];
    write_head(&mut draft, head, each);
    let used: Vec<&SampledSource> = choice.used.iter().map(|number| &choice.sources[*number]).collect();
    let dialects = write_dialects(&mut draft, &used);
    draft.add(0, "sources:", "");
    for (number, dialect) in choice.used.iter().zip(dialects) {
        write_source(&mut draft, choice, *number, dialect);
    }
    write_unused(&mut draft, choice);
    if !choice.codes.is_empty() {
        draft.blank();
        draft.add(0, "codes:", "a code that is not listed rejects its record");
    }
    for table in &choice.codes {
        draft.add(1, &format!("{}:", scalar(&table.name)), &format!("the contract allows: {}", table.allowed));
        draft.add(2, "values:", "");
        for entry in &table.entries {
            let value = entry.value.as_deref().map_or_else(|| "TODO".to_owned(), scalar);
            let note =
                if entry.value.is_some() { entry.note.clone() } else { format!("{}: {}", entry.note, table.allowed) };
            draft.add(3, &format!("{}: {value}", quoted(&entry.code)), &note);
        }
    }
    draft.blank();
    draft.add(0, "output:", "");
    draft.add(1, &format!("root: {}", head.root), &head.root_note);
    draft.add(1, &format!("each: {}", scalar(&each.name)), "its columns fit the most fields");
    write_fields(&mut draft, 1, &choice.fields);
    draft.text
}

/// Writes what can be told without a contract.
pub(super) fn write_sources(sources: &[SampledSource], joins: &[JoinGuess], each: usize) -> String {
    let mut draft = DraftText::default();
    let head = DraftHead {
        contract: "TODO".into(),
        method: "PUT".into(),
        path: "/TODO".into(),
        path_note: "TODO".into(),
        root: "array".into(),
        root_note: String::new(),
    };
    write_head(&mut draft, &head, &sources[each]);
    let all: Vec<&SampledSource> = sources.iter().collect();
    let dialects = write_dialects(&mut draft, &all);
    draft.add(0, "sources:", "");
    for (source, dialect) in sources.iter().zip(dialects) {
        write_file(&mut draft, source, dialect);
        draft.add(2, "columns:", "");
        for facts in source.columns.iter().filter(|facts| facts.is_usable()) {
            let judged = facts.judge(facts.own_type).cloned();
            let Some(judged) = judged.filter(|judged| !judged.keys.is_empty()) else { continue };
            let mut declaration = Declaration { keys: judged.keys, notes: vec![judged.evidence] };
            declaration.notes.extend(judged.todo.map(|todo| format!("TODO: {todo}")));
            write_column(&mut draft, &facts.name, &declaration);
        }
        if draft.text.ends_with("columns:\n") {
            draft.text.truncate(draft.text.len() - "    columns:\n".len());
        }
    }
    draft.blank();
    let name = |source: usize, columns: &[usize]| {
        let names = columns.iter().map(|column| scalar(&sources[source].columns[*column].name));
        format!("{} [{}]", scalar(&sources[source].name), names.collect::<Vec<_>>().join(", "))
    };
    draft.remark(0, if joins.is_empty() { "Joins: none" } else { "Joins:" });
    for join in joins {
        let (child, parent) = (name(join.child, &join.child_columns), name(join.parent, &join.parent_columns));
        draft.remark(0, &format!("  {child} -> {parent}: {}", join.evidence));
    }
    draft.blank();
    draft.add(0, "output:", "TODO: with a contract, `xwalk init` drafts this too");
    draft.add(1, &format!("each: {}", scalar(&sources[each].name)), "");
    draft.add(1, "fields: {}", "");
    draft.text
}

fn write_head(draft: &mut DraftText, head: &DraftHead, each: &SampledSource) {
    draft.add(0, "mapping: 1", "");
    draft.add(0, &format!("name: {}", scalar(&each.name)), "");
    let note = if head.contract == "TODO" { "TODO: what the API accepts: JSON Schema or OpenAPI" } else { "" };
    draft.add(0, &format!("contract: {}", scalar(&head.contract)), note);
    let request = format!("request: {{ method: {}, path: {} }}", head.method, scalar(&head.path));
    draft.add(0, &request, &head.path_note);
    draft.blank();
}

type Line = (String, String);

/// What the dialect of a source says, with the reasons.
fn dialect_lines(source: &SampledSource) -> Vec<Line> {
    let grid = &source.grid;
    let mut lines: Vec<Line> = Vec::new();
    let mut add = |line: String, note: String| lines.push((line, note));
    if grid.delimiter() != b',' {
        let width = grid.header.len();
        let note = format!("with it, most records have {width} cells");
        add(format!("delimiter: {}", quoted(&char::from(grid.delimiter()).to_string())), note);
    }
    if grid.quote().is_none() {
        add("quote: \"\"".into(), "quotes stand inside of cells".into());
    }
    if source.encoding != "utf-8" {
        let todo = if source.is_encoding_guessed { "TODO: a guess: " } else { "" };
        add(format!("encoding: {}", source.encoding), format!("{todo}{}", source.encoding_evidence));
    }
    if grid.skip_lines > 0 {
        add(format!("skip_lines: {}", grid.skip_lines), "the first line behind them is filled as a header is".into());
    }
    if !grid.has_header {
        add("header: false".into(), "TODO: the first line has values, so the columns need names".into());
    }
    if let Some(footer) = &grid.footer {
        add(format!("footer: {}", scalar(footer)), "how the last line begins".into());
    }
    if grid.blank_rows > 0 {
        add("blank_rows: skip".into(), format!("records with only empty cells: {}", grid.blank_rows));
    }
    if !grid.null_words.is_empty() {
        let words: Vec<String> = grid.null_words.iter().map(|word| quoted(word)).collect();
        add(format!("null_values: [\"\", {}]", words.join(", ")), "TODO: do these words stand for nothing?".into());
    }
    lines
}

/// Writes the dialects, each once; returns the name of that of each source.
fn write_dialects(draft: &mut DraftText, sources: &[&SampledSource]) -> Vec<Option<String>> {
    let mut known: Vec<Vec<Line>> = Vec::new();
    let mut numbers = Vec::new();
    for source in sources {
        let lines = dialect_lines(source);
        let keys = |lines: &[Line]| lines.iter().map(|(line, _)| line.clone()).collect::<Vec<_>>();
        if lines.is_empty() {
            numbers.push(None);
            continue;
        }
        let number = known.iter().position(|other| keys(other) == keys(&lines));
        numbers.push(Some(number.unwrap_or(known.len())));
        if number.is_none() {
            known.push(lines);
        }
    }
    let name = |number: usize| if known.len() == 1 { "export".to_owned() } else { format!("export_{}", number + 1) };
    if !known.is_empty() {
        draft.add(0, "dialects:", "");
        for (number, lines) in known.iter().enumerate() {
            draft.add(1, &format!("{}:", name(number)), "");
            for (line, note) in lines {
                draft.add(2, line, note);
            }
        }
        draft.blank();
    }
    numbers.into_iter().map(|number| number.map(name)).collect()
}

/// Writes the file of a source, its dialect and its key.
fn write_file(draft: &mut DraftText, source: &SampledSource, dialect: Option<String>) {
    draft.add(1, &format!("{}:", scalar(&source.name)), "");
    let mut note = count_records(source);
    if source.grid.odd_rows > 0 {
        let _ = write!(note, "; TODO: {} more have another number of cells, or a stray quote", source.grid.odd_rows);
    }
    if !source.alike.is_empty() {
        let _ = write!(note, " in the first of its files; the same header: {}", source.alike.join(", "));
    }
    draft.add(2, &format!("path: {}", scalar(&source.path)), &note);
    if let Some(dialect) = dialect {
        draft.add(2, &format!("dialect: {dialect}"), "");
    }
    match &source.key {
        Some(key) => {
            let names: Vec<String> = key.columns.iter().map(|column| scalar(&source.columns[*column].name)).collect();
            let list = if let [only] = names.as_slice() { only.clone() } else { format!("[{}]", names.join(", ")) };
            draft.add(2, &format!("key: {list}"), &key.evidence);
        }
        None => draft.remark(2, "no key: no column, and no few of them, is different in every record"),
    }
}

fn write_source(draft: &mut DraftText, choice: &Choice<'_>, number: usize, dialect: Option<String>) {
    let source = &choice.sources[number];
    let rows = choice.rows.as_ref().filter(|rows| rows.source == number);
    if let Some(rows) = rows {
        draft.add(1, &format!("{}:", scalar(&source.name)), "");
        draft.add(2, &format!("path: {}", scalar(&source.path)), &count_records(source));
        if let Some(dialect) = dialect {
            draft.add(2, &format!("dialect: {dialect}"), "");
        }
        draft.add(2, &format!("key: {}", scalar(&source.columns[rows.key].name)), &rows.evidence);
        draft.add(2, "on_duplicate_key: merge", "rows with one key are one record");
    } else {
        write_file(draft, source, dialect);
    }
    let declared = &choice.declared[number];
    let has_columns = !source.grid.has_header || declared.values().any(|declaration| !declaration.keys.is_empty());
    if has_columns {
        draft.add(2, "columns:", "");
    }
    for (column, facts) in source.columns.iter().enumerate() {
        match declared.get(&column).filter(|declaration| !declaration.keys.is_empty()) {
            Some(declaration) => write_column(draft, &facts.name, declaration),
            None if !source.grid.has_header => draft.add(3, &format!("{}: {{}}", scalar(&facts.name)), ""),
            None => {}
        }
    }
    if let Some(rows) = rows {
        draft.add(
            1,
            &format!("{}: {{ rows_of: {} }}", scalar(&rows.name), scalar(&source.name)),
            "the same file, row by row",
        );
    }
}

/// How many records were looked at.
fn count_records(source: &SampledSource) -> String {
    let records = match source.grid.records.len() {
        1 => "1 record".to_owned(),
        records => format!("{records} records"),
    };
    if source.is_whole {
        return records;
    }
    let kibibytes = source.grid.text.len() >> 10;
    let size = if kibibytes < 1024 { format!("{kibibytes} KiB") } else { format!("{} MiB", kibibytes >> 10) };
    format!("{records} in its first {size}; the rest was not looked at")
}

fn write_column(draft: &mut DraftText, name: &str, declaration: &Declaration) {
    let keys: Vec<String> = declaration.keys.iter().map(|(key, value)| format!("{key}: {value}")).collect();
    draft.add(3, &format!("{}: {{ {} }}", scalar(name), keys.join(", ")), &declaration.notes.join("; "));
}

/// Names what is not used: columns of the sources, and files.
fn write_unused(draft: &mut DraftText, choice: &Choice<'_>) {
    let mut names = Vec::new();
    for number in &choice.used {
        names.clear();
        let source = &choice.sources[*number];
        let mut mentioned = Mentioned::default();
        mentioned.add_fields(&choice.fields);
        let key = source.key.iter().flat_map(|key| &key.columns);
        let keys: Vec<&String> = key.map(|column| &source.columns[*column].name).collect();
        for facts in &source.columns {
            if !mentioned.columns.contains(&facts.name) && !keys.contains(&&facts.name) {
                names.push(quoted(&facts.name));
            }
        }
        if !names.is_empty() {
            let more = names.len().saturating_sub(MAX_UNUSED);
            names.truncate(MAX_UNUSED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            draft.remark(1, &format!("not used of {}: {}{more}", scalar(&source.name), names.join(", ")));
        }
    }
    let is_used = |number: usize| choice.used.contains(&number);
    for (_, source) in choice.sources.iter().enumerate().filter(|(number, _)| !is_used(*number)) {
        draft.remark(1, &format!("TODO: not used: {}, which nothing joins or no field fits", quoted(&source.path)));
    }
}

/// The columns that fields name.
#[derive(Default)]
struct Mentioned {
    columns: Vec<String>,
}

impl Mentioned {
    fn add_fields(&mut self, fields: &[DraftedField]) {
        for field in fields {
            match &field.value {
                DraftedValue::Column { column, .. } => self.columns.push(column.clone()),
                DraftedValue::Listed { columns, .. } | DraftedValue::Joined { columns } => {
                    self.columns.extend_from_slice(columns);
                }
                DraftedValue::Keyed { keyed_by, from, .. } => self.columns.extend([keyed_by.clone(), from.clone()]),
                DraftedValue::Object(inner) => self.add_fields(inner),
                DraftedValue::Slots(slots) => slots.iter().for_each(|inner| self.add_fields(inner)),
                DraftedValue::Related { matches, fields, .. } => {
                    self.columns.extend(matches.iter().flat_map(|(there, here)| [there.clone(), here.clone()]));
                    self.add_fields(fields);
                }
                DraftedValue::Constant(_) | DraftedValue::Missing { .. } => {}
            }
        }
    }
}

fn write_fields(draft: &mut DraftText, depth: usize, fields: &[DraftedField]) {
    let is_written = |field: &&DraftedField| !matches!(field.value, DraftedValue::Missing { .. });
    let empty = if fields.iter().any(|field| is_written(&field)) { "" } else { " {}" };
    draft.add(depth, &format!("fields:{empty}"), "");
    for field in fields {
        write_field(draft, depth + 1, field);
    }
}

fn write_field(draft: &mut DraftText, depth: usize, field: &DraftedField) {
    let (name, note) = (scalar(&field.name), field.note.as_str());
    match &field.value {
        DraftedValue::Column { column, codes, if_empty } => {
            let mut keys = vec![format!("from: {}", scalar(column))];
            keys.extend(codes.as_ref().map(|codes| format!("codes: {}", scalar(codes))));
            keys.extend(if_empty.map(|policy| format!("if_empty: {policy}")));
            let value = if keys.len() == 1 { scalar(column) } else { format!("{{ {} }}", keys.join(", ")) };
            draft.add(depth, &format!("{name}: {value}"), note);
        }
        DraftedValue::Listed { columns, is_split } => {
            let names = columns.iter().map(|column| scalar(column)).collect::<Vec<_>>().join(", ");
            draft.add(depth, &if *is_split { format!("{name}: {names}") } else { format!("{name}: [{names}]") }, note);
        }
        DraftedValue::Joined { columns } => {
            let parts: Vec<String> = columns.iter().map(|column| format!("{{{{ {column} | trim }}}}")).collect();
            draft.add(depth, &format!("{name}: {{ template: {} }}", quoted(&parts.join(" "))), note);
        }
        DraftedValue::Constant(value) => {
            draft.add(depth, &format!("{name}: {{ const: {} }}", super::yaml::constant(value)), note);
        }
        DraftedValue::Object(fields) => {
            draft.add(depth, &format!("{name}:"), note);
            write_fields(draft, depth + 1, fields);
        }
        DraftedValue::Slots(slots) => {
            draft.add(depth, &format!("{name}:"), note);
            for fields in slots {
                draft.add(depth + 1, "- if_empty: omit", "");
                write_fields(draft, depth + 2, fields);
            }
        }
        DraftedValue::Related { is_list, source, matches, fields } => {
            draft.add(depth, &format!("{name}:"), "");
            write_match(draft, depth + 1, if *is_list { "many" } else { "one" }, source, matches, note);
            write_fields(draft, depth + 1, fields);
        }
        DraftedValue::Keyed { source, matches, keyed_by, from } => {
            draft.add(depth, &format!("{name}:"), "");
            write_match(draft, depth + 1, "many", source, matches, note);
            draft.add(depth + 1, &format!("keyed_by: {}", scalar(keyed_by)), "");
            draft.add(depth + 1, &format!("from: {}", scalar(from)), "");
        }
        DraftedValue::Missing { is_required: true } => {
            draft.remark(depth, &format!("{name}: TODO: the contract requires it, and no column has a name like it"));
        }
        DraftedValue::Missing { is_required: false } => {
            draft.remark(depth, &format!("{name}: nothing found; the contract does not require it"));
        }
    }
}

/// Writes to which source a field leads, and by which columns.
fn write_match(
    draft: &mut DraftText,
    depth: usize,
    word: &str,
    source: &str,
    matches: &[(String, String)],
    note: &str,
) {
    draft.add(depth, &format!("{word}: {}", scalar(source)), "");
    let pairs: Vec<String> =
        matches.iter().map(|(there, here)| format!("{}: {}", scalar(there), scalar(here))).collect();
    draft.add(depth, &format!("match: {{ {} }}", pairs.join(", ")), note);
}
