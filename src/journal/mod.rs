//! The journal of a target: which documents are settled, on disk. One file per epoch holds a durable header, then entries.
//!
//! A header is durable before the first byte of a body leaves, and an acknowledgement is durable before it is counted.
//! Documents in doubt are sent again and never skipped. No content of a document is stored here.
//! [`Journal`] is the protocol; the disk is behind the trait [`Disk`], so that a test can make every operation fail.
//! `epoch` is the state of one file, `entry` its lines, `state_dir` the real disk.

pub mod entry;
pub mod epoch;
pub mod state_dir;

use std::io;

use crate::{
    digest::Digest,
    journal::{
        entry::{Counts, Entry, Header, InputFile, VERSION},
        epoch::Epoch,
    },
};

/// A folder of files, with the operations that a journal needs. A change is durable once it was synced.
pub trait Disk {
    /// The names of all files.
    fn names(&mut self) -> io::Result<Vec<String>>;
    /// All bytes of a file.
    fn read(&mut self, name: &str) -> io::Result<Vec<u8>>;
    /// Writes a new file and makes it durable, except for its name.
    fn create(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;
    /// Renames a file.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    fn remove(&mut self, name: &str) -> io::Result<()>;
    /// Makes all names durable.
    fn sync_names(&mut self) -> io::Result<()>;
    /// Appends bytes to a file.
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;
    /// Truncates a file to a length.
    fn truncate(&mut self, name: &str, length: u64) -> io::Result<()>;
    /// Makes the bytes of a file durable.
    fn sync(&mut self, name: &str) -> io::Result<()>;
}

/// The documents to deliver.
#[derive(Clone, Debug)]
pub struct Shipment {
    /// The digest of all documents.
    pub plan: Digest,
    /// How many documents there are.
    pub documents: u64,
    /// The files they were made from.
    pub inputs: Vec<InputFile>,
    /// Random, for a new epoch.
    pub nonce: [u8; 16],
    /// Begin although an earlier delivery, whose inputs were replaced, is unfinished.
    pub supersede: bool,
}

/// How a delivery starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// The epoch, with the documents that are settled already.
    pub epoch: Epoch,
    /// The first request has to wait for requests of an earlier epoch.
    pub waits: bool,
    /// The new name of a damaged file, if there was one.
    pub damaged: Option<String>,
}

/// Why a delivery cannot begin.
#[derive(Debug)]
pub enum BeginError {
    /// The disk failed.
    Disk(io::Error),
    /// An earlier delivery is unfinished, its inputs were replaced, and `supersede` is not set.
    Unfinished {
        /// How many of its documents were not settled.
        open: u64,
        /// How many it has.
        documents: u64,
    },
}

impl From<io::Error> for BeginError {
    fn from(cause: io::Error) -> BeginError {
        BeginError::Disk(cause)
    }
}

/// The newest file of a folder.
enum Newest {
    None,
    Whole(Box<Epoch>),
    Damaged,
}

/// The journal of one target.
pub struct Journal<D> {
    disk: D,
    newest: Newest,
    /// The number of the newest file, damaged or not; 0 if there is none.
    number: u64,
    current: Option<Epoch>,
    /// The disk failed once. What it wrote is unknown, so nothing more is written.
    broken: bool,
    /// The last line may not be durable yet.
    unsynced: bool,
}

impl<D: Disk> Journal<D> {
    /// Reads the newest file, and removes drafts that never became a journal.
    ///
    /// # Errors
    /// The disk failed.
    pub fn open(mut disk: D) -> io::Result<Journal<D>> {
        let names = disk.names()?;
        // A process that died while it wrote a header left an incomplete file.
        names.iter().filter(|name| name.ends_with(DRAFT)).try_for_each(|name| disk.remove(name))?;
        let epoch = names.iter().filter_map(|name| parse_number(name, EPOCH)).max().unwrap_or(0);
        let damaged = names.iter().filter_map(|name| parse_number(name, CORRUPT)).max().unwrap_or(0);
        let number = epoch.max(damaged);
        let newest = match number {
            0 => Newest::None,
            _ if damaged >= epoch => Newest::Damaged,
            _ => match Epoch::read(number, &disk.read(&file_name(EPOCH, number))?) {
                Some(epoch) => Newest::Whole(Box::new(epoch)),
                None => Newest::Damaged,
            },
        };
        Ok(Journal { disk, newest, number, current: None, broken: false, unsynced: false })
    }

