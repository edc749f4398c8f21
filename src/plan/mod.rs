//! The plan: mapping and contract, compiled. Every name is resolved, every rule proven or turned into a check.
//!
//! Once a plan exists, only data can be wrong. It knows no header yet: `read` binds its columns to those of a file when it
//! opens one. Compiling does no I/O. This file holds the types; `compile` resolves names, `columns` conversions; `fields` builds the tree of values,
//! `prove` checks it against the contract and leaves the rules it cannot prove to `checks`.

pub mod checks;
pub mod compile;
mod columns;
mod written_columns;
mod checked_columns;
pub mod envelope;
mod envelope_members;
mod request_rules;
mod path_fields;
mod merged_columns;
mod unused_columns;
pub mod placed_values;
mod roles;
mod match_columns;
mod keyed_by;
pub mod aggregate;
pub mod fields;
pub mod contract_rule;
pub mod prove;
mod keywords;
mod character_runs;
pub mod pattern;
pub mod code_table;
pub mod expression;
pub mod time_count;
pub mod conversion;
pub mod cell_fault;
pub mod moment_format;
mod written_times;
pub mod key;
pub mod date_directives;
pub mod date_format;
pub mod fast_field;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use crate::{
    config::{
        contract::Contract,
        mapping::{
            policy::{IfEmpty, OnDuplicateKey, OnIncomplete, OnLookup, OnOrphan, Policy},
            request::Request,
            request_path::PathTemplate,
            short_forms::Direction,
        },
        violations::Violation,
        yaml::Places,
    },
    diagnostic::{Code, Diagnostic, Place, Severity},
    plan::{
        checks::Checks,
        code_table::Codes,
        conversion::Conversion,
        envelope::{BodyPlan, Envelope},
        expression::{Expression, Template},
        key::KeyColumns,
    },
    table::{
        cell_reading::{CellReading, CellSplit},
        dialect::Dialect,
    },
    text::{
        buffer::OutputBuffer,
        lanes::{ByteLanes, LANES, Padded},
    },
};

/// What to do, with nothing left to look up.
#[derive(Debug)]
pub struct Plan {
    /// The name of the mapping.
    pub name: String,
    /// The request that carries the documents.
    pub request: Request,
    /// Its path, if each document has one of its own.
    pub own_path: Option<PathTemplate>,
    /// What stands around the documents of a request.
    pub body: BodyPlan,
    /// The object around the list of documents, if there is one.
    pub envelope: Option<Envelope>,
    /// The sources, in the order of the mapping.
    pub sources: Vec<SourcePlan>,
    /// The source whose records become documents.
    pub each: usize,
    /// Only those of its records that meet this condition.
    pub only: Option<Condition>,
    /// What to do when there is nothing for a field that says nothing itself.
    pub if_empty: Option<Policy<IfEmpty>>,
    /// What to do with the other documents when one is rejected, and a request replaces all that the API holds.
    pub on_incomplete: Policy<OnIncomplete>,
    /// A document.
    pub document: ObjectPlan,
    /// How sources attach to each other.
    pub links: Vec<LinkPlan>,
    /// What the API accepts.
    pub contract: Arc<Contract>,
    /// Rules of the contract that no check of a leaf can replace; if there are any, every document is checked as a whole.
    pub whole: Vec<String>,
    /// A branch of the contract is followed for every document. What is wrong with one is told from the whole contract, as
    /// it depends on the branch.
    pub has_branches: bool,
    /// The most documents the contract allows in one body.
    pub max_documents: Option<u64>,
    /// The place of every rule in the mapping.
    pub places: Places,
    /// What may not be as it was meant, though it can be done.
    pub warnings: Vec<Diagnostic>,
}

/// The amounts of a source that are added up in the summary.
#[derive(Debug)]
pub struct TotalPlan {
    /// The column of the amounts.
    pub sum: usize,
    /// The column of their units.
    pub by: Option<usize>,
    /// The units that the summary may show, besides those that look like a code.
    pub units: Vec<String>,
}

