//! The fast checks agree with the `jsonschema` crate, over random contracts, mappings and rows.
//!
//! The fast way may be less certain than the exact check, and never more lenient; a rule that was proven is never violated.
//! `XWALK_CASES` says how many rows to compare, `XWALK_SEED` which; both are printed.

#![expect(clippy::unwrap_used, reason = "clippy exempts test functions only, not their helpers")]

mod make;

use std::{cell::RefCell, fs, path::Path, sync::Arc};

use proptest::{
    collection::vec,
    num::u32::ANY,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner},
};
use serde_json::Value;
use xwalk::{
    check,
    commands::convert::partitioned::{loading::load_joined, partitioner, recording::Stored},
    config::{contract::Contract, mapping, violations::Violation},
    diagnostic::{Code, Diagnostic, Severity},
    options::Memory,
    partition::{loaded::LoadedPartition, spill::Spill},
    plan::{
        CodeFiles, FieldPlan, Leaf, Plan, ValuePlan,
        checks::{Checks, Quick},
        conversion::Conversion,
    },
    read::files::Inputs,
    recording::{View, ledger::RowStatus},
    transform::{self, Scratch},
};

use crate::make::{Case, ROWS, Tape, case};

/// How many rows a usual run compares at least.
const CASES: usize = 10_000;
/// How many contracts one round draws.
const ROUND: u32 = 50;

/// What was compared.
#[derive(Debug, Default)]
struct Tally {
    /// Contracts with a mapping that fits.
    plans: usize,
    /// Contracts with a mapping that does not.
    refused: usize,
    /// Rows of plans that fit.
    rows: usize,
    /// Rows the fast way was certain of.
    certain: usize,
    /// Rows that only the exact check accepted.
    cleared: usize,
    /// Rows both ways refuse.
    bad: usize,
    /// Rows the mapping itself refuses, so that the contract was not asked.
    unmade: usize,
    /// Plans that check whole documents.
    whole: usize,
    /// Plans that follow a branch of the contract.
    branches: usize,
    /// Mappings that were refused because of a branch, and whose rows were looked at.
    refused_branches: usize,
    /// Leaves that were proven.
    proven: usize,
}

#[test]
fn the_fast_verdict_is_that_of_the_contract() {
    let (cases, seed) = (from_environment("XWALK_CASES").unwrap_or(CASES), from_environment("XWALK_SEED").unwrap_or(1));
    let tally = RefCell::new(Tally::default());
    let mut round = 0;
    while tally.borrow().rows < cases {
        if let Err(wrong) = drawn((seed as u64, round), 2_000, &|_| {}, &tally) {
            panic!("XWALK_SEED={seed}, round {round}: {wrong}");
        }
        round += 1;
    }
    let tally = tally.into_inner();
    println!("seed {seed}: {tally:?}");
    assert!(2 * tally.plans > tally.refused, "most mappings are refused, so little is compared: {tally:?}");
    let kinds = [tally.certain, tally.cleared, tally.bad, tally.unmade, tally.whole, tally.proven];
    let kinds = kinds.into_iter().chain([tally.branches, tally.refused_branches]);
    assert!(kinds.clone().all(|count| count > 3), "some kind of row hardly occurs: {tally:?}");
}

/// Draws and compares one round of cases; gives the smallest that fails.
fn drawn(
    (seed, round): (u64, u64),
    shrinks: u32,
    spoil: &dyn Fn(&mut Plan),
    tally: &RefCell<Tally>,
) -> Result<(), String> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&round.to_le_bytes());
    let config = Config { cases: ROUND, failure_persistence: None, max_shrink_iters: shrinks, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let folder = tempfile::tempdir().unwrap();
    let outcome = runner.run(&vec(ANY, 2_000), |words| {
        let case = case(Tape::new(&words));
        compared(&case, folder.path(), spoil, &mut tally.borrow_mut())
            .map_err(|wrong| TestCaseError::fail(format!("{wrong}\n{}", shown(&case))))
    });
    match outcome {
        Err(TestError::Fail(reason, _)) => Err(reason.message().to_owned()),
        Err(aborted) => Err(aborted.to_string()),
        Ok(()) => Ok(()),
    }
}

#[expect(clippy::disallowed_methods, reason = "a test has no command line of its own")]
fn from_environment(name: &str) -> Option<usize> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

fn shown(Case { contract, mapping, files }: &Case) -> String {
    let files: Vec<String> = files.iter().map(|(name, text)| format!("--- {name}\n{text}")).collect();
    format!("--- contract\n{contract}\n--- mapping\n{mapping}\n{}", files.concat())
}

