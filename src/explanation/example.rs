//! What is told of a code beside its meaning: a title, an example before and after, what to do.

/// What is told of a code beside its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What happened, in a few words: lower case, no full stop.
    pub title: &'static str,
    /// An example that leads to the finding. Where it stands in a file that ships, it is that file with a mistake.
    pub before: &'static str,
    /// The same without the mistake.
    pub after: &'static str,
    /// What to do, in sentences.
    pub advice: &'static str,
}

pub(super) fn explanation(
    title: &'static str,
    before: &'static str,
    after: &'static str,
    advice: &'static str,
) -> Explanation {
    Explanation { title, before, after, advice }
}
