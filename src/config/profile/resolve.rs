//! Settings as written -> the [`Destination`] they mean, or everything that is wrong with them.
//!
//! Each finding names the setting and the line of the layer that wrote it. Secrets are read here, and none is ever part
//! of a finding; neither is a URL that was refused, since it may hold one.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use url::Url;

use crate::{
    config::{
        mapping::{content_type, request::Request, request_path::PathTemplate},
        profile::{
            ProfilesFile,
            destination::{
                AcceptRule, AnswerRules, AuthScheme, BodyShape, Credential, Destination, Limits, ResultsRule,
                RetryPolicy, SANDBOX, names_this_machine,
            },
            layers::Layers,
            masked_text::{show_amount, show_header, show_profile},
            secret::{self, Environment, Secret, SecretSource},
            settings::{
                AcceptSetting, Auth, BatchSetting, Collection, Compression, ProfileSettings, ResultsSetting, Retry,
            },
        },
    },
    diagnostic::{Code, Diagnostic},
    json_pointer,
    options::Setting,
    regular_file::read_regular_file,
};

/// The largest file of certificates, in bytes; those that a system trusts are a few hundred kilobytes.
const MAX_CERTIFICATES: u64 = 4 << 20;

/// What to do about a secret that cannot be read.
const SECRET_HINT: &str = "set what the profile names for this command, or use another profile with `--profile`";

/// Headers that say how the body is framed or who sends; they are never plain settings.
const RESERVED: [&str; 13] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "proxy-authorization",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// The destination that the profile and `--set` describe together.
///
/// # Errors
/// Everything that is wrong with them, each with its place.
pub fn destination(
    file: Option<&ProfilesFile>,
    wanted: Option<&str>,
    overrides: &[Setting],
    request: &Request,
    environment: &Environment,
) -> Result<Destination, Vec<Diagnostic>> {
    let layers = Layers::find(file, wanted, overrides).map_err(|finding| vec![finding])?;
    let settings = layers.merge()?;
    if settings.explicit == Some(true) && wanted.is_none() {
        let message = format!("the profile `{}` is never used by default", show_profile(layers.name));
        let hint = format!("say `--profile {}` if you mean it", show_profile(layers.name));
        return Err(vec![layers.finding(Code::PlanProfile, "explicit", message).hint(hint)]);
    }
    resolve_settings(settings, &layers, request, environment)
}

fn resolve_settings(
    settings: ProfileSettings,
    layers: &Layers<'_>,
    request: &Request,
    environment: &Environment,
) -> Result<Destination, Vec<Diagnostic>> {
    let mut reader = SettingsReader {
        layers,
        environment,
        folder: secret::folder(layers.path()),
        findings: Vec::new(),
        files: Vec::new(),
    };
    let mut destination = Destination {
        profile: layers.name.to_owned(),
        method: request.method,
        shape: BodyShape::Array,
        base: reader.base(settings.url.as_deref()),
        path: reader.path(&request.path),
        content_type: request.content_type.clone().unwrap_or_else(|| content_type::JSON.to_owned()),
        credential: settings.auth.and_then(|auth| reader.credential(auth)),
        headers: reader.headers(settings.headers.unwrap_or_default()),
        batch: reader.batch(settings.batch.as_ref()),
        compression: settings.compression.unwrap_or(Compression::None),
        in_flight: usize::try_from(reader.limit("in_flight", settings.in_flight.unwrap_or(1).into(), 1, 64))
            .unwrap_or(1),
        timeout: reader.time("timeout", settings.timeout.map_or(0, |p| p.0.as_millis()), 100, 3_600_000),
        deadline: reader.time("deadline", settings.deadline.map_or(0, |p| p.0.as_millis()), 100, 7 * 86_400_000),
        grace: reader.time("grace", settings.grace.map_or(0, |p| p.0.as_millis()), 0, 86_400_000),
        authorities: settings.ca_file.and_then(|path| reader.authorities(&path)),
        identity: settings.client_identity.and_then(|pair| reader.identity(&pair.certificate, &pair.key)),
        proxy: settings.proxy.and_then(|proxy| reader.proxy(&proxy, settings.url.as_deref())),
        idempotency_header: settings.idempotency_header.and_then(|name| reader.header("idempotency_header", &name)),
        collection: settings.collection.unwrap_or(Collection::Upsert),
        retry: reader.retry(&settings.retry.unwrap_or_default()),
        answers: reader.answers(settings.accept, settings.results),
        resend: reader.resend(settings.resend.as_deref().unwrap_or("3x")),
        // A place is masked when it is shown, which costs more than all settings: here only one of them may be shown.
        replace_rule: settings
            .collection
            .filter(|collection| *collection == Collection::Replace)
            .and_then(|_| layers.place("collection")),
        states_collection: layers.is_written("collection"),
        files: Vec::new(),
    };
    if destination.path.is_per_document() && destination.collection == Collection::Replace {
        reader.wrong("collection", "`replace` is about one URL that holds all documents, and here each has its own");
        reader.hint("leave `collection` out, or write `upsert`");
    }
    destination.files = reader.files;
    if reader.findings.is_empty() { Ok(destination) } else { Err(reader.findings) }
}

