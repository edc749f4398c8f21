//! A pattern of file names and a path that it matches -> what each of its wildcards stands for.
//!
//! `*`, `?` and `[...]` stand for a part of a name, `**` for any number of folders. Where a path can be read in several ways,
//! each wildcard takes as little as it can, from left to right. Which files match is decided elsewhere.

/// A part of a name in a pattern.
enum PatternPart<'a> {
    /// This character.
    Literal(char),
    /// `*`: any number of characters.
    Any,
    /// `?`: one character.
    One,
    /// `[...]`: one of these characters, or with `!` or `^` in front none of them.
    Class(&'a str),
}

/// How many wildcards a pattern has.
#[must_use]
pub fn count_wildcards(pattern: &str) -> usize {
    let count = |step: &str| {
        let parts = parse_step(step);
        parts.iter().filter(|part| !matches!(part, PatternPart::Literal(_))).count()
    };
    find_steps(pattern).map(|step| if step == "**" { 1 } else { count(step) }).sum()
}

/// What each wildcard of a pattern stands for in a path that it matches. Empty: it does not match.
#[must_use]
pub fn find_captures(pattern: &str, path: &str) -> Vec<String> {
    let (steps, names): (Vec<&str>, Vec<Vec<char>>) =
        (find_steps(pattern).collect(), find_steps(path).map(|name| name.chars().collect()).collect());
    // For each step and name, whether the steps from there on match the names from there on.
    let mut fits = vec![vec![false; names.len() + 1]; steps.len() + 1];
    fits[steps.len()][names.len()] = true;
    for (at, step) in steps.iter().enumerate().rev() {
        let parts = parse_step(step);
        for name in (0..=names.len()).rev() {
            fits[at][name] = match (*step, names.get(name)) {
                ("**", _) => fits[at + 1][name] || name < names.len() && fits[at][name + 1],
                (_, Some(text)) => fits[at + 1][name + 1] && match_name(&parts, text).is_some(),
                (_, None) => false,
            };
        }
    }
    let (mut captures, mut name) = (Vec::new(), 0);
    if !fits[0][0] {
        return captures;
    }
    for (at, step) in steps.iter().enumerate() {
        if *step == "**" {
            let folders = (name..=names.len()).find(|end| fits[at + 1][*end]).unwrap_or(name);
            let entered: Vec<String> = names[name..folders].iter().map(|name| name.iter().collect()).collect();
            captures.push(entered.join("/"));
            name = folders;
        } else {
            captures.extend(match_name(&parse_step(step), &names[name]).unwrap_or_default());
            name += 1;
        }
    }
    captures
}

/// The folders of a path and its name, without what changes nothing.
fn find_steps(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|step| !matches!(*step, "" | "."))
}

/// What the wildcards of a step stand for in a name; `None`: it does not match. A `*` that took too little takes more until what is behind it fits; only the last
/// one that was met needs to, since those before it have all that they need.
fn match_name(parts: &[PatternPart<'_>], name: &[char]) -> Option<Vec<String>> {
    let (mut part, mut at, mut taken) = (0, 0, Vec::new());
    // The last `*`: its place in the pattern, how many wildcards were before it, where it begins and ends in the name.
    let mut last: Option<(usize, usize, usize, usize)> = None;
    loop {
        let fits = match (parts.get(part), name.get(at)) {
            (Some(PatternPart::Any), _) => {
                last = Some((part, taken.len(), at, at));
                taken.push(at..at);
                part += 1;
                continue;
            }
            (None, None) => break,
            (Some(PatternPart::Literal(literal)), Some(character)) => literal == character,
            (Some(PatternPart::One), Some(_)) => true,
            (Some(PatternPart::Class(class)), Some(character)) => is_in_class(class, *character),
            _ => false,
        };
        if fits {
            if !matches!(parts.get(part), Some(PatternPart::Literal(_))) {
                taken.push(at..at + 1);
            }
            (part, at) = (part + 1, at + 1);
            continue;
        }
        let (any, count, start, end) = last.filter(|(.., end)| *end < name.len())?;
        last = Some((any, count, start, end + 1));
        taken.truncate(count);
        taken.push(start..end + 1);
        (part, at) = (any + 1, end + 1);
    }
    Some(taken.into_iter().map(|range| name[range].iter().collect()).collect())
}

fn parse_step(step: &str) -> Vec<PatternPart<'_>> {
    let (mut parts, mut rest) = (Vec::new(), step);
    while let Some(character) = rest.chars().next() {
        rest = &rest[character.len_utf8()..];
        parts.push(match character {
            '*' => PatternPart::Any,
            '?' => PatternPart::One,
            '[' => match find_class_end(rest) {
                Some(end) => {
                    let class = &rest[..end];
                    rest = &rest[end + 1..];
                    PatternPart::Class(class)
                }
                None => PatternPart::Literal('['),
            },
            other => PatternPart::Literal(other),
        });
    }
    parts
}