/// One source.
#[derive(Debug)]
pub struct SourcePlan {
    /// Its name.
    pub name: String,
    /// Its file or pattern inside the drop folder.
    pub path: String,
    /// The source whose file it reads too; that has the same columns.
    pub rows_of: Option<usize>,
    /// How its files are written.
    pub dialect: Dialect,
    /// The columns of its key; empty: it has none.
    pub key: KeyColumns,
    /// What to do with different records of the same key.
    pub on_duplicate_key: Policy<OnDuplicateKey>,
    /// The columns the plan uses.
    pub columns: Vec<ColumnPlan>,
    /// For files without a header: all columns in order.
    pub order: Vec<String>,
    /// The amounts to add up.
    pub total: Option<TotalPlan>,
    /// Its records are only looked up, and not sent for themselves.
    pub lookup: bool,
    /// The columns whose cells are checked when its records are joined.
    pub checked: CheckedColumns,
    /// The columns that are merged where rows with one key are one record: those that this source uses.
    pub merged: Vec<usize>,
    /// How many wildcards of its path expressions use.
    pub captures: usize,
}

impl SourcePlan {
    /// Whether rows with one key are one record.
    #[must_use]
    pub fn is_merged(&self) -> bool {
        self.on_duplicate_key.then == OnDuplicateKey::Merge
    }
}

/// Columns with a declared type whose cells are checked when records are joined, because no field does it in time.
#[derive(Debug, Default)]
pub struct CheckedColumns {
    /// Those of the key, checked before records with one key are looked for.
    pub in_key: Vec<usize>,
    /// Those of a `match`, checked before records are joined.
    pub in_match: Vec<usize>,
    /// Those of a `where`, checked before records are left out.
    pub in_where: Vec<usize>,
    /// All others that no field checks, checked in the records that go out.
    pub in_output: Vec<usize>,
}

/// A column of a source.
#[derive(Clone, Debug)]
pub struct ColumnPlan {
    /// Its name in the mapping.
    pub name: String,
    /// The names it may have in the header.
    pub headers: Vec<String>,
    /// How its cells are read, if not as they are.
    pub reading: Option<Arc<CellReading>>,
    /// How its cells are divided, if they are lists.
    pub split: Option<Arc<CellSplit>>,
    /// The type of its cells, or of their pieces.
    pub conversion: Conversion,
    /// Its cells are never shown to a person.
    pub sensitive: bool,
    /// The rule of the mapping that first names it.
    pub rule: String,
}

impl ColumnPlan {
    /// Which column of a header it is, if it is there.
    #[must_use]
    pub fn find_in(&self, names: &[String]) -> Option<usize> {
        names.iter().position(|name| self.headers.contains(name))
    }

    /// Whether a cell is certain to be of its type as it stands in the file, by a look at its digits.
    #[must_use]
    pub fn is_usual(&self, cell: &[u8]) -> bool {
        self.may_be_usual() && self.conversion.is_usual(&ByteLanes::from(cell).lanes_at(0), cell.len())
    }

    /// Whether a look at the digits of a cell can tell that it is of its type.
    #[must_use]
    pub fn may_be_usual(&self) -> bool {
        self.reading.is_none() && self.split.is_none() && self.conversion.number_format().is_some()
    }

    /// Checks that what a cell says, which is not empty, is of its type, or each of its pieces is; `json` is written over.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self, cell: &[u8], json: &mut OutputBuffer) -> Result<(), Code> {
        json.clear();
        match &self.split {
            None => self.conversion.write(cell.into(), json),
            Some(split) => {
                let cell = String::from_utf8_lossy(cell);
                split.pieces(&cell).try_for_each(|piece| self.conversion.write(piece.as_bytes().into(), json))
            }
        }
    }

    /// Whether a cell of it that was cut off is never a valid one.
    #[must_use]
    pub fn is_prefix_free(&self) -> bool {
        self.reading.is_none() && self.split.is_none() && self.conversion.is_prefix_free()
    }
}

/// A condition over the columns of one record.
#[derive(Debug)]
pub struct Condition {
    /// What has to be true.
    pub expression: Expression,
    /// Where it stands in the mapping.
    pub rule: String,
}

