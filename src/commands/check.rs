//! `xwalk check`: as far as the plan, and to the headers of a folder if one is named.

use crate::{
    cli,
    commands::{load, runtime::Runtime},
    config::profile::{self as profiles, secret::Environment},
    error::{Error, Exit},
    options::BLOCK,
    read::stream,
    report,
};

/// As far as the plan, and to the headers of a folder if one is named.
pub fn check(args: &cli::Check, runtime: &mut Runtime<'_>) -> Result<Exit, Error> {
    let profiles = load::profiles().map_err(Error::Config)?;
    let known = profiles.as_ref().map(|(profiles, places)| (profiles, places));
    // A drop folder is made for one mapping; without one, all are checked.
    let mappings = match (args.mappings.as_slice(), load::mappings()) {
        ([], all) if !all.is_empty() && args.against.is_none() => all,
        ([], _) => vec![load::mapping_path(None, known.map(|(profiles, _)| profiles)).map_err(Error::Config)?],
        (named, _) => named.to_vec(),
    };
    let environment = Environment(runtime.environment.clone());
    let mut findings = Vec::new();
    for mapping in &mappings {
        let plan = load::plan(mapping).and_then(|plan| match &args.profile {
            Some(name) => profiles::resolve(known, Some(name), &[], &plan.request, &environment).map(|_| plan),
            None => Ok(plan),
        });
        match (plan, &args.against) {
            (Err(wrong), _) => findings.extend(wrong),
            (Ok(plan), against) => {
                if let Some(folder) = against {
                    stream::check_headers(&plan, folder, BLOCK).map_err(Error::input)?;
                }
                if !args.messages.quiet {
                    let _ = report::proven(runtime.err, &mapping.display().to_string(), &plan);
                }
            }
        }
    }
    if findings.is_empty() { Ok(Exit::Done) } else { Err(Error::Config(findings)) }
}
