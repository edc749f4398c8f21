//! Steps of JSON pointers (RFC 6901).

use std::borrow::Cow;

/// The name that one step of a JSON pointer stands for.
pub fn unescape(step: &str) -> String {
    if step.contains('~') { step.replace("~1", "/").replace("~0", "~") } else { step.to_owned() }
}

/// Escapes a name as one step of a JSON pointer.
pub fn escape(name: &str) -> Cow<'_, str> {
    if name.contains(['~', '/']) { name.replace('~', "~0").replace('/', "~1").into() } else { name.into() }
}
