//! One finding about the input: what was found, where, and what to do next.
//!
//! A diagnostic is data. It has up to three coordinates, and a reader may start from any of them: the cell it was read
//! from, the rule of the mapping that was applied, and the target in the document that would have been sent.
//! It never holds the text of a cell: the code that makes a diagnostic masks the text first, with [`mask`].
//! `report` chooses colours and layout.

use std::{fmt, sync::Arc};

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing was changed or lost.
    Notice,
    /// Something was handled as the mapping says, and a person should look at it.
    Warning,
    /// Something was rejected, or the run could not start.
    Error,
}

/// A span of one line in a text that a person can open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file as it was named on the command line or in the mapping.
    pub path: String,
    /// The line, from 1. 0: the file as a whole.
    pub line: u64,
    /// The column in characters, from 1. 0: the line as a whole.
    pub column: u64,
    /// How many characters the span covers.
    pub width: u64,
    /// The line itself, already masked when it comes from data; empty when it is not known.
    /// Many findings may be about one long line, so they share it.
    pub text: Arc<str>,
}

impl Place {
    /// A whole file.
    pub fn file(path: impl Into<String>) -> Place {
        Place { path: path.into(), line: 0, column: 0, width: 0, text: Arc::from("") }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (0, _) => write!(f, "{}", self.path),
            (line, 0) => write!(f, "{}:{line}", self.path),
            (line, column) => write!(f, "{}:{line}:{column}", self.path),
        }
    }
}

/// The cell, or the whole record, a finding is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Where it lies; `text` is the record, each cell as it may be shown.
    pub place: Place,
    /// The source that it belongs to; empty when the file is not read for one.
    pub source: String,
    /// The name of the column; empty when the record as a whole is meant.
    pub column: String,
    /// The text of the cell, as it may be shown.
    pub found: String,
    /// Some of the record is shown as a mask.
    pub is_masked: bool,
}

impl Cell {
    /// A whole line or file, of which everything may be shown.
    pub fn of_line(place: Place) -> Cell {
        Cell { place, source: String::new(), column: String::new(), found: String::new(), is_masked: false }
    }
}

/// Where the value would have gone.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Target {
    /// JSON pointer (RFC 6901) inside the document.
    pub pointer: String,
    /// JSON pointer of the rule inside the contract; empty when the contract is not what speaks.
    pub schema: String,
}

/// One finding. Very many of one document may be held at once, and most of those have no place, so places lie elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What kind of finding this is, for good.
    pub code: Code,
    /// How much it weighs.
    pub severity: Severity,
    /// One sentence, lower case, no full stop; names things in backquotes.
    pub message: String,
    /// The cell it was read from.
    pub cell: Option<Box<Cell>>,
    /// The line of the mapping (or profiles file) that was applied.
    pub rule: Option<Box<Place>>,
    /// A second line of a file that matters, with what it says: "first defined here".
    pub also: Option<Box<(Place, String)>>,
    /// Where the value would have gone.
    pub target: Option<Box<Target>>,
    /// What to do next.
    pub hint: String,
}

impl Diagnostic {
    /// An error with a message and nothing else yet.
    pub fn new(code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            severity: Severity::Error,
            message: message.into(),
            cell: None,
            rule: None,
            also: None,
            target: None,
            hint: String::new(),
        }
    }

    /// The same, weighing this much.
    #[must_use]
    pub fn severity(self, severity: Severity) -> Diagnostic {
        Diagnostic { severity, ..self }
    }

    /// The same, with the cell it was read from.
    #[must_use]
    pub fn cell(self, cell: Cell) -> Diagnostic {
        Diagnostic { cell: Some(Box::new(cell)), ..self }
    }

    /// The same, with the file that it is about as a whole.
    #[must_use]
    pub fn file(self, path: impl Into<String>) -> Diagnostic {
        self.cell(Cell::of_line(Place::file(path)))
    }

    /// The same, with the rule that was applied.
    #[must_use]
    pub fn rule(self, rule: Place) -> Diagnostic {
        Diagnostic { rule: Some(Box::new(rule)), ..self }
    }

    /// The same, with a second place and what it says.
    #[must_use]
    pub fn also(self, place: Place, says: impl Into<String>) -> Diagnostic {
        Diagnostic { also: Some(Box::new((place, says.into()))), ..self }
    }

    /// The same, with the place in the document.
    #[must_use]
    pub fn target(self, pointer: impl Into<String>, schema: impl Into<String>) -> Diagnostic {
        let target = Target { pointer: pointer.into(), schema: schema.into() };
        Diagnostic { target: Some(Box::new(target)), ..self }
    }

    /// The same, saying what to do next.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Diagnostic {
        Diagnostic { hint: hint.into(), ..self }
    }
}