/// How the records of one source attach to those of another.
#[derive(Debug)]
pub struct LinkPlan {
    /// A list of records (`many`), or one that is looked up (`one`).
    pub many: bool,
    /// The source that owns the field.
    pub parent: usize,
    /// The source that is attached.
    pub child: usize,
    /// The columns of the parent, in the order of the key that is matched.
    pub parent_columns: KeyColumns,
    /// The columns of the child, in the same order.
    pub child_columns: KeyColumns,
    /// Only records of the child that meet this condition.
    pub only: Option<Condition>,
    /// What to do with a record of the child that has no parent.
    pub on_orphan: Policy<OnOrphan>,
    /// The order of a list.
    pub order: Vec<(usize, Direction)>,
    /// Where it stands in the mapping.
    pub rule: String,
}

/// An object of the output.
#[derive(Debug)]
pub struct ObjectPlan {
    /// Its fields, in order.
    pub fields: Vec<FieldPlan>,
    /// For each of them, how it is written if it is fast; empty: none is.
    pub fast_fields: Vec<FastField>,
    /// Which of its fields are made of the others: counts and sums, and objects with such as start further out.
    pub aggregates: Vec<usize>,
    /// What to do when no cell of it is filled.
    pub if_empty: EmptyPolicy,
}

/// What to do when there is nothing for a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmptyPolicy {
    /// What to do.
    pub then: IfEmpty,
    /// Report each time it is done, as a warning.
    pub warn: bool,
    /// The field says so itself.
    pub is_declared: bool,
}

impl EmptyPolicy {
    /// What a field says itself, or what is natural for it.
    fn new(declared: Option<&Policy<IfEmpty>>, natural: IfEmpty) -> EmptyPolicy {
        match declared {
            Some(Policy { then, warn }) => EmptyPolicy { then: then.clone(), warn: *warn, is_declared: true },
            None => EmptyPolicy { then: natural, warn: false, is_declared: false },
        }
    }

    /// Takes what is said for all fields, unless the field says something itself.
    fn inherit(&mut self, policy: &Policy<IfEmpty>) {
        if !self.is_declared {
            (self.then, self.warn) = (policy.then.clone(), policy.warn);
        }
    }
}

impl ObjectPlan {
    /// Visits the source of every lookup.
    fn visit_lookups(&self, visit: &mut dyn FnMut(usize)) {
        self.fields.iter().for_each(|field| field.value.visit_lookups(visit));
    }

    /// Visits the checks of every leaf; a constant has none.
    fn visit_leaves<'a>(&'a self, visit: &mut dyn FnMut(Option<&'a Checks>)) {
        self.fields.iter().for_each(|field| field.value.visit_leaves(visit));
    }
}

impl ObjectPlan {
    fn has_free_lists(&self) -> bool {
        self.fields.iter().all(|field| match &field.value {
            ValuePlan::Many(many) => {
                let limits = [(many.min, many.max), many.allowed];
                limits == [(0, u64::MAX); 2] && many.if_empty.then == IfEmpty::Keep
            }
            ValuePlan::Object(object) => object.has_free_lists() && object.if_empty.then == IfEmpty::Keep,
            ValuePlan::Leaf(_) | ValuePlan::Const(_) => true,
            ValuePlan::One(_)
            | ValuePlan::List(_)
            | ValuePlan::Pieces(_)
            | ValuePlan::When(_)
            | ValuePlan::Aggregate(_) => false,
        })
    }
}

impl ValuePlan {
    fn visit_lookups(&self, visit: &mut dyn FnMut(usize)) {
        match self {
            ValuePlan::Const(_) | ValuePlan::Leaf(_) | ValuePlan::Pieces(_) | ValuePlan::Aggregate(_) => {}
            ValuePlan::Object(object) => object.visit_lookups(visit),
            ValuePlan::List(list) => list.items.iter().for_each(|item| item.value.visit_lookups(visit)),
            ValuePlan::When(when) => when.value.visit_lookups(visit),
            ValuePlan::Many(many) => many.item.visit_lookups(visit),
            ValuePlan::One(one) => {
                visit(one.source);
                one.value.visit_lookups(visit);
            }
        }
    }

