//! Flags and profiles -> a plan and a destination: finds the mapping, reads its contract and code tables, compiles them.
//!
//! No other file reads configuration. No data is opened here, so an error here comes before any row is read.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use crate::{
    cli::{Convert, Sandbox},
    config::{
        contract::Contract,
        contract_part::{self, WantedPart},
        json_places,
        likeness::{may_be_contract, may_be_mapping},
        mapping::{
            self, Mapping,
            code_table::CodeTable,
            dialect::{DialectFault, DialectSpec},
            field::Field,
            request_path::PathTemplate,
            short_forms::Named,
        },
        open_api::WantedRequest,
        profile::{
            ProfilesFile,
            destination::{Destination, SANDBOX},
            resolve,
            secret::{Environment, is_path},
        },
        yaml::{self, Places},
    },
    diagnostic::{Code, Diagnostic, Place, nearest},
    file_numbers::file_numbers,
    io_cause::{Purpose, advise},
    json_pointer,
    list_dir::list_dir,
    options::{ConvertOptions, Setting, SourcePath},
    plan::{CodeFiles, Plan, SourcePlan},
    read::{
        code_table::read_code_table,
        files::{Inputs, find_source_files},
    },
    recording::lookups::find_looked_up,
    regular_file::{FileFault, read_regular_file},
    table::dialect::Dialect,
    text::file_pattern::count_wildcards,
    units::Size,
};

/// What a conversion needs, found and compiled before any row is read.
#[derive(Debug)]
pub struct Job {
    /// What to do.
    pub plan: Plan,
    /// Where the documents go, within what the contract allows in one body.
    pub destination: Destination,
    /// The drop folders.
    pub folders: Vec<PathBuf>,
    /// What was asked for besides.
    pub options: ConvertOptions,
    /// The files of the configuration that were read.
    pub read: Vec<ConfigFile>,
}

/// A file of the configuration that was read.
#[derive(Clone, Debug)]
pub struct ConfigFile {
    /// What it is, for messages.
    pub role: &'static str,
    /// Where it is.
    pub path: PathBuf,
}

impl ConfigFile {
    fn new(role: &'static str, path: impl Into<PathBuf>) -> ConfigFile {
        ConfigFile { role, path: path.into() }
    }
}

/// The profiles file, in the root.
const PROFILES: &str = "profiles.yaml";
/// How many files of a folder are named when one is missing.
const MAX_NAMES: usize = 5;
/// The folder of mappings, beside it.
const MAPPINGS: &str = "mappings";

/// Finds and compiles everything a conversion needs.
///
/// # Errors
/// Everything that is wrong with the mapping, the contract, the profile, or the flags that name them.
pub fn job(args: &Convert, root: &Path, environment: &Environment) -> Result<Job, Vec<Diagnostic>> {
    let profiles = profiles(root)?;
    let mapping = mapping_path(args.mapping.as_deref(), profiles.as_ref(), root)?;
    if let Some(swapped) = describe_swapped(args.mapping.as_deref(), &args.dirs) {
        return Err(vec![swapped]);
    }
    let (plan, mut read) = plan_with_files(&mapping)?;
    let options = args.options();
    for source in &options.sources {
        match plan.sources.iter().find(|known| known.name == source.name) {
            None => return Err(vec![unknown_source(&plan, &source.name)]),
            Some(known) => {
                check_has_file(&plan, known)?;
                check_captures(known, &source.path.to_string_lossy())?;
            }
        }
    }
    let wanted = args.profile.as_deref();
    let resolved = resolve::destination(profiles.as_ref(), wanted, &args.settings, &plan.request, environment);
    let chosen = args.profile.is_some() || !args.settings.is_empty();
    // A run that only writes or validates needs no profile, but a profile that was named has to be right.
    let mut destination = match resolved {
        Err(_) if !options.sends() && !chosen => {
            let sandbox = Setting::new("url", SANDBOX);
            resolve::destination(None, None, &[sandbox], &plan.request, environment)?
        }
        resolved => resolved?,
    };
    destination.batch.documents = destination.batch.documents.into_iter().chain(plan.max_documents).min();
    let shape = plan.body.shape.clone();
    let input = profiles.as_ref().and_then(|file| file.profiles.input(wanted)).unwrap_or(".");
    let folders = if args.dirs.is_empty() { vec![root.join(input)] } else { args.dirs.clone() };
    check_folders(&folders)?;
    if let Some(wrong) = describe_shared_files(&plan, &folders, &options.sources) {
        return Err(vec![wrong]);
    }
    if options.output.is_none()
        && let Some(wrong) = describe_shared_paths(&plan, &folders)
    {
        return Err(vec![wrong]);
    }
    read.extend(profiles.iter().map(|_| ConfigFile::new("the profiles file", root.join(PROFILES))));
    read.extend(destination.files.iter().map(|path| ConfigFile::new("a file of the profile", path)));
    Ok(Job { plan, destination: destination.shaped(shape), folders, options, read })
}

