//! The values of a column and the texts that a contract allows -> a code table, as far as it can be told.
//!
//! Values are shown only where they are few and short, and the column is not about people.

use crate::commands::init::{
    columns::{ColumnFacts, MAX_CODES},
    wanted::WantedLeaf,
};

/// How many allowed values a comment lists.
const MAX_LISTED: usize = 12;

/// A drafted code table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CodeGuess {
    pub(super) name: String,
    /// The codes that were seen.
    pub(super) entries: Vec<CodeGuessEntry>,
    /// What they have to become.
    pub(super) allowed: String,
}

/// A code that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CodeGuessEntry {
    pub(super) code: String,
    /// What it becomes; `None`: nobody knows.
    pub(super) value: Option<String>,
    pub(super) note: String,
}

/// The code table that a field needs, if it needs one.
pub(super) fn guess_table(
    name: &str,
    facts: &ColumnFacts,
    leaf: &WantedLeaf,
    notes: &mut Vec<String>,
) -> Option<CodeGuess> {
    if leaf.values.is_empty() || facts.values.is_empty() {
        return None;
    }
    let allowed = list_allowed(&leaf.values);
    if facts.values.keys().all(|value| leaf.values.contains(value)) {
        notes.push(format!("all {} values are among those that the contract allows", facts.values.len()));
        return None;
    }
    if !facts.are_codes() {
        notes.push(format!(
            "TODO: the contract allows {allowed}, and the cells are no codes that may be shown: more than {MAX_CODES}, or \
             long, or about people"
        ));
        return None;
    }
    let entry = |(code, count): (&String, &usize)| {
        let (value, why) = translate(code, &leaf.values);
        CodeGuessEntry { code: code.clone(), value, note: format!("{count} of {}{why}", facts.filled) }
    };
    Some(CodeGuess { name: name.to_owned(), entries: facts.values.iter().map(entry).collect(), allowed })
}

/// What a code becomes, and why; `None`: nobody knows.
fn translate(code: &str, allowed: &[String]) -> (Option<String>, &'static str) {
    if allowed.iter().any(|value| value == code) {
        return (Some(code.to_owned()), "");
    }
    let lower = code.to_lowercase();
    if let Some(value) = allowed.iter().find(|value| value.to_lowercase() == lower) {
        return (Some(value.clone()), "; the same but for upper and lower case");
    }
    let is_word = !lower.is_empty() && lower.chars().all(char::is_alphabetic);
    let mut begun = allowed.iter().filter(|value| is_word && value.to_lowercase().starts_with(&lower));
    match (begun.next(), begun.next()) {
        (Some(value), None) => (Some(value.clone()), "; TODO: a guess: the only value that begins so"),
        _ => (None, ""),
    }
}

/// The allowed values for a comment.
fn list_allowed(values: &[String]) -> String {
    let listed = values.iter().take(MAX_LISTED).map(String::as_str).collect::<Vec<_>>().join(" | ");
    let more = values.len().saturating_sub(MAX_LISTED);
    if more > 0 { format!("{listed} | {more} more") } else { listed }
}

#[cfg(test)]
mod tests {
    use crate::commands::init::codes::translate;

    #[test]
    fn a_code_becomes_what_it_can_only_be() {
        let allowed = ["Female".to_owned(), "Male".to_owned(), "Many".to_owned()];
        let table =
            [("Male", Some("Male")), ("female", Some("Female")), ("F", Some("Female")), ("M", None), ("1", None)];
        for (code, value) in table {
            assert_eq!(translate(code, &allowed).0.as_deref(), value, "{code}");
        }
    }
}
