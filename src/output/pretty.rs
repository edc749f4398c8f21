//! JSON on one line -> the same JSON with a line for each value, for people. No digit and no escape is changed.

/// Appends JSON to a text, indented by so many levels. The bytes are JSON without white space between values.
pub(crate) fn indent(json: &[u8], mut level: usize, text: &mut Vec<u8>) {
    let (mut is_text, mut is_escaped) = (false, false);
    for (at, byte) in json.iter().enumerate() {
        if is_text {
            text.push(*byte);
            (is_text, is_escaped) = (is_escaped || *byte != b'"', !is_escaped && *byte == b'\\');
            continue;
        }
        let next = json.get(at + 1);
        match byte {
            b'{' | b'[' => {
                text.push(*byte);
                if !matches!(next, Some(b'}' | b']')) {
                    level += 1;
                    new_line(level, text);
                }
            }
            b'}' | b']' => {
                if !matches!(at.checked_sub(1).and_then(|before| json.get(before)), Some(b'{' | b'[')) {
                    level = level.saturating_sub(1);
                    new_line(level, text);
                }
                text.push(*byte);
            }
            b',' => {
                text.push(*byte);
                new_line(level, text);
            }
            b':' => text.extend(b": "),
            _ => {
                is_text = *byte == b'"';
                text.push(*byte);
            }
        }
    }
}

fn new_line(level: usize, text: &mut Vec<u8>) {
    text.push(b'\n');
    text.resize(text.len() + 2 * level, b' ');
}

#[cfg(test)]
mod tests {
    use crate::output::pretty::indent;

    #[test]
    fn the_same_json_has_a_line_for_each_value() {
        let json = br#"{"a":[1.50,-0],"b":{},"c":[],"d":"x,{\":\\","e":{"f":null}}"#;
        let mut text = Vec::new();
        indent(json, 1, &mut text);
        let expected = r#"{
    "a": [
      1.50,
      -0
    ],
    "b": {},
    "c": [],
    "d": "x,{\":\\",
    "e": {
      "f": null
    }
  }"#;
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
