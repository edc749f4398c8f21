//! Room for what is cut into pieces: bytes go in at its end, and come back by where they stand.
//!
//! The first of them stay in memory, as many as were allowed; what is more goes to a temporary file. Nobody else can see
//! that file: it has no name and mode 0600, and it is gone with the process, however that ends. One file holds everything,
//! so that the number of open files does not grow with the input.

use std::{
    fs::File,
    io,
    mem::take,
    ops::{Deref, Range},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

#[cfg(unix)]
use std::os::unix::fs::FileExt;

/// Room in memory and in a temporary file.
#[derive(Debug)]
pub struct Spill {
    folder: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    held: Vec<Arc<Vec<u8>>>,
    /// How many bytes more may stay in memory.
    room: u64,
    /// The file and where it ends, once it is needed.
    file: Option<(File, u64)>,
    failed: Option<io::Error>,
}

/// Where some bytes stand.
#[derive(Clone, Copy, Debug)]
pub struct Chunk {
    place: Place,
    /// In the file, or in what is held.
    at: u64,
    length: usize,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Held(usize),
    File,
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
        Chunk { at: self.at + from as u64, length: most.min(self.length - from), ..self }
    }
}

/// Bytes that came back.
#[derive(Debug)]
pub enum Back<'a> {
    /// They were in memory all the time.
    Held(Arc<Vec<u8>>, Range<usize>),
    /// They were read from the file.
    Read(&'a [u8]),
}

impl Deref for Back<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Back::Held(bytes, range) => &bytes[range.clone()],
            Back::Read(bytes) => bytes,
        }
    }
}

impl Spill {
    /// Room for this many bytes in memory, and for all others in a file in the folder for temporary files.
    #[must_use]
    pub fn new(folder: &Path, room: u64) -> Spill {
        let inner = Inner { held: Vec::new(), room, file: None, failed: None };
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
        if inner.takes(bytes.len()) { Ok(inner.hold(bytes.to_vec())) } else { inner.append(bytes, &self.folder) }
    }

    /// Adds what was written and leaves nothing: what stays in memory is not copied, and the room behind it stays too.
    ///
    /// # Errors
    /// The disk is full or broken.
    pub fn take(&self, bytes: &mut Vec<u8>) -> io::Result<Chunk> {
        let mut inner = self.inner();
        // Memory that was never written to is none.
        if inner.takes(bytes.len()) {
            return Ok(inner.hold(take(bytes)));
        }
        let chunk = inner.append(bytes, &self.folder);
        bytes.clear();
        chunk
    }

    /// Gives some bytes back; `room` is for those that have to be read.
    ///
    /// # Errors
    /// The disk is broken.
    pub fn read<'a>(&self, chunk: Chunk, room: &'a mut Vec<u8>) -> io::Result<Back<'a>> {
        let inner = self.inner();
        if let Place::Held(number) = chunk.place {
            let from = usize::try_from(chunk.at).unwrap_or(usize::MAX);
            return Ok(Back::Held(Arc::clone(&inner.held[number]), from..from + chunk.length));
        }
        room.resize(chunk.length, 0);
        if let Some((file, _)) = &inner.file {
            read_at(file, room, chunk.at)?;
        }
        Ok(Back::Read(room))
    }

    /// Some bytes that were in memory all the time, with at least so many more behind them. `None`: they are not alone, or
    /// there is no room behind them.
    #[must_use]
    pub fn held(&self, chunk: Chunk, beyond: usize) -> Option<Arc<Vec<u8>>> {
        let Place::Held(number) = chunk.place else { return None };
        let inner = self.inner();
        let held = inner.held.get(number)?;
        (chunk.at == 0 && chunk.length + beyond <= held.len()).then(|| Arc::clone(held))
    }

    /// Puts some bytes behind others.
    ///
    /// # Errors
    /// The disk is broken.
    pub fn append_to(&self, chunk: Chunk, bytes: &mut Vec<u8>) -> io::Result<()> {
        let (inner, before) = (self.inner(), bytes.len());
        if let Place::Held(number) = chunk.place {
            let from = usize::try_from(chunk.at).unwrap_or(usize::MAX);
            bytes.extend_from_slice(&inner.held[number][from..from + chunk.length]);
            return Ok(());
        }
        bytes.resize(before + chunk.length, 0);
        match &inner.file {
            Some((file, _)) => read_at(file, &mut bytes[before..], chunk.at),
            None => Ok(()),
        }
    }

    /// Whether some of it is in the file.
    pub fn is_on_disk(&self) -> bool {
        self.inner().file.is_some()
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
    /// Whether so many bytes more may stay in memory; then they are taken to.
    fn takes(&mut self, bytes: usize) -> bool {
        let left = self.room.checked_sub(bytes as u64);
        self.room = left.unwrap_or(self.room);
        left.is_some()
    }

    fn hold(&mut self, bytes: Vec<u8>) -> Chunk {
        let chunk = Chunk { place: Place::Held(self.held.len()), at: 0, length: bytes.len() };
        self.held.push(Arc::new(bytes));
        chunk
    }

    fn append(&mut self, bytes: &[u8], folder: &Path) -> io::Result<Chunk> {
        let (file, end) = match &mut self.file {
            Some(file) => file,
            none => none.insert((tempfile::tempfile_in(folder)?, 0)),
        };
        let at = *end;
        write_at(file, bytes, at)?;
        *end += bytes.len() as u64;
        Ok(Chunk { place: Place::File, at, length: bytes.len() })
    }
}

#[cfg(unix)]
fn read_at(file: &File, room: &mut [u8], at: u64) -> io::Result<()> {
    file.read_exact_at(room, at)
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    file.write_all_at(bytes, at)
}

#[cfg(not(unix))]
fn read_at(mut file: &File, room: &mut [u8], at: u64) -> io::Result<()> {
    use std::io::{Read as _, Seek as _};

    file.seek(io::SeekFrom::Start(at))?;
    file.read_exact(room)
}

#[cfg(not(unix))]
fn write_at(mut file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    use std::io::{Seek as _, Write as _};

    file.seek(io::SeekFrom::Start(at))?;
    file.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::Spill;

    #[test]
    fn chunks_come_back_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        for room in [0, 4, 100] {
            let spill = Spill::new(folder.path(), room);
            let mut buffer = b"three".to_vec();
            let mut chunks: Vec<_> = ["", "one", "two"].map(|text| spill.write(text.as_bytes()).unwrap()).into();
            chunks.push(spill.take(&mut buffer).unwrap());
            assert_eq!(*buffer, *b"");
            let mut bytes = Vec::new();
            for (chunk, text) in chunks.iter().zip(["", "one", "two", "three"]).rev() {
                assert_eq!(*spill.read(*chunk, &mut bytes).unwrap(), *text.as_bytes());
            }
            assert_eq!(*spill.read(chunks[3].part(2, 9), &mut bytes).unwrap(), *b"ree");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
