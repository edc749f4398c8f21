//! A disk in memory that loses what was not synced: any part of it, in any order, truncated or corrupted.
//!
//! An operation can also fail, the machine can die within one, and, for a planted bug, a sync can do nothing.

use std::{cell::RefCell, collections::BTreeMap, io, rc::Rc};

use crate::{
    deliver::retry::Random,
    journal::{
        Disk,
        entry::{self, Entry},
        epoch::Epoch,
    },
    simulation::mutant::Mutant,
};

/// The disk, shared by the machine and its journal.
#[derive(Clone)]
pub(crate) struct SharedDisk(pub(crate) Rc<RefCell<DiskState>>);

/// A change of a file that is not synced yet.
#[derive(Clone)]
enum FileChange {
    Written { at: usize, bytes: Vec<u8> },
    Truncated(usize),
}

/// A change of a name that is not synced yet.
#[derive(Clone)]
enum NameChange {
    Link(String, usize),
    Unlink(String),
    Rename { from: String, to: String, node: usize },
}

#[derive(Clone, Default)]
struct Inode {
    durable: Vec<u8>,
    current: Vec<u8>,
    changes: Vec<FileChange>,
}

/// The disk.
pub(crate) struct DiskState {
    nodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    namings: Vec<NameChange>,
    random: Random,
    mutant: Option<Mutant>,
    /// After this many operations the machine dies.
    pub(crate) fuse: Option<u64>,
    /// After this many operations one fails.
    pub(crate) fault: Option<u64>,
    dead: bool,
    failed: bool,
    renamed: bool,
}

impl DiskState {
    pub(crate) fn new(seed: u64, mutant: Option<Mutant>) -> DiskState {
        DiskState {
            nodes: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            namings: Vec::new(),
            random: Random(seed),
            mutant,
            fuse: None,
            fault: None,
            dead: false,
            failed: false,
            renamed: false,
        }
    }

    /// Whether the machine died in an operation.
    pub(crate) fn is_dead(&self) -> bool {
        self.dead
    }

