//! The settings of one profile as a person writes them: every one may be left out.
//!
//! Written settings know nothing of each other; `destination` says what they mean together.
//! `ProfileSettings::over` is the whole layering of two of them.

use std::{borrow::Cow, collections::BTreeMap, fmt, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{self, value::MapAccessDeserializer},
};

use crate::{
    config::profile::secret::SecretSource,
    units::{Period, Size},
};

/// The settings of one profile, or of a layer above or below it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Settings")]
pub struct ProfileSettings {
    /// Another profile whose settings hold where this one says nothing.
    pub extends: Option<String>,
    /// Never used by default: needs `--profile NAME`.
    pub explicit: Option<bool>,
    /// The base URL of the API, or `sandbox`: the embedded one. Plain http only to this machine.
    pub url: Option<String>,
    /// How the API knows who sends.
    pub auth: Option<Auth>,
    /// Headers to add to each request. Secrets belong in `auth`.
    pub headers: Option<BTreeMap<String, String>>,
    /// How much goes into one request.
    pub batch: Option<BatchSetting>,
    /// How request bodies are compressed.
    pub compression: Option<Compression>,
    /// How many requests are on the way at once, 1 to 64.
    pub in_flight: Option<u32>,
    /// How long to wait for an answer once a request is sent.
    pub timeout: Option<Period>,
    /// How long a run goes on trying.
    pub deadline: Option<Period>,
    /// How long after its last request an API may still act on it: twice the time the server itself gives a request.
    /// New data waits this long behind a delivery that ended in doubt. 0s where requests carry versions.
    pub grace: Option<Period>,
    /// A PEM file with the certificate authorities to trust instead of those of this machine.
    pub ca_file: Option<String>,
    /// The certificate this client shows to the API.
    pub client_identity: Option<ClientIdentity>,
    /// The proxy to send through. Proxy variables of the environment are ignored.
    pub proxy: Option<String>,
    /// The header that carries a key which is the same for each retry of one body, such as `Idempotency-Key`.
    pub idempotency_header: Option<String>,
    /// What the API does with what a request does not mention.
    pub collection: Option<Collection>,
    /// How long to wait before trying again.
    pub retry: Option<Retry>,
    /// What in the body of a success acknowledges a request. With it nothing about bodies is guessed.
    pub accept: Option<AcceptSetting>,
    /// Where a success lists a result for each document. With it nothing about bodies is guessed.
    pub results: Option<ResultsSetting>,
    /// How many times the bytes of a delivery may be sent again, as in `3x`. Dividing a batch does not count.
    #[schemars(regex(pattern = "^[0-9]+x$"))]
    pub resend: Option<String>,
    /// The drop folder to convert when none is named on the command line.
    pub input: Option<String>,
}

/// What in the body of a success acknowledges a request.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Accept")]
pub struct AcceptSetting {
    /// A JSON pointer into the body, such as `/acknowledged`.
    pub pointer: String,
    /// The text, number or truth value that must stand there.
    pub equals: serde_json::Value,
}

/// Where a success lists a result for each document.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Results")]
pub struct ResultsSetting {
    /// A JSON pointer to the list, such as `/items`; an empty one is the body itself.
    pub list: String,
    /// A JSON pointer to the status in an item: a number, a truth value or a word.
    pub status: String,
    /// A JSON pointer to the number of the document in an item, from 0; without it items are in the order of the batch.
    #[serde(default)]
    pub index: Option<String>,
}

/// How the API knows who sends: exactly one of these.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct Auth {
    /// A token, sent as `Authorization: Bearer`.
    pub bearer: Option<SecretSource>,
    /// A user name and a password, sent as `Authorization: Basic`.
    pub basic: Option<Basic>,
    /// A key in a header of its own.
    pub api_key: Option<ApiKey>,
}

/// A user name and a password.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Basic {
    /// The user name.
    pub username: String,
    /// Where the password lies.
    pub password: SecretSource,
}

/// A key in a header of its own.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    /// The name of the header, such as `X-Api-Key`.
    pub header: String,
    /// Where the key lies.
    pub value: SecretSource,
}

/// The certificate this client shows, both parts as PEM files.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientIdentity {
    /// The file with the certificate and those between it and its authority.
    pub certificate: String,
    /// The file with the private key, which only its owner may read.
    pub key: String,
}

/// How request bodies are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all.
    None,
    /// `Content-Encoding: gzip`.
    Gzip,
    /// `Content-Encoding: zstd`.
    Zstd,
}

impl Compression {
    /// Its word in a profile.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        }
    }
}

/// What the API does with a request on a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Collection {
    /// It keeps what the request does not mention.
    Upsert,
    /// It forgets what the request does not mention, so that everything must go in one request.
    Replace,
}

impl Collection {
    /// Its word in a profile.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Collection::Upsert => "upsert",
            Collection::Replace => "replace",
        }
    }
}

