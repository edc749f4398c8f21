//! A page -> its fenced blocks, the steps of a console block, and the page again with what was printed in it.
//!
//! Lines are counted as an editor counts them, from 1. A fence that is not known is never skipped.

use std::ops::Range;

/// A fenced block of a page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// What is done with it.
    pub(crate) kind: Kind,
    /// The lines between its fences.
    pub(crate) lines: Range<usize>,
    /// What stands on them.
    pub(crate) text: String,
}

/// What is done with a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Its commands are run.
    Console,
    /// It is written to this file.
    File(String),
    /// It stands in this file.
    Part(String),
    /// It is merged into the mapping of the page, which is then used.
    Example,
    /// The documents that an example makes.
    Documents,
    /// The findings that an example leads to.
    Findings,
    /// They are the settings of a profile.
    Settings,
    /// Nothing, for the reason given.
    NotRun,
}

/// A command and what it prints, stdout and stderr as they come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// The command, which may go over several lines.
    pub(crate) command: String,
    /// The lines of the output.
    pub(crate) lines: Range<usize>,
    /// What stands on them.
    pub(crate) output: String,
}

/// Something that a page shows and that is not so.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// A command, or a kind of block.
    pub(crate) what: String,
    /// Where it is shown.
    pub(crate) lines: Range<usize>,
    /// What is shown.
    pub(crate) shown: String,
    /// What is so.
    pub(crate) found: String,
    /// What was found may take the place of what is shown.
    pub(crate) is_output: bool,
}

/// The blocks of a page, or the first fence that is not known.
pub(crate) fn blocks(text: &str) -> Result<Vec<Block>, Mismatch> {
    let wrong = |line: usize, fence: &str, found: &str| Mismatch {
        what: "a fence".into(),
        lines: line..line + 1,
        shown: fence.to_owned() + "\n",
        found: found.to_owned() + "\n",
        is_output: false,
    };
    let (mut blocks, mut open) = (Vec::new(), None::<Block>);
    for (number, line) in (1..).zip(text.lines()) {
        match (open.take(), line.strip_prefix("```")) {
            (None, None) if line.trim_start().starts_with("```") => {
                return Err(wrong(number, line, "a fence begins its line"));
            }
            (None, None) => {}
            (None, Some(fence)) => {
                let kind = kind(fence).ok_or_else(|| wrong(number, line, "this is no kind of block"))?;
                open = Some(Block { kind, lines: number + 1..number + 1, text: String::new() });
            }
            (Some(block), Some(_)) => blocks.push(block),
            (Some(mut block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
                block.lines.end = number + 1;
                open = Some(block);
            }
        }
    }
    match open {
        None => Ok(blocks),
        Some(block) => Err(wrong(block.lines.start - 1, "```", "this block has no end")),
    }
}

/// What is done with a block, by what stands behind its fence.
fn kind(fence: &str) -> Option<Kind> {
    let (language, task) = fence.split_once(' ').unwrap_or((fence, ""));
    let value = |name: &str| task.strip_prefix(name).map(str::trim).filter(|value| !value.is_empty());
    let plain = match (language, task) {
        ("", _) => return None,
        ("console", "") => Some(Kind::Console),
        ("json", "") => Some(Kind::Documents),
        ("text", "") => Some(Kind::Findings),
        ("yaml", "example") => Some(Kind::Example),
        ("yaml", "settings") => Some(Kind::Settings),
        _ => None,
    };
    plain
        .or_else(|| value("file:").map(|name| Kind::File(name.into())))
        .or_else(|| value("part of:").map(|name| Kind::Part(name.into())))
        .or_else(|| value("not-run:").map(|_| Kind::NotRun))
}

/// The commands of a console block, with the lines that follow them.
pub(crate) fn steps(block: &Block) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut continued = false;
    for (number, line) in (block.lines.start..).zip(block.text.lines()) {
        let command = line.strip_prefix("$ ");
        if let Some(command) = command.filter(|_| !continued) {
            steps.push(Step { command: command.to_owned(), lines: number + 1..number + 1, output: String::new() });
            continued = command.ends_with('\\');
        } else if let Some(step) = steps.last_mut() {
            if continued {
                step.command.push('\n');
                step.command.push_str(line);
                step.lines = number + 1..number + 1;
                continued = line.ends_with('\\');
            } else {
                step.output.push_str(line);
                step.output.push('\n');
                step.lines.end = number + 1;
            }
        }
    }
    steps
}

/// A page with what was found in the place of what it shows.
pub(crate) fn blessed(text: &str, mismatches: &[Mismatch]) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    let mut mismatches: Vec<&Mismatch> = mismatches.iter().collect();
    mismatches.sort_by_key(|mismatch| mismatch.lines.start);
    for mismatch in mismatches.into_iter().rev() {
        lines.splice(mismatch.lines.start - 1..mismatch.lines.end - 1, mismatch.found.lines());
    }
    lines.join("\n") + "\n"
}

/// What is wrong with a page, as a difference.
pub(crate) fn drawn(page: &str, mismatch: &Mismatch) -> String {
    let marked = |sign: char, text: &str| -> String {
        text.lines().flat_map(|line| [sign.to_string(), line.to_owned(), "\n".to_owned()]).collect()
    };
    let (line, what) = (mismatch.lines.start, &mismatch.what);
    format!("{page}:{line}: {what}\n{}{}", marked('-', &mismatch.shown), marked('+', &mismatch.found))
}

/// The names that the headings of a page can be linked by.
pub(crate) fn anchors(text: &str) -> Vec<String> {
    let kept = |c: char| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || matches!(c, '-' | '_') => Some(c.to_ascii_lowercase()),
        _ => None,
    };
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| line.trim_start_matches('#').trim().chars().filter_map(kept).collect()).collect()
}
