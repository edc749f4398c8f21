//! Tables of profiles: what is refused, and what they mean.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use crate::{
    config::{
        mapping::request::{Method, Request},
        profile::{
            Profiles, ProfilesFile,
            destination::{AuthScheme, Destination, Limits, RetryPolicy},
            find_profiles, resolve,
            secret::Environment,
            settings::{Collection, Compression},
        },
        text_span::TextSpan,
        yaml, yaml_values,
    },
    diagnostic::Diagnostic,
    options::Setting,
};

const PROFILES: &str = r#"default: sandbox
mapping: mappings/sales.yaml
profiles:
  sandbox: { url: sandbox }
  dev: { url: "http://127.0.0.1:8080" }
  staging:
    url: https://staging.example.com/base/
    auth: { bearer: { env: ECRM_TOKEN } }
    batch: { documents: 100, bytes: 1MiB }
    headers: { X-Team: ground }
    compression: gzip
    in_flight: 3
    timeout: 20s
    input: landed
  prod:
    extends: staging
    url: https://example.com
    batch: { bytes: 2MiB }
    explicit: true
    collection: replace
"#;

fn environment() -> Environment {
    Environment(BTreeMap::from([("ECRM_TOKEN".to_owned(), "canary-7Q".to_owned())]))
}

fn resolved(text: &str, wanted: Option<&str>, sets: &[(&str, &str)]) -> Result<Destination, Vec<Diagnostic>> {
    let sets: Vec<Setting> = sets.iter().map(|(key, value)| Setting::new(*key, *value)).collect();
    let request = Request::new(Method::Put, "/v1/customers");
    let file = ProfilesFile::read("profiles.yaml", text)?;
    resolve::destination(Some(&file), wanted, &sets, &request, &environment())
}

/// Each finding as `code place: message (hint)`.
fn said(result: Result<Destination, Vec<Diagnostic>>) -> String {
    let mut said = String::new();
    for finding in result.unwrap_err() {
        let place = finding.rule.map(|place| place.to_string()).unwrap_or_default();
        let _ = writeln!(said, "{} {place}: {} ({})", finding.code, finding.message, finding.hint);
    }
    said
}

#[test]
fn defaults_hold_where_a_profile_says_nothing() {
    let destination = resolved(PROFILES, Some("dev"), &[]).unwrap();
    assert_eq!(destination.url().unwrap().as_str(), "http://127.0.0.1:8080/v1/customers");
    assert_eq!(destination.batch, Limits { documents: Some(500), bytes: Some(1 << 20) });
    assert_eq!((destination.timeout, destination.deadline), (Duration::from_secs(30), Duration::from_mins(15)));
    assert_eq!(destination.grace, Duration::from_mins(2));
    assert_eq!((destination.in_flight, destination.compression), (2, Compression::None));
    assert_eq!(
        destination.retry,
        RetryPolicy::Exponential { base: Duration::from_secs(1), cap: Duration::from_mins(1) }
    );
    assert!(!destination.is_sandbox());
    assert!(resolved(PROFILES, None, &[]).unwrap().is_sandbox());
}

#[test]
fn a_profile_stands_over_what_it_extends_and_set_over_both() {
    let sets = [("batch.documents", "10"), ("timeout", "250ms"), ("headers.X-Run", "7"), ("compression", "zstd")];
    let destination = resolved(PROFILES, Some("prod"), &sets).unwrap();
    assert_eq!(destination.batch, Limits { documents: Some(10), bytes: Some(2 << 20) });
    assert_eq!(destination.timeout, Duration::from_millis(250));
    assert_eq!(destination.compression, Compression::Zstd);
    assert_eq!((destination.in_flight, destination.collection), (3, Collection::Replace));
    assert_eq!(destination.url().unwrap().as_str(), "https://example.com/v1/customers");
    let headers: Vec<&str> = destination.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(headers, ["X-Run", "X-Team"]);
    let credential = destination.credential.unwrap();
    assert_eq!(credential.origin, "the variable `ECRM_TOKEN`");
    assert!(matches!(credential.scheme, AuthScheme::Bearer(secret) if secret.expose() == "canary-7Q"));
    let destination = resolved(PROFILES, Some("prod"), &[("batch", "all")]).unwrap();
    assert_eq!(destination.batch, Limits { documents: None, bytes: None });
}

