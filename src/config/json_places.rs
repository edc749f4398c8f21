//! A JSON text -> the place of every node, and the first key that is written twice.
//!
//! JSON is nearly YAML, but not quite: escaped surrogate pairs, tabs, long keys and some characters are different.

use std::{collections::BTreeSet, iter::Peekable};

use crate::{
    config::{
        text_span::TextSpan,
        yaml::{PlaceWalk, Places},
    },
    diagnostic::Diagnostic,
};

/// The largest contract that is read, in bytes, if the mapping says nothing else.
pub(crate) const MAX_BYTES: u64 = 16 << 20;

/// Walks a text that is known to be JSON; what stands below the `unused` pointers has no place.
///
/// # Errors
/// A limit, or a key twice.
pub(super) fn places(path: &str, text: &str, max_nodes: usize, unused: BTreeSet<String>) -> Result<Places, Diagnostic> {
    let mut scanner = Scanner { characters: text.char_indices().peekable(), line: 1, column: 0 };
    let mut walk = PlaceWalk::new(path, text, max_nodes, unused);
    while let Some((start, character)) = scanner.next() {
        let at = TextSpan { line: scanner.line, column: scanner.column, width: 1 };
        match character {
            '{' => walk.container(None, at)?,
            '[' => walk.container(Some(0), at)?,
            '}' | ']' => walk.close(),
            ',' | ':' => {}
            '"' => {
                scanner.skip_text();
                walk.text(&unquote(&text[start..scanner.end(text)]), scanner.span_from(at))?;
            }
            character if character.is_ascii_whitespace() => {}
            _ => {
                scanner.skip_word();
                walk.word(&text[start..scanner.end(text)], scanner.span_from(at))?;
            }
        }
    }
    Ok(walk.finish())
}

/// The text of a JSON string.
fn unquote(literal: &str) -> String {
    serde_json::from_str(literal).unwrap_or_default()
}

/// The characters of a text, with the line and column of the last one.
struct Scanner<I: Iterator<Item = (usize, char)>> {
    characters: Peekable<I>,
    line: u64,
    column: u64,
}

impl<I: Iterator<Item = (usize, char)>> Scanner<I> {
    fn next(&mut self) -> Option<(usize, char)> {
        let (at, character) = self.characters.next()?;
        self.column += 1;
        // A line end counts for the character behind it.
        if character == '\n' {
            (self.line, self.column) = (self.line + 1, 0);
        }
        Some((at, character))
    }

    /// Where the next character starts.
    fn end(&mut self, text: &str) -> usize {
        self.characters.peek().map_or(text.len(), |(at, _)| *at)
    }

    /// Skips to the end of the text whose first quote was read.
    fn skip_text(&mut self) {
        while let Some((_, character)) = self.next() {
            match character {
                '\\' => drop(self.next()),
                '"' => return,
                _ => {}
            }
        }
    }

    /// Skips to the end of the number or word whose first character was read.
    fn skip_word(&mut self) {
        let is_inside =
            |character: char| !character.is_ascii_whitespace() && !matches!(character, ',' | ']' | '}' | ':');
        while self.characters.peek().is_some_and(|(_, character)| is_inside(*character)) {
            self.next();
        }
    }

    /// The span from where it began to the last character that was read.
    fn span_from(&self, start: TextSpan) -> TextSpan {
        TextSpan { width: self.column + 1 - start.column, ..start }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::config::{
        json_places::places,
        yaml::{self, Places},
    };

    fn drawn(places: &Places) -> Vec<String> {
        places.below("").map(|(at, node)| format!("{at} {} {} {node:?}", places.key(at), places.value(at))).collect()
    }

    #[test]
    fn places_of_json_are_those_of_yaml() {
        let texts = [
            "{}",
            "[]",
            r#"{"a": [1, -2.5e3, true, null, "x"], "b": {"c": {}, "d": []}}"#,
            "{\n  \"a/b~\": \"q\\\"uote\",\n  \"é\": [\n    {\"ü\": 1},\n    2\n  ]\n}\n",
        ];
        for text in texts {
            assert_eq!(
                drawn(&places("a", text, 100, BTreeSet::new()).unwrap()),
                drawn(&yaml::places("a", text).unwrap()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_yaml_does_not_read_has_a_place_too() {
        let long = "k".repeat(2000);
        for key in [r"\ud83d\ude00", "\u{7f}", &long, r"\u0000"] {
            let text = format!("{{\n\t\"{key}\": 1,\n\t\"b\": {{\"x\":1,\"x\":2}}}}");
            let wrong = places("a", &text, 100, BTreeSet::new()).unwrap_err();
            assert_eq!(wrong.rule.unwrap().to_string(), "a:3:14", "{}", wrong.message);
        }
    }
}
