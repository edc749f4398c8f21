//! Room for what is cut into pieces: bytes go in at its end, and come back by where they stand.
//!
//! The first of them stay in memory, as many as were allowed; what is more goes to a temporary file. Nobody else can see
//! that file: it has no name and mode 0600, and it is gone with the process, however that ends. One file holds everything,
//! so that the number of open files does not grow with the input.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use memmap2::MmapMut;

/// Room in memory and in a temporary file.
#[derive(Debug)]
pub struct Spill {
    folder: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// The bytes in memory.
    held: Option<MmapMut>,
    /// The file for all others, once it is needed.
    file: Option<File>,
    /// Where the bytes end: those of the file go on where memory ends.
    end: u64,
    failed: Option<io::Error>,
}

/// Where some bytes stand.
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
    /// Room for this many bytes in memory, and for all others in a file in the folder for temporary files.
    #[must_use]
    pub fn new(folder: &Path, room: u64) -> Spill {
        // It is filled from its start, and takes no memory before; where it cannot be had, everything goes to the file.
        let held = usize::try_from(room).ok().and_then(|room| MmapMut::map_anon(room).ok());
        if let Some(held) = &held {
            // In large pages, where the system has them, the first touch of memory costs a tenth.
            #[cfg(target_os = "linux")]
            let _ = held.advise(memmap2::Advice::HugePage);
        }
        let inner = Inner { held, file: None, end: 0, failed: None };
        Spill { folder: folder.to_owned(), inner: Mutex::new(inner) }
    }

    /// The folder for temporary files.
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
        let room = inner.room();
        // What does not fit whole goes to the file, and so does all that follows.
        if inner.end + bytes.len() as u64 > room && inner.end < room {
            inner.end = room;
        }
        let chunk = Chunk { at: inner.end, length: bytes.len() };
        if let Some(held) = inner.held(chunk) {
            held.copy_from_slice(bytes);
        } else {
            inner.append(bytes, &self.folder)?;
        }
        inner.end += bytes.len() as u64;
        Ok(chunk)
    }

    /// Reads some bytes back, in the place of what `into` held.
    ///
    /// # Errors
    /// The disk is broken.
    pub fn read(&self, chunk: Chunk, into: &mut Vec<u8>) -> io::Result<()> {
        let mut inner = self.inner();
        into.clear();
        if let Some(held) = inner.held(chunk) {
            into.extend_from_slice(held);
            return Ok(());
        }
        into.resize(chunk.length, 0);
        inner.fetch(chunk, into)
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

impl Inner {
    /// How many bytes are in memory at most.
    fn room(&self) -> u64 {
        self.held.as_ref().map_or(0, |held| held.len() as u64)
    }

    /// The place of a chunk in memory, if it is there.
    fn held(&mut self, chunk: Chunk) -> Option<&mut [u8]> {
        let start = usize::try_from(chunk.at).ok()?;
        self.held.as_mut()?.get_mut(start..start.checked_add(chunk.length)?)
    }

    fn append(&mut self, bytes: &[u8], folder: &Path) -> io::Result<()> {
        let at = self.end - self.room();
        if self.file.is_none() {
            self.file = Some(tempfile::tempfile_in(folder)?);
        }
        let Some(file) = &mut self.file else { return Err(io::ErrorKind::NotFound.into()) };
        file.seek(SeekFrom::Start(at))?;
        file.write_all(bytes)
    }

    fn fetch(&mut self, chunk: Chunk, into: &mut [u8]) -> io::Result<()> {
        let at = chunk.at - self.room();
        let Some(file) = &mut self.file else { return Ok(()) };
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(into)
    }
}

#[cfg(test)]
mod tests {
    use super::Spill;

    #[test]
    fn chunks_come_back_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        for room in [0, 4, 100] {
            let spill = Spill::new(folder.path(), room);
            let texts = ["", "one", "two", "three"];
            let chunks = texts.map(|text| spill.write(text.as_bytes()).unwrap());
            let mut bytes = Vec::new();
            for (chunk, text) in chunks.iter().zip(texts).rev() {
                spill.read(*chunk, &mut bytes).unwrap();
                assert_eq!(bytes, text.as_bytes(), "{room}");
            }
            spill.read(chunks[3].part(2, 9), &mut bytes).unwrap();
            assert_eq!(bytes, b"ree");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
