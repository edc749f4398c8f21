//! Bytes on their way into a spill, parted by where they belong.
//!
//! What belongs to one part is gathered in a buffer of its own, and let go of when it is enough. What is added must be
//! short against the room of a buffer, so that a buffer does not have to grow.

#![expect(clippy::inline_always, reason = "a call for each row costs more than copying it")]

use std::io;

use crate::partition::spill::{Back, Chunk, Spill};

/// How much of a buffer is left when it is let go of: one row more mostly fits.
const SLACK: usize = 512;

/// Bytes by their part.
#[derive(Debug)]
pub struct Partitions {
    buffers: Vec<Vec<u8>>,
    chunks: Vec<Vec<Chunk>>,
    /// How many bytes are gathered at once.
    room: usize,
    /// How many zero bytes stand behind what is let go of.
    beyond: usize,
}

impl Partitions {
    /// No bytes yet; of each part so many are gathered at once, and so many zero bytes stand behind those.
    #[must_use]
    pub fn new(room: usize, beyond: usize) -> Partitions {
        Partitions { buffers: Vec::new(), chunks: Vec::new(), room, beyond }
    }

    /// Lets somebody add something to a part.
    ///
    /// # Errors
    /// The disk is full or broken.
    #[inline(always)]
    pub fn add(&mut self, part: usize, spill: &Spill, put: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let buffer = match self.buffers.get_mut(part) {
            Some(buffer) if buffer.capacity() > 0 => buffer,
            _ => self.make_room(part),
        };
        put(buffer);
        if buffer.len() + SLACK < self.room { Ok(()) } else { self.let_go(part, spill) }
    }

    #[cold]
    #[inline(never)]
    fn make_room(&mut self, part: usize) -> &mut Vec<u8> {
        if self.buffers.len() <= part {
            self.buffers.resize_with(part + 1, Vec::new);
            self.chunks.resize_with(part + 1, Vec::new);
        }
        let buffer = &mut self.buffers[part];
        *buffer = Vec::with_capacity(self.room);
        buffer
    }

    #[cold]
    #[inline(never)]
    fn let_go(&mut self, part: usize, spill: &Spill) -> io::Result<()> {
        let buffer = &mut self.buffers[part];
        let length = buffer.len();
        buffer.resize(length + self.beyond, 0);
        self.chunks[part].push(spill.take(buffer)?.part(0, length));
        Ok(())
    }

    /// How many bytes a part has.
    #[must_use]
    pub fn bytes(&self, part: usize) -> usize {
        let let_go = self.chunks.get(part).into_iter().flatten().map(|chunk| chunk.len()).sum::<usize>();
        let_go + self.buffers.get(part).map_or(0, Vec::len)
    }

    /// Gives the bytes of a part back, some after the other; `room` is for those that have to be read.
    ///
    /// # Errors
    /// The disk is broken.
    pub fn read(&self, part: usize, spill: &Spill, room: &mut Vec<u8>, visit: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        for chunk in self.chunks.get(part).into_iter().flatten() {
            let bytes: Back<'_> = spill.read(*chunk, room)?;
            visit(&bytes);
        }
        self.buffers.get(part).into_iter().for_each(|buffer| visit(buffer));
        Ok(())
    }

    /// Lets go of everything; gives the bytes of each part.
    ///
    /// # Errors
    /// The disk is full or broken.
    pub fn finish(mut self, spill: &Spill) -> io::Result<Vec<Vec<Chunk>>> {
        for part in 0..self.buffers.len() {
            if !self.buffers[part].is_empty() {
                self.let_go(part, spill)?;
            }
            self.buffers[part] = Vec::new();
        }
        Ok(self.chunks)
    }
}