    fn visit_leaves<'a>(&'a self, visit: &mut dyn FnMut(Option<&'a Checks>)) {
        match self {
            ValuePlan::Const(_) => visit(None),
            ValuePlan::Leaf(leaf) => visit(Some(&leaf.checks)),
            ValuePlan::Pieces(pieces) => visit(Some(&pieces.leaf.checks)),
            ValuePlan::Aggregate(aggregate) => visit(Some(&aggregate.checks)),
            ValuePlan::Object(object) => object.visit_leaves(visit),
            ValuePlan::List(list) => list.items.iter().for_each(|item| item.value.visit_leaves(visit)),
            ValuePlan::When(when) => when.value.visit_leaves(visit),
            ValuePlan::Many(many) => many.item.visit_leaves(visit),
            ValuePlan::One(one) => one.value.visit_leaves(visit),
        }
    }
}

/// A field of an object.
#[derive(Debug)]
pub struct FieldPlan {
    /// Its name.
    pub name: String,
    /// `,"name":`, ready to be copied.
    pub prefix: Padded,
    /// Where it stands in the mapping.
    pub rule: String,
    /// What is written.
    pub value: ValuePlan,
}

/// Names of fast fields and most cells are shorter than this, in bytes.
pub const SHORT: usize = 2 * LANES;
/// Texts of fast fields are shorter than this, in bytes.
pub const LONG: usize = 2 * SHORT;

/// How a field is written if it is fast: one cell, copied or translated, or a constant.
#[derive(Debug)]
pub struct FastField {
    /// `,"name":`, and the opening quote if the value is a text, or all of the value if it is a constant.
    pub(crate) name: [u8; SHORT],
    /// The length of that, without a constant.
    pub(crate) name_length: usize,
    /// Its value is a text.
    pub(crate) is_text: bool,
    /// Its column, as the plan numbers it; of a constant any.
    pub column: usize,
    /// How its cell is converted.
    pub(crate) conversion: FastConversion,
    /// An empty cell is left out, with the name.
    pub(crate) omits_empty: bool,
    /// The decimal separator of its numbers.
    pub(crate) separator: u8,
    /// Its numbers have to be at least 1.
    pub(crate) is_positive: bool,
    /// The most bytes its texts may have; longer ones may be allowed, but their characters have to be counted.
    pub(crate) max_length: usize,
}

/// How the cell of a fast field is converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FastConversion {
    /// A text is copied.
    Text,
    /// Digits are copied.
    WholeNumber,
    /// A number whose decimal separator is a point is copied.
    PointNumber,
    /// A number with another decimal separator is copied with a point.
    SeparatorNumber,
    /// A day that is written as in JSON is copied.
    IsoDay,
    /// A code of a short table is translated.
    ShortCode,
    /// A number is calculated, and its rules are checked.
    Calculated,
    /// There are more rules to check, or it is a less common conversion, or a constant.
    Checked,
    /// The field is not fast.
    NotFast,
}

/// A value of the output.
#[derive(Debug)]
pub enum ValuePlan {
    /// The same JSON text in every document.
    Const(Vec<u8>),
    /// A value made from cells of the current record.
    Leaf(Box<Leaf>),
    /// A nested object from the current record.
    Object(ObjectPlan),
    /// A list with items from the current record.
    List(Box<ListPlan>),
    /// A list with the pieces of a cell.
    Pieces(Box<Pieces>),
    /// A value that is there if a condition holds.
    When(Box<When>),
    /// A list with one item for each related record.
    Many(Box<Many>),
    /// A value of the one related record.
    One(Box<One>),
    /// A number made of what stands in lists of the same object, or of one around it.
    Aggregate(Box<Aggregate>),
}

/// A value made from cells.
#[derive(Debug)]
pub struct Leaf {
    /// Where its text comes from.
    pub from: ValueSource,
    /// Its cells are not used as they stand in the file: something is dropped or changed when they are read.
    pub has_reading: bool,
    /// The type that text is turned into.
    pub conversion: Conversion,
    /// The code table that translates it.
    pub codes: Option<Codes>,
    /// The text to use in place of an empty one.
    pub fallback: Option<Vec<u8>>,
    /// What to do with an empty text.
    pub if_empty: EmptyPolicy,
    /// The rules of the contract that are not proven.
    pub checks: Checks,
}

