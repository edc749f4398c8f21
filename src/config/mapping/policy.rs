//! The policy words: what to do when something is not as it should be.
//!
//! A policy is a word, as in `on_unknown: omit`, or the word with a severity, as in
//! `on_unknown: { then: omit, severity: warn }`. No word is one that YAML eats (`null`, `yes`, `no`).

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};

/// A policy as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy<W> {
    /// What to do.
    pub then: W,
    /// Report each time it is done, as a warning.
    pub warn: bool,
}

/// The words of one policy.
pub trait PolicyWord: Default {
    /// The words, as written.
    const WORDS: &'static [&'static str];
    /// Whether `{ use: TEXT }` is allowed too.
    const USE: bool = false;
    /// The policy that a word names.
    fn word(word: &str) -> Option<Self>;
    /// The policy that `{ use: TEXT }` names.
    fn instead(_text: String) -> Option<Self> {
        None
    }
}

macro_rules! words {
    ($(#[doc = $doc:literal])+ $name:ident { $( $(#[$meta:meta])* $variant:ident = $word:literal: $means:literal, )+ } $( use $with:ident )?) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub enum $name { $( #[doc = $means] $(#[$meta])* $variant, )+ $( #[doc = "Use this text."] $with(String), )? }

        impl $name {
            /// The policy as a mapping writes it.
            #[must_use]
            pub fn written(&self) -> String {
                match self {
                    $( $name::$variant => $word.to_owned(), )+
                    $( $name::$with(text) => format!("{{ use: {text} }}"), )?
                }
            }
        }

        impl PolicyWord for $name {
            const WORDS: &'static [&'static str] = &[$($word),+];
            $( const USE: bool = { let _ = $name::$with; true };
            fn instead(text: String) -> Option<Self> { Some($name::$with(text)) } )?
            fn word(word: &str) -> Option<Self> {
                match word { $( $word => Some($name::$variant), )+ _ => None }
            }
        }
    };
}

words! {
    /// Different records with the same key.
    OnDuplicateKey {
        #[default] Reject = "reject": "Reject all of them.",
        KeepFirst = "keep_first": "Use the first.",
        KeepLast = "keep_last": "Use the last.",
        Error = "error": "Do not trust the file.",
        Merge = "merge": "Make one record of them.",
    }
}
words! {
    /// A code that is not in the table.
    OnUnknown {
        #[default] Reject = "reject": "Reject the record.",
        Omit = "omit": "Leave the field out.",
        SetNull = "set_null": "Write `null`.",
        Keep = "keep": "Write the code as it is.",
    } use Use
}
words! {
    /// A record that belongs to none.
    OnOrphan {
        #[default] Reject = "reject": "Reject it.",
        Warn = "warn": "Leave it out, with a warning.",
        Ignore = "ignore": "Leave it out.",
    }
}
words! {
    /// A document of which one record is bad.
    OnIncomplete {
        #[default] Reject = "reject": "Reject the whole document.",
        Send = "send": "Send the document without that record.",
    }
}
words! {
    /// A local time that was twice, when clocks were set back.
    OnAmbiguous {
        #[default] Reject = "reject": "Reject the record.",
        Earlier = "earlier": "Use the earlier moment, before clocks were set back.",
        Later = "later": "Use the later moment.",
    }
}
words! {
    /// A lookup that finds nothing.
    OnLookup {
        #[default] Reject = "reject": "Reject the record.",
        Omit = "omit": "Leave the field out.",
        SetNull = "set_null": "Write `null`.",
    }
}
words! {
    /// A field for which there is nothing.
    IfEmpty {
        #[default] Keep = "keep": "Write what there is without anything: an empty text, an empty list, an object.",
        Omit = "omit": "Leave the field out.",
        SetNull = "set_null": "Write `null`.",
        Reject = "reject": "Reject the record.",
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyLong {
    then: Option<String>,
    #[serde(rename = "use")]
    instead: Option<String>,
    severity: Option<PolicySeverity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum PolicySeverity {
    Warn,
}

impl<'de, W: PolicyWord> Deserialize<'de> for Policy<W> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PolicyVisitor(std::marker::PhantomData))
    }
}

struct PolicyVisitor<W>(std::marker::PhantomData<W>);

impl<'de, W: PolicyWord> Visitor<'de> for PolicyVisitor<W> {
    type Value = Policy<W>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one of `{}`", W::WORDS.join("`, `"))?;
        if W::USE { write!(f, ", or `{{ use: TEXT }}`") } else { Ok(()) }
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Policy<W>, E> {
        let unknown = || {
            let expected: &dyn de::Expected = &self;
            if W::USE {
                E::custom(format_args!("unknown variant `{word}`, expected {expected}"))
            } else {
                E::unknown_variant(word, W::WORDS)
            }
        };
        let then = W::word(word).ok_or_else(unknown)?;
        Ok(Policy { then, warn: false })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Policy<W>, A::Error> {
        let long = PolicyLong::deserialize(MapAccessDeserializer::new(map))?;
        let warn = matches!(long.severity, Some(PolicySeverity::Warn));
        let then = match (long.then, long.instead) {
            (Some(word), None) => W::word(&word).ok_or_else(|| de::Error::unknown_variant(&word, W::WORDS))?,
            (None, Some(text)) => {
                W::instead(text).ok_or_else(|| de::Error::unknown_field("use", &["then", "severity"]))?
            }
            _ => return Err(de::Error::missing_field("then")),
        };
        Ok(Policy { then, warn })
    }
}

impl<W: PolicyWord> JsonSchema for Policy<W> {
    fn schema_name() -> Cow<'static, str> {
        "Policy".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut keys = serde_json::json!({ "then": { "enum": W::WORDS }, "severity": { "enum": ["warn"] } });
        if W::USE {
            keys["use"] = serde_json::json!({ "type": "string" });
        }
        json_schema!({ "anyOf": [
            { "enum": W::WORDS },
            { "type": "object", "properties": keys, "additionalProperties": false },
        ] })
    }
}
