//! The object around the list of documents: its constants, and where the list stands.

use indexmap::IndexMap;

use crate::{
    config::{
        mapping::field::{Field, FieldLong},
        profile::destination::{BodyEnvelope, BodyShape},
    },
    diagnostic::Code,
    json_pointer::escape,
    plan::{BodyPlan, compile::Compiler, conversion::write_text},
    text::buffer::OutputBuffer,
};

/// The word that stands where the list goes.
const DOCUMENTS: &str = "documents";

/// An object of the envelope.
#[derive(Debug, Default)]
pub struct Envelope {
    /// Its members, in order.
    pub members: Vec<EnvelopeMember>,
}

/// A member of the envelope.
#[derive(Debug)]
pub struct EnvelopeMember {
    /// Its name.
    pub name: String,
    /// Where it stands in the mapping.
    pub rule: String,
    /// What it holds.
    pub value: EnvelopeValue,
}

/// What a member of the envelope holds.
#[derive(Debug)]
pub enum EnvelopeValue {
    /// The same JSON text in every request.
    Const(Vec<u8>),
    /// An object.
    Object(Envelope),
    /// The list of documents.
    Documents,
}

impl Envelope {
    /// The bytes around the documents, and where they stand.
    pub(super) fn body(&self) -> BodyPlan {
        let mut parts = EnvelopeText::default();
        parts.add_object(self, "");
        let EnvelopeText { before, after, documents, .. } = parts;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let envelope = BodyEnvelope { before: text(&before), after: text(&after) };
        BodyPlan { shape: BodyShape::Envelope(envelope.into()), documents }
    }
}

/// The text of an envelope while it is written.
#[derive(Default)]
struct EnvelopeText {
    before: OutputBuffer,
    after: OutputBuffer,
    is_behind: bool,
    documents: String,
}

impl EnvelopeText {
    fn push(&mut self, text: &[u8]) {
        if self.is_behind { self.after.extend(text) } else { self.before.extend(text) }
    }

    fn add_object(&mut self, object: &Envelope, pointer: &str) {
        self.push(b"{");
        for (number, member) in object.members.iter().enumerate() {
            let mut name = OutputBuffer::default();
            write_text(member.name.as_bytes().into(), &mut name);
            let pointer = format!("{pointer}/{}", escape(&member.name));
            self.push(if number > 0 { b"," } else { b"" });
            self.push(&name);
            self.push(b":");
            match &member.value {
                EnvelopeValue::Const(json) => self.push(json),
                EnvelopeValue::Object(object) => self.add_object(object, &pointer),
                EnvelopeValue::Documents => {
                    self.push(b"[");
                    (self.is_behind, self.documents) = (true, pointer);
                    self.push(b"]");
                }
            }
        }
        self.push(b"}");
    }
}

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