/// The shape of a text without the text: letters become `x`, digits `#`, other visible ASCII characters stay.
///
/// Longer texts are cut after 40 characters. What remains tells `12,50` from `12.50` and a date from a name, cannot be taken
/// for the text itself, and says nothing about whose it was.
pub fn mask(text: &str) -> String {
    let mut masked: String = text.chars().take(40).map(shape).collect();
    if text.chars().nth(40).is_some() {
        masked.push('…');
    }
    masked
}

/// The shape of one character, of the same width.
pub fn shape(character: char) -> char {
    match character {
        c if c.is_ascii_digit() => '#',
        c if c.is_ascii() && !c.is_ascii_control() && !c.is_alphabetic() => c,
        c if c.is_alphanumeric() => 'x',
        _ => '?',
    }
}

/// How many slips of a typist make one word of another: letters that are wrong, missing, too many or swapped.
pub fn count_slips(word: &str, other: &str) -> usize {
    strsim::damerau_levenshtein(&word.to_lowercase(), &other.to_lowercase())
}

/// So many names are looked at to find the nearest one: a thousand names that are not there, among thousands that are, take
/// no more than a moment.
const MAX_NEAR: usize = 1_000;
/// So many of them are compared letter by letter.
const MAX_COMPARED: usize = 200;
/// A name of more bytes is no slip of a typist.
const MAX_NEAR_BYTES: usize = 200;