/// How long to wait before trying again: exactly one of these.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct Retry {
    /// The same time again and again.
    pub fixed: Option<Fixed>,
    /// A random time up to a bound that doubles.
    pub exponential: Option<Exponential>,
}

/// The same time again and again.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fixed {
    /// How long to wait.
    pub wait: Period,
}

/// A random time up to a bound that doubles.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Exponential {
    /// The bound of the first wait; 1s unless it is written.
    pub base: Option<Period>,
    /// The bound that no wait exceeds; 60s unless it is written.
    pub cap: Option<Period>,
}

/// How much goes into one request.
#[derive(Clone, Debug)]
pub enum BatchSetting {
    /// Everything at once.
    All,
    /// At most this.
    Limits(BatchLimits),
}

/// At most this much in one request.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BatchLimits {
    /// How many documents.
    pub documents: Option<u64>,
    /// How many bytes of JSON; a single document that is larger goes alone.
    pub bytes: Option<Size>,
}

impl ProfileSettings {
    /// What a profile does not say. There is no default for `url`: where to send is never guessed.
    #[must_use]
    pub fn built_in() -> ProfileSettings {
        let seconds = |seconds: u64| Period(Duration::from_secs(seconds));
        let exponential = Exponential { base: Some(seconds(1)), cap: Some(seconds(60)) };
        ProfileSettings {
            batch: Some(BatchSetting::Limits(BatchLimits { documents: Some(500), bytes: Some(Size(1 << 20)) })),
            // Many servers refuse compressed requests.
            compression: Some(Compression::None),
            // A server that answers 429 or 503 brings it down to 1 for the run.
            in_flight: Some(2),
            // Connecting has its own limit of 10 s.
            timeout: Some(seconds(30)),
            deadline: Some(seconds(15 * 60)),
            // Twice the time that servers mostly give a request.
            grace: Some(seconds(120)),
            collection: Some(Collection::Upsert),
            // A server that says when to come back is obeyed.
            retry: Some(Retry { fixed: None, exponential: Some(exponential) }),
            // The link is metered.
            resend: Some("3x".into()),
            ..ProfileSettings::default()
        }
    }

    /// These settings, and where they say nothing, the weaker ones.
    #[must_use]
    pub fn over(self, weaker: ProfileSettings) -> ProfileSettings {
        let mut headers = weaker.headers.unwrap_or_default();
        headers.extend(self.headers.unwrap_or_default());
        ProfileSettings {
            extends: self.extends.or(weaker.extends),
            explicit: self.explicit.or(weaker.explicit),
            url: self.url.or(weaker.url),
            auth: self.auth.or(weaker.auth),
            headers: Some(headers),
            batch: match (self.batch, weaker.batch) {
                (Some(BatchSetting::Limits(own)), Some(BatchSetting::Limits(weaker))) => {
                    Some(BatchSetting::Limits(BatchLimits {
                        documents: own.documents.or(weaker.documents),
                        bytes: own.bytes.or(weaker.bytes),
                    }))
                }
                (own, weaker) => own.or(weaker),
            },
            compression: self.compression.or(weaker.compression),
            in_flight: self.in_flight.or(weaker.in_flight),
            timeout: self.timeout.or(weaker.timeout),
            deadline: self.deadline.or(weaker.deadline),
            grace: self.grace.or(weaker.grace),
            ca_file: self.ca_file.or(weaker.ca_file),
            client_identity: self.client_identity.or(weaker.client_identity),
            proxy: self.proxy.or(weaker.proxy),
            idempotency_header: self.idempotency_header.or(weaker.idempotency_header),
            collection: self.collection.or(weaker.collection),
            retry: self.retry.or(weaker.retry),
            accept: self.accept.or(weaker.accept),
            results: self.results.or(weaker.results),
            resend: self.resend.or(weaker.resend),
            input: self.input.or(weaker.input),
        }
    }
}

impl<'de> Deserialize<'de> for BatchSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<BatchSetting, D::Error> {
        struct BatchVisitor;
        impl<'de> de::Visitor<'de> for BatchVisitor {
            type Value = BatchSetting;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`all` or `{ documents, bytes }`")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<BatchSetting, E> {
                match word {
                    "all" => Ok(BatchSetting::All),
                    other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
                }
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<BatchSetting, A::Error> {
                BatchLimits::deserialize(MapAccessDeserializer::new(map)).map(BatchSetting::Limits)
            }
        }
        deserializer.deserialize_any(BatchVisitor)
    }
}

impl JsonSchema for BatchSetting {
    fn schema_name() -> Cow<'static, str> {
        "Batch".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let limits = generator.subschema_for::<BatchLimits>();
        json_schema!({
            "description": "How much goes into one request: `all`, or at most this.",
            "anyOf": [{ "const": "all" }, limits],
        })
    }
}