/// Compares the verdicts on every row of a case.
fn compared(case: &Case, folder: &Path, spoil: &dyn Fn(&mut Plan), tally: &mut Tally) -> Result<(), String> {
    let contract =
        Contract::compile("contract.json", &case.contract).map_err(|wrong| format!("the contract: {wrong:?}"))?;
    let judge =
        Contract::compile("contract.json", &case.contract).map_err(|wrong| format!("the contract: {wrong:?}"))?;
    let (mapping, places) =
        mapping::read("mapping.yaml", &case.mapping).map_err(|wrong| format!("the mapping: {wrong:?}"))?;
    let mut plan = match Plan::compile(&mapping, places, contract, &CodeFiles::new()) {
        Ok(plan) => plan,
        Err(findings) => {
            tally.refused += 1;
            return refused_rightly(case, folder, &judge, &findings, tally);
        }
    };
    spoil(&mut plan);
    tally.plans += 1;
    tally.whole += usize::from(!plan.whole.is_empty());
    tally.branches += usize::from(plan.has_branches);
    tally.proven += plan.proven().0;
    for_each_row(&plan, case, folder, &mut |view, root| agreed(view, &judge, root, tally))
}

/// Looks at every good root record.
fn for_each_row(
    plan: &Plan,
    case: &Case,
    folder: &Path,
    look: &mut dyn FnMut(View<'_>, u32) -> Result<(), String>,
) -> Result<(), String> {
    for (name, text) in &case.files {
        fs::write(folder.join(name), text).unwrap();
    }
    let (inputs, memory, spill) =
        (Inputs::new(folder, &[], false), Memory::of(1 << 30), Arc::new(Spill::new(folder, 1 << 30)));
    let recording = partitioner::read(plan, &inputs, memory, &spill, &mut Vec::new(), &mut |_| {})
        .map_err(|wrong| format!("the files: {wrong:?}"))?;
    let [Stored::Partition(partition)] = recording.stored.as_slice() else { panic!("it is one partition") };
    let mut loaded = LoadedPartition::default();
    load_joined(plan, partition, &mut loaded, &mut |_| {}).map_err(|wrong| format!("the join: {wrong:?}"))?;
    let (tables, recording) = (&loaded.tables, loaded.view(plan));
    if (tables[plan.each].len() as usize) < ROWS {
        return Err("rows were lost".into());
    }
    for root in 0..tables[plan.each].len() {
        if loaded.statuses[plan.each][root as usize] == RowStatus::Good {
            look(recording, root).map_err(|wrong| format!("row {root}: {wrong}"))?;
        }
    }
    Ok(())
}

/// A mapping is refused because of a branch only if the contract accepts no document of it.
fn refused_rightly(
    case: &Case,
    folder: &Path,
    judge: &Contract,
    findings: &[Diagnostic],
    tally: &mut Tally,
) -> Result<(), String> {
    let words = ["(branch ", "no branch of ", "the branch of ", "branches of `oneOf` fit", "must not be there"];
    let is_about_branches = |finding: &Diagnostic| words.iter().any(|word| finding.message.contains(word));
    // One value that is not accepted refuses a mapping, too.
    let is_of_outcome = |finding: &Diagnostic| {
        let message = finding.message.replace("does not accept this: ", "");
        message.contains("no document can be right") || message.contains("does not accept")
    };
    // What is required is not left out, so that another contract makes other documents of it; and what is never right is
    // refused also where it may be left out.
    let may_be_left_out =
        ["omit", "\"where\"", "\"each\":\"roots\",\"if_empty\""].iter().any(|word| case.mapping.contains(word));
    let nested =
        |finding: &Diagnostic| finding.target.as_ref().is_some_and(|target| target.pointer.matches('/').count() > 1);
    if may_be_left_out || !findings.iter().any(|it| is_about_branches(it) && !is_of_outcome(it) && !nested(it)) {
        return Ok(());
    }
    let lenient = r#"{ "type": ["array", "object"], "items": { "type": "object" }, "properties": { "list": { "items": { "type": "object" } } } }"#;
    let lenient = Contract::compile("contract.json", lenient).map_err(|wrong| format!("the contract: {wrong:?}"))?;
    let (mapping, places) =
        mapping::read("mapping.yaml", &case.mapping).map_err(|wrong| format!("the mapping: {wrong:?}"))?;
    let Ok(plan) = Plan::compile(&mapping, places, lenient, &CodeFiles::new()) else { return Ok(()) };
    tally.refused_branches += 1;
    for_each_row(&plan, case, folder, &mut |view, root| {
        let trace = transform::trace(&view, root, &mut Scratch::default());
        let unmade = trace.problems.iter().any(|problem| !problem.is_warning) || !trace.bad.is_empty();
        let accepted = body(&plan, &trace.json).is_some_and(|body| judge.accepts(&body));
        if accepted && !unmade {
            let said: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
            return Err(format!(
                "refused ({said:?}), and the contract accepts {}",
                String::from_utf8_lossy(&trace.json)
            ));
        }
        Ok(())
    })
}

/// Compares the verdicts on one row.
fn agreed(recording: View<'_>, judge: &Contract, root: u32, tally: &mut Tally) -> Result<(), String> {
    let payload = transform::document(&recording, root, 0, &mut Scratch::default());
    let (fast, bytes) = (payload.is_some(), payload.map(|payload| payload.bytes().to_vec()).unwrap_or_default());
    let trace = transform::trace(&recording, root, &mut Scratch::default());
    let plan = recording.plan;
    let errors = check::findings(plan, recording.tables, &trace, &|_| true)
        .into_iter()
        .filter(|finding| finding.diagnostic.severity == Severity::Error)
        .count();
    let text = String::from_utf8_lossy(&trace.json).into_owned();
    let body = body(plan, &trace.json).ok_or_else(|| format!("no JSON: {text}"))?;
    let accepted = judge.accepts(&body);
    let unmade = trace.problems.iter().any(|problem| !problem.is_warning) || !trace.bad.is_empty();
    tally.rows += 1;
    match (fast, unmade) {
        (true, true) => return Err(format!("the fast way wrote what cannot be made: {text}")),
        (true, false) if bytes != trace.json => {
            return Err(format!("two ways, two texts: {} and {text}", String::from_utf8_lossy(&bytes)));
        }
        (true, false) if !accepted => return Err(format!("the fast way accepts what the contract does not: {text}")),
        (false, _) if !bytes.is_empty() => return Err("the fast way refused and left bytes".into()),
        (_, true) if errors == 0 && trace.bad.is_empty() => return Err(format!("a problem without a finding: {text}")),
        (_, false) if (errors == 0) != accepted => {
            return Err(format!("{errors} errors, and the contract accepts: {accepted}: {text}"));
        }
        _ => {}
    }
    match (fast, unmade, accepted) {
        (true, _, _) => tally.certain += 1,
        (_, true, _) => tally.unmade += 1,
        (_, _, true) => tally.cleared += 1,
        _ => tally.bad += 1,
    }
    // Where a branch is followed, what is told depends on the branch that the data mean.
    if !unmade && !plan.is_told_whole() {
        for violation in plan.violations(&trace.json) {
            left_open(plan, &violation).map_err(|wrong| format!("{wrong}: {violation:?}: {text}"))?;
        }
    }
    Ok(())
}

/// A request body with one document.
fn body(plan: &Plan, json: &[u8]) -> Option<Value> {
    let shape = &plan.body.shape;
    serde_json::from_slice(&[shape.before(), json, shape.after()].concat()).ok()
}

/// A violation is only possible where the plan left something to check.
fn left_open(plan: &Plan, violation: &Violation) -> Result<(), String> {
    let steps: Vec<String> =
        violation.pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
    let mut fields = &plan.document.fields;
    let mut steps = steps.iter();
    let mut found: Option<&ValuePlan> = None;
    while let Some(step) = steps.next() {
        let field = fields.iter().find(|field| field.name == *step).ok_or("a violation of a field that is not made")?;
        let mut value = &field.value;
        loop {
            match value {
                ValuePlan::Many(many) if steps.next().is_some() => value = &many.item,
                ValuePlan::One(one) => value = &one.value,
                ValuePlan::When(when) => value = &when.value,
                ValuePlan::Pieces(pieces) if steps.next().is_some() => {
                    return open(&pieces.leaf).then_some(()).ok_or_else(|| "something proven is violated".into());
                }
                // Which item it is depends on those that are left out.
                ValuePlan::List(list) if steps.next().is_some() => {
                    let is_left = list.items.iter().any(|item| is_open(&item.value));
                    return is_left.then_some(()).ok_or_else(|| "something proven is violated in a list".into());
                }
                // Nobody knows what is in a JSON value.
                ValuePlan::Leaf(leaf) if leaf.conversion == Conversion::Json => {
                    return open(leaf).then_some(()).ok_or_else(|| "something proven is violated".into());
                }
                _ => break,
            }
        }
        // What is left of the pointer leads into the JSON of a cell.
        if let ValuePlan::Leaf(leaf) = value {
            return open(leaf).then_some(()).ok_or_else(|| "something proven is violated".into());
        }
        if let ValuePlan::Object(object) = value {
            fields = &object.fields;
        }
        found = Some(value);
    }
    match found {
        Some(ValuePlan::Pieces(pieces)) if open(&pieces.leaf) => Ok(()),
        Some(ValuePlan::Aggregate(aggregate)) if is_left(&aggregate.checks) => Ok(()),
        Some(ValuePlan::Many(many)) if many.keyed_by.is_some() && violation.code == Code::CheckFields => Ok(()),
        Some(ValuePlan::Many(_) | ValuePlan::List(_) | ValuePlan::Pieces(_)) if violation.code == Code::CheckItems => {
            Ok(())
        }
        _ => Err("something proven is violated".into()),
    }
}

/// Whether a part of a value was left to check.
fn is_open(value: &ValuePlan) -> bool {
    match value {
        ValuePlan::Const(_) => false,
        ValuePlan::Leaf(leaf) => open(leaf),
        ValuePlan::Pieces(pieces) => open(&pieces.leaf),
        ValuePlan::Aggregate(aggregate) => is_left(&aggregate.checks),
        ValuePlan::When(when) => is_open(&when.value),
        ValuePlan::One(one) => is_open(&one.value),
        ValuePlan::Object(object) => object.fields.iter().any(|field| is_open(&field.value)),
        ValuePlan::List(_) | ValuePlan::Many(_) => true,
    }
}

fn open(leaf: &Leaf) -> bool {
    is_left(&leaf.checks)
}

fn is_left(checks: &Checks) -> bool {
    !checks.covered || !checks.quick.is_empty()
}

/// A way to make a quick check wrong; `None`: it is left as it is.
type Spoil = fn(&Quick) -> Option<Quick>;

#[test]
fn a_wrong_quick_check_would_be_caught() {
    let spoils: [(&str, Spoil); 7] = [
        ("minLength", |quick| match quick {
            Quick::MinLength(least) => Some(Quick::MinLength(least - 1)),
            _ => None,
        }),
        ("maxLength", |quick| match quick {
            Quick::MaxLength(most) => Some(Quick::MaxLength(most + 1)),
            _ => None,
        }),
        ("minimum", |quick| match quick {
            Quick::AtLeast(least) => Some(Quick::AtLeast(least - 1)),
            _ => None,
        }),
        ("maximum", |quick| match quick {
            Quick::AtMost(most) => Some(Quick::AtMost(most.saturating_add(1))),
            _ => None,
        }),
        ("integer", |quick| (*quick == Quick::Whole).then_some(Quick::MinLength(0))),
        ("enum", |quick| matches!(quick, Quick::OneOf(_)).then_some(Quick::MinLength(0))),
        ("email", |quick| (*quick == Quick::Email).then_some(Quick::MinLength(4))),
    ];
    for (name, spoil) in spoils {
        let caught = (0..40).any(|round| {
            let spoiled = |plan: &mut Plan| {
                spoil_all(&mut plan.document.fields, spoil);
                plan.document.find_fast_fields();
            };
            // In debug builds `check` compares both ways itself, so it may be the first to see it.
            let seen = ["accepts what the contract does not", "left == right"];
            drawn((9, round), 0, &spoiled, &RefCell::default())
                .is_err_and(|wrong| seen.iter().any(|said| wrong.contains(said)))
        });
        assert!(caught, "a wrong check of `{name}` went through");
    }
}

fn spoil_all(fields: &mut [FieldPlan], spoil: Spoil) {
    for field in fields {
        let mut value = &mut field.value;
        loop {
            value = match value {
                ValuePlan::Many(many) => &mut many.item,
                ValuePlan::One(one) => &mut one.value,
                other => {
                    value = other;
                    break;
                }
            };
        }
        match value {
            ValuePlan::Object(object) => spoil_all(&mut object.fields, spoil),
            ValuePlan::Leaf(leaf) => {
                for quick in &mut leaf.checks.quick {
                    if let Some(wrong) = spoil(quick) {
                        *quick = wrong;
                    }
                }
            }
            _ => {}
        }
    }
}
