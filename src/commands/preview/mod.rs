//! `xwalk preview`: the page, what it follows, and what it shows.
//!
//! A save leads to an [`edition`]: the mapping as it is now, and the recording as that reads it. If something is broken, the
//! last recording that could be read stays. One record of it is drawn when the page asks for it.

mod edition;
mod opened_recording;
mod finding_groups;
mod mapping_lines;
mod contract_rules;
mod json_lines;
mod record;

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    sync::Arc,
};

use crate::{
    cli,
    commands::{load, preview::edition::Follower, runtime::Runtime},
    diagnostic::{Code, Diagnostic},
    digest::{FileDigest, hex},
    error::{Error, Exit},
    io_cause::{Purpose, advise, describe_cause},
    preview::{
        access::PageAddress,
        server::{self, Showing},
    },
};

/// Serves the page until it is interrupted.
///
/// # Errors
/// There is no mapping, the folder is a file, or the port cannot be listened on.
pub fn preview(args: &cli::Preview, runtime: &mut Runtime<'_>) -> Result<Exit, Error> {
    let root = runtime.root.clone();
    let profiles = load::profiles(&root).map_err(Error::Config)?;
    let mapping = load::mapping_path(args.mapping.as_deref(), profiles.as_ref(), &root).map_err(Error::Config)?;
    let input = profiles.as_ref().and_then(|file| file.profiles.input(None)).unwrap_or(".");
    let folder = args.dir.clone().unwrap_or_else(|| root.join(input));
    load::check_folders(std::slice::from_ref(&folder)).map_err(Error::Config)?;
    if !folder.is_dir() {
        let message = format!("there is no folder `{}`", folder.display());
        let hint = "name the drop folder, as in `xwalk preview samples/flight-02`";
        return Err(Error::Config(vec![Diagnostic::new(Code::PlanUsage, message).hint(hint)]));
    }
    let temporary = runtime.temporary_folder().to_owned();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port));
    let bound = listener.and_then(|listener| Ok((listener.local_addr()?, listener)));
    let (host, listener) = bound.map_err(|cause| cannot_listen(args.port, &cause))?;
    let address = PageAddress { host: host.to_string(), token: random_word(runtime.context.nonce) };
    let mut follower = Follower::new(mapping, folder, temporary, args.unmask);
    let first = show(follower.read());
    // The page is also served when stderr is closed.
    drop(writeln!(runtime.err, "the preview is at {} (Ctrl-C stops)", address.url()));
    let look = move || follower.look().map(show);
    server::serve(listener, address, first, Box::new(look))
        .map(|()| Exit::Done)
        .map_err(|cause| cannot_listen(args.port, &cause))
}

/// What the page shows of an edition.
fn show(edition: edition::Edition) -> Showing {
    Arc::new(move |record| edition.draw(record))
}

/// A word that nobody guesses, from the randomness of the run. It is digested, as the same randomness is in other names.
fn random_word(nonce: [u8; 16]) -> String {
    let digest = FileDigest::of(&[b"preview", nonce.as_slice()].concat());
    hex(&digest)[..32].to_owned()
}

/// The preview cannot listen on a port.
fn cannot_listen(port: u16, cause: &io::Error) -> Error {
    let address = if port == 0 { "127.0.0.1".to_owned() } else { format!("127.0.0.1:{port}") };
    let message = format!("the preview cannot listen on `{address}`: {}", describe_cause(cause));
    let finding = Diagnostic::new(Code::PreviewCannotListen, message).hint(advise(Purpose::Listen, cause));
    Error::Storage(Box::new(finding))
}
