//! Recovery: whatever became of the bytes of a journal, no document counts as settled that was not.

use std::{collections::BTreeMap, io};

use crate::journal::{Disk, Journal, Shipment, entry::Entry};

/// A folder in memory.
#[derive(Clone, Default)]
struct MemoryDisk(BTreeMap<String, Vec<u8>>);

impl MemoryDisk {
    fn file(&mut self, name: &str) -> io::Result<&mut Vec<u8>> {
        self.0.get_mut(name).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Disk for MemoryDisk {
    fn names(&mut self) -> io::Result<Vec<String>> {
        Ok(self.0.keys().cloned().collect())
    }

    fn read(&mut self, name: &str) -> io::Result<Vec<u8>> {
        self.file(name).cloned()
    }

    fn create(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.0.insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let bytes = self.0.remove(from).ok_or(io::ErrorKind::NotFound)?;
        self.0.insert(to.to_owned(), bytes);
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.0.remove(name);
        Ok(())
    }

    fn sync_names(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.file(name)?.extend_from_slice(bytes);
        Ok(())
    }

    fn truncate(&mut self, name: &str, length: u64) -> io::Result<()> {
        self.file(name)?.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        Ok(())
    }

    fn sync(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }
}

/// How many documents are delivered.
const DOCUMENTS: u64 = 64;

fn shipment() -> Shipment {
    Shipment { plan: [1; 32], documents: DOCUMENTS, inputs: Vec::new(), nonce: [2; 16], supersede: true }
}

/// The largest first byte of a delivery; with a larger one, the bytes are a file.
const LAST_ANSWER: u8 = 128;

/// The first half of the bytes says what is delivered, the second how the file is damaged: where it is cut, then places and what
/// stands there instead.
///
/// # Panics
/// A document counts as settled that was not.
pub fn fuzz(bytes: &[u8]) {
    let (written, damage) = bytes.split_at(bytes.len() / 2);
    let mut disk = MemoryDisk::default();
    let settled = write(&mut disk, written);
    if written.first().is_none_or(|byte| *byte > LAST_ANSWER) {
        disk.0.insert("epoch-1".into(), bytes.to_vec());
        recover(disk, None);
        return;
    }
    for file in disk.0.values_mut().filter(|file| !file.is_empty()) {
        for (number, pair) in damage.chunks_exact(3).enumerate() {
            let at = (usize::from(pair[0]) << 8 | usize::from(pair[1])) % file.len();
            match number {
                0 => file.truncate(at.max(1)),
                _ => file[at] = pair[2],
            }
            if file.is_empty() {
                break;
            }
        }
    }
    recover(disk, Some(&settled));
}

/// Delivers: each byte is an answer to one document. Gives back which were settled.
fn write(disk: &mut MemoryDisk, bytes: &[u8]) -> Vec<bool> {
    let mut settled = vec![false; usize::try_from(DOCUMENTS).unwrap_or(0)];
    let Ok(mut journal) = Journal::open(std::mem::take(disk)) else { return settled };
    if journal.begin(&shipment(), &mut |_| false).is_err() {
        return settled;
    }
    for byte in bytes {
        let index = u64::from(byte % 64);
        let entry = match byte / 64 {
            0 | 1 => Entry::Ack { ranges: std::iter::once(index..index + 1).collect(), status: 200 },
            2 => Entry::Reject { index, status: 422, code: "deliver/rejected".into() },
            _ => Entry::InDoubt { resumed: false },
        };
        let is_settled = !matches!(entry, Entry::InDoubt { .. });
        if journal.append(&entry).is_ok() && is_settled {
            settled[usize::from(byte % 64)] = true;
        }
    }
    let _ = journal.finish();
    *disk = journal.close();
    settled
}

/// Opens the journal again, twice: what counts as settled was settled, and stays so.
fn recover(disk: MemoryDisk, settled: Option<&[bool]>) {
    let Ok(mut journal) = Journal::open(disk) else { return };
    let Ok(start) = journal.begin(&shipment(), &mut |_| true) else { return };
    let found: Vec<bool> = (0..DOCUMENTS).map(|index| start.epoch.is_settled_for(index)).collect();
    if let Some(settled) = settled {
        assert!(found.iter().zip(settled).all(|(found, settled)| *settled || !*found));
    }
    let Ok(mut again) = Journal::open(journal.close()) else { panic!("a journal that was read cannot be read again") };
    if let Ok(start) = again.begin(&shipment(), &mut |_| true) {
        let again: Vec<bool> = (0..DOCUMENTS).map(|index| start.epoch.is_settled_for(index)).collect();
        assert_eq!(found, again);
    }
}