#[test]
fn the_base_url_may_have_a_path() {
    let destination = resolved(PROFILES, Some("staging"), &[]).unwrap();
    assert_eq!(destination.url().unwrap().as_str(), "https://staging.example.com/base/v1/customers");
}

#[test]
fn set_alone_can_say_where_to_send() {
    let request = Request::new(Method::Post, "/v1/customers");
    let sets = [Setting::new("url", "http://localhost:1")];
    assert!(resolve::destination(None, None, &sets, &request, &environment()).is_ok());
    let said = said(resolve::destination(None, None, &[], &request, &environment()));
    assert!(said.contains("nothing says where to send"), "{said}");
}

#[test]
fn replace_needs_one_request() {
    let prod = resolved(PROFILES, Some("prod"), &[]).unwrap();
    assert!(prod.allows(1).is_ok());
    let finding = prod.allows(2).unwrap_err();
    assert_eq!(finding.rule.unwrap().to_string(), "profiles.yaml:20:17");
    assert!(resolved(PROFILES, Some("dev"), &[]).unwrap().allows(2).is_ok());
}

#[test]
fn the_input_is_known_before_resolving() {
    let (profiles, _) = yaml_values::read::<Profiles>("profiles.yaml", PROFILES).unwrap();
    assert_eq!(profiles.mapping.as_deref(), Some("mappings/sales.yaml"));
    assert_eq!(profiles.input(Some("prod")), Some("landed"));
    assert_eq!(profiles.input(None), None);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let table = [
        (
            "default: dve\nprofiles:\n  dev: { url: sandbox }",
            "plan/unknown-name profiles.yaml:1:10: there is no profile `dve` (did you mean `dev`?)\n",
        ),
        (
            "default: a\nprofiles:\n  a: { extends: b }\n  b: { extends: a }",
            "plan/profile profiles.yaml:4:17: the profile `a` extends itself, through `b` ()\n",
        ),
        (
            "default: a\nprofiles:\n  a: { extends: c }\n",
            "plan/unknown-name profiles.yaml:3:17: there is no profile `c` (did you mean `a`?)\n",
        ),
        (
            "default: a\nprofiles:\n  a: { url: sandbox, explicit: true }",
            "plan/profile profiles.yaml:3:32: the profile `a` is never used by default (say `--profile a` if you mean it)\n",
        ),
        (
            "default: a\nprofiles:\n  a: { in_flight: 1 }",
            "plan/profile profiles.yaml:3:3: the profile `a` has no `url` ()\n",
        ),
        (
            "default: a\nprofiles:\n  a: { url: sandbox, in_flight: 0 }",
            "plan/profile profiles.yaml:3:33: `in_flight` is 0; it must be from 1 to 64 ()\n",
        ),
        (
            "default: a\nprofiles:\n  a: { url: sandbox, batch: { documents: 0 } }",
            "plan/profile profiles.yaml:3:42: `batch.documents` is 0; it must be from 1 to 10000000 ()\n",
        ),
        (
            "default: a\nprofiles:\n  a: { url: sandbox, deadline: 0s }",
            "plan/profile profiles.yaml:3:32: `deadline` is 0ms; it must be from 100ms to 604800000ms ()\n",
        ),
        (
            "default: a\nprofiles:\n  a: { url: sandbox, auth: {} }",
            "plan/profile profiles.yaml:3:22: `auth` needs exactly one of `bearer`, `basic` and `api_key` ()\n",
        ),
        (
            "default: a\nprofiles:\n  a: { url: sandbox, auth: { bearer: { env: NOT_SET } } }",
            "plan/secret profiles.yaml:3:30: the variable `NOT_SET` is not set (set what the profile names for this command, or use another profile with `--profile`)\n",
        ),
        (
            "default: a\nprofiles:\n  a: { url: sandbox, headers: { Authorization: x } }",
            "plan/profile profiles.yaml:3:48: the header `Authorization` is not a setting (credentials belong in `auth`; what describes the body is written by xwalk)\n",
        ),
        (
            "default: a\nprofiles:\n  a: { url: sandbox, retry: {} }",
            "plan/profile profiles.yaml:3:22: `retry` needs exactly one of `fixed` and `exponential` ()\n",
        ),
        (
            "profiles:\n  a: { url: sandbox }",
            "plan/profile profiles.yaml: no profile was chosen and there is no `default` (say `--profile NAME`: the profiles are `a`)\n",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(said(resolved(text, None, &[])), expected, "{text}");
    }
}

#[test]
fn typed_mistakes_have_a_code_and_a_place() {
    let table = [
        ("profiles:\n  a: { url: sandbox, batsh: all }", "plan/unknown-key profiles.yaml:2:22"),
        ("profiles:\n  a: { url: sandbox, compression: brotli }", "plan/wrong-value profiles.yaml:2:35"),
        ("profiles:\n  a: { url: sandbox, timeout: 30 }", "plan/wrong-value profiles.yaml:2:"),
        ("profiles:\n  a: { url: sandbox, batch: some }", "plan/wrong-value profiles.yaml:2:"),
        ("profiles:\n  a: { url: sandbox, batch: { bytes: 1Mo } }", "plan/wrong-value profiles.yaml:2:"),
        ("profiles:\n  a: { url: sandbox, auth: { bearer: { token: x } } }", "plan/unknown-key profiles.yaml:2:40"),
    ];
    for (text, expected) in table {
        let said = said(resolved(text, Some("a"), &[]));
        assert!(said.starts_with(expected), "{text}\n{said}");
    }
}

#[test]
fn a_url_is_https_or_on_this_machine_and_holds_no_secret() {
    let good = [
        "https://a.example",
        "https://a.example:8443/x",
        "http://127.0.0.1:1",
        "http://127.9.9.9",
        "http://[::1]:80",
        "http://localhost:8080",
        "HTTP://LOCALHOST",
    ];
    for url in good {
        assert!(resolved(PROFILES, Some("dev"), &[("url", url)]).is_ok(), "{url}");
    }
    let bad = [
        "http://a.example",
        "http://10.0.0.1",
        "http://localhost.evil.example",
        "http://127.0.0.1.nip.io",
        "https://canary:canary@a.example",
        "https://a.example/?canary=1",
        "https://a.example/#canary",
        "ftp://a.example",
        "canary",
        "",
        "https://",
    ];
    for url in bad {
        let said = said(resolved(PROFILES, Some("dev"), &[("url", url)]));
        assert!(said.starts_with("plan/profile ") && !said.contains("canary"), "{url}: {said}");
    }
    let text = "default: a\nprofiles:\n  a: { url: \"https://u:canary@a.example\" }";
    let findings = resolved(text, None, &[]).unwrap_err();
    assert!(!format!("{findings:?}").contains("canary"));
}

#[test]
fn set_refuses_what_is_not_a_setting() {
    let table = [
        (("batsh", "all"), "plan/unknown-key : `--set batsh`: unknown key `batsh`"),
        (("batch.documents", "many"), "plan/wrong-value : `--set batch.documents`: "),
        (("explicit", "false"), "plan/usage : `--set explicit`: "),
        (("a..b", "1"), "plan/usage : `--set a..b`: "),
        (("in_flight", "0"), "plan/profile : `in_flight` is 0; it must be from 1 to 64"),
        (("grace", "25h"), "plan/profile : `grace` is 90000000ms; it must be from 0ms to 86400000ms"),
    ];
    for ((key, value), expected) in table {
        let said = said(resolved(PROFILES, Some("dev"), &[(key, value)]));
        assert!(said.starts_with(expected), "{key}: {said}");
    }
}

#[test]
fn the_parts_of_one_setting_are_set_one_by_one() {
    let key = [("auth.api_key.value.env", "ECRM_TOKEN"), ("in_flight", "3"), ("auth.api_key.header", "X-Key")];
    let destination = resolved(PROFILES, Some("dev"), &key).unwrap();
    assert_eq!(destination.in_flight, 3);
    assert!(
        matches!(destination.credential.unwrap().scheme, AuthScheme::Header { name, .. } if name.eq_ignore_ascii_case("X-Key"))
    );
    let alone = said(resolved(PROFILES, Some("dev"), &[("client_identity.key", "k")]));
    assert!(alone.starts_with("plan/missing-key : `--set client_identity.key`: "), "{alone}");
    let both = [("client_identity.certificate", "c"), ("client_identity.key", "k")];
    let absent = said(resolved(PROFILES, Some("dev"), &both));
    assert!(absent.contains("the file of `client_identity.certificate` is not there"), "{absent}");
}

#[test]
fn a_destination_shows_no_secret() {
    let destination = resolved(PROFILES, Some("staging"), &[("headers.X-Run", "canary-header")]).unwrap();
    let shown = format!("{destination:?}");
    assert!(!shown.contains("canary"), "{shown}");
}

#[test]
fn profiles_have_an_editor_schema() {
    let schema = schemars::schema_for!(Profiles).to_value().to_string();
    for word in ["in_flight", "idempotency_header", "\"all\"", "additionalProperties"] {
        assert!(schema.contains(word), "{word}");
    }
}

#[test]
fn plain_http_goes_through_no_proxy_elsewhere() {
    let table = [
        ("http://127.0.0.1:1", "http://192.0.2.9:3128", false),
        ("http://127.0.0.1:1", "https://proxy.example", false),
        ("http://localhost:1", "http://localhost.example:3128", false),
        ("http://127.0.0.1:1", "http://127.0.0.1:3128", true),
        ("http://127.0.0.1:1", "http://[::1]:3128", true),
        ("https://api.example", "http://192.0.2.9:3128", true),
    ];
    for (url, proxy, is_fine) in table {
        let found = resolved(PROFILES, Some("dev"), &[("url", url), ("proxy", proxy)]);
        assert_eq!(found.is_ok(), is_fine, "{url} {proxy}");
        if !is_fine {
            assert!(said(found).contains("plain http is for this machine only"), "{url} {proxy}");
        }
    }
}

#[test]
fn what_acknowledges_and_what_may_be_sent_again_are_settings() {
    let sets = [("accept.pointer", "/ok"), ("accept.equals", "true"), ("resend", "0x")];
    let destination = resolved(PROFILES, Some("dev"), &sets).unwrap();
    let accept = destination.answers.accept.unwrap();
    assert_eq!((accept.pointer.as_str(), accept.equals, destination.resend), ("/ok", true.into(), 0));
    let sets = [("results.list", "/items"), ("results.status", "/code"), ("results.index", "/n")];
    let destination = resolved(PROFILES, Some("dev"), &sets).unwrap();
    assert_eq!((destination.answers.results.unwrap().index.as_deref(), destination.resend), (Some("/n"), 3));
    let bad = [
        "accept: { pointer: ok, equals: true }",
        "accept: { pointer: /ok, equals: [1] }",
        "accept: { pointer: /ok }",
        "accept: { equals: true }",
        "results: { list: items, status: /code }",
        "results: { list: /items }",
        "resend: 3",
        "resend: threex",
        "resend: 101x",
        "resend: -1x",
        "resend: x",
    ];
    for setting in bad {
        let text = format!("default: a\nprofiles:\n  a: {{ url: sandbox, {setting} }}");
        assert!(resolved(&text, None, &[]).is_err(), "{setting}");
    }
}

#[test]
fn no_mistake_in_a_file_of_profiles_shows_a_secret() {
    let inline = |settings: &str| format!("profiles:\n  a: {{ url: \"https://e.x\", {settings} }}\n");
    let texts = [
        inline("auth: { bearer: { token: S3CR3T } }"),
        inline("auth: { bearer: { env: eyJhbGciOi.S3CR3T } }"),
        inline("auth: { bearer: { env: ghp_S3CR3T } }"),
        inline("auth: { bearer: { file: S3CR3T } }"),
        inline("auth: { bearer: { file: \"${S3CR3T\" } }"),
        inline("auth: { bearer: S3CR3T }"),
        inline("auth: { bearer: [S3CR3T] }"),
        inline("auth: S3CR3T"),
        inline("auth: { basic: { username: till, password: S3CR3T } }"),
        inline("auth: { basic: { user: till, password: { env: A, token: S3CR3T } } }"),
        inline("auth: { api_key: { header: \"X A\", value: { env: TOKEN }, key: S3CR3T } }"),
        inline("token: S3CR3T"),
        inline("headers: { \"X A\": S3CR3T }"),
        inline("headers: { X-A: \"S3CR3T\\n\" }"),
        inline("headers: { X-A: S3CR3T, X-A: other }"),
        inline("headers: [S3CR3T]"),
        inline("headers: { X-A: ~, X-B: S3CR3T }"),
        inline("headers: { X-A: &a S3CR3T }"),
        inline("headers: { X-A: S3CR3T\" }"),
        inline("headers: { X-A: { b: S3CR3T } }"),
        "profiles:\n  a: { url: \"https://e.x, headers: { X-A: S3CR3T } }\n".to_owned(),
        "profiles:\n  a:\n    url: https://e.x\n    headers:\n      X-A S3CR3T\n".to_owned(),
        "profiles:\n  a:\n    url: https://e.x\n    headers:\n      X-A:S3CR3T\n".to_owned(),
        "profiles:\n  a:\n    url: https://e.x\n    headers:\n      X-A: 'S3CR3T\n".to_owned(),
        "profiles:\n  a:\n    url: https://e.x\n    headers:\n      X-A: a: S3CR3T\n".to_owned(),
        "profiles:\n  a:\n    url: https://e.x\n    headers:\n     X-A: S3CR3T\n      X-B: S3CR3T\n".to_owned(),
        "profiles:\n  a:\n    url: https://e.x\n    auth:\n      bearer: |\n        S3CR3T\n".to_owned(),
        "profiles:\n  a:\n    url: https://e.x?token=S3CR3T\n".to_owned(),
        "profiles:\n  a:\n    url: http://till:S3CR3T@e.x\n".to_owned(),
        "profiles:\n  a:\n    url: https://e.x\n    auth:\n    bearer: S3CR3T\n".to_owned(),
        "profiles:\n  a:\n    url: https://e.x\n    auth:\n\tbearer: S3CR3T\n".to_owned(),
        "profiles:\n  a:\n    url: https://e.x\n    auth: { bearer: { env: @S3CR3T } }\n".to_owned(),
        "profiles:\n  a:\n    url: https://e.x\n    compression: gzzip # S3CR3T\n".to_owned(),
    ];
    for text in texts {
        let findings = resolved(&text, Some("a"), &[]).expect_err(&text);
        assert!(!findings.is_empty());
        let told = format!("{findings:?}");
        assert!(!told.contains("S3CR3T"), "{text}\n{told}");
    }
}

/// What a person may write in place of a word, with a secret `S` in it.
const SPELLINGS: [&str; 84] = [
    "S",
    "'S'",
    "\"S\"",
    "S: x",
    "S:",
    "\"S: x\"",
    "'x: S'",
    "x: S",
    "x: S: y",
    "S : x",
    "\"S\": x",
    "x: \"S\"",
    "\"Bearer S\"",
    "\"X-A: S\"",
    "Bearer S",
    "timeout: S",
    "bearer: S",
    "timeout: x S",
    "env: S",
    "S # x",
    "x # S",
    "x#S",
    "\"x # S\"",
    "\"x # S",
    "#S",
    "[S]",
    "[S, x",
    "[x, S: y]",
    "S, x",
    "x, S",
    "{ S: x }",
    "{ x: S }",
    "{ x \"S\": y }",
    "{ \"x S\": y }",
    "{ S",
    "{ S x: y }",
    "S }",
    "x } S",
    "{{ S }}",
    "{ {{ S }}: x }",
    "*S",
    "* S",
    "&S x",
    "&x S",
    "!S x",
    "!x S",
    "!!S",
    "@S",
    "`S`",
    "x`S`y",
    "%S",
    "-S",
    "- S",
    "-\tS",
    "? S",
    "=S",
    "x=S",
    "x S",
    "S x",
    "~S",
    "<<: S",
    "\"S",
    "'S",
    "S\"",
    "S'",
    "x \"S\" y",
    "\"x\" S",
    "\"S\\n\"",
    "\"\\S\"",
    "|\n          S",
    ">\n          S",
    "|\n          x: S\n          S: y",
    "|S",
    "\n          S",
    "\n          x: S",
    "x\n          S",
    "x\n    S: y",
    "x\n      S",
    "x\n\tS",
    "\tS",
    "x\tS",
    "https://u:S@h.example",
    "http://S.example",
    "https://h/?t=S#S",
];

/// Paths and names with a secret `S` in them.
const NAMES: [&str; 10] =
    ["S/x", "/S", "./S", "../S", "${S}", "${S", "S${HOME}", "\"x\\tS\"", "x\u{a0}S", "\u{20001}S\u{20000}"];

/// Every setting, in blocks and in braces.
const FULL: [&str; 2] = [
    "default: prod
mapping: mappings/sales.yaml
profiles:
  base:
    url: https://base.example/v1
    explicit: true
  prod:
    extends: base
    explicit: false
    input: landed
    url: https://example.com/v1
    auth:
      basic:
        username: till
        password:
          env: ECRM_TOKEN
    headers:
      X-Team: ground
      Accept-Language: en
    batch:
      documents: 5
      bytes: 2MiB
    compression: gzip
    in_flight: 3
    idempotency_header: Idempotency-Key
    collection: upsert
    accept:
      pointer: /ok
      equals: true
    results:
      list: /items
      status: /code
      index: /n
    resend: 3x
    timeout: 30s
    deadline: 15m
    grace: 60s
    retry:
      exponential:
        base: 1s
        cap: 60s
    proxy: http://127.0.0.1:3128
    ca_file: ca.pem
    client_identity:
      certificate: client.pem
      key: client.key
",
    "default: prod
profiles: { prod: { url: https://e.example, timeout: 30s, auth: { api_key: { header: X-Api-Key, value: { file: k } } },
  headers: { X-Team: ground, Host: x }, batch: { documents: 5 }, retry: { fixed: { wait: 5s } } } }
",
];

#[test]
fn a_secret_anywhere_in_a_file_of_profiles_is_in_no_finding() {
    let mut refused = 0;
    for text in FULL {
        let (_, places) = yaml_values::read::<Profiles>("profiles.yaml", text).unwrap();
        for (turn, (pointer, node)) in places.below("").enumerate() {
            let spans = [Some(node.key), node.scalar.is_some().then_some(node.value)];
            for span in spans.into_iter().flatten() {
                // Each place has a sixth of the spellings, and each spelling a sixth of the places.
                for spelling in SPELLINGS.iter().chain(&NAMES).skip(turn % 6).step_by(6) {
                    let secret = ["hunter2Zq9", "sesameopen", "Größe7"][refused % 3];
                    let written = write_at(text, span, &spelling.replace('S', secret));
                    let Err(findings) = resolved(&written, None, &[]) else { continue };
                    refused += 1;
                    let told = format!("{findings:?}");
                    // What has settings in it is the name of a profile.
                    let is_name =
                        |places: yaml::Places| find_profiles(&places).iter().any(|name| name.contains(secret));
                    let is_declared = yaml::places("profiles.yaml", &written).is_ok_and(is_name);
                    assert!(!told.contains(secret) || is_declared, "{pointer} {spelling}\n{told}");
                }
            }
        }
    }
    assert!(refused > 1_500, "{refused}");
}

/// A text with another word in a place.
fn write_at(text: &str, TextSpan { line, column, width }: TextSpan, word: &str) -> String {
    let replaced = |(at, old): (u64, &str)| {
        let [start, end] = [column - 1, column - 1 + width].map(|at| usize::try_from(at).unwrap());
        if at == line { format!("{}{word}{}\n", &old[..start], &old[end..]) } else { format!("{old}\n") }
    };
    (1..).zip(text.lines()).map(replaced).collect()
}

#[test]
fn the_keys_and_settings_of_a_wrong_line_are_shown() {
    let drawn = |text: &str| {
        let findings = resolved(text, Some("a"), &[]).unwrap_err();
        findings.into_iter().filter_map(|finding| finding.rule).map(|place| place.text.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(drawn("profiles:\n  a:\n    url: https://e.x\n    timeout: 0s\n"), ["    timeout: 0s"]);
    assert_eq!(
        drawn("profiles:\n  a: { url: \"http://e.x\", tokken: abc }\n"),
        ["  a: { url: \"xxxx://x.x\", tokken: xxx }"]
    );
    assert_eq!(drawn("profiles:\n  a:\n    url: https://e.x\n    compression: gzzip\n"), ["    compression: gzzip"]);
}
