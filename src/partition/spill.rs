//! Temporary storage for partitions: bytes are appended as chunks, and each chunk is read back by where it was stored.
//!
//! The first chunks stay in memory, up to a limit; all others go to a temporary file. No other process can open that file:
//! it has no name and mode 0600, and it disappears with the process, however that ends. One file holds everything, so the
//! number of open files does not grow with the input.

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

/// Chunks in memory and in a temporary file.
#[derive(Debug)]
pub struct Spill {
    folder: PathBuf,
    state: Mutex<SpillState>,
}

#[derive(Debug)]
struct SpillState {
    /// The chunks in memory.
    held: Vec<Arc<Vec<u8>>>,
    /// How many bytes more may stay in memory.
    memory_left: u64,
    /// The file and where it ends, once it is needed.
    file: Option<(File, u64)>,
    failure: Option<io::Error>,
}

/// Where some bytes are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    storage: Storage,
    /// The first byte, in the file or in what is held.
    at: u64,
    length: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Storage {
    /// Memory: the number of the held chunk.
    Memory(usize),
    File,
}

impl Chunk {
    /// How many bytes it has.
    #[must_use]
    pub fn len(self) -> usize {
        self.length
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.length == 0
    }

    /// At most `most` of its bytes, from the byte `from` on.
    #[must_use]
    pub fn slice(self, from: usize, most: usize) -> Chunk {
        let from = from.min(self.length);
        Chunk { at: self.at + from as u64, length: most.min(self.length - from), ..self }
    }
}

/// The bytes of a chunk.
#[derive(Debug)]
pub enum ChunkBytes<'a> {
    /// They are held in memory: which of these.
    Held(Arc<Vec<u8>>, Range<usize>),
    /// They were read from the file.
    Read(&'a [u8]),
}

impl Deref for ChunkBytes<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            ChunkBytes::Held(bytes, range) => &bytes[range.clone()],
            ChunkBytes::Read(bytes) => bytes,
        }
    }
}

impl Spill {
    /// An empty spill that holds at most `memory` bytes in memory, and all others in a file in the folder for temporary
    /// files.
    #[must_use]
    pub fn new(folder: &Path, memory: u64) -> Spill {
        let state = SpillState { held: Vec::new(), memory_left: memory, file: None, failure: None };
        Spill { folder: folder.to_owned(), state: Mutex::new(state) }
    }

    /// The folder for temporary files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Stores some bytes.
    ///
    /// # Errors
    /// The disk is full or broken.
    pub fn write(&self, bytes: &[u8]) -> io::Result<Chunk> {
        let mut state = self.state();
        if state.reserve_memory(bytes.len()) {
            Ok(state.hold(bytes.to_vec()))
        } else {
            state.append(bytes, &self.folder)
        }
    }

    /// Stores a buffer and leaves it empty. What stays in memory is not copied, and keeps its spare capacity.
    ///
    /// # Errors
    /// The disk is full or broken.
    pub fn store_buffer(&self, bytes: &mut Vec<u8>) -> io::Result<Chunk> {
        let mut state = self.state();
        // Spare capacity is not counted: the system gives no memory to pages that were never written.
        if state.reserve_memory(bytes.len()) {
            return Ok(state.hold(take(bytes)));
        }
        let chunk = state.append(bytes, &self.folder);
        bytes.clear();
        chunk
    }

