//! The plainest patterns: runs of characters between `^` and `$`, which are matched byte by byte.
//!
//! `^[A-Z]{2}-[0-9]+$` is one. Where a run may be of several lengths, what follows it begins with other characters, so that each
//! run is as long as it can be, and no byte is looked at twice.

use std::{iter::Peekable, str::Chars};

/// A pattern that is nothing but runs of characters.
#[derive(Clone, Debug)]
pub(super) struct CharacterRuns {
    runs: Vec<Run>,
}

/// Characters of one kind in a row.
#[derive(Clone, Debug)]
struct Run {
    members: ByteSet,
    least: usize,
    most: usize,
}

/// The bytes of the characters that a run is made of.
#[derive(Clone, Debug)]
struct ByteSet([bool; 256]);

impl CharacterRuns {
    /// The runs of a portable pattern; `None`: it is more than that.
    pub(super) fn of_pattern(source: &str) -> Option<CharacterRuns> {
        let mut rest = source.strip_prefix('^')?.strip_suffix('$')?.chars().peekable();
        let mut runs = Vec::new();
        while let Some(character) = rest.next() {
            let members = match character {
                '[' => ByteSet::of_class(&mut rest)?,
                '\\' => ByteSet::of_escape(rest.next()?)?,
                '(' | ')' | '|' | '.' | '*' | '+' | '?' | '{' | '}' | '^' | '$' | ']' => return None,
                literal => ByteSet::of_character(literal)?,
            };
            let (least, most) = read_quantifier(&mut rest)?;
            // The bytes of other characters than those of ASCII are not counted.
            if members.has_foreign() && (least > 1 || most != usize::MAX) {
                return None;
            }
            runs.push(Run { members, least, most });
        }
        let are_apart =
            runs.iter().enumerate().all(|(at, run)| run.least == run.most || run.ends_before(&runs[at + 1..]));
        are_apart.then_some(CharacterRuns { runs })
    }

    /// Whether a text is these runs and nothing else.
    #[inline]
    pub(super) fn match_whole(&self, text: &[u8]) -> bool {
        let mut rest = text;
        for Run { members, least, most } in &self.runs {
            let count = rest.iter().take(*most).take_while(|byte| members.contains(**byte)).count();
            if count < *least {
                return false;
            }
            rest = &rest[count..];
        }
        rest.is_empty()
    }
}

impl Run {
    /// Whether whatever may follow it begins with another character.
    fn ends_before(&self, behind: &[Run]) -> bool {
        let last = behind.iter().position(|run| run.least > 0).map_or(behind.len(), |at| at + 1);
        behind[..last].iter().all(|run| !run.members.overlaps(&self.members))
    }
}

impl ByteSet {
    fn of_character(character: char) -> Option<ByteSet> {
        let mut set = ByteSet([false; 256]);
        *set.0.get_mut(usize::from(u8::try_from(character).ok()?)).filter(|_| character.is_ascii())? = true;
        Some(set)
    }

    /// What `\` and a character stand for.
    fn of_escape(escaped: char) -> Option<ByteSet> {
        let is_member = |byte: u8| match escaped {
            'd' => byte.is_ascii_digit(),
            'w' => byte.is_ascii_alphanumeric() || byte == b'_',
            other => char::from(byte) == other,
        };
        let is_known = matches!(escaped, 'd' | 'w') || escaped.is_ascii_punctuation();
        is_known.then(|| ByteSet::of_bytes(is_member))
    }

    /// What a class stands for, behind its opening bracket.
    fn of_class(rest: &mut Peekable<Chars<'_>>) -> Option<ByteSet> {
        let is_negated = rest.next_if_eq(&'^').is_some();
        let (mut set, mut before) = (ByteSet([false; 256]), None);
        loop {
            let (members, single) = match rest.next()? {
                ']' => break,
                '-' if before.is_some() && rest.peek() != Some(&']') => {
                    let (first, last) = (before.flatten()?, rest.next().filter(char::is_ascii)?);
                    if matches!(last, '\\' | '[') || last < first {
                        return None;
                    }
                    (ByteSet::of_bytes(|byte| (first..=last).contains(&char::from(byte))), None)
                }
                '[' => return None,
                '\\' => (ByteSet::of_escape(rest.next()?)?, None),
                literal => (ByteSet::of_character(literal)?, Some(literal)),
            };
            set = ByteSet::of_bytes(|byte| set.contains(byte) || members.contains(byte));
            before = Some(single);
        }
        Some(if is_negated { ByteSet::of_bytes(|byte| !set.contains(byte)) } else { set })
    }

