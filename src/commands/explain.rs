//! `xwalk explain`: where a field comes from, what a whole mapping does, and what becomes of one row. A code needs no mapping,
//! and is explained by `main`.

use std::{io, path::Path};

use crate::{
    cli,
    commands::{explain_record::explain_record, load, runtime::Runtime},
    diagnostic::{Code, Diagnostic, nearest},
    error::{Error, Exit},
    options::MessageFormat,
    output::documents::ignore_closed_pipe,
    plan::{Plan, placed_values::PlacedValue, prove::list_rules},
    report::mapping_text::{self, dotted},
};

/// Explains a field, a mapping or a row.
///
/// # Errors
/// The mapping cannot be compiled, there is no such field or row, or a file cannot be trusted.
pub fn explain(args: &cli::Explain, runtime: &mut Runtime<'_>) -> Result<Exit, Error> {
    let profiles = load::profiles(&runtime.root).map_err(Error::Config)?;
    let path = load::mapping_path(args.mapping.as_deref(), profiles.as_ref(), &runtime.root).map_err(Error::Config)?;
    let plan = load::plan(&path).map_err(Error::Config)?;
    let mut text = Vec::new();
    let exit = match (&args.record, &args.what) {
        (Some(record), folder) => {
            explain_record(&plan, record, Path::new(folder.as_deref().unwrap_or(".")), args, runtime, &mut text)?
        }
        (None, Some(field)) => {
            explain_field(&mut text, plan, field, args).map_err(|wrong| Error::Config(vec![wrong]))?;
            Exit::Done
        }
        (None, None) => {
            // A vector takes everything.
            let _ = explain_mapping(&mut text, &path.display().to_string(), plan, args);
            Exit::Done
        }
    };
    let done = runtime.out.write_all(&text).and_then(|()| runtime.out.flush());
    ignore_closed_pipe(done, ()).map_err(|cause| Error::storage("cannot write", Path::new("-"), &cause))?;
    Ok(exit)
}

fn is_json(args: &cli::Explain) -> bool {
    args.messages.message_format == MessageFormat::Json
}

/// Explains one field.
fn explain_field(out: &mut Vec<u8>, mut plan: Plan, field: &str, args: &cli::Explain) -> Result<(), Diagnostic> {
    let rules = list_rules(&mut plan);
    let values = plan.list_values();
    let is_meant = |placed: &&PlacedValue<'_>| placed.pointer == field || dotted(&placed.pointer) == field;
    // An item that is an object has the name of its list, and no facts of its own.
    let Some(pointer) = values.iter().find(is_meant).map(|placed| placed.pointer.clone()) else {
        return Err(describe_unknown(&plan, &values, field));
    };
    let here: Vec<PlacedValue<'_>> = values.iter().filter(|placed| placed.pointer == pointer).cloned().collect();
    let rules: Vec<_> = rules.into_iter().filter(|rule| rule.field == pointer).collect();
    let _ = if is_json(args) {
        mapping_text::field_line(out, &plan, &here, &rules)
    } else {
        mapping_text::field(out, &plan, &here, &rules)
    };
    Ok(())
}

/// Says that there is no such field, and which one was meant.
fn describe_unknown(plan: &Plan, values: &[PlacedValue<'_>], field: &str) -> Diagnostic {
    let names: Vec<String> = values.iter().map(|placed| dotted(&placed.pointer)).collect();
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let by_last = || names.iter().find(|name| last(name) == last(field)).map(String::as_str);
    let hint = match nearest(field, names.iter().map(String::as_str)).or_else(by_last) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`xwalk explain --mapping FILE` lists all fields".to_owned(),
    };
    let message = format!("the mapping makes no field `{field}`");
    Diagnostic::new(Code::PlanUnknownName, message).rule(plan.place("/output/fields")).hint(hint)
}

/// Explains every field of a mapping.
fn explain_mapping(out: &mut Vec<u8>, path: &str, mut plan: Plan, args: &cli::Explain) -> io::Result<()> {
    if !is_json(args) {
        return mapping_text::mapping(out, path, &plan);
    }
    let rules = list_rules(&mut plan);
    let values = plan.list_values();
    for here in values.chunk_by(|one, other| one.pointer == other.pointer) {
        let own: Vec<_> = rules.iter().filter(|rule| rule.field == here[0].pointer).cloned().collect();
        mapping_text::field_line(out, &plan, here, &own)?;
    }
    Ok(())
}
