//! A text -> whether it may be what it is taken for, a mapping or a contract.
//!
//! A path may be wrong, and lead to a password, a key, or data of people. Messages draw lines and name words of the files they
//! are about, so a file in which none of the keys stands that each mapping or contract has is refused as a whole, and nothing
//! of it is drawn or named.

use memchr::memmem;

/// The keys of which each mapping has all.
const MAPPING_KEYS: [&str; 4] = ["mapping", "contract", "sources", "output"];

/// Keys of JSON Schema and OpenAPI which no other kind of file has.
const CONTRACT_KEYS: [&str; 40] = [
    "$schema",
    "$ref",
    "$defs",
    "$id",
    "definitions",
    "properties",
    "patternProperties",
    "additionalProperties",
    "unevaluatedProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "required",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "items",
    "prefixItems",
    "additionalItems",
    "unevaluatedItems",
    "contains",
    "minItems",
    "maxItems",
    "uniqueItems",
    "enum",
    "const",
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "allOf",
    "anyOf",
    "oneOf",
    "openapi",
    "swagger",
    "components",
];

/// The words that `type` takes; elsewhere it takes others.
const TYPES: [&str; 7] = ["array", "object", "string", "number", "integer", "boolean", "null"];

/// Whether a text may be a mapping.
#[must_use]
pub fn may_be_mapping(text: &str) -> bool {
    text.trim().is_empty() || MAPPING_KEYS.iter().any(|key| !values(text, key).is_empty())
}

/// Whether a text may be a contract: a truth value is one, too.
#[must_use]
pub fn may_be_contract(text: &str) -> bool {
    let is_type = |value: &str| {
        let value = value.trim_start_matches(['[', '"', '\'', ' ', '-', '\n', '\r']);
        TYPES.iter().any(|word| value.starts_with(word))
    };
    matches!(text.trim(), "" | "{}" | "[]" | "true" | "false")
        || CONTRACT_KEYS.iter().any(|key| !values(text, key).is_empty())
        || values(text, "type").into_iter().any(is_type)
}

/// What stands behind a key and its colon, wherever it is written; the first few are enough.
fn values<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    let value = |at: usize| {
        let before = text[..at].chars().next_back();
        let behind = text[at + key.len()..].trim_start_matches(['"', '\'']).trim_start_matches([' ', '\t', '\r', '\n']);
        let is_word = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | '/' | ':');
        if before.is_some_and(is_word) { None } else { behind.strip_prefix(':') }
            .filter(|value| {
                // A colon without a space behind it separates the cells of a line, as in the lists of users of a system.
                value.is_empty()
                    || value.starts_with([' ', '\t', '\r', '\n', '"', '[', '{', 't', 'f']) && !value.starts_with("::")
            })
            .map(str::trim_start)
    };
    memmem::find_iter(text.as_bytes(), key).filter_map(value).take(1_000).collect()
}

#[cfg(test)]
mod tests {
    use crate::config::likeness::{may_be_contract, may_be_mapping};

    #[test]
    fn mappings_and_contracts_are_told_from_secrets_and_data() {
        let secrets = [
            "root:x:0:0:root:/root:/bin/bash\nmail:x:8:8:mail:/var/mail:/usr/sbin/nologin\n",
            "root:*:20228:0:99999:7:::\n",
            "TOKEN=abc\nPASSWORD=x\n",
            "-----BEGIN PRIVATE KEY-----\nMIIE\n",
            "machine api.example login me password x\n",
            "{\"auths\": {\"registry.example\": {\"auth\": \"dXNlcg==\"}}}",
            "apiVersion: v1\nkind: Secret\ntype: Opaque\ndata: { password: eA== }\n",
            "customer_id;lastname\n1;Norris\n",
            "{\"type\": \"service_account\", \"private_key\": \"x\"}",
            "secret",
        ];
        for text in secrets {
            assert!(!may_be_mapping(text) && !may_be_contract(text), "{text}");
        }
        let contracts = [
            "{\"type\":\"array\"}",
            "type: [array, 'null']",
            "true",
            "{\"properties\" : {",
            "openapi: 3.1.0",
            "allOf:\n- {}",
        ];
        for text in contracts {
            assert!(may_be_contract(text) && !may_be_mapping(text), "{text}");
        }
        for text in ["mapping: 1\n", "maping: 1\nsources:\n", "{\"output\":{}}", "# a\n\n  contract : x"] {
            assert!(may_be_mapping(text), "{text}");
        }
        assert!(may_be_mapping(" \n") && may_be_contract(""));
    }
}