/// Documents with a path of their own from several drop folders: a key tells the records of one folder apart.
fn describe_shared_paths(plan: &Plan, folders: &[PathBuf]) -> Option<Diagnostic> {
    let path = plan.own_path.as_ref().filter(|_| folders.len() > 1 && plan.request.method.replaces())?;
    let message = format!("documents of two drop folders may have one path `{}`", path.written);
    let hint = "run the command once for each folder, in the order in which they were recorded";
    Some(Diagnostic::new(Code::PlanOneUrl, message).hint(hint))
}

/// A file that two drop folders would read for one source, as `--source` and a path that leads out of them make it: what it
/// holds would be sent twice. What documents only look up may be the same for all.
fn describe_shared_files(plan: &Plan, folders: &[PathBuf], sources: &[SourcePath]) -> Option<Diagnostic> {
    if folders.len() < 2 {
        return None;
    }
    let looked_up = find_looked_up(plan);
    // By its numbers, or where the system has none by its path.
    let identify = |file: &Path| match file_numbers(file).filter(|_| file != Path::new("-")) {
        Some(numbers) => (Some(numbers), PathBuf::new()),
        None => (None, fs::canonicalize(file).unwrap_or_else(|_| file.to_owned())),
    };
    let mut known = BTreeMap::new();
    for folder in folders {
        let found = find_source_files(plan, &Inputs::new(folder, sources, false));
        for (source, files) in found.into_iter().enumerate().filter(|(source, _)| !looked_up[*source]) {
            // What is wrong with the files of a source is told when they are read.
            for file in files.unwrap_or_default() {
                let other = *known.entry((source, identify(&file))).or_insert(folder);
                if other != folder {
                    return Some(describe_shared_file(&plan.sources[source].name, &file, [other, folder]));
                }
            }
        }
    }
    None
}

fn describe_shared_file(source: &str, file: &Path, folders: [&Path; 2]) -> Diagnostic {
    let [one, other] = folders.map(Path::display);
    let message = format!("the folders `{one}` and `{other}` have one file of the source `{source}`");
    let shown = if file == Path::new("-") { "stdin".to_owned() } else { file.display().to_string() };
    let hint = "run the command once for each folder: what the file holds would be sent twice";
    Diagnostic::new(Code::PlanSameFile, message).file(shown).hint(hint)
}

/// A folder where the mapping belongs, and a mapping where a folder belongs.
fn describe_swapped(mapping: Option<&Path>, dirs: &[PathBuf]) -> Option<Diagnostic> {
    let mapping = mapping.filter(|path| path.is_dir())?;
    let other = dirs.iter().find(|path| is_yaml(path) && path.is_file())?;
    let message = format!("`{}` is a folder, and `{}` is a file", mapping.display(), other.display());
    let hint = format!("swap the two: `xwalk convert {} --mapping {}`", mapping.display(), other.display());
    Some(Diagnostic::new(Code::PlanUsage, message).hint(hint))
}