/// Where the text of a leaf comes from.
#[derive(Debug)]
pub enum ValueSource {
    /// A column.
    Column(usize),
    /// A text made of columns.
    Template(Template),
    /// A value calculated from columns.
    Value(Expression),
}

impl Leaf {
    /// The columns whose cells it is made of.
    #[must_use]
    pub fn columns(&self) -> &[usize] {
        match &self.from {
            ValueSource::Column(column) => std::slice::from_ref(column),
            ValueSource::Template(template) => &template.columns,
            ValueSource::Value(expression) => &expression.columns,
        }
    }
}

/// A list with items from one record.
#[derive(Debug)]
pub struct ListPlan {
    /// Its items, in order.
    pub items: Vec<ItemPlan>,
    /// What to do when no cell of it is filled.
    pub if_empty: EmptyPolicy,
    /// The fewest and most items the contract allows, as far as that is not proven.
    pub allowed: (u64, u64),
}

/// An item of a list from one record.
#[derive(Debug)]
pub struct ItemPlan {
    /// Where it stands in the mapping.
    pub rule: String,
    /// What is written.
    pub value: ValuePlan,
}

/// A list with the pieces of a cell.
#[derive(Debug)]
pub struct Pieces {
    /// What each piece becomes.
    pub leaf: Leaf,
    /// How the cell is divided.
    pub split: Arc<CellSplit>,
    /// What to do when there are no pieces.
    pub if_empty: EmptyPolicy,
    /// The fewest and most items the contract allows.
    pub allowed: (u64, u64),
}

/// A value that is there if a condition holds.
#[derive(Debug)]
pub struct When {
    /// What has to be true for the record.
    pub condition: Condition,
    /// The value.
    pub value: ValuePlan,
    /// What to do when the condition does not hold.
    pub if_empty: EmptyPolicy,
}

/// A list of related records.
#[derive(Debug)]
pub struct Many {
    /// Its link.
    pub link: usize,
    /// Its source.
    pub source: usize,
    /// What each record becomes.
    pub item: ValuePlan,
    /// What names the records, if they are fields of an object and not items of a list.
    pub keyed_by: Option<KeyedBy>,
    /// The fewest records the mapping allows.
    pub min: u64,
    /// The most records the mapping allows.
    pub max: u64,
    /// The fewest and most items, or fields, that the contract allows.
    pub allowed: (u64, u64),
    /// What to do when there is no record.
    pub if_empty: EmptyPolicy,
    /// What to do with the document when a record is bad.
    pub on_incomplete: Policy<OnIncomplete>,
}

/// A number made of what stands in lists of the same object, or of one around it.
#[derive(Debug)]
pub struct Aggregate {
    /// How many objects further out the path starts than the one that the number stands in.
    pub up: usize,
    /// The names that lead there, each as JSON writes it.
    pub steps: Vec<Vec<u8>>,
    /// Numbers are added; else items are counted.
    pub is_sum: bool,
    /// How the number is written.
    pub conversion: Conversion,
    /// The rules of the contract that are not proven.
    pub checks: Checks,
}

/// What names the fields of an object with one field for each related record.
#[derive(Debug)]
pub struct KeyedBy {
    /// The column of the related record whose cell is the name.
    pub column: usize,
    /// The type of that column.
    pub conversion: Conversion,
    /// Where it stands in the mapping.
    pub rule: String,
    /// The rules of the contract about names that are not proven.
    pub checks: Checks,
}

/// The one related record.
#[derive(Debug)]
pub struct One {
    /// Its link.
    pub link: usize,
    /// Its source.
    pub source: usize,
    /// What the record becomes.
    pub value: ValuePlan,
    /// What to do when there is none.
    pub on_missing: Policy<OnLookup>,
    /// What to do when a cell that is looked up is empty; `None`: as when there is none.
    pub if_empty: Option<Policy<IfEmpty>>,
}

/// The contents of code table files, by the pointer of the table in the mapping: codes with their translations.
pub type CodeFiles = BTreeMap<String, Vec<(String, String)>>;

