//! What a compiled expression is made of: operations on cells, facts and constants.

use std::{cmp::Ordering, sync::Arc};

use crate::{
    plan::{
        conversion::Conversion,
        expression::{value::ExpressionValue, words::TextFilter},
    },
    table::cell_reading::CellSplit,
    text::exact_decimal::{ExactDecimal, Rounding},
};

/// What is known of a record besides its cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    /// The name of the drop folder.
    RecordingName,
    /// The name of the file.
    FileName,
    /// The line on which the record begins.
    FileLine,
    /// What a wildcard of the path stands for, counted from 0.
    FileMatch(usize),
}

impl Fact {
    /// How many wildcards the path has at least.
    pub(super) fn captures(self) -> usize {
        match self {
            Fact::FileMatch(number) => number + 1,
            _ => 0,
        }
    }
}

/// A part of an expression, ready to be evaluated.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    /// The same for every record.
    Constant(ExpressionValue<'static>),
    /// A cell, by the number of its column, as its type reads it.
    Cell { column: usize, conversion: Arc<Conversion>, has_reading: bool },
    /// A fact of the record.
    Fact(Fact),
    /// The pieces of a cell, each as the type of its column reads it.
    Pieces { column: usize, conversion: Arc<Conversion>, split: Arc<CellSplit> },
    /// Texts and numbers, one after the other.
    Join(Vec<Operation>),
    /// A calculation with two numbers.
    Calculate(Operator, Box<[Operation; 2]>),
    /// The other sign.
    Negate(Box<Operation>),
    /// Division by a constant whose quotients have so many decimals more at most.
    DivideExactly { dividend: Box<Operation>, divisor: ExactDecimal, decimals: u32 },
    /// Division, rounded.
    Divide(Box<[Operation; 2]>, Rounding),
    /// A number, rounded.
    Round(Box<Operation>, Rounding),
    /// A number without its sign.
    Absolute(Box<Operation>),
    /// Whether two values are the same.
    Equals(Box<[Operation; 2]>),
    /// Whether two values are in order.
    IsOrdered(Comparison, Box<[Operation; 2]>),
    /// Whether a text begins or ends with another.
    Touches { at_start: bool, sides: Box<[Operation; 2]> },
    /// Whether something is an item of a list, or a part of a text.
    IsIn(Box<[Operation; 2]>),
    /// Whether something is one of these values, which are in order.
    IsAmong(Box<Operation>, Vec<ExpressionValue<'static>>),
    /// Whether all hold.
    All(Vec<Operation>),
    /// Whether one of them holds.
    Any(Vec<Operation>),
    /// Whether it does not hold.
    Not(Box<Operation>),
    /// The second if the first holds, else the third.
    Choose(Box<[Operation; 3]>),
    /// The first, or if that is nothing, the second.
    Default(Box<[Operation; 2]>),
    /// A text, changed.
    Change(TextFilter, Box<Operation>, Vec<Operation>),
    /// How many characters or items there are.
    Length(Box<Operation>),
    /// The parts of a text.
    Split(Box<[Operation; 2]>),
    /// The items of a list as one text.
    JoinItems(Box<[Operation; 2]>),
    /// An item or a character, counted from the start, or from the end if the number is negative.
    Item(Box<[Operation; 2]>),
    /// Some of the items or characters.
    Slice(Box<Operation>, [Option<Box<Operation>>; 2]),
    /// A text as a number, whole or not.
    ToNumber { is_whole: bool, text: Box<Operation> },
    /// A text as a day or a moment.
    ToTime { conversion: Arc<Conversion>, text: Box<Operation> },
    /// A list.
    List(Vec<Operation>),
}

/// What is calculated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
}

/// How two values are in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    /// Whether two values in this order are as it says.
    pub(super) fn holds(self, order: Ordering) -> bool {
        match self {
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
        }
    }
}