/// Checks that each drop folder is none of the others, and no file.
///
/// # Errors
/// The first that is.
pub fn check_folders(folders: &[PathBuf]) -> Result<(), Vec<Diagnostic>> {
    let wrong = |code: Code, message: String, hint: String| Err(vec![Diagnostic::new(code, message).hint(hint)]);
    let mut known = BTreeMap::new();
    for folder in folders {
        let shown = folder.display();
        if folder.is_file() {
            let hint = match folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                _ if is_yaml(folder) => format!("name the mapping with `--mapping {shown}`, and the drop folder alone"),
                Some(parent) => {
                    format!("name its folder, `{}`, or one file with `--source NAME={shown}`", parent.display())
                }
                None => format!("name its folder, `.`, or one file with `--source NAME={shown}`"),
            };
            return wrong(Code::PlanUsage, format!("`{shown}` is a file, and a drop folder is needed"), hint);
        }
        let real = fs::canonicalize(folder).ok();
        if let Some(other) = real.and_then(|real| known.insert(real, folder)) {
            let message = format!("the folder `{}` is named twice", other.display());
            let also = if other == folder { String::new() } else { format!(" (the second time as `{shown}`)") };
            let hint = format!("name each drop folder once: its documents would be sent twice{also}");
            return wrong(Code::PlanSameFile, message, hint);
        }
    }
    find_nested(&known).map_or(Ok(()), |nested| Err(vec![nested]))
}

/// A drop folder that lies in another: a file in both would be sent twice.
fn find_nested(known: &BTreeMap<PathBuf, &PathBuf>) -> Option<Diagnostic> {
    let outer = |inner: &PathBuf| inner.ancestors().skip(1).find_map(|above| known.get(above));
    let (inner, outer) = known.iter().find_map(|(real, inner)| Some((*inner, *outer(real)?)))?;
    let message = format!("the folder `{}` lies in the folder `{}`", inner.display(), outer.display());
    let hint = "name only one of the two, or move them apart: a file in both would be sent twice";
    Some(Diagnostic::new(Code::PlanSameFile, message).hint(hint))
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// Checks that a source which is given a file on the command line has one of its own.
fn check_has_file(plan: &Plan, source: &SourcePlan) -> Result<(), Vec<Diagnostic>> {
    let Some(file) = source.rows_of.map(|file| &plan.sources[file].name) else { return Ok(()) };
    let message = format!("the source `{}` has no file of its own: it has the rows of `{file}`", source.name);
    let hint = format!("name the file for both, with `--source {file}=…`");
    Err(vec![Diagnostic::new(Code::PlanUsage, message).hint(hint)])
}

/// Checks that a path that is given on the command line has the wildcards that expressions use.
fn check_captures(source: &SourcePlan, path: &str) -> Result<(), Vec<Diagnostic>> {
    let found = count_wildcards(path);
    if found >= source.captures {
        return Ok(());
    }
    let (name, wanted) = (&source.name, source.captures);
    let message =
        format!("the mapping uses `file.match.{wanted}` of the source `{name}`, and `{path}` has fewer wildcards");
    let hint = format!("name its files by a pattern with as many wildcards as `{}` has", source.path);
    Err(vec![Diagnostic::new(Code::PlanUsage, message).hint(hint)])
}

fn unknown_source(plan: &Plan, name: &str) -> Diagnostic {
    let names: Vec<&str> = plan.sources.iter().map(|known| known.name.as_str()).collect();
    let hint = match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are: {}", names.join(", ")),
    };
    Diagnostic::new(Code::PlanUnknownName, format!("there is no source `{name}`")).hint(hint)
}

/// Reads `profiles.yaml`, if there is one.
///
/// # Errors
/// Everything that is wrong with it.
pub fn profiles(root: &Path) -> Result<Option<ProfilesFile>, Vec<Diagnostic>> {
    let path = root.join(PROFILES);
    // A link that leads nowhere is no reason to do without profiles in silence.
    if fs::symlink_metadata(&path).is_err_and(|cause| cause.kind() == io::ErrorKind::NotFound) {
        return Ok(None);
    }
    let text = read_text(&path, "the profiles file", yaml::MAX_BYTES as u64).map_err(|wrong| vec![wrong])?;
    ProfilesFile::read(&path.display().to_string(), &text).map(Some)
}