    /// Returns the disk.
    pub fn close(self) -> D {
        self.disk
    }

    /// Whether the API may still act on a request of an earlier delivery.
    pub fn may_linger(&self) -> bool {
        match &self.newest {
            Newest::None => false,
            Newest::Whole(epoch) => epoch.may_linger(),
            Newest::Damaged => true,
        }
    }

    /// Resumes the newest epoch if it delivers the same documents, else begins a new one; its header is durable afterwards.
    ///
    /// `is_extended` says whether the files of the earlier delivery are the beginnings of the present ones, so that none of
    /// their records is lost.
    ///
    /// # Errors
    /// The disk failed, or the earlier delivery is unfinished and its inputs were replaced.
    pub fn begin(
        &mut self,
        shipment: &Shipment,
        is_extended: &mut dyn FnMut(&[InputFile]) -> bool,
    ) -> Result<Start, BeginError> {
        match &self.newest {
            Newest::Whole(epoch) if is_same(epoch, shipment) => Ok(self.resume(epoch.as_ref().clone())?),
            Newest::Whole(epoch)
                if epoch.done.is_none() && !shipment.supersede && !is_extended(&epoch.header.inputs) =>
            {
                let (documents, counts) = (epoch.header.docs, epoch.counts());
                let open = documents.saturating_sub(counts.accepted + counts.rejected);
                Err(BeginError::Unfinished { open, documents })
            }
            Newest::None | Newest::Whole(_) | Newest::Damaged => Ok(self.begin_epoch(shipment)?),
        }
    }

    fn resume(&mut self, epoch: Epoch) -> io::Result<Start> {
        let waits = epoch.must_wait();
        if epoch.done.is_some() {
            return Ok(Start { epoch, waits: false, damaged: None });
        }
        // A killed process may have left a name, a line or a truncation that is visible and not durable.
        let name = file_name(EPOCH, self.number);
        let truncated = if epoch.is_truncated { self.disk.truncate(&name, epoch.length) } else { Ok(()) };
        let done = truncated.and_then(|()| self.disk.sync(&name)).and_then(|()| self.disk.sync_names());
        self.note_failure(done)?;
        self.current = Some(Epoch { is_truncated: false, ..epoch });
        let damaged = self.remove_older()?;
        // The run before may have died with a request in flight.
        self.write(&Entry::InDoubt { resumed: true })?;
        self.sync()?;
        let epoch = self.current.clone().ok_or_else(broken_error)?;
        Ok(Start { epoch, waits, damaged })
    }

    fn begin_epoch(&mut self, shipment: &Shipment) -> io::Result<Start> {
        // Nobody begins so many epochs: such a file was put there.
        let number = self.number.checked_add(1).ok_or_else(|| io::Error::other("its last number is taken"))?;
        let header = Header {
            v: VERSION,
            n: number,
            plan: shipment.plan,
            docs: shipment.documents,
            nonce: shipment.nonce,
            inputs: shipment.inputs.clone(),
            grace: self.may_linger(),
            tool: env!("CARGO_PKG_VERSION").into(),
        };
        let (epoch, line) = Epoch::begin(header);
        let (name, draft) = (file_name(EPOCH, number), format!("{}{DRAFT}", file_name(EPOCH, number)));
        let written = self.disk.create(&draft, line.as_bytes());
        if written.is_err() {
            // The file may not exist.
            let _ = self.disk.remove(&draft);
        }
        let done = written.and_then(|()| self.disk.rename(&draft, &name)).and_then(|()| self.disk.sync_names());
        self.note_failure(done)?;
        self.number = number;
        self.current = Some(epoch.clone());
        let damaged = self.remove_older()?;
        Ok(Start { waits: epoch.must_wait(), epoch, damaged })
    }

    /// Removes the files older than the current one. A damaged file is renamed instead; returns its new name.
    fn remove_older(&mut self) -> io::Result<Option<String>> {
        let done = self.try_remove_older();
        self.note_failure(done)
    }

