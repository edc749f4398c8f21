//! A contract for a draft, and what `check` says of a draft before it is written.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{
    commands::load,
    config::{contract::Contract, contract_part::WantedPart, json_places, mapping, open_api::WantedRequest},
    diagnostic::{Code, Diagnostic},
    plan::{CodeFiles, Plan},
};

/// How many findings are listed.
const MAX_LISTED: usize = 40;
/// How many operations a message names.
const MAX_OPERATIONS: usize = 12;

/// A contract with what is known of its request.
pub(super) struct NamedContract {
    /// Its file, as it was named, with the part behind `#`.
    pub(super) named: PathBuf,
    pub(super) contract: Contract,
    /// The method and the path, if they are known.
    pub(super) request: Option<(String, String)>,
    pub(super) request_note: &'static str,
    file: PathBuf,
    wanted: WantedPart,
}

/// Loads a contract, of the wanted operation if it is OpenAPI.
///
/// # Errors
/// It cannot be used, or has several operations and none was named.
pub(super) fn load_contract(named: &Path, operation: Option<&str>) -> Result<NamedContract, Diagnostic> {
    let (file, fragment) = load::split_part(Path::new(""), &named.to_string_lossy());
    let mut request = operation.map(split_operation).transpose()?;
    let mut request_note = "";
    if fragment.is_none()
        && request.is_none()
        && let Some(operations) = load::operations(&file, json_places::MAX_BYTES)?
    {
        request = Some(choose_operation(&operations)?);
        request_note = "the only operation with a JSON body";
    }
    let (method, path) = request.clone().unzip();
    let wanted = WantedRequest { method, path, content_type: None };
    let wanted = WantedPart { fragment, request: Some(wanted) };
    let contract = load::contract(&file, json_places::MAX_BYTES, &wanted)?;
    if request.is_none() {
        let title = contract.schema.pointer(&contract.root).and_then(|root| root.get("title")).and_then(Value::as_str);
        request = title.and_then(find_request);
        request_note = "the title of the contract says so";
    }
    Ok(NamedContract { named: named.to_owned(), contract, request, request_note, file, wanted })
}

/// The method and the path of an operation.
fn split_operation(text: &str) -> Result<(String, String), Diagnostic> {
    let parts = text.trim().split_once(' ').map(|(method, path)| (method.to_uppercase(), path.trim().to_owned()));
    let is_good = |(method, path): &(String, String)| {
        ["PUT", "POST", "PATCH"].contains(&method.as_str()) && path.starts_with('/')
    };
    parts.filter(is_good).ok_or_else(|| {
        let message = "`--operation` is a method that carries documents, and a path";
        Diagnostic::new(Code::PlanUsage, message).hint("write it as in `--operation \"PUT /v1/customers\"`")
    })
}

/// The only operation.
fn choose_operation(operations: &[(String, String)]) -> Result<(String, String), Diagnostic> {
    if let [only] = operations {
        return Ok(only.clone());
    }
    let listed: Vec<String> =
        operations.iter().take(MAX_OPERATIONS).map(|(method, path)| format!("`{method} {path}`")).collect();
    let more = operations.len().saturating_sub(MAX_OPERATIONS);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let message = format!("the contract has {} operations with a JSON body", operations.len());
    let hint = match listed.as_slice() {
        [] => "it has none that carries documents: is it the right file?".to_owned(),
        listed => format!("name one with `--operation`; there are: {}{more}", listed.join(", ")),
    };
    Err(Diagnostic::new(Code::PlanContractPart, message).hint(hint))
}

/// The request that a title names, as in `PUT /v1/customers`.
fn find_request(title: &str) -> Option<(String, String)> {
    let words: Vec<&str> = title.split_whitespace().collect();
    let mut pairs = words.windows(2).map(|pair| format!("{} {}", pair[0], pair[1]));
    pairs.find_map(|pair| split_operation(&pair).ok())
}

/// What `check` says of a draft: once as it is, and once as if its time zones were known, since they hide what is behind them.
///
/// # Errors
/// The contract cannot be read again.
pub(super) fn list_findings(draft: &str, contract: &NamedContract) -> Result<Vec<String>, Diagnostic> {
    let mut lines: Vec<String> = Vec::new();
    for text in [draft.to_owned(), draft.replace("timezone: TODO", "timezone: UTC")] {
        let again = load::contract(&contract.file, json_places::MAX_BYTES, &contract.wanted)?;
        let compiled = mapping::read("draft", &text)
            .and_then(|(mapping, places)| Plan::compile(&mapping, places, again, &CodeFiles::new()));
        for finding in compiled.err().unwrap_or_default() {
            let pointer = finding.target.map(|target| target.pointer).filter(|pointer| !pointer.is_empty());
            let target = pointer.map(|pointer| format!(" (`{pointer}`)")).unwrap_or_default();
            let line = format!("{}: {}{target}", finding.code, finding.message);
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    let more = lines.len().saturating_sub(MAX_LISTED);
    lines.truncate(MAX_LISTED);
    lines.extend((more > 0).then(|| format!("and {more} more")));
    Ok(lines)
}