/// The contract and the path that the mock API serves.
///
/// # Errors
/// Everything that is wrong with the contract or the mapping.
pub fn api(args: &Sandbox, root: &Path) -> Result<SandboxApi, Vec<Diagnostic>> {
    let path = args.path.as_deref().map(PathTemplate::parse).transpose().map_err(|fault| {
        vec![Diagnostic::new(Code::PlanUsage, format!("`--path`: {}", fault.message)).hint(fault.hint)]
    })?;
    if let Some(file) = &args.contract {
        let (file, fragment) = split_part(Path::new(""), &file.to_string_lossy());
        let request = Some(WantedRequest { method: None, path: args.path.clone(), content_type: None });
        return contract(&file, json_places::MAX_BYTES, &WantedPart { fragment, request })
            .map(|contract| SandboxApi { contract: Arc::new(contract), path, documents: String::new() })
            .map_err(|wrong| vec![wrong]);
    }
    let profiles = profiles(root)?;
    let mapping = mapping_path(args.mapping.as_deref(), profiles.as_ref(), root)?;
    let plan = plan(&mapping)?;
    let path = path.or_else(|| PathTemplate::parse(&plan.request.path).ok());
    Ok(SandboxApi { contract: plan.contract, path, documents: plan.body.documents })
}

/// What the sandbox stands for.
pub struct SandboxApi {
    /// What it accepts.
    pub contract: Arc<Contract>,
    /// The only path that exists, or the paths of documents that have one each; `None`: every path does.
    pub path: Option<PathTemplate>,
    /// Where the list of documents stands in a body, as a JSON pointer.
    pub documents: String,
}

/// The mapping to use: the one that was named, that of the profiles, or the only one there is.
///
/// # Errors
/// There is none, or more than one.
pub fn mapping_path(
    named: Option<&Path>,
    file: Option<&ProfilesFile>,
    root: &Path,
) -> Result<PathBuf, Vec<Diagnostic>> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    if let Some((file, path)) = file.and_then(|file| Some((file, file.profiles.mapping.as_deref()?))) {
        let chosen = root.join(path);
        // What was written may be no path at all, but a secret.
        return if is_path(path, &chosen) {
            Ok(chosen)
        } else {
            Err(vec![describe_missing_mapping(root, &file.places)])
        };
    }
    let all = mappings(root);
    match all.as_slice() {
        [only] => Ok(only.clone()),
        [] => {
            Err(vec![Diagnostic::new(Code::PlanMissingFile, "there is no mapping here").hint(
                "name it with `--mapping FILE`, or run in the folder that holds `profiles.yaml` and `mappings/`",
            )])
        }
        several => {
            let listed: Vec<String> = several.iter().map(|path| path.display().to_string()).collect();
            let message = format!("there are several mappings: `{}`", listed.join("`, `"));
            let hint = match file {
                Some(_) => "name one with `--mapping FILE`, or set `mapping:` in profiles.yaml",
                None => {
                    "there is no `profiles.yaml` here that chooses one: name one with `--mapping FILE`, or run in the \
                     folder that holds it"
                }
            };
            Err(vec![Diagnostic::new(Code::PlanMissingFile, message).hint(hint)])
        }
    }
}

/// What is said of a mapping that profiles.yaml names and that is not there: which ones are.
fn describe_missing_mapping(root: &Path, places: &Places) -> Diagnostic {
    let there: Vec<String> =
        mappings(root).iter().take(MAX_NAMES).map(|path| format!("`{}`", path.display())).collect();
    let hint = match there.as_slice() {
        [] => "write a path from the folder of this file".to_owned(),
        there => format!("there are: {}", there.join(", ")),
    };
    let missing = Diagnostic::new(Code::PlanMissingFile, "the mapping that is named here is not there");
    missing.rule(places.value("/mapping")).hint(hint)
}

/// All mappings of the folder, by name.
#[must_use]
pub fn mappings(root: &Path) -> Vec<PathBuf> {
    let folder = root.join(MAPPINGS);
    let names = list_dir(&folder).unwrap_or_default();
    let mut found: Vec<PathBuf> = names.iter().map(|name| folder.join(name)).collect();
    found.retain(|path| is_yaml(path));
    found
}

/// Compiles a mapping file with everything it names.
///
/// # Errors
/// Everything that can be known to be wrong before any data is read.
pub fn plan(path: &Path) -> Result<Plan, Vec<Diagnostic>> {
    plan_with_files(path).map(|(plan, _)| plan)
}

