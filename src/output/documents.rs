//! The documents as a JSON file: a list with one document on each line, or one document on each line and no list.
//!
//! A file appears under its name only when it is whole, so a run that fails leaves nothing half-written. It is private:
//! it holds people's data.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

use crate::{
    config::profile::destination::BodyShape,
    options::StdoutReader,
    output::{new_file::NewFile, places, pretty::indent},
    recording::payload::Payload,
};

/// A file that documents are written to.
pub struct Documents<'a> {
    out: BufWriter<OutputFile<'a>>,
    /// What stands around the list; `None`: each document has a line.
    list: Option<BodyShape>,
    any: bool,
    /// Documents are indented, for people.
    is_pretty: bool,
}

enum OutputFile<'a> {
    /// Standard output.
    Stream(&'a mut dyn Write),
    /// What is no regular file, as `/dev/null`.
    Device(File),
    /// A file in the making.
    New(NewFile),
}

impl Write for OutputFile<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            // A reader that closes the pipe has seen enough, as with any filter.
            OutputFile::Stream(out) => ignore_closed_pipe(out.write(bytes), bytes.len()),
            OutputFile::Device(file) => file.write(bytes),
            OutputFile::New(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            OutputFile::Stream(out) => ignore_closed_pipe(out.flush(), ()),
            OutputFile::Device(file) => file.flush(),
            OutputFile::New(file) => file.flush(),
        }
    }
}

/// A closed pipe is no error: who reads has read enough.
///
/// # Errors
/// Any other cause.
pub fn ignore_closed_pipe<T>(result: io::Result<T>, all: T) -> io::Result<T> {
    result.or_else(|cause| if cause.kind() == io::ErrorKind::BrokenPipe { Ok(all) } else { Err(cause) })
}

impl<'a> Documents<'a> {
    /// Opens a file, or takes `out` for `-`. `.ndjson` and `.jsonl` files hold no list. What goes to `out` is indented if a
    /// person reads it there.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn create(
        path: &Path,
        shape: &BodyShape,
        reader: StdoutReader,
        out: &'a mut dyn Write,
    ) -> io::Result<Documents<'a>> {
        let is_pretty = reader == StdoutReader::Person && places::is_stdout(path);
        let lines = path.extension().is_some_and(|extension| extension == "ndjson" || extension == "jsonl");
        let sink = if places::is_stdout(path) {
            OutputFile::Stream(out)
        } else if places::is_stream(path) {
            OutputFile::Device(places::open_stream(path)?)
        } else {
            OutputFile::New(NewFile::create(path)?)
        };
        let list = Some(shape.clone()).filter(|shape| !lines && !shape.is_single());
        Ok(Documents { out: BufWriter::with_capacity(1 << 16, sink), list, any: false, is_pretty })
    }

    /// Adds a document.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&mut self, payload: &Payload) -> io::Result<()> {
        self.write_parts(|write| write(payload.bytes()))
    }

    /// Adds a document that comes in parts.
    ///
    /// # Errors
    /// The file cannot be written, or the parts cannot be read.
    pub fn write_parts(
        &mut self,
        parts: impl FnOnce(&mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()>,
    ) -> io::Result<()> {
        let before: &[u8] = match (&self.list, self.any) {
            (Some(shape), false) => shape.before(),
            (Some(_), true) => b",\n",
            (None, _) => b"",
        };
        let is_first = !self.any;
        self.any = true;
        self.out.write_all(before)?;
        if self.is_pretty {
            let level = usize::from(self.list.is_some());
            let mut json = Vec::new();
            parts(&mut |bytes| {
                json.extend_from_slice(bytes);
                Ok(())
            })?;
            let mut text = if is_first && level > 0 { b"\n".to_vec() } else { Vec::new() };
            text.resize(text.len() + 2 * level, b' ');
            indent(&json, level, &mut text);
            self.out.write_all(&text)?;
        } else {
            parts(&mut |bytes| self.out.write_all(bytes))?;
        }
        if self.list.is_some() { Ok(()) } else { self.out.write_all(b"\n") }
    }

    /// Closes the list, and gives the file its name.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(mut self) -> io::Result<()> {
        if let Some(shape) = &self.list {
            if !self.any {
                self.out.write_all(shape.before())?;
            }
            if self.is_pretty && self.any {
                self.out.write_all(b"\n")?;
            }
            self.out.write_all(shape.after())?;
            self.out.write_all(b"\n")?;
        }
        match self.out.into_inner().map_err(io::IntoInnerError::into_error)? {
            OutputFile::Stream(out) => ignore_closed_pipe(out.flush(), ()),
            OutputFile::Device(mut file) => file.flush(),
            OutputFile::New(file) => file.finish(),
        }
    }
}
