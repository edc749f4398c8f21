//! Servers that can and cannot prove who they are, with certificates made for each test.

use std::{fs, path::Path, sync::Arc};

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::{
    ConfigBuilder, RootCertStore, ServerConfig, WantsVerifier, pki_types::PrivateKeyDer, server::WebPkiClientVerifier,
};
use tempfile::TempDir;

use crate::{
    deliver::tests::{
        delivered, destination, one,
        server::{ScriptedServer, accepted},
        stop,
    },
    diagnostic::Code,
    error::Exit,
};

/// An authority whose certificate lies in a folder, and a server with a certificate that it signed.
fn server(folder: &Path, host: &str, years: (i32, i32)) -> ScriptedServer {
    let identity = identity(folder, host, years);
    ScriptedServer::answers_with(identity, |_, _| accepted())
}

/// What a server needs to prove that it is a host; the certificate of the authority goes into the folder.
pub(super) fn identity(folder: &Path, host: &str, years: (i32, i32)) -> ServerConfig {
    let (_, issuer) = authority(folder);
    let (certificate, key) = signed(&issuer, host, years);
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    provided().with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap()
}

/// A server that wants to know who its clients are; what they need goes into the folder too.
pub(super) fn mutual(folder: &Path) -> ScriptedServer {
    let (authority, issuer) = authority(folder);
    let (client, key) = signed(&issuer, "client", (2000, 3000));
    fs::write(folder.join("client.pem"), client.pem()).unwrap();
    fs::write(folder.join("client.key"), key.serialize_pem()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().unwrap();
    let (certificate, key) = signed(&issuer, "localhost", (2000, 3000));
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

fn signed(issuer: &Issuer<'_, KeyPair>, name: &str, years: (i32, i32)) -> (Certificate, KeyPair) {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(years.0, 1, 1), date_time_ymd(years.1, 1, 1));
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
    let server = server(folder.path(), "localhost", (2000, 3000));
    let delivery = delivered(2, &destination(&server.url, &[("ca_file", &path(&folder))]));
    assert_eq!(delivery.accepted, one(0..2), "{:?}", delivery.stopped);
    assert_eq!(server.seen()[0].header("authorization"), Some("Bearer canary-token"));
}

#[test]
fn a_server_that_cannot_prove_who_it_is_gets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    identity(other.path(), "localhost", (2000, 3000));
    let table = [
        ("other.example", (2000, 3000), &folder, "not valid for name"),
        ("localhost", (2000, 2001), &folder, "certificate expired"),
        ("localhost", (2999, 3000), &folder, "certificate not valid yet"),
        ("localhost", (2000, 3000), &other, "BadSignature"),
    ];
    for (host, years, trusted, reason) in table {
        let server = server(folder.path(), host, years);
        let delivery = delivered(2, &destination(&server.url, &[("ca_file", &path(trusted))]));
        let (exit, code, message) = stop(&delivery);
        assert_eq!((exit, code), (Exit::Refused, Code::DeliverIdentity), "{message}");
        assert!(message.starts_with("the identity of `localhost:") && message.contains(reason), "{message}");
        assert!(server.seen().is_empty() && delivery.in_doubt.is_empty());
        assert_eq!(delivery.volume.requests, 1);
    }
}