    fn try_remove_older(&mut self) -> io::Result<Option<String>> {
        let (mut damaged, mut changed) = (None, false);
        for name in self.disk.names()? {
            let older = parse_number(&name, EPOCH).filter(|number| *number < self.number);
            if let Some(older) = older {
                changed = true;
                if Epoch::read(older, &self.disk.read(&name)?).is_some() {
                    self.disk.remove(&name)?;
                } else {
                    let other = file_name(CORRUPT, older);
                    self.disk.rename(&name, &other)?;
                    damaged = Some(other);
                }
            }
        }
        if changed {
            self.disk.sync_names()?;
        }
        Ok(damaged)
    }

    /// Appends an entry. It survives a kill, and after [`Journal::sync`] a power cut. That an outcome is in doubt is written
    /// once.
    ///
    /// # Errors
    /// The disk failed, now or before: documents without a durable entry will be sent again.
    pub fn append(&mut self, entry: &Entry) -> io::Result<()> {
        match (entry, &self.current) {
            (Entry::InDoubt { .. }, Some(epoch)) if epoch.is_in_doubt && !self.broken => Ok(()),
            _ => self.write(entry),
        }
    }

    /// Makes durable what was appended.
    ///
    /// # Errors
    /// The disk failed, now or before: documents without a durable entry will be sent again.
    pub fn sync(&mut self) -> io::Result<()> {
        if self.broken {
            return Err(broken_error());
        }
        if self.unsynced {
            let done = self.disk.sync(&file_name(EPOCH, self.number));
            self.note_failure(done)?;
            self.unsynced = false;
        }
        Ok(())
    }

    /// Writes that every document is settled, and makes it durable, so that the same delivery is never repeated.
    ///
    /// # Errors
    /// The disk failed, now or before, or not every document is settled.
    pub fn finish(&mut self) -> io::Result<()> {
        let epoch = self.current.as_ref().ok_or_else(broken_error)?;
        let (clean, counts): (bool, Counts) = (!epoch.is_in_doubt, epoch.counts());
        self.write(&Entry::Done { clean, counts })?;
        self.sync()
    }

    /// Renames the current file, because the documents that were sent are not those of its header. Everything will be sent
    /// again.
    ///
    /// # Errors
    /// The disk failed.
    pub fn set_aside(&mut self) -> io::Result<()> {
        self.current = None;
        let (from, to) = (file_name(EPOCH, self.number), file_name(CORRUPT, self.number));
        let done = self.disk.rename(&from, &to);
        self.note_failure(done)?;
        let done = self.disk.sync_names();
        self.note_failure(done)
    }

    /// Writes an entry to the current file. At most one entry is not durable, so a power cut can damage only the last one.
    fn write(&mut self, entry: &Entry) -> io::Result<()> {
        self.sync()?;
        let epoch = self.current.as_mut().filter(|_| !self.broken).ok_or_else(broken_error)?;
        let line = epoch.extend(entry).ok_or_else(broken_error)?;
        let name = file_name(EPOCH, self.number);
        let done = self.disk.append(&name, line.as_bytes());
        self.note_failure(done)?;
        self.unsynced = true;
        Ok(())
    }

    /// After a failure nothing more is written: the success of a second sync does not prove the first.
    fn note_failure<T>(&mut self, done: io::Result<T>) -> io::Result<T> {
        self.broken |= done.is_err();
        done
    }
}

/// Before the number of an epoch.
const EPOCH: &str = "epoch-";
/// Before the number of an epoch whose file is damaged.
const CORRUPT: &str = ".corrupt-";
/// Behind the name of a file that is not complete yet.
const DRAFT: &str = ".new";

fn file_name(kind: &str, number: u64) -> String {
    format!("{kind}{number}")
}

fn parse_number(name: &str, kind: &str) -> Option<u64> {
    let digits = name.strip_prefix(kind)?;
    let plain = !digits.starts_with(['0', '+']);
    digits.parse().ok().filter(|_| plain)
}

fn is_same(epoch: &Epoch, shipment: &Shipment) -> bool {
    (epoch.header.plan, epoch.header.docs) == (shipment.plan, shipment.documents)
}

