//! Proves counts and sums: a count is never below 0.

use crate::plan::{Aggregate, checks::Quick, conversion::Conversion, prove::Prover};

impl Prover<'_> {
    pub(super) fn prove_aggregate(&mut self, aggregate: &mut Aggregate, pointers: &[String], rule: &str, target: &str) {
        let contract = self.contract;
        let rules = contract.rules(pointers);
        let made = if matches!(aggregate.conversion, Conversion::Integer(_)) { "integer" } else { "number" };
        if self.check_type(made, &rules, rule, target) {
            aggregate.checks = self.find_checks(&aggregate.conversion, &rules, pointers);
            if !aggregate.is_sum {
                aggregate.checks.quick.retain(|quick| !matches!(quick, Quick::AtLeast(..=0)));
            }
            self.note_aggregate(&aggregate.conversion, aggregate.is_sum, &rules, target);
        }
    }
}