    /// Returns the bytes of a chunk; `buffer` takes those that have to be read.
    ///
    /// # Errors
    /// The disk is broken.
    pub fn read<'a>(&self, chunk: Chunk, buffer: &'a mut Vec<u8>) -> io::Result<ChunkBytes<'a>> {
        let state = self.state();
        if let Storage::Memory(number) = chunk.storage {
            let from = usize::try_from(chunk.at).unwrap_or(usize::MAX);
            return Ok(ChunkBytes::Held(Arc::clone(&state.held[number]), from..from + chunk.length));
        }
        buffer.resize(chunk.length, 0);
        if let Some((file, _)) = &state.file {
            read_at(file, buffer, chunk.at)?;
        }
        Ok(ChunkBytes::Read(buffer))
    }

    /// The vector that starts with the bytes of a chunk and has at least `spare` bytes behind them. `None`: the chunk is not
    /// held in memory, does not start its vector, or has not so many bytes behind it.
    #[must_use]
    pub fn held_with_spare(&self, chunk: Chunk, spare: usize) -> Option<Arc<Vec<u8>>> {
        let Storage::Memory(number) = chunk.storage else { return None };
        let state = self.state();
        let held = state.held.get(number)?;
        (chunk.at == 0 && chunk.length + spare <= held.len()).then(|| Arc::clone(held))
    }

    /// Appends the bytes of a chunk to others.
    ///
    /// # Errors
    /// The disk is broken.
    pub fn append_to(&self, chunk: Chunk, bytes: &mut Vec<u8>) -> io::Result<()> {
        let (state, before) = (self.state(), bytes.len());
        if let Storage::Memory(number) = chunk.storage {
            let from = usize::try_from(chunk.at).unwrap_or(usize::MAX);
            bytes.extend_from_slice(&state.held[number][from..from + chunk.length]);
            return Ok(());
        }
        bytes.resize(before + chunk.length, 0);
        match &state.file {
            Some((file, _)) => read_at(file, &mut bytes[before..], chunk.at),
            None => Ok(()),
        }
    }

    /// Whether some chunks are in the file.
    pub fn is_on_disk(&self) -> bool {
        self.state().file.is_some()
    }

    /// Keeps an error that cannot be returned where it happens; the first one counts.
    pub fn keep_failure(&self, cause: io::Error) {
        self.state().failure.get_or_insert(cause);
    }

    /// Whether a failure was kept.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.state().failure.is_some()
    }

    /// Takes out the error that was kept.
    pub fn take_failure(&self) -> Option<io::Error> {
        self.state().failure.take()
    }

    fn state(&self) -> MutexGuard<'_, SpillState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpillState {
    /// Reserves memory for more bytes, if they may stay there; tells whether they may.
    fn reserve_memory(&mut self, bytes: usize) -> bool {
        let left = self.memory_left.checked_sub(bytes as u64);
        self.memory_left = left.unwrap_or(self.memory_left);
        left.is_some()
    }

    fn hold(&mut self, bytes: Vec<u8>) -> Chunk {
        let chunk = Chunk { storage: Storage::Memory(self.held.len()), at: 0, length: bytes.len() };
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
        Ok(Chunk { storage: Storage::File, at, length: bytes.len() })
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<()> {
    file.read_exact_at(buffer, at)
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    file.write_all_at(bytes, at)
}

#[cfg(not(unix))]
fn read_at(mut file: &File, buffer: &mut [u8], at: u64) -> io::Result<()> {
    use std::io::{Read as _, Seek as _};

    file.seek(io::SeekFrom::Start(at))?;
    file.read_exact(buffer)
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
    fn chunks_are_read_as_they_were_stored() {
        let folder = tempfile::tempdir().unwrap();
        for memory in [0, 4, 100] {
            let spill = Spill::new(folder.path(), memory);
            let mut buffer = b"three".to_vec();
            let mut chunks: Vec<_> = ["", "one", "two"].map(|text| spill.write(text.as_bytes()).unwrap()).into();
            chunks.push(spill.store_buffer(&mut buffer).unwrap());
            assert_eq!(*buffer, *b"");
            let mut bytes = Vec::new();
            for (chunk, text) in chunks.iter().zip(["", "one", "two", "three"]).rev() {
                assert_eq!(*spill.read(*chunk, &mut bytes).unwrap(), *text.as_bytes());
            }
            assert_eq!(*spill.read(chunks[3].slice(2, 9), &mut bytes).unwrap(), *b"ree");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
