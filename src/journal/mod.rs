//! What is already settled, on disk: one file for each epoch, a durable header and then what the API acknowledged.
//!
//! A header is durable before the first byte of a body leaves, and an acknowledgement is durable before it is counted.
//! Whatever is in doubt is sent again and never skipped; files are never sent from, so nothing of a document is in here.
//! [`Journal`] is the protocol, with the disk behind a trait, so that a test can let it fail in every way;
//! `epoch` is its state, `entry` the lines, `folder` the real disk.

pub mod entry;
pub mod epoch;
pub mod state_dir;

use std::io;

use crate::{
    digest::Digest,
    journal::{
        entry::{Counts, Entry, Header, Input, VERSION},
        epoch::Epoch,
    },
};

/// A folder of files with what a journal needs of it, and not more. A change is durable once it was synced.
pub trait Disk {
    /// The names of all files.
    fn names(&mut self) -> io::Result<Vec<String>>;
    /// All bytes of a file.
    fn read(&mut self, name: &str) -> io::Result<Vec<u8>>;
    /// Writes a new file, durable but for its name.
    fn create(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;
    /// Gives a file another name.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    fn remove(&mut self, name: &str) -> io::Result<()>;
    /// Makes all names durable.
    fn sync_names(&mut self) -> io::Result<()>;
    /// Adds bytes at the end of a file.
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;
    /// Cuts a file to a length.
    fn cut(&mut self, name: &str, length: u64) -> io::Result<()>;
    /// Makes the bytes of a file durable.
    fn sync(&mut self, name: &str) -> io::Result<()>;
}

/// What is to be delivered.
#[derive(Clone, Debug)]
pub struct Shipment {
    /// The digest of all documents.
    pub plan: Digest,
    /// How many there are.
    pub documents: u64,
    /// The files they were made from.
    pub inputs: Vec<Input>,
    /// Random, for a new epoch.
    pub nonce: [u8; 16],
    /// Go on although an earlier delivery of replaced inputs is unfinished.
    pub supersede: bool,
}

/// How a delivery starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// The epoch, with what is settled already.
    pub epoch: Epoch,
    /// Requests of an earlier epoch have to be waited for before the first one.
    pub waits: bool,
    /// The name that a damaged file was kept under.
    pub kept: Option<String>,
}

/// Why a journal cannot go on.
#[derive(Debug)]
pub enum Trouble {
    /// The disk failed.
    Disk(io::Error),
    /// The inputs of an earlier delivery were replaced while it is unfinished, and nobody said to go on.
    Unfinished {
        /// How many of its documents were never acknowledged.
        open: u64,
        /// How many it has.
        documents: u64,
    },
}

impl From<io::Error> for Trouble {
    fn from(cause: io::Error) -> Trouble {
        Trouble::Disk(cause)
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
    /// The number of the newest file, damaged or not; 0: there is none.
    number: u64,
    current: Option<Epoch>,
    /// The disk failed once. What it did with what it was given is unknown, so it is not asked again.
    broken: bool,
    /// The last line may not be durable yet.
    unsynced: bool,
}

impl<D: Disk> Journal<D> {
    /// Looks at what is there, and removes what never came to be a journal.
    ///
    /// # Errors
    /// The disk failed.
    pub fn open(mut disk: D) -> io::Result<Journal<D>> {
        let names = disk.names()?;
        // Whoever died while it wrote a header left a file that is not whole.
        names.iter().filter(|name| name.ends_with(DRAFT)).try_for_each(|name| disk.remove(name))?;
        let epoch = names.iter().filter_map(|name| number(name, EPOCH)).max().unwrap_or(0);
        let kept = names.iter().filter_map(|name| number(name, CORRUPT)).max().unwrap_or(0);
        let number = epoch.max(kept);
        let newest = match number {
            0 => Newest::None,
            _ if kept >= epoch => Newest::Damaged,
            _ => match Epoch::read(number, &disk.read(&file(EPOCH, number))?) {
                Some(epoch) => Newest::Whole(Box::new(epoch)),
                None => Newest::Damaged,
            },
        };
        Ok(Journal { disk, newest, number, current: None, broken: false, unsynced: false })
    }

    /// The disk, when no more is to be said.
    pub fn close(self) -> D {
        self.disk
    }

    /// Whether a request of an earlier delivery may still be acted on.
    pub fn may_linger(&self) -> bool {
        match &self.newest {
            Newest::None => false,
            Newest::Whole(epoch) => epoch.may_linger(),
            Newest::Damaged => true,
        }
    }