fn broken_error() -> io::Error {
    io::Error::other("nothing more is written after a failure")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::{
        digest::DeliveryTarget,
        journal::{
            BeginError, Disk as _, Journal, Shipment,
            entry::Entry,
            state_dir::{LockError, StateDir, TargetDir},
        },
    };

    fn state(folder: &Path) -> StateDir {
        StateDir { path: folder.join("state"), named: true }
    }

    fn journal(folder: &Path) -> Journal<TargetDir> {
        Journal::open(state(folder).lock(&DeliveryTarget::new(&["a"])).unwrap()).unwrap()
    }

    fn shipment(plan: u8) -> Shipment {
        Shipment { plan: [plan; 32], documents: 2, inputs: Vec::new(), nonce: [plan; 16], supersede: false }
    }

    fn ack(range: std::ops::Range<u64>) -> Entry {
        Entry::Ack { ranges: std::iter::once(range).collect(), status: 200 }
    }

    #[test]
    fn a_delivery_is_resumed_until_it_is_done_and_then_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = journal(folder.path());
        assert!(!first.begin(&shipment(1), &mut |_| false).unwrap().waits);
        assert!(first.finish().is_err(), "not everything is settled");
        drop(first);
        let mut second = journal(folder.path());
        second.begin(&shipment(1), &mut |_| false).unwrap();
        second.append(&ack(0..1)).unwrap();
        second.append(&Entry::Reject { index: 1, status: 413, code: "deliver/too-large".into() }).unwrap();
        second.finish().unwrap();
        assert!(second.append(&ack(1..2)).is_err(), "nothing follows the end");
        drop(second);
        let mut third = journal(folder.path());
        let start = third.begin(&shipment(1), &mut |_| false).unwrap();
        assert_eq!((start.epoch.done, start.epoch.header.nonce), (Some(false), [1; 16]), "it was resumed, so in doubt");
        assert!(third.append(&ack(0..1)).is_err());
    }

    #[test]
    fn an_unfinished_delivery_is_superseded_only_on_request_or_when_its_inputs_grew() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = journal(folder.path());
        first.begin(&shipment(1), &mut |_| false).unwrap();
        first.append(&ack(0..1)).unwrap();
        drop(first);
        let refused = journal(folder.path()).begin(&shipment(2), &mut |_| false);
        assert!(matches!(refused, Err(BeginError::Unfinished { open: 1, documents: 2 })));
        let grown = journal(folder.path()).begin(&shipment(2), &mut |_| true).unwrap();
        assert!(grown.waits && grown.epoch.accepted.is_empty());
        let superseding = Shipment { supersede: true, ..shipment(3) };
        let start = journal(folder.path()).begin(&superseding, &mut |_| false).unwrap();
        assert_eq!((start.waits, start.epoch.header.n), (true, 3));
        let mut names = journal(folder.path()).close().names().unwrap();
        names.sort();
        assert_eq!(names, ["epoch-3", "lock"]);
    }

    #[test]
    fn a_file_that_was_set_aside_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = journal(folder.path());
        first.begin(&shipment(1), &mut |_| false).unwrap();
        first.append(&ack(0..2)).unwrap();
        first.set_aside().unwrap();
        assert!(first.append(&ack(0..1)).is_err());
        drop(first);
        let mut second = journal(folder.path());
        assert!(second.may_linger());
        let start = second.begin(&shipment(1), &mut |_| false).unwrap();
        assert!(start.waits && start.epoch.accepted.is_empty());
        assert_eq!(second.close().names().unwrap(), [".corrupt-1", "epoch-2", "lock"]);
    }

    #[test]
    fn a_folder_is_locked_by_one_process_at_a_time_and_can_be_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (state, target) = (state(folder.path()), DeliveryTarget::new(&["a"]));
        let held = state.lock(&target).unwrap();
        assert!(matches!(state.lock(&target), Err(LockError::Busy)));
        assert!(state.lock(&DeliveryTarget::new(&["b"])).is_ok());
        assert_eq!(state.targets().unwrap().len(), 2);
        held.remove().unwrap();
        assert_eq!(state.targets().unwrap(), [DeliveryTarget::new(&["b"])]);
        assert!(state.lock(&target).is_ok());
    }
}