/// Where the bracket stands that closes a class; one that comes first is a character of it.
fn find_class_end(behind: &str) -> Option<usize> {
    let negation = usize::from(behind.starts_with(['!', '^']));
    let first = behind[negation..].chars().next()?.len_utf8();
    behind[negation + first..].find(']').map(|end| negation + first + end)
}

/// Whether a character is one of a class.
fn is_in_class(class: &str, character: char) -> bool {
    let (is_negated, class) = class.strip_prefix(['!', '^']).map_or((false, class), |class| (true, class));
    let characters: Vec<char> = class.chars().collect();
    let (mut at, mut is_one) = (0, false);
    while let Some(first) = characters.get(at) {
        if let (Some('-'), Some(end)) = (characters.get(at + 1), characters.get(at + 2)) {
            is_one |= (*first..=*end).contains(&character);
            at += 3;
        } else {
            is_one |= *first == character;
            at += 1;
        }
    }
    is_one != is_negated
}

#[cfg(test)]
mod tests {
    use super::{count_wildcards, find_captures};

    #[test]
    fn each_wildcard_stands_for_as_little_as_it_can() {
        let table: [(&str, &str, &[&str]); 22] = [
            ("orders-*.csv", "orders-par.csv", &["par"]),
            ("orders-*.csv", "orders-.csv", &[""]),
            ("orders-*.csv", "orders-par.txt", &[]),
            ("*-*.csv", "a-b-c.csv", &["a", "b-c"]),
            ("AF*-??.csv", "AF12-07-08.csv", &["12-07", "0", "8"]),
            ("*.csv*", "a.csv.gz", &["a", ".gz"]),
            ("*.csv*", "a.csv", &["a", ""]),
            ("**/x-[0-9].csv", "b/c/x-2.csv", &["b/c", "2"]),
            ("**/x-[0-9].csv", "x-2.csv", &["", "2"]),
            ("**/*/x.csv", "a/b/x.csv", &["a", "b"]),
            ("*/x.csv", "./a//x.csv", &["a"]),
            ("./b/../*.csv", "b/../x.csv", &["x"]),
            ("[!x]*", "abc", &["a", "bc"]),
            ("[^x]*", "xbc", &[]),
            ("[]a]?", "]b", &["]", "b"]),
            ("[a-]x", "-x", &["-"]),
            ("a[", "a[", &[]),
            ("é*ü?", "éxxüz", &["xx", "z"]),
            ("*a*a*", "xaaay", &["x", "", "ay"]),
            ("**", "a/b", &["a/b"]),
            ("x.csv", "x.csv", &[]),
            ("", "", &[]),
        ];
        for (pattern, path, captures) in table {
            assert_eq!(find_captures(pattern, path), captures, "{pattern} {path}");
            assert!(captures.is_empty() || count_wildcards(pattern) == captures.len(), "{pattern}");
        }
    }

    #[test]
    fn many_wildcards_take_no_time() {
        assert_eq!(find_captures(&"**/".repeat(50), &"a/".repeat(50)).len(), 50);
        assert_eq!(find_captures(&("**/".repeat(50) + "b"), &"a/".repeat(50)).len(), 0);
        let (pattern, path) = ("*a".repeat(500), "a".repeat(5_000));
        assert_eq!(find_captures(&pattern, &path).len(), 500);
        assert_eq!(find_captures(&(pattern + "b"), &path).len(), 0);
    }
}