/// Turns settings into parts of a destination and gathers what is wrong with them.
struct SettingsReader<'a> {
    layers: &'a Layers<'a>,
    environment: &'a Environment,
    folder: PathBuf,
    findings: Vec<Diagnostic>,
    files: Vec<PathBuf>,
}

impl SettingsReader<'_> {
    fn wrong(&mut self, key: &str, message: impl Into<String>) {
        self.findings.push(self.layers.finding(Code::PlanProfile, key, message));
    }

    fn base(&mut self, text: Option<&str>) -> Option<Url> {
        match text {
            None => {
                self.wrong("url", format!("the profile `{}` has no `url`", show_profile(self.layers.name)));
                None
            }
            Some(SANDBOX) => None,
            Some(text) => {
                let url = self.url("url", text)?;
                if url.scheme() == "http" && !names_this_machine(&url) {
                    self.wrong("url", "plain http is for this machine only: anywhere else the data could be read");
                    self.hint("write `https://`");
                }
                Some(url)
            }
        }
    }

    /// The proxy. Plain http stays on this machine, so a proxy elsewhere cannot carry it.
    fn proxy(&mut self, text: &str, url: Option<&str>) -> Option<Url> {
        let proxy = self.url("proxy", text)?;
        let is_plain = url.and_then(|url| Url::parse(url).ok()).is_some_and(|url| url.scheme() == "http");
        if is_plain && !names_this_machine(&proxy) {
            self.wrong("proxy", "plain http is for this machine only: this proxy elsewhere could read the data");
            self.hint("write an `https://` URL, or no `proxy`");
        }
        Some(proxy)
    }

    /// An http or https URL without anything that could be a secret. The finding shows neither the text nor its line.
    fn url(&mut self, key: &str, text: &str) -> Option<Url> {
        let fault = match Url::parse(text) {
            // `host:8080` reads as a scheme with a path.
            Ok(url) if url.cannot_be_a_base() => "is not a URL",
            Ok(url) if !matches!(url.scheme(), "http" | "https") => "is neither http nor https",
            Ok(url) if url.host_str().is_none_or(str::is_empty) => "has no host",
            Ok(url) if !url.username().is_empty() || url.password().is_some() => "holds a user name or password",
            Ok(url) if url.query().is_some() => "has a query",
            Ok(url) if url.fragment().is_some() => "has a fragment",
            Ok(_) if text.contains(['{', '}']) => "holds braces, which would be sent as they are",
            Ok(url) => return Some(url),
            Err(_) => "is not a URL",
        };
        self.wrong(key, format!("the `{key}` {fault}"));
        self.hint(match fault {
            "is not a URL" if !text.contains("://") => "write the scheme, too, as in `https://api.example.com`",
            "is not a URL" | "is neither http nor https" | "has no host" => "as in `https://api.example.com`",
            "has a query" | "has a fragment" => "leave out what follows `?` or `#`",
            _ => "as in `https://api.example.com`; credentials belong in `auth`",
        });
        if let Some(place) = self.findings.last_mut().and_then(|finding| finding.rule.as_mut()) {
            place.text = "".into();
        }
        None
    }

    /// The path of the mapping, which `check` has found good.
    fn path(&mut self, path: &str) -> PathTemplate {
        let parsed = PathTemplate::parse(path).or_else(|fault| {
            self.findings.push(Diagnostic::new(Code::PlanProfile, fault.message).hint(fault.hint));
            PathTemplate::parse("/")
        });
        parsed.unwrap_or_else(|_| unreachable!("the root is a path"))
    }

    fn credential(&mut self, auth: Auth) -> Option<Credential> {
        match (auth.bearer, auth.basic, auth.api_key) {
            (Some(source), None, None) => {
                let (secret, origin) = self.secret("auth/bearer", &source)?;
                Some(Credential {
                    scheme: AuthScheme::Bearer(secret),
                    origin,
                    file: self.find_file(source.file.as_deref()),
                })
            }
            (None, Some(basic), None) => {
                let (password, origin) = self.secret("auth/basic/password", &basic.password)?;
                let file = self.find_file(basic.password.file.as_deref());
                Some(Credential { scheme: AuthScheme::Basic { username: basic.username, password }, origin, file })
            }
            (None, None, Some(key)) => {
                let name = self.header("auth/api_key/header", &key.header)?;
                let (value, origin) = self.secret("auth/api_key/value", &key.value)?;
                let file = self.find_file(key.value.file.as_deref());
                Some(Credential { scheme: AuthScheme::Header { name, value }, origin, file })
            }
            _ => {
                self.wrong("auth", "`auth` needs exactly one of `bearer`, `basic` and `api_key`");
                None
            }
        }
    }

    /// Notes a file that is read.
    fn note_file(&mut self, path: Option<&str>) {
        self.files.extend(self.find_file(path));
    }

    /// The path of a file that is named in the profile.
    fn find_file(&self, path: Option<&str>) -> Option<PathBuf> {
        Some(self.folder.join(self.environment.expand(path?).ok()?))
    }

    fn secret(&mut self, key: &str, source: &SecretSource) -> Option<(Secret, String)> {
        self.note_file(source.file.as_deref());
        match source.read(&self.folder, self.environment) {
            Ok(read) => Some(read),
            Err(said) => {
                self.findings.push(self.layers.finding(Code::PlanSecret, key, said).hint(SECRET_HINT));
                None
            }
        }
    }

    fn headers(&mut self, written: BTreeMap<String, String>) -> Vec<(String, Secret)> {
        let mut headers = Vec::new();
        for (name, value) in written {
            let key = format!("headers/{}", json_pointer::escape(&name));
            let fits = value.trim() == value && value.bytes().all(|byte| (0x20..0x7f).contains(&byte));
            if !fits {
                self.wrong(&key, format!("the value of the header `{}` is not plain ASCII", show_header(&name)));
            }
            if let Some(name) = self.header(&key, &name) {
                headers.push((name, Secret::new(value)));
            }
        }
        headers
    }

    /// The name of a header that a profile may set.
    fn header(&mut self, key: &str, name: &str) -> Option<String> {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(token) {
            self.wrong(key, format!("`{}` is not the name of a header", show_header(name)));
            return None;
        }
        if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
            self.wrong(key, format!("the header `{}` is not a setting", show_header(name)));
            self.hint("credentials belong in `auth`; what describes the body is written by xwalk");
            return None;
        }
        Some(name.to_owned())
    }

    fn batch(&mut self, batch: Option<&BatchSetting>) -> Limits {
        match batch {
            Some(BatchSetting::Limits(limits)) => Limits {
                documents: limits.documents.map(|count| self.limit("batch/documents", count, 1, 10_000_000)),
                bytes: limits.bytes.map(|size| self.limit("batch/bytes", size.0, 64, 4 << 30)),
            },
            Some(BatchSetting::All) | None => Limits { documents: None, bytes: None },
        }
    }

    fn limit(&mut self, key: &str, found: u64, least: u64, most: u64) -> u64 {
        if !(least..=most).contains(&found) {
            let name = key.replace('/', ".");
            self.wrong(key, format!("`{name}` is {found}; it must be from {least} to {most}"));
        }
        found
    }

    /// A length of time within bounds, all in milliseconds.
    fn time(&mut self, key: &str, found: u128, least: u64, most: u64) -> Duration {
        let found = u64::try_from(found).unwrap_or(u64::MAX);
        if !(least..=most).contains(&found) {
            let name = key.replace('/', ".");
            self.wrong(key, format!("`{name}` is {found}ms; it must be from {least}ms to {most}ms"));
        }
        Duration::from_millis(found)
    }

    fn retry(&mut self, retry: &Retry) -> RetryPolicy {
        const HOUR: u64 = 3_600_000;
        match (&retry.fixed, &retry.exponential) {
            (Some(fixed), None) => {
                RetryPolicy::Fixed { wait: self.time("retry/fixed/wait", fixed.wait.0.as_millis(), 1, HOUR) }
            }
            (None, Some(written)) => {
                let base = written.base.map_or(1_000, |period| period.0.as_millis());
                let cap = written.cap.map_or(60_000, |period| period.0.as_millis());
                RetryPolicy::Exponential {
                    base: self.time("retry/exponential/base", base, 1, HOUR),
                    cap: self.time("retry/exponential/cap", cap, 1, HOUR),
                }
            }
            _ => {
                self.wrong("retry", "`retry` needs exactly one of `fixed` and `exponential`");
                RetryPolicy::Fixed { wait: Duration::from_secs(1) }
            }
        }
    }

    fn answers(&mut self, accept: Option<AcceptSetting>, results: Option<ResultsSetting>) -> AnswerRules {
        let accept = accept.map(|AcceptSetting { pointer, equals }| {
            self.check_pointer("accept/pointer", &pointer);
            if equals.is_array() || equals.is_object() || equals.is_null() {
                self.wrong("accept/equals", "`accept.equals` must be a text, a number or a truth value");
                self.hint("as in `accept: { pointer: /acknowledged, equals: true }`");
            }
            AcceptRule { pointer, equals }
        });
        let results = results.map(|ResultsSetting { list, status, index }| {
            self.check_pointer("results/list", &list);
            self.check_pointer("results/status", &status);
            if let Some(index) = &index {
                self.check_pointer("results/index", index);
            }
            ResultsRule { list, status, index }
        });
        AnswerRules { accept, results }
    }

    /// Refuses a text that is no JSON pointer.
    fn check_pointer(&mut self, key: &str, pointer: &str) {
        if !pointer.is_empty() && !pointer.starts_with('/') {
            let name = key.replace('/', ".");
            self.wrong(key, format!("`{name}` is no JSON pointer: it does not begin with `/`"));
            self.hint("as in `/items`; an empty text is the whole");
        }
    }

    /// How many times bytes may be sent again, written as `3x`.
    fn resend(&mut self, written: &str) -> u64 {
        let digits = written.strip_suffix('x').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        match digits.and_then(|digits| digits.parse().ok()) {
            Some(times) if times <= 100 => times,
            _ => {
                self.wrong("resend", format!("`resend` is `{}`; it must be from `0x` to `100x`", show_amount(written)));
                self.hint("as in `resend: 3x`");
                0
            }
        }
    }

    fn authorities(&mut self, path: &str) -> Option<Vec<u8>> {
        self.certificates("ca_file", path).map(String::into_bytes)
    }

    fn identity(&mut self, certificate: &str, key: &str) -> Option<Secret> {
        let certificate = self.certificates("client_identity/certificate", certificate)?;
        self.note_file(Some(key));
        let file = self.find_named_file("client_identity/key", key);
        match file.and_then(|file| secret::private(&file)) {
            Ok(private) if private.contains("PRIVATE KEY-----") => {
                Some(Secret::new(format!("{private}\n{certificate}")))
            }
            Ok(_) => {
                self.wrong("client_identity/key", format!("the file `{key}` holds no private key in PEM form"));
                None
            }
            Err(said) => {
                self.findings
                    .push(self.layers.finding(Code::PlanSecret, "client_identity/key", said).hint(SECRET_HINT));
                None
            }
        }
    }

    /// The file that a setting names.
    fn find_named_file(&self, key: &str, path: &str) -> Result<PathBuf, String> {
        secret::find_file(path, &format!("of `{}`", key.replace('/', ".")), &self.folder, self.environment)
    }

    fn certificates(&mut self, key: &str, path: &str) -> Option<String> {
        self.note_file(Some(path));
        let said = match self.find_named_file(key, path) {
            Ok(file) => match read_regular_file(&file, MAX_CERTIFICATES) {
                // Remarks beside the certificates may be in any encoding.
                Ok((bytes, _)) => match String::from_utf8_lossy(&bytes) {
                    text if text.contains("-----BEGIN CERTIFICATE-----") => return Some(text.into_owned()),
                    _ => format!("the file `{path}` holds no certificate in PEM form"),
                },
                Err(fault) => {
                    self.wrong(key, format!("the file `{path}` {}", fault.describe(MAX_CERTIFICATES)));
                    self.hint(fault.advice());
                    return None;
                }
            },
            Err(said) => said,
        };
        self.wrong(key, said);
        None
    }

    /// Says what to do about the last finding.
    fn hint(&mut self, hint: &str) {
        if let Some(finding) = self.findings.pop() {
            self.findings.push(finding.hint(hint));
        }
    }
}
