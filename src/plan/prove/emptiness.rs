//! What a value says of nothing, what it takes from `if_empty` beside `each`, and whether it may be left out.

use crate::{
    config::mapping::policy::{IfEmpty, OnLookup, OnUnknown, Policy},
    plan::{EmptyPolicy, ItemPlan, ValuePlan},
};

impl ValuePlan {
    /// What it says of nothing.
    pub(super) fn empty_policy(&self) -> Option<&EmptyPolicy> {
        let is_null = |policy: &EmptyPolicy| policy.then == IfEmpty::SetNull;
        match self {
            ValuePlan::Leaf(leaf) => Some(&leaf.if_empty),
            ValuePlan::Object(object) => Some(&object.if_empty),
            ValuePlan::List(list) => Some(&list.if_empty),
            ValuePlan::Pieces(pieces) => Some(&pieces.if_empty),
            ValuePlan::When(when) if when.value.empty_policy().is_some_and(is_null) => None,
            ValuePlan::When(when) => Some(&when.if_empty),
            ValuePlan::Many(many) => Some(&many.if_empty),
            ValuePlan::Const(_) | ValuePlan::One(_) | ValuePlan::Aggregate(_) => None,
        }
    }

    /// Takes what is said for all fields that say nothing themselves.
    pub(super) fn inherit(&mut self, policy: &Policy<IfEmpty>) {
        let keeps = policy.then == IfEmpty::Keep;
        match self {
            ValuePlan::Leaf(leaf) if keeps && leaf.if_empty.then != IfEmpty::Keep => {}
            ValuePlan::Leaf(leaf) => leaf.if_empty.inherit(policy),
            ValuePlan::Object(object) => object.if_empty.inherit(policy),
            ValuePlan::List(list) => list.if_empty.inherit(policy),
            ValuePlan::Pieces(pieces) => pieces.if_empty.inherit(policy),
            ValuePlan::Many(many) => many.if_empty.inherit(policy),
            ValuePlan::One(one) => one.value.inherit(policy),
            ValuePlan::When(when) => {
                if !keeps {
                    when.if_empty.inherit(policy);
                }
                when.value.inherit(policy);
            }
            ValuePlan::Const(_) | ValuePlan::Aggregate(_) => {}
        }
    }
}

/// Whether an item of a list may be left out; the pieces of a cell may be none.
pub(super) fn may_add_nothing(item: &ItemPlan) -> bool {
    matches!(item.value, ValuePlan::Pieces(_)) || may_be_missing(&item.value)
}

pub(super) fn may_be_missing(value: &ValuePlan) -> bool {
    match value {
        ValuePlan::Object(object) => object.if_empty.then == IfEmpty::Omit,
        ValuePlan::List(list) => list.if_empty.then == IfEmpty::Omit,
        ValuePlan::Pieces(pieces) => pieces.if_empty.then == IfEmpty::Omit,
        ValuePlan::Many(many) => many.if_empty.then == IfEmpty::Omit,
        ValuePlan::When(when) => when.if_empty.then == IfEmpty::Omit || may_be_missing(&when.value),
        ValuePlan::Leaf(leaf) => {
            leaf.if_empty.then == IfEmpty::Omit && leaf.fallback.is_none()
                || leaf.codes.as_ref().is_some_and(|codes| codes.on_unknown.then == OnUnknown::Omit)
        }
        ValuePlan::One(one) => one.on_missing.then == OnLookup::Omit || may_be_missing(&one.value),
        ValuePlan::Const(_) | ValuePlan::Aggregate(_) => false,
    }
}
