//! Long lines, broken at spaces so that they fit a terminal.

/// Stands for a space where no line is broken. It is a control character, so no visible text holds it.
pub(crate) const GLUE: char = '\u{1}';

/// Breaks a line at spaces; what goes on hangs this much deeper. A single long word stays whole.
pub(crate) fn wrapped(line: &str, width: usize, hang: usize) -> String {
    let indent = line.chars().take_while(|c| *c == ' ').count();
    let mut lines: Vec<String> = vec![" ".repeat(indent)];
    let mut rest = &line[indent..];
    while !rest.is_empty() {
        let gap = rest.chars().take_while(|c| *c == ' ').count();
        let end = rest[gap..].find(' ').map_or(rest.len(), |end| end + gap);
        let (word, behind) = rest.split_at(end);
        let last = lines.len() - 1;
        let fits = lines[last].chars().count() + word.chars().count() <= width;
        if fits || lines[last].trim().is_empty() {
            lines[last].push_str(word);
        } else {
            lines.push(format!("{}{}", " ".repeat(indent + hang), &word[gap..]));
        }
        rest = behind;
    }
    lines.join("\n").replace(GLUE, " ")
}

#[cfg(test)]
mod tests {
    use crate::report::wrap::wrapped;

    #[test]
    fn lines_break_at_spaces_and_hang() {
        let cases = [
            ("aa bb", 5, 4, "aa bb"),
            ("aa bb", 4, 4, "aa\n    bb"),
            ("  aa bb", 4, 4, "  aa\n      bb"),
            ("aa bb cc", 5, 0, "aa bb\ncc"),
            ("aaaaaaaa bb", 4, 4, "aaaaaaaa\n    bb"),
            ("a\u{1}b cc", 4, 0, "a b\ncc"),
            ("", 4, 4, ""),
            ("é é é", 3, 0, "é é\né"),
        ];
        for (line, width, hang, expected) in cases {
            assert_eq!(wrapped(line, width, hang), expected, "{line}");
        }
    }
}
