//! The object around the list of documents: its constants, and where the list stands.

use crate::{
    config::profile::destination::{BodyEnvelope, BodyShape},
    json_pointer::escape,
    plan::conversion::write_text,
    text::buffer::OutputBuffer,
};

/// What stands around the documents of a request.
#[derive(Clone, Debug)]
pub struct BodyPlan {
    /// The bytes around them.
    pub shape: BodyShape,
    /// Where the list stands in the body, as a JSON pointer; empty for a list or a document that is the body.
    pub documents: String,
}

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
        let envelope = BodyEnvelope { before: before.into(), after: after.into() };
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