impl Plan {
    /// The source that names the file of a source: itself, unless it has the rows of another.
    #[must_use]
    pub fn file_of(&self, source: usize) -> usize {
        self.sources[source].rows_of.unwrap_or(source)
    }

    /// The warning that each document may replace the one before it at the API: every request carries one, and all go to one
    /// URL.
    #[must_use]
    pub fn warn_of_one_url(&self) -> Option<Diagnostic> {
        let Request { method, path, .. } = &self.request;
        if !self.body.shape.is_single() || !method.replaces() || self.own_path.is_some() {
            return None;
        }
        let word = method.word();
        let message =
            format!("every document is sent by its own {word} to `{path}`, so each may replace the one before");
        let hint = "write `root: array` or `method: POST`; if the API tells documents apart by what they hold, \
                    say `collection: upsert` in the profile";
        let warning = self.finding(Code::PlanOneUrl, "/request/method", message);
        Some(warning.severity(Severity::Warning).hint(hint))
    }

    /// How many leaves are proven to meet the contract, and how many are checked in the data.
    #[must_use]
    pub fn proven(&self) -> (usize, usize) {
        let (mut proven, mut open) = (0, 0);
        self.document.visit_leaves(&mut |leaf| {
            if leaf.is_none_or(|checks| checks.covered && checks.quick.is_empty()) {
                proven += 1;
            } else {
                open += 1;
            }
        });
        (proven, open)
    }

    /// Whether what is wrong with a document is found by the whole contract, and not by that of its leaves.
    #[must_use]
    pub fn is_told_whole(&self) -> bool {
        self.has_branches || !self.whole.is_empty()
    }

    /// Whether a record can be found bad in one document after it was good in another: it is in two lists, or it is looked up
    /// and used in several places or under rules about whole documents. A record that is looked up for one place only has the
    /// same value there in every document.
    #[must_use]
    pub fn shares_records(&self) -> bool {
        let links_to = |source: usize| self.links.iter().filter(|link| link.child == source).count();
        let mut uses = vec![0; self.sources.len()];
        self.document.visit_lookups(&mut |source| uses[source] += 1);
        let is_same_everywhere = |link: &LinkPlan| !link.many && self.whole.is_empty() && uses[link.child] <= 1;
        let shared = |link: &LinkPlan| {
            link.child == self.each || links_to(link.child) > 1 || !link.many && !is_same_everywhere(link)
        };
        self.links.iter().any(shared)
    }

    /// Whether a document with very many records may be written and checked in parts, each with some of them: no rule is
    /// about a whole list, and none asks for an order.
    #[must_use]
    pub fn comes_in_parts(&self) -> bool {
        let flat = self.links.iter().all(|link| link.many && link.parent == self.each && link.order.is_empty());
        flat && self.whole.is_empty() && self.document.has_free_lists()
    }

    /// Whether the contract accepts a document: the exact check.
    #[must_use]
    pub fn accepts(&self, json: &[u8]) -> bool {
        self.wrap_in_body(json).is_some_and(|body| self.contract.accepts(&body))
    }

    /// All violations of the contract in a document; pointers are into the document.
    #[must_use]
    pub fn violations(&self, json: &[u8]) -> Vec<Violation> {
        let Some(body) = self.wrap_in_body(json) else { return Vec::new() };
        let prefix = if self.body.shape.is_single() { String::new() } else { format!("{}/0", self.body.documents) };
        self.contract.violations(&body).into_iter().map(|violation| violation.inside(&prefix)).collect()
    }

    /// A request body with this one document.
    fn wrap_in_body(&self, json: &[u8]) -> Option<Value> {
        serde_json::from_slice(&[self.body.shape.before(), json, self.body.shape.after()].concat()).ok()
    }

    /// The place of a rule in the mapping, for messages.
    #[must_use]
    pub fn place(&self, rule: &str) -> Place {
        self.places.leaf(rule)
    }

    /// A finding about a rule of the mapping.
    #[must_use]
    pub fn finding(&self, code: Code, rule: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(code, message).rule(self.place(rule))
    }
}