/// The nearest of some names, if one is near enough to be meant.
pub fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = |candidate: &str| 1 + candidate.chars().count().max(name.chars().count()) / 4;
    let own = count_letters(name);
    names
        .into_iter()
        .take(MAX_NEAR)
        .filter(|candidate| name.len().max(candidate.len()) <= MAX_NEAR_BYTES)
        .filter(|candidate| count_other_letters(&own, &count_letters(candidate)) <= most(candidate))
        .take(MAX_COMPARED)
        .map(|candidate| (count_slips(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= most(candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How often each letter stands in a short word; those that fall together say nothing wrong.
fn count_letters(word: &str) -> [u8; 32] {
    let mut counts = [0_u8; 32];
    for character in word.chars().flat_map(char::to_lowercase) {
        let count = &mut counts[u32::from(character) as usize % 32];
        *count = count.saturating_add(1);
    }
    counts
}

/// How many letters of one word the other does not have, whichever has more: at least so many slips lie between them.
fn count_other_letters(one: &[u8; 32], other: &[u8; 32]) -> usize {
    let more = |one: &[u8; 32], other: &[u8; 32]| -> usize {
        one.iter().zip(other).map(|(one, other)| usize::from(one.saturating_sub(*other))).sum()
    };
    more(one, other).max(more(other, one))
}

macro_rules! codes {
    ($( $(#[doc = $doc:literal])+ $name:ident = $word:literal, )+) => {
        /// The lasting names of all findings. A code that was released is never given another meaning.
        ///
        /// The comment of each is what `xwalk explain CODE` prints.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code { $( $(#[doc = $doc])+ $name, )+ }

        impl Code {
            /// Every code, in the order of the stages.
            pub const ALL: &[Code] = &[ $( Code::$name, )+ ];

            /// The name a person reads and a script matches.
            pub fn word(self) -> &'static str {
                match self { $( Code::$name => $word, )+ }
            }

            /// The code with this name.
            pub fn from_word(word: &[u8]) -> Option<Code> {
                Code::ALL.iter().copied().find(|code| code.word().as_bytes() == word)
            }

            /// What happened, why it matters, what to do.
            pub fn explanation(self) -> &'static str {
                match self { $( Code::$name => concat!($($doc, "\n"),+), )+ }
            }
        }
    };
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

codes! {
    /// A flag has a value that cannot be used, two flags contradict each other, or a file is named where a folder belongs.
    /// Nothing was read. `xwalk help convert` lists the flags.
    PlanUsage = "plan/usage",
    /// A mapping, profiles file or contract that the run needs cannot be opened.
    /// Name it with `--mapping`, or run in the folder that holds `profiles.yaml` and `mappings/`.
    PlanMissingFile = "plan/missing-file",
    /// The YAML or JSON text itself cannot be parsed.
    PlanSyntax = "plan/syntax",
    /// The YAML uses a feature that mappings do not have: anchors, aliases, merge keys, tags or several documents.
    /// Write the value out where it is used.
    PlanUnsupportedYaml = "plan/unsupported-yaml",
    /// A file is larger, deeper or has more nodes than a mapping ever needs, so it is not read.
    PlanTooLarge = "plan/too-large",
    /// A key is written twice in one block. YAML readers silently keep one of them, so neither is trusted.
    PlanDuplicateKey = "plan/duplicate-key",
    /// A key is not part of the language. Usually a misspelling; the nearest key is suggested.
    PlanUnknownKey = "plan/unknown-key",
    /// A key that must be there is missing.
    PlanMissingKey = "plan/missing-key",
    /// A value has the wrong type or is not one of the allowed words.
    PlanWrongValue = "plan/wrong-value",
    /// A code-table key or value is a bare word that YAML reads as a number, a boolean or null.
    /// Put it in quotes, so that `"012"` stays `012` and `"no"` stays `no`.
    PlanUnquoted = "plan/unquoted",
    /// A source, dialect, code table, profile or field is named that is not defined.
    PlanUnknownName = "plan/unknown-name",
    /// The mapping uses a column that the header of the file does not have.
    PlanUnknownColumn = "plan/unknown-column",
    /// A column is declared under `columns`, and no rule of the mapping uses it. Its cells are not even looked at.
    /// It is a hint of `xwalk check`: a mapping that leaves columns out on purpose need not declare them.
    PlanUnusedColumn = "plan/unused-column",
    /// A file has columns that no rule of the mapping uses. Most exports have such columns; a new one may be worth a field.
    /// It is told by `xwalk check --against` only, once for each source.
    PlanUnmappedColumn = "plan/unmapped-column",
    /// A condition, a value or a template is not an expression over columns: it does not parse, uses a word that does not exist,
    /// mixes kinds, fails on every record, or gives the same for all of them. A column is a text there unless its type is
    /// declared: `qty > 5` needs `qty: { type: integer }`.
    PlanTemplate = "plan/template",
    /// A code table file cannot be read as a header and two columns of different codes. It is read as strictly as a source: one
    /// wrong line would be in every document that uses it.
    PlanCodeTable = "plan/code-table",
    /// A file would be read twice (by two sources, under two names, or once more from a packed copy), a drop folder is named
    /// twice, or the run would write a file that it reads, or one file twice. Nothing was read.
    /// Files are compared by what they are, not by what they are called: links and other spellings of a path are followed.
    /// Give each source, the output and the rejected rows a file of its own, and move copies out of the drop folder.
    PlanSameFile = "plan/same-file",
    /// The columns of a join have different types, so they could never match; or the join does not name what it needs.
    /// A warning: `case` or `trim` stands at one of them only, so the cells of the other match only as far as they are so already.
    PlanJoin = "plan/join",
    /// With `root: object` every document is a request of its own, and PUT or PATCH send all of them to one URL.
    /// An API that takes what a PUT holds for all that there is keeps the last document only.
    /// Send a list (`root: array`) or use POST. If the API tells documents apart by what they hold, `collection: upsert` in
    /// the profile says so, and this warning goes away.
    /// It is an error where documents have paths of their own, and nothing proves that no two of them share one.
    PlanOneUrl = "plan/one-url",
    /// The contract is not a valid JSON Schema, or uses a draft or pattern that cannot be checked: look-around and
    /// back-references, or what other languages have in patterns and ECMA-262 has not, such as `(?i)` and `\A`.
    PlanContract = "plan/contract",
    /// The contract has a keyword that JSON Schema ignores: it is misspelt, of another draft, or hidden by a `$ref` beside it.
    /// What it was meant to forbid is accepted. `xwalk check --strict` makes it an error.
    PlanIgnoredKeyword = "plan/ignored-keyword",
    /// The contract names a format that is not checked here, such as `int64` or `password`. It restricts nothing.
    PlanUnknownFormat = "plan/unknown-format",
    /// No rule of the contract concerns the documents, so it would accept anything. Usually it is the wrong file.
    PlanContractWithoutRules = "plan/contract-without-rules",
    /// The contract refers to another file or to the network. Nothing outside the contract is ever opened.
    PlanContractReference = "plan/contract-reference",
    /// The part of the contract file that the mapping names is not there: what stands behind `#` in `contract`, or, in an OpenAPI
    /// document, an operation with the method and path of `request` whose body is JSON.
    PlanContractPart = "plan/contract-part",
    /// A field of the mapping can never meet the contract: another type, a value outside an `enum`, or not allowed at all.
    PlanContractMismatch = "plan/contract-mismatch",
    /// The contract requires a field that the mapping does not make in every document.
    PlanFieldMissing = "plan/field-missing",
    /// The mapping makes a field that the contract does not allow.
    PlanFieldNotAllowed = "plan/field-not-allowed",
    /// A profile setting cannot be used: the URL, a limit, or two settings that contradict each other.
    PlanProfile = "plan/profile",
    /// A secret cannot be read from the variable or file that the profile names, or it is not fit for a header.
    PlanSecret = "plan/secret",

    /// An input file is not there, or is a folder, a pipe or a device where a regular file is needed.
    ReadMissingFile = "read/missing-file",
    /// An input file cannot be opened or read, or the path of a source has a pattern that would go into a folder that is a
    /// link, or into a link that leads nowhere: it may lead back, or to files that are read already.
    ReadUnreadable = "read/unreadable",
    /// An input file has no bytes, or only blank lines and lines that its dialect leaves out. The recording was probably lost; it is never taken for "no customers".
    ReadEmpty = "read/empty",
    /// The last line of a file does not begin as the `footer` of its dialect says. The file was probably cut, so nothing of it
    /// is used.
    ReadNoFooter = "read/no-footer",
    /// The header row cannot be trusted: a name that a rule uses is there twice, its quotes do not pair up, it holds NUL bytes
    /// or bytes of another encoding, or it is written with another delimiter or quote. Or it comes again in the file with its
    /// columns in another order, so that the records behind it are in the wrong ones.
    /// A column that no rule uses may have no name, or that of another.
    ReadHeader = "read/header",
    /// The file is in an encoding the dialect does not say, told by its byte order mark.
    ReadEncoding = "read/encoding",
    /// Quotes do not pair up, so the boundaries of records are uncertain from this line on. Nothing of the file is used.
    /// Either a quote takes in the lines behind it up to the end of the file, and they may be records; or a quote stands where
    /// none may be, and the line has an odd number of quotes or leaves one open.
    ReadUnbalancedQuote = "read/unbalanced-quote",
    /// The file holds a long run of NUL bytes in its middle: a block was lost when power failed.
    ReadLostBlock = "read/lost-block",
    /// A file, header, record or field is larger than the limit.
    ReadTooLarge = "read/too-large",
    /// A compressed file is damaged or cut short, or its name does not end in `.gz` or `.zst`; or it is another archive or a
    /// spreadsheet.
    ReadCompressed = "read/compressed",
    /// A packed file was not read: the pattern of its source matches its name without `.gz` or `.zst`, and not the whole name.
    /// A pattern that ends in `*`, as `*.csv*`, takes both. What is not meant to be read belongs elsewhere.
    ReadPassedOver = "read/passed-over",
    /// An input file changed while it was read. Wait until the recording is complete, then run again.
    ReadChanged = "read/changed",
    /// The file has a header and no records.
    ReadNoRecords = "read/no-records",
    /// A record has more or fewer cells than the header has columns.
    ReadRaggedRecord = "read/ragged-record",
    /// A record has the width of two: the line end between two records was lost.
    ReadMergedRecords = "read/merged-records",
    /// A quote stands inside a cell, text follows a closing quote, or the last line opens a quote that it does not close.
    ReadStrayQuote = "read/stray-quote",
    /// The last record is cut: cells are missing, or it has no line end and its quote is open, or a line end is needed to be sure.
    ReadTruncatedLastRecord = "read/truncated-last-record",
    /// The last record has no line end but looks whole, and was used.
    ReadNoLineEnd = "read/no-line-end",
    /// A record holds a NUL byte.
    ReadNul = "read/nul",
    /// The file ends in NUL bytes, which were dropped: a zero-filled tail after a power failure.
    ReadTrailingNul = "read/trailing-nul",
    /// A record holds bytes that do not exist in the encoding of its dialect.
    ReadUndecodable = "read/undecodable",
    /// A byte order mark stands in the middle of the file: two files were joined.
    ReadStrayMark = "read/stray-mark",
    /// The header is there again, as when two files are joined. The line was skipped: it is no record.
    ReadRepeatedHeader = "read/repeated-header",
    /// Lines of a file were left out, as its dialect says: the first ones, comments, blank rows, the footer. They are no records.
    ReadSkippedLines = "read/skipped-lines",
    /// In a file with one column a blank line was taken for no record. It could be one whose only cell is empty: then it needs
    /// quotes.
    ReadBlankLine = "read/blank-line",
    /// With `encoding: auto`, some records were Windows-1252.
    ReadMixedEncodings = "read/mixed-encodings",

    /// Several records have the same key but differ, so none of them can be trusted, and all are rejected.
    /// With `on_duplicate_key: keep_first` or `keep_last` one of them is used nevertheless, and this is a warning for each key.
    JoinDuplicateKey = "join/duplicate-key",
    /// The same record is there several times, byte for byte. It was used once.
    JoinRepeatedRecord = "join/repeated-record",
    /// With `on_duplicate_key: merge`, rows with one key are one record, and two of them say different things in a column that
    /// the record uses, so nobody knows which is right. The record is rejected with all its rows.
    JoinMergeConflict = "join/merge-conflict",
    /// A record belongs to a record that is not there.
    JoinNoMatch = "join/no-match",
    /// A recording is larger than `--memory`, and its mapping needs all of it at once, so it was not divided into partitions. All of it was held in memory.
    JoinHeldInMemory = "join/held-in-memory",
    /// A lookup found no record with this key.
    JoinLookupNotFound = "join/lookup-not-found",

    /// A cell is empty where the mapping needs a value.
    TransformEmpty = "transform/empty",
    /// A cell declared `integer` is not one.
    TransformNotAnInteger = "transform/not-an-integer",
    /// A cell declared `decimal` is not one in the declared notation.
    TransformNotADecimal = "transform/not-a-decimal",
    /// A cell declared `boolean` holds none of the declared words.
    TransformNotABoolean = "transform/not-a-boolean",
    /// A cell declared `date` is not a real day in the declared format.
    TransformNotADate = "transform/not-a-date",
    /// A cell declared `datetime` is not a real moment in the declared format and zone; or it is a local time that never was, as
    /// clocks were set forward, or was twice, as they were set back. A warning where `on_ambiguous` chooses one of the two.
    TransformNotADatetime = "transform/not-a-datetime",
    /// A cell that names the time zone of a moment names none that exists.
    TransformNotATimeZone = "transform/not-a-time-zone",
    /// A cell declared `json` is no JSON value, or one that two programs could read differently: a name stands twice in one
    /// object, lists and objects lie more than 64 levels deep in each other, an exponent has more than four digits.
    TransformNotJson = "transform/not-json",
    /// A code is not in the code table.
    TransformNotInCodeTable = "transform/not-in-code-table",
    /// A condition, a value or a template failed on this record, or made too much text; or a sum has too many digits.
    TransformTemplate = "transform/template",
    /// With a path of its own for each document, as in `path: "/patients/{id}"`, a value in the path is empty, makes a step of
    /// dots alone (`.` or `..`), or makes the path longer than 2,000 bytes. The document is rejected: its request would go
    /// elsewhere.
    TransformPath = "transform/path",
    /// A `many` has fewer records than `min` or more than `max`.
    TransformCount = "transform/count",
    /// A cell names a field (`keyed_by`), and no field can have this name: JSON parsers take it for a number.
    TransformName = "transform/name",
    /// A record is good, but the document it belongs to is rejected: sending the rest could erase good data.
    /// Fix the other record, or allow incomplete documents with `on_incomplete: send`.
    TransformIncomplete = "transform/incomplete",
    /// The `where` of the mapping is true for no record at all, so no document was made: every record was left out on purpose.
    /// Compare it with what the file holds: a word in capitals, white space or another code makes it false for all of them.
    TransformAllFiltered = "transform/all-filtered",

    /// A value breaks a rule of the contract.
    CheckType = "check/type",
    /// A value is not one of those the contract lists.
    CheckEnum = "check/enum",
    /// A number is below the minimum or above the maximum of the contract, or no multiple of what it says.
    CheckRange = "check/range",
    /// A text is shorter or longer than the contract allows.
    CheckLength = "check/length",
    /// A text does not match the pattern of the contract.
    CheckPattern = "check/pattern",
    /// A text is not in the format the contract names.
    CheckFormat = "check/format",
    /// A list has fewer or more items than the contract allows, or the same item twice.
    CheckItems = "check/items",
    /// A field that the contract requires is not there, or one it does not allow is: by itself, by its name, or by how many
    /// there are.
    CheckFields = "check/fields",
    /// Another rule of the contract is broken; the message names its keyword.
    CheckRule = "check/rule",

    /// The API refused for good: credentials, address or method. Running again does not help.
    DeliverRefused = "deliver/refused",
    /// The API answered with a redirect, which is never followed: it could carry data and credentials to another host.
    DeliverRedirect = "deliver/redirect",
    /// The identity of the server could not be proven (TLS). Look at the certificate and at this machine's clock.
    DeliverIdentity = "deliver/identity",
    /// The API rejected a document, alone: it knows a rule that the contract does not have. Where its answer points at a
    /// place in the document, the cell and the rule are named; its own words are not repeated, they may hold personal data.
    /// Or it rejected one document after the other for the same problem, or a request that may not be split: then the run ends.
    DeliverRejected = "deliver/rejected",
    /// The profile says `collection: replace`, and some documents are rejected: a request with the others would erase at the
    /// API what it holds of these, so nothing was sent. Fix them, or say `on_incomplete: send` beside `each` of the mapping to
    /// give them up: then it is a warning only where that asks for one.
    DeliverHeldBack = "deliver/held-back",
    /// One document alone is larger than the API accepts: it answered 413. It is rejected if the API accepted others in this
    /// run, and none as large; else its limit or a quota may be at fault, the document stays pending, and the run ends with 4.
    DeliverTooLarge = "deliver/too-large",
    /// The API could not be reached, or did not answer, until the deadline. Run the same command again.
    DeliverUnreachable = "deliver/unreachable",
    /// The API answered, but not as an API does: a login page, a proxy, or something that is not JSON.
    DeliverNoAnswer = "deliver/no-answer",
    /// The API could not be reached, did not answer, or failed, for the first time in this run. The run tries again until its
    /// `deadline`; it can be interrupted at any time, and the same command continues it.
    DeliverTryingAgain = "deliver/trying-again",
    /// A signal stops the run, and it waits for the answers to what it sent, so that they need not be sent again. A second
    /// signal stops it at once; what has no answer then is sent again by the next run.
    DeliverStopping = "deliver/stopping",
    /// The run was interrupted. Run the same command again.
    DeliverInterrupted = "deliver/interrupted",
    /// The state folder, where deliveries are remembered, cannot be used; without it nothing is sent.
    /// It has to be a folder of this user that nobody else may write to. `--state DIR` names another.
    DeliverState = "deliver/state",
    /// Another run delivers to the same target and holds its journal. Nothing was sent; run again when it is over.
    DeliverBusy = "deliver/busy",
    /// The input files were replaced while an earlier delivery to the same target is unfinished, and nothing was sent.
    /// Put the earlier files back and run again to finish it, or say `--supersede` to give it up.
    DeliverUnfinished = "deliver/unfinished",
    /// The journal of an earlier delivery is damaged, so nobody knows what was acknowledged: everything is sent again.
    /// The damaged file is kept beside the new one.
    DeliverDamagedJournal = "deliver/damaged-journal",
    /// A request of an earlier delivery may still be acted on, and would overwrite newer data if it came late.
    /// So nothing is sent before the `grace` of the profile is over. It is safe to interrupt the wait and to run again.
    DeliverGrace = "deliver/grace",
    /// The API accepted documents, but the journal could not be written. They will be sent again, which harms nothing.
    DeliverNotRecorded = "deliver/not-recorded",
    /// The sandbox cannot listen on its port: mostly another program does already.
    SandboxCannotListen = "sandbox/cannot-listen",
    /// The preview cannot listen on its port: mostly another program does already.
    PreviewCannotListen = "preview/cannot-listen",
    /// A file or folder that the run writes cannot be written.
    ReportCannotWrite = "report/cannot-write",
    /// With `root: object` each document is a request of its own, so `--output` writes one on each line. A program that reads the
    /// file as one JSON value fails at the second.
    ReportOneOnEachLine = "report/one-on-each-line",
    /// More rows were rejected than `--max-rejects` allows, so nothing was sent or written.
    ReportTooManyRejects = "report/too-many-rejects",
}
