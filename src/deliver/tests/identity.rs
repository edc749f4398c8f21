//! Servers that can and cannot prove their identity, with certificates made for each test.

use std::{fs, path::Path, sync::Arc};

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::{
    ConfigBuilder, RootCertStore, ServerConfig, WantsVerifier, pki_types::PrivateKeyDer, server::WebPkiClientVerifier,
};
use tempfile::TempDir;

use crate::{
    deliver::tests::{
        deliver, destination, list_of,
        server::{ScriptedServer, accepted},
        stop_reason,
    },
    diagnostic::Code,
    error::Exit,
};

/// The first and the last year of a certificate.
#[derive(Clone, Copy)]
pub(super) struct Validity {
    from: i32,
    to: i32,
}

/// A certificate that is valid now.
pub(super) const VALID: Validity = Validity { from: 2000, to: 3000 };

/// Starts a server with a certificate that an authority signed; the authority's certificate goes into the folder.
fn start_server(folder: &Path, host: &str, years: Validity) -> ScriptedServer {
    let identity = identity(folder, host, years);
    ScriptedServer::answers_with(identity, |_, _| accepted())
}

/// The configuration of a server that proves to be a host; the authority's certificate goes into the folder.
pub(super) fn identity(folder: &Path, host: &str, years: Validity) -> ServerConfig {
    let (_, issuer) = authority(folder);
    let (certificate, key) = signed(&issuer, host, years);
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    provided().with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap()
}

/// Starts a server that asks clients for a certificate; theirs goes into the folder too.
pub(super) fn start_mutual_server(folder: &Path) -> ScriptedServer {
    let (authority, issuer) = authority(folder);
    let (client, key) = signed(&issuer, "client", VALID);
    fs::write(folder.join("client.pem"), client.pem()).unwrap();
    fs::write(folder.join("client.key"), key.serialize_pem()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().unwrap();
    let (certificate, key) = signed(&issuer, "localhost", VALID);
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let chain = vec![certificate.der().clone()];
    let identity = provided().with_client_cert_verifier(clients).with_single_cert(chain, key).unwrap();
    ScriptedServer::answers_with(identity, |_, _| accepted())
}

fn authority(folder: &Path) -> (Certificate, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap();
    fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    (authority, Issuer::new(params, key))
}

fn signed(issuer: &Issuer<'_, KeyPair>, name: &str, years: Validity) -> (Certificate, KeyPair) {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(years.from, 1, 1), date_time_ymd(years.to, 1, 1));
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, issuer).unwrap(), key)
}

fn provided() -> ConfigBuilder<ServerConfig, WantsVerifier> {
    let provider = rustls::crypto::ring::default_provider();
    ServerConfig::builder_with_provider(provider.into()).with_safe_default_protocol_versions().unwrap()
}

pub(super) fn path(folder: &TempDir) -> String {
    folder.path().join("ca.pem").display().to_string()
}

#[test]
fn a_server_signed_by_the_authority_of_the_profile_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let server = start_server(folder.path(), "localhost", VALID);
    let delivery = deliver(2, &destination(&server.url, &[("ca_file", &path(&folder))]));
    assert_eq!(delivery.accepted, list_of(0..2), "{:?}", delivery.stopped);
    assert_eq!(server.seen()[0].header("authorization"), Some("Bearer canary-token"));
}

#[test]
fn a_server_that_cannot_prove_its_identity_gets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    identity(other.path(), "localhost", VALID);
    let table = [
        ("other.example", VALID, &folder, "not valid for this name"),
        ("localhost", Validity { from: 2000, to: 2001 }, &folder, "certificate expired"),
        ("localhost", Validity { from: 2999, to: 3000 }, &folder, "certificate not valid yet"),
        ("localhost", VALID, &other, "BadSignature"),
    ];
    for (host, years, trusted, reason) in table {
        let server = start_server(folder.path(), host, years);
        let delivery = deliver(2, &destination(&server.url, &[("ca_file", &path(trusted))]));
        let (exit, code, message) = stop_reason(&delivery);
        assert_eq!((exit, code), (Exit::Refused, Code::DeliverIdentity), "{message}");
        assert!(message.starts_with("the identity of `localhost:") && message.contains(reason), "{message}");
        assert!(server.seen().is_empty() && delivery.in_doubt.is_empty());
        assert_eq!(delivery.volume.requests, 1);
    }
}
