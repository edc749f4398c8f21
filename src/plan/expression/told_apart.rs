//! Which columns can be read back from what an expression makes: two records with other cells there never make the same.
//!
//! That is certain of texts around one cell as it stands. Several cells can be read back if it is certain where each of them
//! ends: those before the last are whole numbers, each with a text behind it that begins with no digit.

use crate::plan::{
    conversion::Conversion,
    expression::{Expression, Template, TemplatePart, operation::Operation, value::ExpressionValue},
};

/// A cell, and the text between it and the next.
struct CellInText {
    column: usize,
    is_whole: bool,
    behind: String,
}

impl Template {
    /// The columns that can be read back from the text; `None`: it is not certain that any can.
    pub(in crate::plan) fn columns_told_apart(&self) -> Option<Vec<usize>> {
        let mut cells = Vec::new();
        for part in &self.parts {
            match part {
                TemplatePart::Literal(text) => add_text(&mut cells, text),
                TemplatePart::Expression(operation) => operation.add_cells(&mut cells)?,
            }
        }
        find_told_apart(&cells)
    }
}

impl Expression {
    /// The columns that can be read back from the value; `None`: it is not certain that any can.
    pub(in crate::plan) fn columns_told_apart(&self) -> Option<Vec<usize>> {
        let mut cells = Vec::new();
        self.operation.add_cells(&mut cells)?;
        find_told_apart(&cells)
    }
}

impl Operation {
    /// Adds the cells and texts that it writes one after the other; `None`: it writes something else.
    fn add_cells(&self, cells: &mut Vec<CellInText>) -> Option<()> {
        match self {
            Operation::Cell { column, conversion, .. } => {
                let is_whole = matches!(**conversion, Conversion::Integer(_));
                cells.push(CellInText { column: *column, is_whole, behind: String::new() });
            }
            Operation::Constant(ExpressionValue::Text(text)) => add_text(cells, text),
            Operation::Join(parts) => parts.iter().try_for_each(|part| part.add_cells(cells))?,
            _ => return None,
        }
        Some(())
    }
}

/// Adds a text behind the last cell; one before the first is always the same.
fn add_text(cells: &mut [CellInText], text: &str) {
    if let Some(last) = cells.last_mut() {
        last.behind.push_str(text);
    }
}

fn find_told_apart(cells: &[CellInText]) -> Option<Vec<usize>> {
    let (_, before) = cells.split_last()?;
    let ends = |cell: &CellInText| cell.is_whole && cell.behind.starts_with(|first: char| !first.is_ascii_digit());
    before.iter().all(ends).then(|| cells.iter().map(|cell| cell.column).collect())
}
