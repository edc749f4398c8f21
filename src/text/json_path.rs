//! A path in JSON -> the values that it leads to.
//!
//! Only JSON that this program wrote is looked at: it is valid, has no white space between its parts, and a name is always
//! written in the same way.

/// What is visited: the JSON text of a value, and whether it is an item of a list that the path ends at.
type VisitValue<'v, 'j> = &'v mut dyn FnMut(&'j [u8], bool);

/// Visits every value that a path of names leads to from an object, whose members follow each other, a comma (or the brace)
/// in front of each. Lists on the way are passed through, and so is one at its end.
pub fn visit_members<'j>(members: &'j [u8], steps: &[Vec<u8>], visit: VisitValue<'_, 'j>) {
    walk_members(members, 0, steps, visit);
}

/// Visits every number in a value: itself, or what is in a list, however deep.
pub fn visit_items<'j>(value: &'j [u8], visit: VisitValue<'_, 'j>) {
    walk(value, 0, &[], visit);
}

/// Walks from the comma or brace at `at` through members; gives where they end.
fn walk_members<'j>(json: &'j [u8], mut at: usize, steps: &[Vec<u8>], visit: VisitValue<'_, 'j>) -> usize {
    while matches!(json.get(at), Some(b',' | b'{')) && json.get(at + 1) == Some(&b'"') {
        let name = at + 1;
        let end = skip_text(json, name);
        at = match steps.split_first() {
            Some((step, rest)) if json[name..end] == **step => walk(json, end + 1, rest, visit),
            _ => skip(json, end + 1),
        };
    }
    at
}

/// Walks through the value at `at`; gives where it ends.
fn walk<'j>(json: &'j [u8], at: usize, steps: &[Vec<u8>], visit: VisitValue<'_, 'j>) -> usize {
    match json.get(at) {
        Some(b'[') => {
            let mut at = at + 1;
            while !matches!(json.get(at), None | Some(b']')) {
                let end = if steps.is_empty() { skip(json, at) } else { walk(json, at, steps, visit) };
                if steps.is_empty() {
                    visit(&json[at..end], true);
                }
                at = end + usize::from(json.get(end) == Some(&b','));
            }
            at + 1
        }
        Some(b'{') if !steps.is_empty() => {
            // An object without members has only its end behind the brace.
            walk_members(json, at, steps, visit).max(at + 1) + 1
        }
        _ => {
            let end = skip(json, at);
            if steps.is_empty() {
                visit(&json[at..end], false);
            }
            end
        }
    }
}

/// Where the value at `at` ends.
fn skip(json: &[u8], mut at: usize) -> usize {
    let mut depth = 0;
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => {
                at = skip_text(json, at);
                if depth == 0 {
                    return at;
                }
                continue;
            }
            b'[' | b'{' => depth += 1,
            b']' | b'}' | b',' if depth == 0 => return at,
            b']' | b'}' if depth == 1 => return at + 1,
            b']' | b'}' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    at
}

/// Where the text at `at` ends, quotes included.
fn skip_text(json: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while let Some(next) = json.get(end..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        end += next;
        if json[end] == b'"' {
            return end + 1;
        }
        end += 2;
    }
    json.len()
}

#[cfg(test)]
mod tests {
    use super::{visit_items, visit_members};

    fn found(members: &str, path: &str) -> String {
        let steps: Vec<Vec<u8>> = path.split('/').map(|step| format!("\"{step}\"").into_bytes()).collect();
        let mut found = Vec::new();
        visit_members(members.as_bytes(), &steps, &mut |value, is_item| {
            let value = String::from_utf8_lossy(value);
            found.push(format!("{value}{}", if is_item { "*" } else { "" }));
        });
        found.join(" ")
    }

    #[test]
    fn paths_lead_through_lists_and_objects() {
        let table = [
            (r#","a":1"#, "a", "1"),
            (r#","b":{},"a":1"#, "a", "1"),
            (r#","a":[]"#, "a", ""),
            (r#","a":[]"#, "a/b", ""),
            (r#","a":[1,null,"x,]"]"#, "a", "1* null* \"x,]\"*"),
            (
                r#","a":[{"b":[{"c":1},{"c":2.50,"d":"}\""}]},{"b":[]},{},{"b":[{"c":null}]}],"z":9"#,
                "a/b/c",
                "1 2.50 null",
            ),
            (r#","a":[{"b":[{"c":1},{"c":2}]},{"b":[]},{"b":[{}]}]"#, "a/b", "{\"c\":1}* {\"c\":2}* {}*"),
            (r#","a":{"b":{"c":[[1,2],[3]]}}"#, "a/b/c", "[1,2]* [3]*"),
            (r#","a":{"b":7},"b":8"#, "a/b", "7"),
            (r#","a":[{"x":{"b":1}},{"b":2}]"#, "a/b", "2"),
            (r#","a":"text""#, "a/b", ""),
            ("", "a", ""),
        ];
        for (members, path, expected) in table {
            assert_eq!(found(members, path), expected, "{members} {path}");
        }
    }

    #[test]
    fn items_are_visited_one_level_deep() {
        let mut found = Vec::new();
        visit_items(b"[[1,2],3]", &mut |value, _| found.push(value.to_vec()));
        assert_eq!(found, [b"[1,2]".to_vec(), b"3".to_vec()]);
    }
}
