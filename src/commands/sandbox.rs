//! `xwalk sandbox`, and the sandbox that a `convert` run starts for itself.

use std::{fs, io, path::Path, sync::Arc};

use crate::{
    cli,
    commands::{
        load::{self, SandboxApi},
        runtime::Runtime,
    },
    config::{
        mapping::request_path::PathTemplate,
        profile::secret::{Environment, Secret, SecretSource},
    },
    diagnostic::{Code, Diagnostic},
    error::{Error, Exit},
    io_cause::{Purpose, advise, describe_cause},
    plan::Plan,
    sandbox::{RunningSandbox, SandboxOptions, SandboxServer},
};

/// Serves the mock API until it is interrupted.
pub fn serve(args: &cli::Sandbox, runtime: &mut Runtime<'_>) -> Result<Exit, Error> {
    let SandboxApi { contract, path, documents } = load::api(args, &runtime.root).map_err(Error::Config)?;
    let bearer = args.bearer_env.as_ref().map(|variable| {
        let source = SecretSource { env: Some(variable.clone()), file: None };
        source.read(Path::new(""), &Environment(runtime.environment.clone())).map(|(token, _)| token)
    });
    let bearer = bearer.transpose().map_err(|said| {
        let finding = Diagnostic::new(Code::PlanSecret, said).hint("set it to the token that clients must show");
        Error::Config(vec![finding])
    })?;
    if let Some(keep) = &args.keep {
        fs::create_dir_all(keep).map_err(|cause| Error::storage("cannot use the folder", keep, &cause))?;
    }
    // The server also runs when stderr is closed.
    let listening = |address| drop(writeln!(runtime.err, "listening on http://{address}; Ctrl-C stops"));
    SandboxServer::run(SandboxOptions { documents, ..options(args, path, bearer) }, contract, listening)
        .map(|()| Exit::Done)
        .map_err(|cause| not_listening(args.port, &cause))
}

/// Starts the mock API for this run, on a free loopback port.
pub fn embedded(plan: &Plan) -> Result<RunningSandbox, Error> {
    let path = PathTemplate::parse(&plan.request.path).ok();
    let settings =
        SandboxOptions { port: 0, path, documents: plan.body.documents.clone(), ..SandboxOptions::default() };
    let started = SandboxServer::start(settings, Arc::clone(&plan.contract));
    started.map_err(|cause| not_listening(0, &cause))
}

/// The sandbox cannot listen on a port.
fn not_listening(port: u16, cause: &io::Error) -> Error {
    let address = if port == 0 { "127.0.0.1".to_owned() } else { format!("127.0.0.1:{port}") };
    let message = format!("the sandbox cannot listen on `{address}`: {}", describe_cause(cause));
    let finding = Diagnostic::new(Code::SandboxCannotListen, message).hint(advise(Purpose::Listen, cause));
    Error::Storage(Box::new(finding))
}

/// The options that the flags mean, for one path or all, and with the token that clients must send.
fn options(flags: &cli::Sandbox, path: Option<PathTemplate>, bearer: Option<Secret>) -> SandboxOptions {
    let default = SandboxOptions::default();
    SandboxOptions {
        port: flags.port,
        path,
        documents: default.documents,
        bearer,
        faults: flags.faults.clone(),
        delay: flags.delay.unwrap_or(default.delay),
        drop_after: flags.drop_after,
        keep: flags.keep.clone(),
        max_body: flags.max_body.unwrap_or(default.max_body),
        seed: flags.seed,
    }
}
