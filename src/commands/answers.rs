//! Findings for scripts on stdout: a reader that goes away has read enough, and a full disk is told in the end.

use std::{
    io::{self, BufWriter, Write},
    path::Path,
};

use crate::{error::Error, output::documents::ignore_closed_pipe};

/// Stdout that remembers why it could not be written, since no finding stops a run.
pub(crate) struct Answers<'a> {
    out: BufWriter<&'a mut dyn Write>,
    failure: Option<io::Error>,
}

impl<'a> Answers<'a> {
    /// Answers to a writer.
    pub(crate) fn to(out: &'a mut dyn Write) -> Answers<'a> {
        Answers { out: BufWriter::new(out), failure: None }
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// Something could not be written.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        let done = self.flush();
        let done = self.failure.take().map_or(done, Err);
        ignore_closed_pipe(done, ()).map_err(|cause| Error::storage("cannot write", Path::new("-"), &cause))
    }
}

impl Write for Answers<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // After a failure nothing more is tried: what follows a gap would mislead.
        if self.failure.is_none()
            && let Err(cause) = self.out.write_all(bytes)
        {
            self.failure = Some(cause);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write as _};

    use crate::commands::answers::Answers;

    #[test]
    fn a_full_disk_is_told_and_a_reader_that_goes_away_is_not() {
        struct FailingStdout(io::ErrorKind);
        impl io::Write for FailingStdout {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(self.0.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        for (kind, is_good) in [(io::ErrorKind::StorageFull, false), (io::ErrorKind::BrokenPipe, true)] {
            let mut failing = FailingStdout(kind);
            let mut answers = Answers::to(&mut failing);
            answers.write_all(&vec![b'x'; 20_000]).unwrap();
            assert_eq!(answers.finish().is_ok(), is_good, "{kind:?}");
        }
    }
}