/// Compiles a mapping file, and tells which files were read for it.
///
/// # Errors
/// As of [`plan`].
pub fn plan_with_files(path: &Path) -> Result<(Plan, Vec<ConfigFile>), Vec<Diagnostic>> {
    let shown = path.display().to_string();
    let mapping_text = read_text(path, "the mapping", yaml::MAX_BYTES as u64).map_err(|wrong| vec![wrong])?;
    if !may_be_mapping(&mapping_text) {
        let message = "this is no mapping: none of the keys `mapping`, `contract`, `sources` and `output` stands in it";
        let hint = "name the file of a mapping; nothing of this one is shown, as it may be a secret";
        return Err(vec![Diagnostic::new(Code::PlanSyntax, message).file(shown).hint(hint)]);
    }
    let (mapping, places) = mapping::read(&shown, &mapping_text)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let (contract_path, fragment) = split_part(folder, &mapping.contract);
    let request = WantedRequest {
        method: Some(mapping.request.method.word().to_owned()),
        path: Some(mapping.request.path.clone()),
        content_type: Some(mapping.request.content_type.clone().unwrap_or_else(|| "application/json".to_owned())),
    };
    let wanted = WantedPart { fragment, request: Some(request) };
    let limit = mapping.max_contract.map_or(json_places::MAX_BYTES, |Size(bytes)| bytes);
    let contract = contract(&contract_path, limit, &wanted).map_err(|wrong| {
        // The usual mistake: a path from where the command runs.
        let (above, _) = split_part(&folder.join(".."), &mapping.contract);
        let place = places.value("/contract");
        vec![match wrong.code {
            Code::PlanMissingFile if above.is_file() && !contract_path.exists() => {
                let hint = format!("the path is relative to the mapping: write `../{}`", mapping.contract);
                wrong.rule(place).hint(hint)
            }
            Code::PlanContractPart if wanted.fragment.is_none() => wrong.rule(places.value("/request/path")),
            Code::PlanMissingFile | Code::PlanContractPart => wrong.rule(place),
            Code::PlanTooLarge if wrong.rule.is_none() => {
                let hint = format!("set `max_contract` in `{shown}` to allow more, as in `max_contract: 64MiB`");
                wrong.rule(place).hint(hint)
            }
            _ => wrong,
        }]
    })?;
    let mut read = vec![ConfigFile::new("the mapping", path), ConfigFile::new("the contract", contract_path)];
    let files = read_code_files(&mapping, &places, folder, &mut read)?;
    let plan = Plan::compile(&mapping, places, contract, &files).map_err(without_repeats)?;
    Ok((plan, read))
}

/// Findings without those that are told already: two sources may share a dialect that is wrong.
fn without_repeats(mut findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut told = BTreeSet::new();
    findings.retain(|finding| {
        let place = |place: &Place| (place.path.clone(), place.line, place.column);
        let cell = finding.cell.as_ref().map(|cell| place(&cell.place));
        let target = finding.target.as_ref().map(|target| (target.pointer.clone(), target.schema.clone()));
        let places = (cell, finding.rule.as_ref().map(|at| place(at)), target);
        told.insert((finding.code, finding.message.clone(), finding.hint.clone(), places))
    });
    findings
}

/// The file of a contract, and what stands behind `#` in its name, unless that belongs to the name of the file.
pub fn split_part(folder: &Path, name: &str) -> (PathBuf, Option<String>) {
    let whole = tidy_path(&folder.join(name));
    match name.split_once('#') {
        Some((file, part)) if !whole.is_file() => (tidy_path(&folder.join(file)), Some(part.to_owned())),
        _ => (whole, None),
    }
}

/// The operations of an OpenAPI document that take JSON, each with its method and its path; `None`: it is none.
///
/// # Errors
/// It cannot be read.
pub fn operations(path: &Path, limit: u64) -> Result<Option<Vec<(String, String)>>, Diagnostic> {
    let text = read_text(path, "the contract", limit)?;
    if !may_be_contract(&text) {
        // What is wrong with it is told when it is compiled.
        return Ok(None);
    }
    contract_part::find_operations(&path.display().to_string(), text)
}

