//! Where each document goes as soon as it may be sent: into the digest of the journal, or into the output.

use std::{
    io::{self, Write},
    path::Path,
};

use crate::{
    commands::convert::{
        conclusion::Conclusion, delivery::JournaledDelivery, partitioned::oversized::OversizedDocument,
    },
    error::{Error, Exit},
    options::ConvertOptions,
    output::{documents::Documents, places},
    plan::Plan,
    recording::{payload::Payload, summary::Outcome},
};

/// What takes documents at once.
pub(crate) struct Sink<'a> {
    /// The journal that remembers them, where they are delivered.
    pub(crate) journal: Option<JournaledDelivery>,
    /// The output, where they can be written at once.
    pub(crate) output: Option<Documents<'a>>,
}

impl Sink<'_> {
    /// Takes a document.
    pub(crate) fn add(&mut self, payload: &Payload) -> io::Result<()> {
        if let Some(journal) = &mut self.journal {
            journal.digest.add(payload.bytes());
        }
        self.output.as_mut().map_or(Ok(()), |output| output.write(payload))
    }

    /// Takes a document that is too large for a partition, and has the index `index`.
    pub(crate) fn add_oversized(&mut self, document: &OversizedDocument, index: u64) -> io::Result<()> {
        if let Some(output) = &mut self.output {
            return output.write_parts(|write| document.write(write));
        }
        if let Some(journal) = &mut self.journal
            // A body is sent as a whole, so it has to be held as one.
            && let Some(payload) = document.payload(index)
        {
            journal.digest.add(payload.bytes());
        }
        Ok(())
    }
}

/// Where documents are written as soon as they are found good, if they are written at all.
///
/// What went to stdout or to a device cannot be taken back, so with `--max-rejects` it waits for the verdict; and a record
/// that several documents share may be found bad after the first of them, so then all of them wait.
pub(crate) fn output<'a>(
    options: &ConvertOptions,
    plan: &Plan,
    out: &'a mut dyn Write,
) -> Result<Option<Documents<'a>>, Error> {
    match &options.output {
        Some(path) if !plan.shares_records() && (options.max_rejects.is_none() || !is_written_at_once(path)) => {
            let documents = Documents::create(path, &plan.body.shape, options.reader, out);
            documents.map(Some).map_err(|cause| unwritten(options, &cause))
        }
        _ => Ok(None),
    }
}

/// Whether documents cannot be taken back once they are written.
fn is_written_at_once(path: &Path) -> bool {
    places::is_stdout(path) || places::is_stream(path)
}

/// Gives the output its name, unless nothing may be written after all.
pub(crate) fn finish(
    options: &ConvertOptions,
    output: Option<Documents<'_>>,
    refused: bool,
) -> Option<Result<Conclusion, Error>> {
    let output = output.filter(|_| !refused)?;
    Some(output.finish().map(|()| written(options)).map_err(|cause| unwritten(options, &cause)))
}

/// The documents were written.
pub(crate) fn written(options: &ConvertOptions) -> Conclusion {
    let path = options.output.as_deref().unwrap_or(Path::new("-"));
    Conclusion { outcome: Outcome::Written { path: path.display().to_string() }, volume: None, exit: Exit::Done }
}

/// The output cannot be written.
pub(crate) fn unwritten(options: &ConvertOptions, cause: &io::Error) -> Error {
    Error::storage("cannot write", options.output.as_deref().unwrap_or(Path::new("-")), cause)
}
