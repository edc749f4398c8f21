//! What the documentation shows is what happens: every fenced block of README.md and docs/*.md is checked.
//!
//! The first word behind a fence is the language, and the rest says what is done with the block:
//!
//! - `console`: commands behind `$ `, run by `sh` one after another. Each must print exactly the lines that follow it,
//!   stdout and stderr as they come. `xwalk` and `cargo run --` are the built binary; only the port of a loopback address
//!   may differ.
//! - `LANGUAGE file: NAME`: the block is written to the file NAME for the blocks after it.
//! - `LANGUAGE part of: FILE`: the lines of the block stand in FILE, in this order and without a gap.
//! - `yaml example`: the block is merged into the `mapping.yaml` of the page, and the result converts the files of the page.
//!   A `json` block behind it holds all documents, one on each line; a `text` block all findings, each without its rule.
//! - `yaml settings`: the settings of one profile, which `xwalk check --profile` must accept.
//! - `LANGUAGE not-run: REASON`: the block cannot be run here, and REASON says why.
//!
//! A block of any other kind is an error. Each page has its own copy of what the repository ships, and must leave it as it
//! was, because a reader follows it in a clone. `BLESS=1 cargo test --test docs` writes what was printed into the pages, to
//! be read before it is committed.

#![expect(clippy::unwrap_used, reason = "clippy exempts test functions only, not their helpers")]
#![expect(clippy::disallowed_methods, reason = "BLESS is asked for in the environment")]

mod page;
mod run;

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    ops::Range,
    path::{Path, PathBuf},
    time::SystemTime,
};

use xwalk::diagnostic::Code;

use crate::{
    page::{Block, Kind, Mismatch, Step, anchors, blessed, blocks, drawn, steps},
    run::{changes, run_blocks, run_console, shipped},
};

