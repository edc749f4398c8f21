//! Marked cells and secrets that must never be written, and the search for them in every encoding.

/// A cell.
pub(crate) const CELL: &str = "CANARY-7f3a é\"<x>/Zq";
/// A sensitive cell.
pub(crate) const EMAIL: &str = "canary+7f3a@mail.example.org";
/// A secret.
pub(crate) const TOKEN: &str = "tok3n~CANARY+7f3a/Qz=";

/// Finds a marked text in some bytes; returns its name and encoding.
pub(crate) fn find_leak(bytes: &[u8]) -> Option<String> {
    let found = |needle: &Vec<u8>| bytes.windows(needle.len()).any(|window| window == needle.as_slice());
    for canary in [CELL, EMAIL, TOKEN, "CANARY-7f3a", "canary+7f3a", "CANARY+7f3a"] {
        for (encoding, needle) in encodings(canary) {
            if found(&needle) {
                return Some(format!("{canary} as {encoding}"));
            }
        }
    }
    None
}

fn encodings(text: &str) -> Vec<(&'static str, Vec<u8>)> {
    let json = serde_json::Value::from(text).to_string();
    let ascii: String =
        text.chars().map(|c| if c.is_ascii() { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) }).collect();
    let wide = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let latin = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
    let hex = text.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let mut all: Vec<(&str, Vec<u8>)> = vec![
        ("text", text.into()),
        ("JSON", json.trim_matches('"').into()),
        ("ASCII JSON", ascii.into()),
        ("debug", format!("{text:?}").trim_matches('"').into()),
        ("URL", percent_encode(text).into()),
        ("form", percent_encode(text).replace("%20", "+").into()),
        ("HTML", text.replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").into()),
        ("UTF-16", wide),
        ("Latin-1", latin),
        ("hex", hex.clone().into()),
        ("upper-case hex", hex.to_uppercase().into()),
    ];
    all.extend((0..3).map(|shift| ("base64", base64(text.as_bytes(), shift, *b"+/"))));
    all.extend((0..3).map(|shift| ("URL base64", base64(text.as_bytes(), shift, *b"-_"))));
    all
}

/// Percent-encodes everything but letters and digits.
pub(crate) fn percent_encode(text: &str) -> String {
    let one = |byte: u8| {
        if byte.is_ascii_alphanumeric() || byte == b'-' { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(one).collect()
}

/// The base64 of some bytes that does not depend on what is before and behind them; `shift` is their place in a group of three.
fn base64(bytes: &[u8], shift: usize, last: [u8; 2]) -> Vec<u8> {
    let alphabet: Vec<u8> = (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').chain(last).collect();
    // Groups that share bits with bytes before or behind are left out.
    let from = (3 - shift) % 3;
    let groups = bytes[from..].chunks_exact(3);
    groups
        .flat_map(|group| {
            let bits = group.iter().fold(0usize, |bits, byte| bits << 8 | usize::from(*byte));
            [bits >> 18, bits >> 12, bits >> 6, bits].map(|six| alphabet[six & 63])
        })
        .collect()
}

#[test]
fn every_encoding_is_found() {
    for canary in [CELL, EMAIL, TOKEN] {
        for (encoding, needle) in encodings(canary) {
            let told = [b"before ".as_slice(), &needle, b" behind"].concat();
            assert!(find_leak(&told).is_some(), "{canary} as {encoding}");
        }
    }
    assert_eq!(base64(b"Man is", 0, *b"+/"), b"TWFuIGlz");
    assert_eq!(find_leak(b"XXXXXX-9x9x"), None);
}