/// Compiles the wanted part of a contract file of at most `limit` bytes.
///
/// # Errors
/// It cannot be read, or is no schema that can be used.
pub fn contract(path: &Path, limit: u64, wanted: &WantedPart) -> Result<Contract, Diagnostic> {
    let (shown, text) = (path.display().to_string(), read_text(path, "the contract", limit)?);
    if !may_be_contract(&text) {
        let (message, hint) = if text.trim_start().starts_with('<') {
            let message = "the contract is a web page or XML, not JSON";
            (message, "download the JSON Schema itself: a login page may have come instead")
        } else {
            let message = "this is no contract: no key of JSON Schema or OpenAPI stands in it";
            (message, "name the file of a contract; nothing of this one is shown, as it may be a secret")
        };
        return Err(Diagnostic::new(Code::PlanContract, message).file(shown).hint(hint));
    }
    Contract::compile_part(&shown, text, wanted)
}

/// A path without the steps that lead back, so that messages stay short: `mappings/../schemas/x` is `schemas/x`.
fn tidy_path(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for step in path.components() {
        let back = step == Component::ParentDir && matches!(tidy.components().next_back(), Some(Component::Normal(_)));
        match step {
            _ if back => drop(tidy.pop()),
            Component::CurDir => {}
            step => tidy.push(step),
        }
    }
    tidy
}

/// The text of a configuration file.
fn read_text(path: &Path, what: &str, limit: u64) -> Result<String, Diagnostic> {
    let shown = path.display().to_string();
    let wrong = |code: Code, message: String| Diagnostic::new(code, message).file(shown.clone());
    let (bytes, _) = read_regular_file(path, limit).map_err(|fault| {
        let message = format!("{what} {}", fault.describe(limit));
        match &fault {
            FileFault::Unreadable(cause) => {
                wrong(Code::PlanMissingFile, message).hint(advise_reading(path, what, cause))
            }
            FileFault::NotRegular | FileFault::Endless => {
                wrong(Code::PlanMissingFile, message).hint("name a regular file, or a link to one")
            }
            FileFault::TooLarge => wrong(Code::PlanTooLarge, message),
        }
    })?;
    decode_text(bytes, &shown, what)
}

/// What to do about a file that cannot be read: the file that was meant, if one is near.
fn advise_reading(path: &Path, what: &str, cause: &io::Error) -> String {
    let is_mapping = what == "the mapping";
    let folder = if path.is_dir() { Some(path) } else { path.parent() };
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut candidates: Vec<PathBuf> = Vec::new();
    let folders = [Some(folder.to_owned()), is_mapping.then(|| folder.join(MAPPINGS))];
    for folder in folders.into_iter().flatten() {
        let inside = if folder == Path::new(".") { PathBuf::new() } else { folder.clone() };
        let inside = inside.strip_prefix(".").map(Path::to_owned).unwrap_or(inside);
        let names = list_dir(&folder).unwrap_or_default();
        candidates.extend(names.iter().map(|name| inside.join(name)).filter(|path| path.is_file()));
    }
    if is_mapping {
        candidates.retain(|path| is_yaml(path) && !path.ends_with(PROFILES));
    }
    let name_of = |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let names: Vec<String> = candidates.iter().map(name_of).collect();
    let near = nearest(&name, names.iter().map(String::as_str)).filter(|_| !path.is_dir());
    if let Some(near) = near.and_then(|near| names.iter().position(|name| name == near)) {
        return format!("did you mean `{}`?", candidates[near].display());
    }
    let is_other = cause.kind() != io::ErrorKind::NotFound && !path.is_dir();
    let extension = if path.is_dir() { None } else { path.extension() };
    candidates.retain(|path| is_mapping || extension.is_none() || path.extension() == extension);
    let listed: Vec<String> = candidates.iter().take(MAX_NAMES).map(|path| format!("`{}`", path.display())).collect();
    match (listed.is_empty(), folder.display()) {
        _ if is_other => advise(Purpose::ReadFile, cause).to_owned(),
        _ if !folder.is_dir() => format!("there is no folder `{}`", folder.display()),
        (true, folder) => format!("there is no such file in the folder `{folder}`"),
        (false, _) if path.is_dir() => format!("it is a folder; name a file: {}", listed.join(", ")),
        (false, _) => format!("there are: {}", listed.join(", ")),
    }
}

