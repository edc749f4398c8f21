//! A document written to its end, with where every value came from and everything that is wrong.
//!
//! `transform` makes a trace when a document is in doubt; `check` turns it into a verdict. Places are kept as steps from the
//! value around them, because most of them are never asked for.

use crate::{diagnostic::Code, json_pointer::escape};

/// A document written to its end, with everything known about it.
#[derive(Debug)]
pub struct Trace<'a> {
    /// The JSON, with `null` in the place of values that could not be made.
    pub json: Vec<u8>,
    /// The places of the document, the first of which is the document itself.
    pub spots: Vec<Spot<'a>>,
    /// The steps into related records, each with the one before it.
    pub walks: Vec<(usize, Step)>,
    /// Where the values came from.
    pub origins: Vec<Origin<'a>>,
    /// The leaves that are not certain to meet the contract.
    pub doubts: Vec<Doubt<'a>>,
    /// More than leaves is not certain to meet the contract.
    pub wholly_in_doubt: bool,
    /// What is wrong.
    pub problems: Vec<Problem<'a>>,
    /// Related records that were rejected before, each with the steps that lead to it.
    pub bad: Vec<Vec<Step>>,
}

/// A place in a document.
#[derive(Clone, Copy, Debug)]
pub struct Spot<'a> {
    /// The place around it; that of the document itself is its own.
    pub around: usize,
    /// What it is called there.
    pub name: Name<'a>,
}

/// The name of a place inside another.
#[derive(Clone, Copy, Debug)]
pub enum Name<'a> {
    /// A field of an object.
    Field(&'a str),
    /// An item of a list, by its number.
    Item(u64),
}

/// A leaf that is not certain to meet the contract.
#[derive(Clone, Debug)]
pub struct Doubt<'a> {
    /// Its place.
    pub spot: usize,
    /// What the contract says of it, as pointers into the schema.
    pub rules: &'a [String],
    /// Its JSON text.
    pub json: Vec<u8>,
}

/// In the place of a step: none.
pub const NOWHERE: usize = usize::MAX;

impl<'a> Trace<'a> {
    /// Whether everything in it could be made; what the contract says is another question.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.bad.is_empty() && self.problems.iter().all(|problem| problem.warning)
    }

    /// The JSON pointer of a place.
    #[must_use]
    pub fn pointer(&self, spot: usize) -> String {
        pointer(&self.spots, spot)
    }

    /// The steps into related records, the outermost first.
    #[must_use]
    pub fn steps(&self, walk: usize) -> Vec<Step> {
        steps(&self.walks, walk)
    }

    /// Where the value at a pointer came from, or the nearest value around it.
    #[must_use]
    pub fn origin(&self, pointer: &str) -> Option<&Origin<'a>> {
        let mut names: Vec<String> = pointer.split('/').skip(1).map(unescaped).collect();
        loop {
            // The last note about a place is the most precise one: a lookup notes its parent first, then the record found.
            if let Some(origin) = self.origins.iter().rev().find(|origin| self.is_at(origin.spot, &names)) {
                return Some(origin);
            }
            names.pop()?;
        }
    }

    /// As [`Trace::origin`], by the place.
    #[must_use]
    pub fn origin_at(&self, spot: usize) -> Option<&Origin<'a>> {
        self.origins.iter().rev().find(|origin| origin.spot == spot)
    }

    /// Whether one place is another, or lies in it.
    #[must_use]
    pub fn is_within(&self, spot: usize, around: usize) -> bool {
        let mut at = spot;
        while at != around && at != 0 {
            at = self.spots[at].around;
        }
        at == around
    }

    fn is_at(&self, spot: usize, names: &[String]) -> bool {
        let mut at = spot;
        for name in names.iter().rev() {
            let same = match self.spots[at].name {
                Name::Field(field) => field == name,
                Name::Item(number) => name.parse() == Ok(number),
            };
            if at == 0 || !same {
                return false;
            }
            at = self.spots[at].around;
        }
        at == 0
    }
}

/// The JSON pointer of a place (RFC 6901).
fn pointer(spots: &[Spot<'_>], spot: usize) -> String {
    if spot == 0 {
        return String::new();
    }
    let mut pointer = pointer(spots, spots[spot].around);
    pointer.push('/');
    match spots[spot].name {
        Name::Field(name) => pointer.push_str(&escape(name)),
        Name::Item(number) => pointer.push_str(&number.to_string()),
    }
    pointer
}

/// The steps that lead to a related record, the outermost first.
fn steps(walks: &[(usize, Step)], walk: usize) -> Vec<Step> {
    let (mut steps, mut at) = (Vec::new(), walk);
    while at != NOWHERE {
        let (before, step) = walks[at];
        steps.push(step);
        at = before;
    }
    steps.reverse();
    steps
}

fn unescaped(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}

/// The cell and the rule a JSON value came from.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// Its place.
    pub spot: usize,
    /// The number of the source.
    pub source: usize,
    /// The record.
    pub row: u32,
    /// The column, as the plan numbers it; `None`: the record as a whole.
    pub column: Option<usize>,
    /// The rule of the mapping.
    pub rule: &'a str,
    /// The last of the lists it lies in, as a number into the walks of its trace, or [`NOWHERE`].
    pub walk: usize,
}

/// One step from a record to a related one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The link.
    pub link: usize,
    /// The record that owns the list.
    pub parent: u32,
    /// The related record.
    pub child: u32,
    /// The document may be sent without it.
    pub may_drop: bool,
}

/// Something that is wrong with a value.
#[derive(Clone, Debug)]
pub struct Problem<'a> {
    /// What kind.
    pub code: Code,
    /// What was expected.
    pub message: String,
    /// What to do next.
    pub hint: &'static str,
    /// The number of the source.
    pub source: usize,
    /// The record.
    pub row: u32,
    /// The column, as the plan numbers it.
    pub column: Option<usize>,
    /// The rule of the mapping.
    pub rule: &'a str,
    /// The mapping allows it and wants to be told.
    pub warning: bool,
    /// Its place.
    pub spot: usize,
    /// The last of the lists it lies in, as a number into the walks of its trace, or [`NOWHERE`].
    pub walk: usize,
}
