//! Bytes, a few at a time -> a spill, divided by partition.
//!
//! The bytes of each partition are collected in a buffer of its own, which is stored when it is nearly full. What is added
//! at a time must be short compared to a buffer, so that a buffer never has to grow.

#![expect(clippy::inline_always, reason = "a call for each row costs more than copying it")]

use std::io;

use crate::partition::spill::{Chunk, ChunkBytes, Spill};

/// A buffer with less spare capacity than this is stored: mostly, one more row would still have fit.
const SLACK: usize = 512;

/// A buffer for each partition, and the chunks that were stored of it.
#[derive(Debug)]
pub struct PartitionBuffers {
    buffers: Vec<Vec<u8>>,
    chunks: Vec<Vec<Chunk>>,
    /// How many bytes a buffer takes.
    capacity: usize,
    /// How many zero bytes are stored behind each buffer.
    spare: usize,
}

impl PartitionBuffers {
    /// No buffers yet: each will take `capacity` bytes, and is stored with `spare` zero bytes behind it.
    #[must_use]
    pub fn new(capacity: usize, spare: usize) -> PartitionBuffers {
        PartitionBuffers { buffers: Vec::new(), chunks: Vec::new(), capacity, spare }
    }

    /// Adds to a partition what `put` appends.
    ///
    /// # Errors
    /// The disk is full or broken.
    #[inline(always)]
    pub fn add(&mut self, partition: usize, spill: &Spill, put: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let buffer = match self.buffers.get_mut(partition) {
            Some(buffer) if buffer.capacity() > 0 => buffer,
            _ => self.allocate(partition),
        };
        put(buffer);
        if buffer.len() + SLACK < self.capacity { Ok(()) } else { self.flush(partition, spill) }
    }

    #[cold]
    #[inline(never)]
    fn allocate(&mut self, partition: usize) -> &mut Vec<u8> {
        if self.buffers.len() <= partition {
            self.buffers.resize_with(partition + 1, Vec::new);
            self.chunks.resize_with(partition + 1, Vec::new);
        }
        let buffer = &mut self.buffers[partition];
        *buffer = Vec::with_capacity(self.capacity);
        buffer
    }

    #[cold]
    #[inline(never)]
    fn flush(&mut self, partition: usize, spill: &Spill) -> io::Result<()> {
        let buffer = &mut self.buffers[partition];
        let length = buffer.len();
        buffer.resize(length + self.spare, 0);
        self.chunks[partition].push(spill.store_buffer(buffer)?.slice(0, length));
        Ok(())
    }

    /// How many bytes a partition has.
    #[must_use]
    pub fn len(&self, partition: usize) -> usize {
        let stored = self.chunks.get(partition).into_iter().flatten().map(|chunk| chunk.len()).sum::<usize>();
        stored + self.buffers.get(partition).map_or(0, Vec::len)
    }

    /// Visits the bytes of a partition in their order; `buffer` takes those that have to be read.
    ///
    /// # Errors
    /// The disk is broken.
    pub fn read(
        &self,
        partition: usize,
        spill: &Spill,
        buffer: &mut Vec<u8>,
        visit: &mut dyn FnMut(&[u8]),
    ) -> io::Result<()> {
        for chunk in self.chunks.get(partition).into_iter().flatten() {
            let bytes: ChunkBytes<'_> = spill.read(*chunk, buffer)?;
            visit(&bytes);
        }
        self.buffers.get(partition).into_iter().for_each(|buffer| visit(buffer));
        Ok(())
    }

    /// Stores all buffers; returns the chunks of each partition.
    ///
    /// # Errors
    /// The disk is full or broken.
    pub fn finish(mut self, spill: &Spill) -> io::Result<Vec<Vec<Chunk>>> {
        for partition in 0..self.buffers.len() {
            if !self.buffers[partition].is_empty() {
                self.flush(partition, spill)?;
            }
            self.buffers[partition] = Vec::new();
        }
        Ok(self.chunks)
    }
}
