//! What `check --explain-proof` tells of a value is what is done with it, for every mapping of the cases and those that ship.

use std::{fs, path::PathBuf};

use xwalk::{
    commands::load,
    plan::{
        ValuePlan,
        contract_rule::{ContractRule, ProofStatus},
        prove::list_rules,
    },
};

/// Every mapping of the cases, and those that ship.
fn mappings() -> Vec<PathBuf> {
    let cases = fs::read_dir("tests/cases").unwrap().map(|case| case.unwrap().path().join("mapping.yaml"));
    let mut mappings: Vec<PathBuf> = cases.filter(|path| path.is_file()).collect();
    mappings.extend(["mappings/inflight-sales.yaml", "mappings/marketplace-orders.yaml"].map(PathBuf::from));
    mappings.sort();
    mappings
}

#[test]
fn what_is_told_as_proven_is_what_is_not_checked() {
    let (mut leaves, mut wrong) = (0, Vec::new());
    for path in mappings() {
        let Ok(mut plan) = load::plan(&path) else { continue };
        let before = format!("{:?} {:?}", plan.document, plan.whole);
        let rules = list_rules(&mut plan);
        assert_eq!(format!("{:?} {:?}", plan.document, plan.whole), before, "{}: the plan stays", path.display());
        for placed in plan.list_values() {
            let ValuePlan::Leaf(leaf) = placed.value else { continue };
            let is_here = |rule: &&ContractRule| rule.field == placed.pointer;
            let is_checked = rules.iter().filter(is_here).any(|rule| rule.status != ProofStatus::Proven);
            let is_proven = leaf.checks.covered && leaf.checks.quick.is_empty();
            leaves += 1;
            if is_proven == is_checked {
                let told = if is_checked { "checked" } else { "proven" };
                wrong.push(format!("{}: `{}` is told as {told}: {:?}", path.display(), placed.pointer, leaf.checks));
            }
        }
        // What only whole documents tell is listed, and nothing else is.
        let has_whole = rules.iter().any(|rule| rule.status == ProofStatus::Whole);
        if has_whole == plan.whole.is_empty() {
            wrong.push(format!("{}: {:?} is checked whole", path.display(), plan.whole));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(leaves > 1_000, "{leaves} leaves were looked at");
}