#[test]
fn the_pages_tell_the_truth() {
    let (is_blessing, before) = (env::var_os("BLESS").is_some(), repository());
    let mut wrong = Vec::new();
    for page in pages() {
        let (text, folder) = (fs::read_to_string(&page).unwrap(), shipped());
        let mismatches =
            blocks(&text).map_or_else(|mismatch| vec![mismatch], |blocks| run_blocks(folder.path(), &blocks));
        let (outputs, others): (Vec<Mismatch>, Vec<Mismatch>) =
            mismatches.into_iter().partition(|mismatch| mismatch.is_output);
        if is_blessing && !outputs.is_empty() {
            fs::write(&page, blessed(&text, &outputs)).unwrap();
        }
        let told = outputs.iter().filter(|_| !is_blessing).chain(&others);
        wrong.extend(told.map(|mismatch| drawn(&page.display().to_string(), mismatch)));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    let changed = changes(&before, &repository());
    assert!(is_blessing || changed.is_empty(), "the pages leave something behind in the repository:\n{changed}");
}

/// The text of the picture is a console block, too. Its `desc` is the command that went before.
#[test]
fn the_picture_tells_the_truth() {
    let svg = fs::read_to_string("docs/terminal.svg").unwrap();
    let (_, rest) = svg.split_once("<desc>").unwrap();
    let before = rest.split_once("</desc>").unwrap().0;
    let mut page = format!("```console\n$ {}", without_tags(before));
    for line in svg.lines().filter(|line| line.starts_with("<text")) {
        let goes_on = line.starts_with("<text class=\"wrapped\"");
        page = page + if goes_on { "" } else { "\n" } + &without_tags(line);
    }
    page.push_str("\n```\n");
    let folder = shipped();
    let mismatches = run_console(folder.path(), &blocks(&page).unwrap()[0], &mut 0);
    let wrong: Vec<String> = mismatches.iter().map(|mismatch| drawn("docs/terminal.svg", mismatch)).collect();
    assert!(wrong.is_empty(), "\n{}\nrun `python3 docs/terminal.py`", wrong.join("\n"));
}

#[test]
fn every_code_is_listed() {
    let page = fs::read_to_string("docs/messages.md").unwrap();
    let listed: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let listed: BTreeSet<&str> = listed.into_iter().filter(|word| word.contains('/')).collect();
    assert_eq!(listed, Code::ALL.iter().map(|code| code.word()).collect());
}

#[test]
fn links_lead_somewhere() {
    let mut wrong = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let file = if path.is_empty() { page.clone() } else { page.with_file_name(path) };
            let has = |anchor: &str| anchors(&fs::read_to_string(&file).unwrap()).iter().any(|known| known == anchor);
            let leads = link.starts_with("https://") || file.exists() && (anchor.is_empty() || has(anchor));
            if !leads {
                wrong.push(format!("{}: nothing is at {link}", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn blocks_are_of_known_kinds() {
    let text =
        "```console\n$ a\n```\ntext\n```csv file: a.csv\nid\n1\n```\n```ini not-run: needs systemd\n[Unit]\n```\n";
    let block = |kind, lines, text: &str| Block { kind, lines, text: text.into() };
    let expected = [
        block(Kind::Console, 2..3, "$ a\n"),
        block(Kind::File("a.csv".into()), 6..8, "id\n1\n"),
        block(Kind::NotRun, 10..11, "[Unit]\n"),
    ];
    assert_eq!(blocks(text).unwrap(), expected);
    for fence in ["", "sh", "rust", "yaml", "yaml exmple", "console,not-run", "console not-run:", "csv file:"] {
        let mismatch = blocks(&format!("text\n```{fence}\n```\n")).unwrap_err();
        assert_eq!((mismatch.lines, mismatch.found.as_str()), (2..3, "this is no kind of block\n"), "{fence}");
    }
    assert!(blocks("```console\n$ a\n").is_err(), "a block has an end");
    assert!(blocks("- a\n  ```console\n  ```\n").is_err(), "a fence begins its line");
}

#[test]
fn steps_are_a_command_and_its_output() {
    let text = "```console\n$ a \\\n    b\none\n\n$ c\n```\n";
    let step = |command: &str, lines, output: &str| Step { command: command.into(), lines, output: output.into() };
    assert_eq!(steps(&blocks(text).unwrap()[0]), [step("a \\\n    b", 4..6, "one\n\n"), step("c", 7..7, "")]);
}

#[test]
fn mismatches_are_found_and_blessed() {
    let found = |page: &str| -> Vec<(Range<usize>, String)> {
        let folder = shipped();
        run_blocks(folder.path(), &blocks(page).unwrap())
            .into_iter()
            .map(|mismatch| (mismatch.lines, mismatch.found))
            .collect()
    };
    let truth = "```console\n$ echo a > b; cat b; rm b\na\n$ sh -c 'echo 127.0.0.1:1 >&2; exit 7'\n127.0.0.1:4242\n\
                 $ echo $?\n7\n$ cargo run -- --version\nxwalk 0.1.0\n$ xwalk --version | wc -l\n1\n```\n\
                 ```yaml part of: mappings/inflight-sales.yaml\n  each: customers\n  fields:\n```\n\
                 ```yaml settings\ntimeout: 1s\n```\n";
    assert_eq!(found(&truth.replace("0.1.0", env!("CARGO_PKG_VERSION"))), []);
    assert_eq!(found("```console\n$ echo a\nb\n```\n"), [(3..4, "a\n".into())]);
    assert_eq!(found("```console\n$ touch b\n```\n"), [(0..0, "new: b\n".into())]);
    assert_eq!(found("```console\n$ rm profiles.yaml\n```\n"), [(0..0, "gone: profiles.yaml\n".into())]);
    assert_eq!(found("```yaml part of: profiles.yaml\n  dev: {}\n```\n"), [(2..3, "not there\n".into())]);
    assert_eq!(found("```yaml settings\ntimeout: 1\n```\n")[0].0, 2..3);
    assert_eq!(found("```json\n{}\n```\n"), [(2..3, "no `yaml example` stands before it\n".into())]);
    let base = "```yaml file: mapping.yaml\nmapping: 1\nname: a\ncontract: any.json\nrequest: { method: PUT, path: /v1 }\n\
                sources: { a: { path: a.csv } }\noutput: { each: a, fields: {} }\n```\n\
                ```json file: any.json\n{\"items\": {\"type\": \"object\"}}\n```\n```csv file: a.csv\nat\nx\n2026-01-01\n```\n\
                ```yaml example\nsources: { a: { columns: { at: { type: date } } } }\noutput: { fields: { at: at } }\n```\n";
    let shown = "```json\n{\"at\":\"2026-01-01\"}\n```\n\
                 ```text\na.csv:2:1: error[transform/not-a-date]: expected a real day in the format `%Y-%m-%d`\n```\n";
    assert_eq!(found(&format!("{base}{shown}")), []);
    assert_eq!(found(base).len(), 2, "what an example makes has to be shown");
    let (page, folder) = (format!("{base}{}", shown.replace("{\"at\"", "{\"to\"")), shipped());
    let mismatches = run_blocks(folder.path(), &blocks(&page).unwrap());
    assert_eq!(blessed(&page, &mismatches), format!("{base}{shown}"));
}

/// The front page and all others.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> = fs::read_dir("docs").unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.push("README.md".into());
    pages.sort();
    pages
}

/// Every file of the repository that a person sees, with its size and age.
fn repository() -> BTreeMap<String, (u64, SystemTime)> {
    let mut files = BTreeMap::new();
    let mut open = vec![PathBuf::from(".")];
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(&path).unwrap().map(Result::unwrap) {
            let (path, metadata) = (entry.path(), entry.metadata().unwrap());
            let skipped = path == Path::new("./target") || path == Path::new("./.git");
            if metadata.is_dir() && !skipped {
                open.push(path);
            } else if metadata.is_file() {
                files.insert(path.display().to_string(), (metadata.len(), metadata.modified().unwrap()));
            }
        }
    }
    files
}

/// The text of a line of SVG.
fn without_tags(line: &str) -> String {
    let text: String = line.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect();
    text.replace('\u{a0}', " ").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}
