//! The compiler of envelopes: what may stand in one, and where the documents go.

use indexmap::IndexMap;

use crate::{
    config::mapping::field::{Field, FieldLong},
    diagnostic::Code,
    json_pointer::escape,
    plan::{
        compile::Compiler,
        envelope::{Envelope, EnvelopeMember, EnvelopeValue},
    },
};

/// The word that stands where the list goes.
const DOCUMENTS: &str = "documents";

impl Compiler<'_> {
    /// The object around the list of documents; `None`: it cannot be one, which is reported.
    pub(super) fn compile_envelope(&mut self, fields: &IndexMap<String, Field>) -> Option<Envelope> {
        let mut lists = Vec::new();
        let envelope = self.compile_members(fields, "/output/root", &mut lists);
        match lists.as_slice() {
            [_] => return Some(envelope),
            [] => {
                let hint = "write `documents` where the list goes, as in `root: { inputs: documents }`";
                self.report(Code::PlanWrongValue, "/output/root", "nothing says where the documents go", hint);
            }
            [_, second, ..] => {
                let hint = "keep one of them";
                self.report(Code::PlanWrongValue, second, "the documents stand in this envelope already", hint);
            }
        }
        None
    }

    fn compile_members(
        &mut self,
        fields: &IndexMap<String, Field>,
        pointer: &str,
        lists: &mut Vec<String>,
    ) -> Envelope {
        let mut members = Vec::new();
        for (name, Field(field)) in fields {
            let rule = format!("{pointer}/{}", escape(name));
            let keys = self.keys_of(&rule);
            let value = match (field.as_ref(), keys.as_slice()) {
                (FieldLong { from: Some(word), .. }, []) if word == DOCUMENTS => {
                    lists.push(rule.clone());
                    Some(EnvelopeValue::Documents)
                }
                (FieldLong { constant: Some(constant), .. }, [_]) => {
                    self.compile_constant(constant, &format!("{rule}/const")).map(EnvelopeValue::Const)
                }
                (FieldLong { fields: Some(inner), .. }, [_]) => {
                    Some(EnvelopeValue::Object(self.compile_members(inner, &format!("{rule}/fields"), lists)))
                }
                _ => {
                    let message = "around the documents stand only constants, which are the same in every request";
                    let hint = "write `documents` where the list goes, `{ const: … }`, or `{ fields: … }` with these";
                    self.report(Code::PlanWrongValue, &rule, message, hint);
                    None
                }
            };
            members.extend(value.map(|value| EnvelopeMember { name: name.clone(), rule, value }));
        }
        Envelope { members }
    }

    /// The keys of the block at a pointer; none: it is no block.
    fn keys_of(&self, pointer: &str) -> Vec<String> {
        let inside = format!("{pointer}/");
        let names = self.places.below(pointer).filter_map(|(at, _)| at.strip_prefix(&inside).map(str::to_owned));
        names.filter(|name| !name.contains('/')).collect()
    }
}
