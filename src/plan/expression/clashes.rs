//! Words of the expression language that are also names of columns: an expression that holds one does not mean the column.

use std::ops::Range;

use minijinja::{
    machinery::{Token, Tokenizer},
    syntax::SyntaxConfig,
};

use crate::plan::expression::compile::ExpressionFault;

/// The words that are values.
const VALUES: [&str; 6] = ["none", "None", "true", "True", "false", "False"];
/// The words between and before values.
const OPERATORS: [&str; 7] = ["and", "or", "not", "in", "is", "if", "else"];

/// A template or an expression that was compiled, if no value in it has the name of a column. `is_column`: whether the mapping
/// declares a column of this name.
///
/// # Errors
/// The word that has, or what is wrong with the expression, perhaps because of such a word.
pub fn refuse_clashes<T>(
    compiled: Result<T, ExpressionFault>,
    source: &str,
    is_template: bool,
    is_column: impl Fn(&str) -> bool,
) -> Result<T, ExpressionFault> {
    let find = |words: &[&str]| find_word(source, is_template, |word| words.contains(&word) && is_column(word));
    let advise = |word: &str| format!("give the column another name, as in `{word}_column: {{ header: \"{word}\" }}`");
    if let Some((word, range)) = find(&VALUES) {
        let message = format!("`{word}` is a word of the expression language, and never the column of this name");
        return Err(ExpressionFault::new(range, message, advise(word)));
    }
    compiled.map_err(|fault| match find(&OPERATORS) {
        Some((word, _)) => {
            let clash = format!("`{word}` is a word of the expression language: {}", advise(word));
            let hint = if fault.hint.is_empty() { clash } else { format!("{}; {clash}", fault.hint) };
            ExpressionFault { hint, ..fault }
        }
        None => fault,
    })
}

/// The first word that stands in an expression, and is one of these.
fn find_word(source: &str, is_template: bool, is_wanted: impl Fn(&str) -> bool) -> Option<(&str, Range<usize>)> {
    let mut tokens = Tokenizer::new(source, "template", !is_template, SyntaxConfig::default());
    let mut is_behind_point = false;
    while let Ok(Some((token, span))) = tokens.next_token() {
        if let Token::Ident(word) = token
            && !is_behind_point
            && is_wanted(word)
        {
            return Some((word, span.start_offset as usize..span.end_offset as usize));
        }
        is_behind_point = matches!(token, Token::Dot | Token::Pipe);
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::plan::expression::{clashes::refuse_clashes, compile::ExpressionFault};

    #[test]
    fn a_word_of_the_language_is_never_a_column() {
        let table = [
            ("none ~ a", false, Some(0..4)),
            ("a if a == 'true' else True", false, Some(22..26)),
            ("none {{ a }} {{ false }}", true, Some(16..21)),
            ("'none' ~ a", false, None),
            ("a | none", false, None),
            ("nones ~ true_", false, None),
            ("not a", false, None),
        ];
        for (source, is_template, expected) in table {
            let fault = refuse_clashes(Ok(()), source, is_template, |_| true).err();
            assert_eq!(fault.as_ref().map(|fault| fault.range.clone()), expected, "{source}");
            assert!(refuse_clashes(Ok(()), source, is_template, |_| false).is_ok(), "{source}");
        }
    }

    #[test]
    fn what_cannot_be_understood_for_such_a_word_says_so() {
        let hint = |name: &str| {
            let fault = ExpressionFault::new(4..5, "unexpected `~`", "");
            refuse_clashes::<()>(Err(fault), "not ~ ''", false, |column| column == name).unwrap_err().hint
        };
        assert_eq!(hint("and"), "");
        assert_eq!(
            hint("not"),
            "`not` is a word of the expression language: give the column another name, as in `not_column: { header: \"not\" }`"
        );
    }
}
