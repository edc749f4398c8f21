//! Steps of JSON pointers (RFC 6901).

use std::borrow::Cow;

/// Escapes a name as one step of a JSON pointer.
pub fn escape(name: &str) -> Cow<'_, str> {
    if name.contains(['~', '/']) { name.replace('~', "~0").replace('/', "~1").into() } else { name.into() }
}