    fn of_bytes(is_member: impl Fn(u8) -> bool) -> ByteSet {
        let mut set = ByteSet([false; 256]);
        (0..=u8::MAX).for_each(|byte| set.0[usize::from(byte)] = is_member(byte));
        set
    }

    #[inline]
    fn contains(&self, byte: u8) -> bool {
        self.0[usize::from(byte)]
    }

    fn overlaps(&self, other: &ByteSet) -> bool {
        (0..=u8::MAX).any(|byte| self.contains(byte) && other.contains(byte))
    }

    /// Whether it has bytes of characters that are not of ASCII.
    fn has_foreign(&self) -> bool {
        (0x80..=u8::MAX).any(|byte| self.contains(byte))
    }
}

/// How many characters there are at least and at most; `None`: it is not known here.
fn read_quantifier(rest: &mut Peekable<Chars<'_>>) -> Option<(usize, usize)> {
    let Some(quantifier) = rest.next_if(|character| matches!(character, '?' | '*' | '+' | '{')) else {
        return Some((1, 1));
    };
    match quantifier {
        '?' => return Some((0, 1)),
        '*' => return Some((0, usize::MAX)),
        '+' => return Some((1, usize::MAX)),
        _ => {}
    }
    let mut text = String::new();
    loop {
        match rest.next()? {
            '}' => break,
            character => text.push(character),
        }
    }
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
    let (least, most) = match text.split_once(',') {
        None => (number(&text)?, number(&text)?),
        Some((least, "")) => (number(least)?, usize::MAX),
        Some((least, most)) => (number(least)?, number(most)?),
    };
    (least <= most).then_some((least, most))
}

#[cfg(test)]
mod tests {
    use regex::bytes::Regex;

    use super::CharacterRuns;

    /// Every text of up to five of these pieces.
    fn for_each_text(test: &mut dyn FnMut(&str)) {
        let pieces = ["a", "Z", "0", "9", "-", ".", "'", "é", "\n", "_", "#", "]"];
        let mut texts = vec![String::new()];
        for _ in 0..5 {
            for text in &texts {
                test(text);
            }
            texts = texts.iter().flat_map(|begin| pieces.map(|piece| format!("{begin}{piece}"))).collect();
        }
    }

    #[test]
    fn runs_are_found_where_the_regular_expression_is() {
        for source in [
            "^#[0-9]+$",
            "^-?[0-9]+\\.[0-9]{2}$",
            "^[A-Z]{2}$",
            "^[^']*$",
            "^[^'0-9]+9?$",
            "^[0-9]*[a-z]*[A-Z]$",
            "^a?-?0$",
            "^[a-]+$",
            "^[-a]{1,3}$",
            "^[^-]*-[^-]*$",
            "^[.a_-]{2,}$",
            "^[$^]?a$",
            "^\\-\\.$",
            "^[\\-\\]]+$",
            "^a{0}9{2}$",
            "^$",
            "^[0-9]{2}[0-9]*$",
        ] {
            let regex = Regex::new(source).unwrap();
            let runs = CharacterRuns::of_pattern(source).unwrap_or_else(|| panic!("{source}"));
            for_each_text(&mut |text| {
                assert_eq!(runs.match_whole(text.as_bytes()), regex.is_match(text.as_bytes()), "{source} {text:?}");
            });
        }
    }

    #[test]
    fn what_is_more_than_runs_is_left_to_the_regular_expression() {
        for source in [
            "a",
            "^a",
            "a$",
            "^a|b$",
            "^(?:a)$",
            "^(a)$",
            "^.$",
            "^[a-z]*a$",
            "^a?a$",
            "^[0-9]+-?[0-9]$",
            "^a+?$",
            "^[^a]$",
            "^[^a]{2}$",
            "^[^a]?$",
            "^[^a]+[^b]$",
            "^é$",
            "^a\\$",
            "^[\\w-.]$",
            "^[a-\\d]$",
            "^[z-a]$",
            "^a{,2}$",
            "^a{2,1}$",
            "^a{x}$",
            "^\\s$",
            "^[a$",
            "^a**$",
            "^{$",
            "^]$",
        ] {
            assert!(CharacterRuns::of_pattern(source).is_none(), "{source}");
        }
    }
}
