//! The compiler of requests: which paths and types of a body may be written.

use crate::{
    config::mapping::{
        Root,
        content_type::{self, ContentTypeFault},
        request_path::{PathFault, PathTemplate},
    },
    diagnostic::{Code, Diagnostic},
    plan::{compile::Compiler, expression::narrow_place, path_fields::PATH},
};

impl Compiler<'_> {
    /// The path of the requests; `None`: it is none, which is reported.
    pub(super) fn compile_request(&mut self) -> Option<PathTemplate> {
        self.check_content_type();
        let written = &self.mapping.request.path;
        let path = match PathTemplate::parse(written) {
            Ok(path) => path,
            Err(PathFault { range, message, hint }) => {
                let place = self.places.leaf(PATH);
                let is_whole = range.start == 0 && range.end == written.len();
                let place = if is_whole { place } else { narrow_place(place, written, &range) };
                self.add_finding(Diagnostic::new(Code::PlanWrongValue, message).rule(place).hint(hint));
                return None;
            }
        };
        if let (Some(field), false) = (path.fields().next(), matches!(self.mapping.output.root, Root::Object)) {
            let place = narrow_place(self.places.leaf(PATH), written, &field.range);
            let message = format!("`{{{}}}` is another value in each document, and a request carries many", field.name);
            let finding = Diagnostic::new(Code::PlanWrongValue, message).rule(place);
            self.add_finding(finding.hint("write `root: object` below `output`, or a path without braces"));
            return None;
        }
        Some(path)
    }

    fn check_content_type(&mut self) {
        let Some(text) = &self.mapping.request.content_type else { return };
        let Err(fault) = content_type::check(text) else { return };
        let shown = text.escape_debug();
        let (message, hint) = match fault {
            ContentTypeFault::Syntax => (format!("`{shown}` is no media type"), "as in `application/fhir+json`"),
            ContentTypeFault::NotJson => (
                format!("`{shown}` is no type of JSON, and nothing else is sent"),
                "write `application/json`, or a type that ends in `+json`",
            ),
            ContentTypeFault::Charset => {
                (format!("`{shown}` says another encoding, and the body is UTF-8"), "leave `charset` out")
            }
        };
        self.report(Code::PlanWrongValue, "/request/content_type", message, hint);
    }
}