    /// Goes on with the newest delivery if it is this one, else begins a new epoch; a header is durable afterwards.
    ///
    /// `extended` says whether files are the beginnings of what is delivered now, so that nothing of them is lost.
    ///
    /// # Errors
    /// The disk failed, or the earlier delivery is unfinished and its inputs were replaced.
    pub fn begin(&mut self, shipment: &Shipment, extended: &mut dyn FnMut(&[Input]) -> bool) -> Result<Start, Trouble> {
        match &self.newest {
            Newest::Whole(epoch) if is_same(epoch, shipment) => Ok(self.resume(epoch.as_ref().clone())?),
            Newest::Whole(epoch) if epoch.done.is_none() && !shipment.supersede && !extended(&epoch.header.inputs) => {
                let (documents, counts) = (epoch.header.docs, epoch.counts());
                let open = documents.saturating_sub(counts.accepted + counts.rejected);
                Err(Trouble::Unfinished { open, documents })
            }
            Newest::None | Newest::Whole(_) | Newest::Damaged => Ok(self.renew(shipment)?),
        }
    }

    fn resume(&mut self, epoch: Epoch) -> io::Result<Start> {
        let waits = epoch.must_wait();
        if epoch.done.is_some() {
            return Ok(Start { epoch, waits: false, kept: None });
        }
        // Whoever was killed may have left a name, a line or a cut that is seen and not durable.
        let name = file(EPOCH, self.number);
        let cut = if epoch.torn { self.disk.cut(&name, epoch.length) } else { Ok(()) };
        let done = cut.and_then(|()| self.disk.sync(&name)).and_then(|()| self.disk.sync_names());
        self.tried(done)?;
        self.current = Some(Epoch { torn: false, ..epoch });
        let kept = self.tidy()?;
        // The run before may have died with a request on the way.
        self.add(&Entry::InDoubt { resumed: true })?;
        self.sync()?;
        let epoch = self.current.clone().ok_or_else(broken)?;
        Ok(Start { epoch, waits, kept })
    }

    fn renew(&mut self, shipment: &Shipment) -> io::Result<Start> {
        let number = self.number + 1;
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
        let (epoch, line) = Epoch::begun(header);
        let (name, draft) = (file(EPOCH, number), format!("{}{DRAFT}", file(EPOCH, number)));
        let written = self.disk.create(&draft, line.as_bytes());
        if written.is_err() {
            // It may not even have come to a file.
            let _ = self.disk.remove(&draft);
        }
        let done = written.and_then(|()| self.disk.rename(&draft, &name)).and_then(|()| self.disk.sync_names());
        self.tried(done)?;
        self.number = number;
        self.current = Some(epoch.clone());
        let kept = self.tidy()?;
        Ok(Start { waits: epoch.must_wait(), epoch, kept })
    }

    /// Removes what is older than the current file; what is damaged is kept under another name, which is given back.
    fn tidy(&mut self) -> io::Result<Option<String>> {
        let done = self.tidied();
        self.tried(done)
    }

    fn tidied(&mut self) -> io::Result<Option<String>> {
        let (mut kept, mut changed) = (None, false);
        for name in self.disk.names()? {
            let older = number(&name, EPOCH).filter(|number| *number < self.number);
            if let Some(older) = older {
                changed = true;
                if Epoch::read(older, &self.disk.read(&name)?).is_some() {
                    self.disk.remove(&name)?;
                } else {
                    let other = file(CORRUPT, older);
                    self.disk.rename(&name, &other)?;
                    kept = Some(other);
                }
            }
        }
        if changed {
            self.disk.sync_names()?;
        }
        Ok(kept)
    }

    /// Adds what became known, which survives a kill; a power cut only after [`Journal::sync`]. That some outcome is unknown
    /// need not be said twice.
    ///
    /// # Errors
    /// The disk failed, now or before: what was settled will be sent again.
    pub fn append(&mut self, entry: &Entry) -> io::Result<()> {
        match (entry, &self.current) {
            (Entry::InDoubt { .. }, Some(epoch)) if epoch.is_in_doubt && !self.broken => Ok(()),
            _ => self.add(entry),
        }
    }

    /// Makes durable what was added.
    ///
    /// # Errors
    /// The disk failed, now or before: what was settled will be sent again.
    pub fn sync(&mut self) -> io::Result<()> {
        if self.broken {
            return Err(broken());
        }
        if self.unsynced {
            let done = self.disk.sync(&file(EPOCH, self.number));
            self.tried(done)?;
            self.unsynced = false;
        }
        Ok(())
    }

    /// Every document is settled. This is durable afterwards, so that the same delivery is never made again.
    ///
    /// # Errors
    /// The disk failed, now or before, or not every document is settled.
    pub fn finish(&mut self) -> io::Result<()> {
        let epoch = self.current.as_ref().ok_or_else(broken)?;
        let (clean, counts): (bool, Counts) = (!epoch.is_in_doubt, epoch.counts());
        self.add(&Entry::Done { clean, counts })?;
        self.sync()
    }

