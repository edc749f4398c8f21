//! `xwalk sandbox`, and the sandbox that a run starts for itself.

use std::{path::Path, sync::Arc};

use crate::{
    cli,
    commands::{load, runtime::Runtime},
    config::profile::secret::{Environment, Secret, SecretSource},
    diagnostic::{Code, Diagnostic},
    error::{Error, Exit},
    plan::Plan,
    sandbox::{self, Settings},
};

/// Serves the pretend API until it is interrupted.
pub fn serve(args: &cli::Sandbox, runtime: &mut Runtime<'_>) -> Result<Exit, Error> {
    let (contract, path) = load::api(args, &runtime.root).map_err(Error::Config)?;
    let bearer = args.bearer_env.as_ref().map(|variable| {
        let source = SecretSource { env: Some(variable.clone()), file: None };
        source.read(Path::new(""), &Environment(runtime.environment.clone())).map(|(token, _)| token)
    });
    let bearer = bearer.transpose().map_err(|said| {
        let finding = Diagnostic::new(Code::PlanSecret, said).hint("set it to the token that clients must show");
        Error::Config(vec![finding])
    })?;
    // Whoever started it without a terminal to look at still has a server.
    let listening = |address| drop(writeln!(runtime.err, "listening on http://{address}; Ctrl-C stops"));
    sandbox::Sandbox::run(settings(args, path, bearer), contract, listening)
        .map(|()| Exit::Done)
        .map_err(|cause| Error::storage("cannot serve on", Path::new(&format!("127.0.0.1:{}", args.port)), &cause))
}

/// Starts the pretend API for this run, on a free loopback port.
pub fn embedded(plan: &Plan) -> Result<sandbox::Running, Error> {
    let path = Some(plan.request.path.clone());
    let settings = Settings { port: 0, path, ..Settings::default() };
    let started = sandbox::Sandbox::start(settings, Arc::clone(&plan.contract));
    started.map_err(|cause| Error::storage("cannot start the sandbox on", Path::new("127.0.0.1"), &cause))
}

/// As the flags say, for one path or all, and with a token to ask for.
fn settings(flags: &cli::Sandbox, path: Option<String>, bearer: Option<Secret>) -> Settings {
    let default = Settings::default();
    Settings {
        port: flags.port,
        path,
        bearer,
        faults: flags.faults.clone(),
        delay: flags.delay.unwrap_or(default.delay),
        drop_after: flags.drop_after,
        keep: flags.keep.clone(),
        max_body: flags.max_body.unwrap_or(default.max_body),
        seed: flags.seed,
    }
}