    /// Whether an operation failed since the start.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed
    }

    /// Starts a new process, which sees everything that the one before wrote.
    pub(crate) fn restart(&mut self) {
        (self.dead, self.failed, self.renamed) = (false, false, false);
        (self.fuse, self.fault) = (None, None);
    }

    /// Cuts the power: any part of what was not synced is lost.
    pub(crate) fn cut_power(&mut self) {
        for naming in std::mem::take(&mut self.namings) {
            if self.random.below(2) == 0 {
                continue;
            }
            match naming {
                NameChange::Link(name, node) => drop(self.durable_names.insert(name, node)),
                NameChange::Unlink(name) => drop(self.durable_names.remove(&name)),
                NameChange::Rename { from, to, node } => {
                    self.durable_names.remove(&from);
                    self.durable_names.insert(to, node);
                }
            }
        }
        self.names = self.durable_names.clone();
        for node in &mut self.nodes {
            for change in std::mem::take(&mut node.changes) {
                match (change, self.random.below(3)) {
                    (_, 0) => {}
                    (FileChange::Truncated(length), _) => node.durable.truncate(length),
                    (FileChange::Written { at, bytes }, 1) => write(&mut node.durable, at, &bytes),
                    (FileChange::Written { at, bytes }, _) => {
                        write(&mut node.durable, at, &damage(bytes, &mut self.random));
                    }
                }
            }
            node.current = node.durable.clone();
        }
    }

    /// Whether the newest epoch that is durable has this text in its header.
    pub(crate) fn has_durable_header(&self, text: &str) -> bool {
        let number = |name: &str| name.strip_prefix("epoch-").and_then(|number| number.parse::<u64>().ok());
        let newest = self.durable_names.iter().filter_map(|(name, node)| number(name).map(|number| (number, node)));
        newest.max().is_some_and(|(_, node)| {
            let durable = String::from_utf8_lossy(&self.nodes[*node].durable);
            durable.lines().next().is_some_and(|header| header.contains(text))
        })
    }

    /// Counts one operation; an error if the machine dies in it.
    fn count_operation(&mut self) -> io::Result<()> {
        let over = |count: &mut Option<u64>| match count {
            Some(0) => {
                *count = None;
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        };
        self.dead |= over(&mut self.fuse);
        if self.dead { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
    }

    /// Counts one operation that can fail; whether it does.
    fn fails_now(&mut self) -> bool {
        match &mut self.fault {
            Some(0) => {
                self.fault = None;
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }

    /// Runs one operation that changes something: completely, not at all, or in part, as `partly` does it.
    fn change(&mut self, partly: impl FnOnce(&mut DiskState), wholly: impl FnOnce(&mut DiskState)) -> io::Result<()> {
        if let Err(death) = self.count_operation() {
            partly(self);
            return Err(death);
        }
        if self.fails_now() {
            self.failed = true;
            if self.mutant == Some(Mutant::ErrorIgnored) {
                return Ok(());
            }
            partly(self);
            return Err(io::ErrorKind::StorageFull.into());
        }
        wholly(self);
        Ok(())
    }

    fn find(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn write(&mut self, node: usize, bytes: &[u8]) {
        let node = &mut self.nodes[node];
        node.changes.push(FileChange::Written { at: node.current.len(), bytes: bytes.to_vec() });
        node.current.extend_from_slice(bytes);
    }

    fn flush(&mut self, node: usize, lies: bool) {
        if lies {
            return;
        }
        let node = &mut self.nodes[node];
        node.changes.clear();
        node.durable.clone_from(&node.current);
    }

    fn append(&mut self, node: usize, bytes: &[u8]) -> io::Result<()> {
        let part = usize::try_from(self.random.below(bytes.len() as u64 + 1)).unwrap_or(0);
        self.change(|store| store.write(node, &bytes[..part]), |store| store.write(node, bytes))
    }

    fn create(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        if self.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let node = self.nodes.len();
        let link = |store: &mut DiskState| {
            store.nodes.push(Inode::default());
            store.names.insert(name.to_owned(), node);
            store.namings.push(NameChange::Link(name.to_owned(), node));
        };
        self.change(|_| {}, link)?;
        if node == self.nodes.len() {
            // It failed, and a planted bug ignored that: what follows is written nowhere.
            return Ok(());
        }
        self.append(node, bytes)?;
        let lies = matches!(self.mutant, Some(Mutant::HeaderNotSynced | Mutant::NothingSynced));
        self.change(|_| {}, |store| store.flush(node, lies))
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let node = self.find(from)?;
        self.renamed = true;
        self.change(
            |_| {},
            |store| {
                store.names.remove(from);
                store.names.insert(to.to_owned(), node);
                store.namings.push(NameChange::Rename { from: from.to_owned(), to: to.to_owned(), node });
            },
        )
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.find(name)?;
        self.change(
            |_| {},
            |store| {
                store.names.remove(name);
                store.namings.push(NameChange::Unlink(name.to_owned()));
            },
        )
    }

    fn sync_names(&mut self) -> io::Result<()> {
        let lies = match self.mutant {
            Some(Mutant::HeaderNotSynced | Mutant::NothingSynced) => true,
            Some(Mutant::ResumedNameNotSynced) => !self.renamed,
            _ => false,
        };
        self.change(
            |_| {},
            |store| {
                if !lies {
                    store.namings.clear();
                    store.durable_names = store.names.clone();
                }
            },
        )
    }

    fn truncate(&mut self, name: &str, length: u64) -> io::Result<()> {
        let node = self.find(name)?;
        if self.mutant == Some(Mutant::TruncatedLastRecordKept) {
            return Ok(());
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        self.change(
            |_| {},
            |store| {
                let node = &mut store.nodes[node];
                node.changes.push(FileChange::Truncated(length));
                node.current.truncate(length);
            },
        )
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        let node = self.find(name)?;
        let lies = self.mutant == Some(Mutant::NothingSynced);
        self.change(|_| {}, |store| store.flush(node, lies))
    }
}

impl Disk for SharedDisk {
    fn names(&mut self) -> io::Result<Vec<String>> {
        let mut store = self.0.borrow_mut();
        store.count_operation()?;
        Ok(store.names.keys().cloned().collect())
    }

    fn read(&mut self, name: &str) -> io::Result<Vec<u8>> {
        let mut store = self.0.borrow_mut();
        store.count_operation()?;
        let node = store.find(name)?;
        if let Some(misread) = store.mutant.and_then(|mutant| misread(mutant, name, &store.nodes[node].current)) {
            // A program that reads the file so also continues it so.
            store.nodes[node].current = misread;
            store.flush(node, false);
        }
        Ok(store.nodes[node].current.clone())
    }

    fn create(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.0.borrow_mut().create(name, bytes)
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.0.borrow_mut().rename(from, to)
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.0.borrow_mut().remove(name)
    }

    fn sync_names(&mut self) -> io::Result<()> {
        self.0.borrow_mut().sync_names()
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut store = self.0.borrow_mut();
        let node = store.find(name)?;
        store.append(node, bytes)
    }

    fn truncate(&mut self, name: &str, length: u64) -> io::Result<()> {
        self.0.borrow_mut().truncate(name, length)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.0.borrow_mut().sync(name)
    }
}

fn write(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    content.resize(content.len().max(at + bytes.len()), 0);
    content[at..at + bytes.len()].copy_from_slice(bytes);
}

/// Damages bytes as a power cut does: keeps a beginning of them, or changes one digit.
fn damage(mut bytes: Vec<u8>, random: &mut Random) -> Vec<u8> {
    let digits: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at].is_ascii_digit()).take(6).collect();
    let any = |random: &mut Random, count: usize| usize::try_from(random.below(count as u64)).unwrap_or(0);
    if digits.is_empty() || random.below(2) == 0 {
        bytes.truncate(any(random, bytes.len() + 1));
    } else {
        let at = digits[any(random, digits.len())];
        bytes[at] = b'0' + (bytes[at] - b'0' + 1 + u8::try_from(random.below(3)).unwrap_or(0)) % 10;
    }
    bytes
}

/// The bytes of a journal as a program with a planted bug would read them.
fn misread(mutant: Mutant, name: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    let number = name.strip_prefix("epoch-")?.parse().ok()?;
    let (keeps, length): (fn(&Entry) -> bool, _) = match mutant {
        Mutant::NoChecksum => (|_| true, bytes.len()),
        Mutant::GraceNotPersisted => (|_| true, valid_length(number, bytes)?),
        Mutant::DoubtNotWritten => (|entry| *entry != Entry::InDoubt { resumed: false }, valid_length(number, bytes)?),
        Mutant::ResumeNotMarked => (|entry| *entry != Entry::InDoubt { resumed: true }, valid_length(number, bytes)?),
        _ => return None,
    };
    let lines = bytes[..length].split_inclusive(|byte| *byte == b'\n');
    let mut entries: Vec<Entry> =
        lines.map_while(|line| entry::parse_unchecked(line.strip_suffix(b"\n")?)).map(|(entry, _)| entry).collect();
    entries.retain(keeps);
    let marked = entries.iter().any(|entry| matches!(entry, Entry::InDoubt { .. }));
    for entry in &mut entries {
        match entry {
            Entry::Epoch(header) if mutant == Mutant::GraceNotPersisted => header.grace = false,
            Entry::Done { clean, .. } if mutant != Mutant::NoChecksum => *clean = !marked,
            _ => {}
        }
    }
    let mut chain = entry::Chain::default();
    let mut text = String::new();
    for entry in entries {
        let (line, next) = entry::write_line(chain, &entry);
        text.push_str(&line);
        chain = next;
    }
    Some(text.into_bytes())
}

/// How many bytes of a journal are valid lines.
fn valid_length(number: u64, bytes: &[u8]) -> Option<usize> {
    usize::try_from(Epoch::read(number, bytes)?.length).ok()
}
