//! A code table: source codes, each with the JSON text of its translation.

use std::collections::BTreeSet;

use crate::{
    config::{
        mapping::policy::{OnUnknown, Policy},
        yaml::Places,
    },
    json_pointer::escape,
    plan::conversion::write_text,
    text::{
        buffer::OutputBuffer,
        lanes::{ByteLanes, Padded},
    },
};

/// A code table, ready to translate.
#[derive(Debug)]
pub struct Codes {
    /// Its name, for messages.
    pub name: String,
    /// Each code with the JSON text of its translation, sorted by code.
    pub values: Vec<(Vec<u8>, Padded)>,
    /// The short codes, packed, in the same order: a few of them are compared faster than they are searched.
    words: Vec<Option<u64>>,
    /// What to do with a code that is not there.
    pub on_unknown: Policy<OnUnknown>,
    /// Where the table stands in the mapping.
    pub rule: String,
}

/// How many codes are compared one after the other; more are searched.
const FEW: usize = 8;

impl Codes {
    /// A code table from its codes and the JSON texts they are translated to.
    #[must_use]
    pub fn new(name: String, mut values: Vec<(Vec<u8>, Padded)>, on_unknown: Policy<OnUnknown>, rule: String) -> Codes {
        values.sort_by(|(one, _), (other, _)| one.cmp(other));
        let words = values.iter().map(|(code, _)| ByteLanes::from(code.as_slice()).packed()).collect();
        Codes { name, values, words, on_unknown, rule }
    }

    /// Whether the table has few codes, so that they are compared one after the other.
    pub(super) fn is_short(&self) -> bool {
        self.values.len() <= FEW
    }

    /// The JSON text a code is translated to.
    #[must_use]
    #[inline]
    pub fn get(&self, code: ByteLanes<'_>) -> Option<ByteLanes<'_>> {
        let at = match code.packed().filter(|_| self.values.len() <= FEW) {
            Some(word) => self.words.iter().position(|known| *known == Some(word)),
            None => self.values.binary_search_by(|(known, _)| known.as_slice().cmp(code.bytes())).ok(),
        };
        at.map(|at| self.values[at].1.whole())
    }

    /// The JSON text of a short code, packed.
    #[inline]
    pub(crate) fn get_packed(&self, code: u64) -> Option<&Padded> {
        let at = self.words.iter().position(|known| *known == Some(code))?;
        Some(&self.values[at].1)
    }

    /// Whether two codes never become the same, and all others are rejected.
    pub(super) fn is_one_to_one(&self) -> bool {
        let translations: BTreeSet<&[u8]> = self.values.iter().map(|(_, json)| json.whole().bytes()).collect();
        self.on_unknown.then == OnUnknown::Reject && translations.len() == self.values.len()
    }

    /// Where the translation of a code stands in the mapping; of a table in a file, where the table is named.
    pub(super) fn rule_of(&self, code: &[u8], places: &Places) -> String {
        let pointer = format!("{}/values/{}", self.rule, escape(&String::from_utf8_lossy(code)));
        if places.node(&pointer).is_some() { pointer } else { self.rule.clone() }
    }

    /// The JSON text for unknown codes, if the table has one.
    pub(super) fn unknown_value(&self) -> Option<Vec<u8>> {
        match &self.on_unknown.then {
            OnUnknown::Use(text) => {
                let mut json = OutputBuffer::default();
                write_text(text.as_bytes().into(), &mut json);
                Some(json.into())
            }
            _ => None,
        }
    }
}
