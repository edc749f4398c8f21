//! The compiler of joins: the columns that `match` names, and how the cells of each key are compared.
//!
//! Both sides of a `match` have one type. How a file writes it may differ: then, and where one value can be written in
//! several ways, cells are compared by value.

use crate::{
    config::mapping::field::FieldLong,
    diagnostic::{Code, Diagnostic, Severity},
    json_pointer::escape,
    plan::{LinkPlan, compile::Compiler, conversion::Conversion, key::KeyColumns},
    table::cell_reading::LetterCase,
};

/// The columns of one source in a `match`.
struct Side {
    source: usize,
    columns: Vec<usize>,
}

impl Compiler<'_> {
    /// The columns of a join, in the order of the key that is matched: those of the child, and those of the parent.
    pub(super) fn match_columns(
        &mut self,
        field: &FieldLong,
        rule: &str,
        child: usize,
        parent: usize,
        many: bool,
    ) -> Option<(KeyColumns, KeyColumns)> {
        let pointer = format!("{rule}/match");
        let keyed = if many { parent } else { child };
        if field.on.is_empty() {
            let hint = "add `match: { column of the related source: column here }`";
            self.report(Code::PlanMissingKey, rule, "nothing says which records belong together", hint);
            return None;
        }
        let mut pairs: Vec<(usize, usize)> = Vec::new();
        for (of_child, of_parent) in &field.on {
            let step = format!("{pointer}/{}", escape(of_child));
            let pair =
                (self.find_or_add_column(child, of_child, &step), self.find_or_add_column(parent, of_parent, &step));
            self.expect_no_list(child, pair.0, &step);
            self.expect_no_list(parent, pair.1, &step);
            let conversions = (
                &self.sources[child].columns.get(pair.0)?.conversion,
                &self.sources[parent].columns.get(pair.1)?.conversion,
            );
            if conversions.0.type_name() != conversions.1.type_name() {
                let message = format!(
                    "`{of_child}` is {} and `{of_parent}` is {}, so they would never match",
                    conversions.0.type_name(),
                    conversions.1.type_name()
                );
                self.report(Code::PlanJoin, &step, message, "declare the same type for both columns");
            }
            self.warn_of_reading(parent, (of_parent, pair.1), child, (of_child, pair.0), &step);
            pairs.push(pair);
        }
        let key = self.sources[keyed].key.columns.clone();
        let side = |pair: &(usize, usize)| if many { pair.1 } else { pair.0 };
        let ordered: Option<Vec<(usize, usize)>> =
            key.iter().map(|column| pairs.iter().copied().find(|pair| side(pair) == *column)).collect();
        match ordered {
            Some(ordered) if !key.is_empty() && ordered.len() == pairs.len() => {
                let (of_child, of_parent) = ordered.into_iter().unzip();
                Some((KeyColumns::new(of_child), KeyColumns::new(of_parent)))
            }
            _ => {
                let matched: Vec<usize> = pairs.iter().map(side).collect();
                self.report_key(keyed, &matched, &pointer);
                None
            }
        }
    }

    /// Warns of two columns that are matched, of which only one is brought to one case, or trimmed: the cells of the other match
    /// only as far as they are so already.
    fn warn_of_reading(
        &mut self,
        parent: usize,
        (of_parent, parent_column): (&str, usize),
        child: usize,
        (of_child, child_column): (&str, usize),
        rule: &str,
    ) {
        let reading = |source: usize, column: usize| {
            let column = self.sources[source].columns.get(column);
            let reading = column.and_then(|column| column.reading.as_deref());
            reading.map_or((None, false), |reading| (reading.case, reading.is_trimmed))
        };
        let (one, other) = (reading(parent, parent_column), reading(child, child_column));
        let word = match (one.0, other.0) {
            (one, other) if one != other => "case",
            _ if one.1 != other.1 => "trim",
            _ => return,
        };
        let has = |reading: (Option<LetterCase>, bool)| if word == "case" { reading.0.is_some() } else { reading.1 };
        let (message, hint) = match (has(one), has(other)) {
            (true, true) => (
                format!("`{of_parent}` and `{of_child}` are brought to different cases, so no letter of them matches"),
                "say the same `case` for both columns".to_owned(),
            ),
            (true, false) => (
                format!("`{word}` stands at `{of_parent}` and not at `{of_child}`, which is matched with it"),
                format!("say it for the column `{of_child}` of `{}` too", self.sources[child].name),
            ),
            (false, _) => (
                format!("`{word}` stands at `{of_child}` and not at `{of_parent}`, which is matched with it"),
                format!("say it for the column `{of_parent}` of `{}` too", self.sources[parent].name),
            ),
        };
        let warning = Diagnostic::new(Code::PlanJoin, message).rule(self.places.leaf(rule)).hint(hint);
        self.warnings.push(warning.severity(Severity::Warning));
    }

    /// Reports that a join does not match the whole key of a source.
    fn report_key(&mut self, keyed: usize, matched: &[usize], pointer: &str) {
        let source = &self.sources[keyed];
        let names = |columns: &[usize]| -> Vec<String> {
            columns.iter().map(|column| source.columns[*column].name.clone()).collect()
        };
        let (name, matched, key) = (source.name.clone(), names(matched), names(&source.key.columns));
        let message = format!("`match` must name the whole key of `{name}`, so that each record belongs to one");
        let hint = match (key.as_slice(), matched.as_slice()) {
            ([], _) => format!("declare `key: [{}]` for the source `{name}`", matched.join(", ")),
            ([key], [column]) => {
                format!("the key of `{name}` is `{key}`, and `match` names `{column}`: correct the one that is wrong")
            }
            _ => format!(
                "declare `key: [{}]` for the source `{name}`, or match all columns of its key: `{}`",
                matched.join(", "),
                key.join("`, `")
            ),
        };
        let finding = Diagnostic::new(Code::PlanJoin, message).rule(self.places.leaf(pointer)).hint(hint);
        let declared = self.places.leaf(&format!("/sources/{}/key", escape(&name)));
        self.add_finding(if key.is_empty() { finding } else { finding.also(declared, "its key is declared here") });
    }

    /// Decides for every key how its cells are compared, once all that is matched with it is known.
    pub(super) fn compare_keys(&mut self) {
        let side = |source: usize, key: &KeyColumns| Side { source, columns: key.columns.clone() };
        let sides = |link: &LinkPlan| {
            let (parent, child) = (side(link.parent, &link.parent_columns), side(link.child, &link.child_columns));
            if link.many { (parent, child) } else { (child, parent) }
        };
        let matched: Vec<(Side, Side)> = self.links.iter().map(sides).collect();
        for keyed in 0..self.sources.len() {
            let key = self.sources[keyed].key.columns.clone();
            let others: Vec<&Side> = matched.iter().filter(|(own, _)| own.source == keyed).map(|(_, it)| it).collect();
            let conversion = |source: usize, column: usize| &self.sources[source].columns[column].conversion;
            let is_read = |source: usize, column: usize| self.sources[source].columns[column].reading.is_some();
            let is_by_value = |(place, column): (usize, &usize)| {
                let own = conversion(keyed, *column);
                let differs = |it: &&Side| {
                    conversion(it.source, it.columns[place]) != own || is_read(it.source, it.columns[place])
                };
                !own.has_one_spelling() || is_read(keyed, *column) || others.iter().any(differs)
            };
            let by_value: Vec<bool> = key.iter().enumerate().map(is_by_value).collect();
            if !by_value.contains(&true) {
                continue;
            }
            let compared = |source: usize, columns: &[usize]| -> Vec<Option<Conversion>> {
                let types = columns.iter().zip(&by_value);
                types.map(|(column, by_value)| by_value.then(|| conversion(source, *column).clone())).collect()
            };
            let own = compared(keyed, &key);
            let other: Vec<_> = matched.iter().map(|(_, it)| compared(it.source, &it.columns)).collect();
            for ((link, (this, _)), other) in self.links.iter_mut().zip(&matched).zip(other) {
                if this.source == keyed {
                    let [of_keyed, of_other] = if link.many {
                        [&mut link.parent_columns, &mut link.child_columns]
                    } else {
                        [&mut link.child_columns, &mut link.parent_columns]
                    };
                    of_keyed.by_value.clone_from(&own);
                    of_other.by_value = other;
                }
            }
            self.sources[keyed].key.by_value = own;
        }
    }
}
