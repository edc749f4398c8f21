//! `xwalk init`: drafts a mapping from CSV files and a contract.
//!
//! The files are sampled, columns judged, keys and joins found, fields matched by their names, and all of it written as YAML
//! with the reason of each guess behind a `#`. The draft is compiled before it is written, so that it says itself what
//! `xwalk check` will say.

mod choose;
mod codes;
mod columns;
mod dialect;
mod drafted;
mod fits;
mod keys;
mod names;
mod proof;
mod sources;
mod wanted;
mod write;
mod yaml;

use std::{
    fmt::Write as _,
    fs,
    io::{self, Write},
    path::{Component, Path, PathBuf},
};

use crate::{
    cli,
    commands::{
        init::{
            choose::choose,
            keys::{find_joins, find_keys},
            proof::{NamedContract, load_contract},
            sources::sample_sources,
            wanted::read_body,
            write::{DraftHead, write_mapping, write_sources},
        },
        runtime::Runtime,
    },
    diagnostic::{Code, Diagnostic},
    error::{Error, Exit},
    output::{documents::ignore_closed_pipe, places::is_stdout},
    report::{self, render_style::RenderStyle},
};

/// Drafts a mapping, and writes it to stdout or into a new file.
///
/// # Errors
/// The contract cannot be used, a file cannot be read, or the draft cannot be written.
pub fn init(args: &cli::Init, runtime: &mut Runtime<'_>) -> Result<Exit, Error> {
    let output = args.output.as_deref().filter(|path| !is_stdout(path));
    if let Some(path) = output.filter(|path| fs::symlink_metadata(path).is_ok()) {
        return Err(Error::Config(vec![describe_existing(path)]));
    }
    let operation = args.operation.as_deref();
    let contract = args.contract.as_deref().map(|path| load_contract(path, operation)).transpose();
    let contract = contract.map_err(|wrong| Error::Config(vec![wrong]))?;
    let inputs = if args.inputs.is_empty() {
        vec![if runtime.root == Path::new("") { PathBuf::from(".") } else { runtime.root.clone() }]
    } else {
        args.inputs.clone()
    };
    let (mut sources, findings) = sample_sources(&inputs).map_err(Error::input)?;
    find_keys(&mut sources);
    let joins = find_joins(&sources);
    let folder = output.and_then(Path::parent).unwrap_or(&runtime.root);
    let draft = if let Some(contract) = contract {
        let body = read_body(&contract.contract);
        let choice = choose(&contract.contract, &sources, &joins, &body.fields);
        let head = describe_head(&contract, folder, body.root, body.evidence);
        let text = write_mapping(&head, &choice);
        let says = proof::list_findings(&text, &contract).map_err(|wrong| Error::Config(vec![wrong]))?;
        introduce(&says) + &text
    } else {
        let parents = |source: usize| joins.iter().filter(|join| join.child == source).count();
        let each = (0..sources.len()).max_by_key(|source| (parents(*source), usize::MAX - source)).unwrap_or(0);
        introduce(&["plan/missing-file: there is no contract yet".to_owned()]) + &write_sources(&sources, &joins, each)
    };
    let style = RenderStyle::new(&args.messages.options(), runtime.environment, runtime.terminal);
    let _ = report::findings(runtime.err, &findings, style);
    match output {
        Some(path) => {
            write_new(path, &draft).map_err(|cause| Error::storage("cannot write", path, &cause))?;
            if !args.messages.quiet {
                say(runtime.out, &describe_draft(path, &draft))?;
            }
        }
        None => say(runtime.out, &draft)?,
    }
    Ok(Exit::Done)
}

/// Writes to stdout. A reader that goes away has seen enough.
fn say(out: &mut dyn Write, text: &str) -> Result<(), Error> {
    let done = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    ignore_closed_pipe(done, ()).map_err(|cause| Error::storage("cannot write", Path::new("-"), &cause))
}

/// What is said of a draft that was written into a file.
fn describe_draft(path: &Path, draft: &str) -> String {
    let lines = draft.lines().filter(|line| line.contains("TODO") && !line.starts_with('#')).count();
    let todo = match lines {
        0 => "nothing in it is marked TODO".to_owned(),
        1 => "1 line of it is marked TODO".to_owned(),
        lines => format!("{lines} lines of it are marked TODO"),
    };
    format!("{}: a draft; {todo}\n", path.display())
}

/// The first lines of a draft: what it is, and what is wrong with it.
fn introduce(says: &[String]) -> String {
    let mut text = String::from(
        "# A draft by `xwalk init`: what stands behind a `#` is why; what is marked TODO needs a person.\n",
    );
    text.push_str(if says.is_empty() {
        "# `xwalk check` finds nothing wrong with it.\n"
    } else {
        "# `xwalk check` will say, until the TODOs are done:\n"
    });
    for line in says {
        let _ = writeln!(text, "#   {}", yaml::comment(line));
    }
    text.push('\n');
    text
}

/// What the draft says of its contract.
fn describe_head(contract: &NamedContract, folder: &Path, root: String, root_note: String) -> DraftHead {
    let (method, path, path_note) = match &contract.request {
        Some((method, path)) if path.contains('{') => {
            let note = "TODO: with `root: object`, a name in braces is a field of the document, and its path";
            (method.clone(), path.clone(), note.to_owned())
        }
        Some((method, path)) => (method.clone(), path.clone(), contract.request_note.to_owned()),
        None => ("PUT".into(), "/TODO".into(), "TODO: the contract does not say where the documents go".to_owned()),
    };
    DraftHead { contract: relative_path(folder, &contract.named), method, path, path_note, root, root_note }
}

/// A path as it is written in a file of a folder.
fn relative_path(folder: &Path, path: &Path) -> String {
    let steps = |path: &Path| -> Vec<PathBuf> {
        path.components().filter(|step| *step != Component::CurDir).map(|step| step.as_os_str().into()).collect()
    };
    let (from, to) = (steps(folder), steps(path));
    if path.is_absolute() != folder.is_absolute() && !from.is_empty() {
        return path.display().to_string();
    }
    let common = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
    let back = from[common..].iter().map(|_| PathBuf::from(".."));
    back.chain(to[common..].iter().cloned()).collect::<PathBuf>().display().to_string()
}

/// Writes a file that was not there.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn describe_existing(path: &Path) -> Diagnostic {
    let message = format!("`{}` is there already, and a draft overwrites nothing", path.display());
    Diagnostic::new(Code::PlanUsage, message).hint("name another file with `--output`, or move this one away")
}
