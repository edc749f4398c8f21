//! The nodes of a trace by their names: which one a JSON pointer leads to, and pointers as messages show them.
//!
//! A name may be what a cell says. No message shows it otherwise than that cell, so a pointer that is shown is made here.

use std::{cell::OnceCell, collections::BTreeMap};

use crate::{
    json_pointer::{escape, unescape},
    recording::provenance::{JsonNode, NodeName, Origin, Trace},
    table::Table,
};

/// The nodes of a trace by the node they lie in and their name.
#[derive(Debug)]
pub struct NodeIndex<'t, 'a> {
    trace: &'t Trace<'a>,
    /// Found when they are first asked for: most traces are only asked for origins.
    nodes: OnceCell<BTreeMap<(usize, String), usize>>,
    /// The last origin of each node, which is the most precise one: a lookup notes its parent first, then the record found.
    origins: BTreeMap<usize, usize>,
}

/// Where a pointer leads.
#[derive(Debug)]
pub struct FoundNode {
    /// The node, or the last one on the way to what is no node.
    pub node: usize,
    /// The names behind it, which lie inside of the value of a cell.
    pub inside: Vec<String>,
}

impl<'t, 'a> NodeIndex<'t, 'a> {
    /// The nodes of a trace.
    #[must_use]
    pub fn of(trace: &'t Trace<'a>) -> NodeIndex<'t, 'a> {
        let origins = trace.origins.iter().enumerate().map(|(number, origin)| (origin.node, number)).collect();
        NodeIndex { trace, nodes: OnceCell::new(), origins }
    }

    fn nodes(&self) -> &BTreeMap<(usize, String), usize> {
        // Of several nodes of one name the last was written, or none of them.
        let named = || self.trace.nodes.iter().enumerate().skip(1);
        let name = |node: &JsonNode<'a>| (node.parent, self.trace.name(node.name).into_owned());
        self.nodes.get_or_init(|| named().map(|(number, node)| (name(node), number)).collect())
    }

    /// Where a pointer leads.
    #[must_use]
    pub fn find(&self, pointer: &str) -> FoundNode {
        let mut found = FoundNode { node: 0, inside: Vec::new() };
        for step in pointer.split('/').skip(1).map(unescape) {
            match self.nodes().get(&(found.node, step.clone())) {
                Some(node) if found.inside.is_empty() => found.node = *node,
                _ => found.inside.push(step),
            }
        }
        found
    }

    /// The field of a node with a name.
    #[must_use]
    pub fn field(&self, node: usize, name: &str) -> Option<usize> {
        self.nodes().get(&(node, name.to_owned())).copied()
    }

    /// The origin of the value of a node, or of the nearest value around it.
    #[must_use]
    pub fn origin(&self, node: usize) -> Option<&'t Origin<'a>> {
        let mut at = node;
        loop {
            if let Some(number) = self.origins.get(&at) {
                return self.trace.origins.get(*number);
            }
            if at == 0 {
                return None;
            }
            at = self.trace.nodes[at].parent;
        }
    }

    /// A pointer as messages show it.
    #[must_use]
    pub fn show(&self, tables: &[Table], found: &FoundNode) -> String {
        let mut shown = show_pointer(self.trace, tables, found.node);
        for name in &found.inside {
            let cell = self.origin(found.node).filter(|origin| origin.column.is_some());
            let drawn = cell.map_or_else(|| name.clone(), |origin| draw_name(tables, origin, name));
            shown.push('/');
            shown.push_str(&escape(&drawn));
        }
        shown
    }
}

/// The pointer to a node as messages show it: names that are what a cell says are drawn as that cell.
#[must_use]
pub fn show_pointer(trace: &Trace<'_>, tables: &[Table], node: usize) -> String {
    if node == 0 {
        return String::new();
    }
    let step = trace.nodes[node];
    let name = match step.name {
        NodeName::Cell(number) => draw_name(tables, &trace.names[number].origin, &trace.names[number].text),
        name => trace.name(name).into_owned(),
    };
    format!("{}/{}", show_pointer(trace, tables, step.parent), escape(&name))
}

/// A name that a cell says, drawn as the cell is.
#[must_use]
pub fn draw_name(tables: &[Table], origin: &Origin<'_>, name: &str) -> String {
    let table = &tables[origin.source];
    match origin.column {
        Some(column) => table.draw_said(origin.row, table.bind[column], name),
        None => name.to_owned(),
    }
}
