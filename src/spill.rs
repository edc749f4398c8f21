//! A temporary file for what does not fit into memory: bytes go in at its end, and come back by where they stand.
//!
//! Nobody else can see the file: it has no name and mode 0600, and it is gone with the process, however that ends. One file
//! holds everything, so that the number of open files does not grow with the input.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A temporary file.
#[derive(Debug)]
pub struct Spill {
    folder: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: File,
    end: u64,
    failed: Option<io::Error>,
}

/// Some bytes in a temporary file.
#[derive(Clone, Copy, Debug)]
pub struct Chunk {
    at: u64,
    length: usize,
}

impl Chunk {
    /// How many bytes they are.
    #[must_use]
    pub fn len(self) -> usize {
        self.length
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.length == 0
    }

    /// A part of them.
    #[must_use]
    pub fn part(self, from: usize, most: usize) -> Chunk {
        let from = from.min(self.length);
        Chunk { at: self.at + from as u64, length: most.min(self.length - from) }
    }
}

impl Spill {
    /// A new file in the folder for temporary files.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn create(folder: &Path) -> io::Result<Spill> {
        let file = tempfile::tempfile_in(folder)?;
        Ok(Spill { folder: folder.to_owned(), inner: Mutex::new(Inner { file, end: 0, failed: None }) })
    }

    /// The folder it lies in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Adds some bytes.
    ///
    /// # Errors
    /// The disk is full or broken.
    pub fn write(&self, bytes: &[u8]) -> io::Result<Chunk> {
        let mut inner = self.inner();
        let at = inner.end;
        inner.file.seek(SeekFrom::Start(at))?;
        inner.file.write_all(bytes)?;
        inner.end += bytes.len() as u64;
        Ok(Chunk { at, length: bytes.len() })
    }

    /// Reads some bytes back, in the place of what `into` held.
    ///
    /// # Errors
    /// The disk is broken.
    pub fn read(&self, chunk: Chunk, into: &mut Vec<u8>) -> io::Result<()> {
        into.resize(chunk.length, 0);
        let mut inner = self.inner();
        inner.file.seek(SeekFrom::Start(chunk.at))?;
        inner.file.read_exact(into)
    }

    /// Remembers an error that cannot be told where it happens.
    pub fn fail(&self, cause: io::Error) {
        self.inner().failed.get_or_insert(cause);
    }

    /// The error that was remembered.
    pub fn failure(&self) -> Option<io::Error> {
        self.inner().failed.take()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Spill;

    #[test]
    fn chunks_come_back_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let spill = Spill::create(folder.path()).unwrap();
        let chunks: Vec<_> = ["", "one", "two"].iter().map(|text| spill.write(text.as_bytes()).unwrap()).collect();
        let mut bytes = Vec::new();
        for (chunk, text) in chunks.iter().zip(["", "one", "two"]).rev() {
            spill.read(*chunk, &mut bytes).unwrap();
            assert_eq!(bytes, text.as_bytes());
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