/// The text of a configuration file, without a byte order mark.
fn decode_text(bytes: Vec<u8>, shown: &str, what: &str) -> Result<String, Diagnostic> {
    let wrong = |line: u64, message: String, hint: &str| {
        let place = Place { line, ..Place::file(shown) };
        Err(Diagnostic::new(Code::PlanSyntax, message).rule(place).hint(hint))
    };
    if matches!(bytes.as_slice(), [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, _, ..] | [_, 0, ..]) {
        return wrong(0, format!("{what} is UTF-16, not UTF-8"), "save it as UTF-8: editors ask for it when saving");
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{FEFF}').map(str::to_owned).unwrap_or(text)),
        Err(error) => {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = valid.split(|byte| *byte == b'\n').count() as u64;
            let message = format!("{what} is not UTF-8: it holds a character of another encoding");
            wrong(line, message, "save it as UTF-8: editors ask for it when saving")
        }
    }
}

/// The contents of all code table files of a mapping; the files are added to those that were read.
fn read_code_files(
    mapping: &Mapping,
    places: &Places,
    folder: &Path,
    read: &mut Vec<ConfigFile>,
) -> Result<CodeFiles, Vec<Diagnostic>> {
    let mut tables: Vec<(String, &CodeTable)> = Vec::new();
    for (name, table) in &mapping.codes {
        tables.push((format!("/codes/{}", json_pointer::escape(name)), table));
    }
    collect_inline_tables(&mapping.output.fields, "/output/fields", &mut tables);
    let (mut files, mut findings) = (CodeFiles::new(), Vec::new());
    for (pointer, table) in tables {
        let Some(file) = &table.file else { continue };
        let dialect = match code_dialect(table, &pointer, mapping, places) {
            Ok(dialect) => dialect,
            Err(wrong) => {
                findings.extend(wrong);
                continue;
            }
        };
        let path = tidy_path(&folder.join(file));
        read.push(ConfigFile::new("a code table", path.as_path()));
        match read_code_table(&path, &dialect) {
            Ok(entries) => drop(files.insert(pointer, entries)),
            Err(wrong) => findings.push(wrong.rule(places.value(&format!("{pointer}/file")))),
        }
    }
    if findings.is_empty() { Ok(files) } else { Err(findings) }
}

/// The code tables that are written inside fields.
fn collect_inline_tables<'a>(
    fields: &'a indexmap::IndexMap<String, Field>,
    pointer: &str,
    tables: &mut Vec<(String, &'a CodeTable)>,
) {
    for (name, Field(field)) in fields {
        let pointer = format!("{pointer}/{}", json_pointer::escape(name));
        if let Some(Named::Here(table)) = &field.codes {
            tables.push((format!("{pointer}/codes"), table));
        }
        if let Some(fields) = &field.fields {
            collect_inline_tables(fields, &format!("{pointer}/fields"), tables);
        }
    }
}

/// The dialect of the file of a code table.
fn code_dialect(
    table: &CodeTable,
    pointer: &str,
    mapping: &Mapping,
    places: &Places,
) -> Result<Dialect, Vec<Diagnostic>> {
    let (spec, pointer) = match &table.dialect {
        None => (DialectSpec::default(), String::new()),
        Some(Named::Here(dialect)) => (dialect.clone(), format!("{pointer}/dialect")),
        Some(Named::Name(name)) => {
            let known = mapping.dialects.get(name).cloned();
            let spec = known.ok_or_else(|| {
                let names: Vec<&str> = mapping.dialects.keys().map(String::as_str).collect();
                let hint = match nearest(name, names.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if names.is_empty() => "write it here, or define it under `dialects`".to_owned(),
                    None => format!("there are: {}", names.join(", ")),
                };
                let unknown = Diagnostic::new(Code::PlanUnknownName, format!("there is no dialect `{name}`"));
                vec![unknown.rule(places.leaf(&format!("{pointer}/dialect"))).hint(hint)]
            })?;
            (spec, format!("/dialects/{}", json_pointer::escape(name)))
        }
    };
    let (dialect, faults) = spec.compile();
    let finding = |DialectFault { key, message, hint }: DialectFault| {
        Diagnostic::new(Code::PlanWrongValue, message).rule(places.leaf(&format!("{pointer}/{key}"))).hint(hint)
    };
    if faults.is_empty() { Ok(dialect) } else { Err(faults.into_iter().map(finding).collect()) }
}