    /// What was sent was not what the header says: the file is put aside, and everything will be sent again.
    ///
    /// # Errors
    /// The disk failed.
    pub fn distrust(&mut self) -> io::Result<()> {
        self.current = None;
        let (from, to) = (file(EPOCH, self.number), file(CORRUPT, self.number));
        let done = self.disk.rename(&from, &to);
        self.tried(done)?;
        let done = self.disk.sync_names();
        self.tried(done)
    }

    /// Adds an entry to the current file. No more than one is ever not durable, so a power cut can tear only the last.
    fn add(&mut self, entry: &Entry) -> io::Result<()> {
        self.sync()?;
        let epoch = self.current.as_mut().filter(|_| !self.broken).ok_or_else(broken)?;
        let line = epoch.extend(entry).ok_or_else(broken)?;
        let name = file(EPOCH, self.number);
        let done = self.disk.append(&name, line.as_bytes());
        self.tried(done)?;
        self.unsynced = true;
        Ok(())
    }

    /// After a failure nothing is written any more: what a second sync says about the first is not to be trusted.
    fn tried<T>(&mut self, done: io::Result<T>) -> io::Result<T> {
        self.broken |= done.is_err();
        done
    }
}

/// Before the number of an epoch.
const EPOCH: &str = "epoch-";
/// Before the number of an epoch whose file is damaged.
const CORRUPT: &str = ".corrupt-";
/// Behind the name of a file that is not whole yet.
const DRAFT: &str = ".new";

fn file(kind: &str, number: u64) -> String {
    format!("{kind}{number}")
}

fn number(name: &str, kind: &str) -> Option<u64> {
    let digits = name.strip_prefix(kind)?;
    let plain = !digits.starts_with(['0', '+']);
    digits.parse().ok().filter(|_| plain)
}

fn is_same(epoch: &Epoch, shipment: &Shipment) -> bool {
    (epoch.header.plan, epoch.header.docs) == (shipment.plan, shipment.documents)
}

fn broken() -> io::Error {
    io::Error::other("nothing more is written after a failure")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::{
        digest::Target,
        journal::{
            Disk as _, Journal, Shipment, Trouble,
            entry::Entry,
            state_dir::{Folder, Refusal, State},
        },
    };

    fn state(folder: &Path) -> State {
        State { path: folder.join("state"), named: true }
    }

    fn journal(folder: &Path) -> Journal<Folder> {
        Journal::open(state(folder).lock(&Target::new(&["a"])).unwrap()).unwrap()
    }

    fn shipment(plan: u8) -> Shipment {
        Shipment { plan: [plan; 32], documents: 2, inputs: Vec::new(), nonce: [plan; 16], supersede: false }
    }

    fn ack(range: std::ops::Range<u64>) -> Entry {
        Entry::Ack { ranges: std::iter::once(range).collect(), status: 200 }
    }

    #[test]
    fn a_delivery_goes_on_until_it_is_done_and_then_nothing_is_written() {
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
    fn an_unfinished_delivery_is_only_given_up_on_demand_or_when_its_inputs_grew() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = journal(folder.path());
        first.begin(&shipment(1), &mut |_| false).unwrap();
        first.append(&ack(0..1)).unwrap();
        drop(first);
        let refused = journal(folder.path()).begin(&shipment(2), &mut |_| false);
        assert!(matches!(refused, Err(Trouble::Unfinished { open: 1, documents: 2 })));
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
    fn what_is_not_to_be_trusted_is_put_aside_and_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = journal(folder.path());
        first.begin(&shipment(1), &mut |_| false).unwrap();
        first.append(&ack(0..2)).unwrap();
        first.distrust().unwrap();
        assert!(first.append(&ack(0..1)).is_err());
        drop(first);
        let mut second = journal(folder.path());
        assert!(second.may_linger());
        let start = second.begin(&shipment(1), &mut |_| false).unwrap();
        assert!(start.waits && start.epoch.accepted.is_empty());
        assert_eq!(second.close().names().unwrap(), [".corrupt-1", "epoch-2", "lock"]);
    }

    #[test]
    fn a_folder_is_held_by_one_at_a_time_and_can_be_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let (state, target) = (state(folder.path()), Target::new(&["a"]));
        let held = state.lock(&target).unwrap();
        assert!(matches!(state.lock(&target), Err(Refusal::Busy)));
        assert!(state.lock(&Target::new(&["b"])).is_ok());
        assert_eq!(state.targets().unwrap().len(), 2);
        held.forget().unwrap();
        assert_eq!(state.targets().unwrap(), [Target::new(&["b"])]);
        assert!(state.lock(&target).is_ok());
    }
}
