//! The state folder, and in it a folder for each target, locked by one process at a time.
//!
//! Only their owner can use folders (0700) and files (0600), whatever the umask is; no symbolic link is followed here. A
//! folder that others may write to is refused: a forged journal would make documents be skipped.

use std::{
    fs::{self, DirBuilder, File, Metadata, OpenOptions, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::{
    digest::DeliveryTarget,
    io_cause::{Purpose, advise, describe_cause},
    journal::Disk,
    list_dir::list_dir,
};

/// The file whose lock gives the right to deliver.
const LOCK: &str = "lock";
/// How often locking is tried again because the file was removed meanwhile.
const MAX_LOCKS: usize = 10;

/// The locked folder of one target.
#[derive(Debug)]
pub struct TargetDir {
    path: PathBuf,
    lock: File,
    /// The file that was written to last.
    open: Option<(String, File)>,
}

/// Why the folder of a target cannot be locked.
#[derive(Debug)]
pub enum LockError {
    /// Another process holds its lock.
    Busy,
    /// It cannot be used.
    Unusable {
        /// The folder or file.
        path: PathBuf,
        /// Why not.
        reason: String,
        /// What to do about it.
        advice: &'static str,
    },
}

/// The folder in which each target has its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateDir {
    /// The folder.
    pub path: PathBuf,
    /// The user named it, so its parent must exist.
    pub named: bool,
}

impl StateDir {
    /// Locks the folder of a target, and makes it first if it does not exist.
    ///
    /// # Errors
    /// Another process holds it, or it cannot be used.
    pub fn lock(&self, target: &DeliveryTarget) -> Result<TargetDir, LockError> {
        self.create().map_err(|cause| unusable(&self.path, &cause))?;
        check_access(&self.path, Access::OwnerWrites)?;
        let path = self.path.join(&target.id);
        create_dir(&path, false).map_err(|cause| unusable(&path, &cause))?;
        check_access(&path, Access::OwnerOnly)?;
        for _ in 0..MAX_LOCKS {
            let lock = open_lock(&path)?;
            // A process that removes a target removes this file while it holds the lock.
            let there = fs::symlink_metadata(path.join(LOCK));
            if there.is_ok_and(|there| lock.metadata().is_ok_and(|held| is_same(&there, &held))) {
                let folder = TargetDir { path, lock, open: None };
                folder.check_owner()?;
                return Ok(folder);
            }
        }
        Err(LockError::Busy)
    }

    /// The targets that have a folder.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn targets(&self) -> io::Result<Vec<DeliveryTarget>> {
        let names = match list_dir(&self.path) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            names => names?,
        };
        let is_id = |name: &String| name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let names = names.into_iter().filter_map(|name| name.into_string().ok());
        Ok(names.filter(is_id).map(|id| DeliveryTarget { id, terms: Vec::new() }).collect())
    }

    fn create(&self) -> io::Result<()> {
        create_dir(&self.path, !self.named)
    }
}

impl TargetDir {
    /// Removes the folder and everything in it.
    ///
    /// # Errors
    /// The disk failed.
    pub fn remove(mut self) -> io::Result<()> {
        // The lock goes last: a process that takes it now finds that its file is gone, and makes another.
        for name in self.names()?.into_iter().filter(|name| name != LOCK) {
            fs::remove_file(self.path.join(name))?;
        }
        fs::remove_file(self.path.join(LOCK))?;
        fs::remove_dir(&self.path)?;
        self.path.parent().map_or(Ok(()), sync_dir)
    }

    /// Checks that the folder belongs to the present user, who also owns the lock file that was just made.
    #[cfg(unix)]
    fn check_owner(&self) -> Result<(), LockError> {
        use std::os::unix::fs::MetadataExt as _;
        let owner = |metadata: io::Result<Metadata>| metadata.map(|metadata| metadata.uid());
        match (owner(self.lock.metadata()), owner(fs::symlink_metadata(&self.path))) {
            (Ok(mine), Ok(its)) if mine == its => Ok(()),
            (Err(cause), _) | (_, Err(cause)) => Err(unusable(&self.path, &cause)),
            (Ok(_), Ok(_)) => Err(refused(&self.path, "it belongs to another user", "run as its owner")),
        }
    }

    #[cfg(not(unix))]
    fn check_owner(&self) -> Result<(), LockError> {
        self.lock.metadata().map(drop).map_err(|cause| unusable(&self.path, &cause))
    }

    /// Opens a file for appending, if it is not open already.
    fn open_file(&mut self, name: &str) -> io::Result<&File> {
        if self.open.as_ref().is_none_or(|(open, _)| open != name) {
            let path = self.path.join(name);
            check_is_file(&path)?;
            self.open = Some((name.to_owned(), OpenOptions::new().append(true).open(path)?));
        }
        self.open.as_ref().map(|(_, file)| file).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Disk for TargetDir {
    fn names(&mut self) -> io::Result<Vec<String>> {
        Ok(list_dir(&self.path)?.into_iter().filter_map(|name| name.into_string().ok()).collect())
    }

    fn read(&mut self, name: &str) -> io::Result<Vec<u8>> {
        let path = self.path.join(name);
        check_is_file(&path)?;
        fs::read(path)
    }

    fn create(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        restrict_to_owner(&mut options);
        let mut file = options.open(self.path.join(name))?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.open = None;
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn sync_names(&mut self) -> io::Result<()> {
        sync_dir(&self.path)
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.open_file(name)?.write_all(bytes)
    }

    fn truncate(&mut self, name: &str, length: u64) -> io::Result<()> {
        self.open_file(name)?.set_len(length)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.open_file(name)?.sync_data()
    }
}

fn refused(path: &Path, reason: &str, advice: &'static str) -> LockError {
    LockError::Unusable { path: path.to_owned(), reason: reason.to_owned(), advice }
}

fn unusable(path: &Path, cause: &io::Error) -> LockError {
    refused(path, &describe_cause(cause), advise(Purpose::UseFolder, cause))
}

/// Makes a folder that only its owner can use, and with `parents` those above it; makes its name durable.
fn create_dir(path: &Path, parents: bool) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok() {
        return Ok(());
    }
    let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if parents {
        create_dir(above, true)?;
    }
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        // Another process was faster.
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        done => done.and_then(|()| sync_dir(above)),
    }
}

/// Who may use a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// Only its owner writes to it.
    OwnerWrites,
    /// Only its owner reads it and writes to it.
    OwnerOnly,
}

/// Checks that a path is a folder, not a link, and that no one else may use it more than `access` says.
fn check_access(path: &Path, access: Access) -> Result<(), LockError> {
    let metadata = fs::symlink_metadata(path).map_err(|cause| unusable(path, &cause))?;
    if metadata.is_symlink() {
        return Err(refused(path, "it is a symbolic link", "name the folder that it leads to"));
    }
    if !metadata.is_dir() {
        return Err(refused(path, "it is not a folder", "move the file away"));
    }
    restrict_access(path, &metadata, access)
}

#[cfg(unix)]
fn restrict_access(path: &Path, metadata: &Metadata, access: Access) -> Result<(), LockError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = metadata.permissions().mode();
    if mode & 0o022 != 0 {
        return Err(refused(path, "others may write to it", "make it yours alone: `chmod 700`"));
    }
    if access == Access::OwnerOnly && mode & 0o077 != 0 {
        let done = fs::set_permissions(path, fs::Permissions::from_mode(0o700));
        return done.map_err(|cause| unusable(path, &cause));
    }
    Ok(())
}

#[cfg(not(unix))]
fn restrict_access(_: &Path, _: &Metadata, _: Access) -> Result<(), LockError> {
    Ok(())
}

/// Opens the lock file of a folder and locks it.
fn open_lock(folder: &Path) -> Result<File, LockError> {
    let path = folder.join(LOCK);
    let mut options = OpenOptions::new();
    options.write(true).create(true);
    restrict_to_owner(&mut options);
    let opened = match check_is_file(&path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(cause),
        Ok(()) | Err(_) => options.open(&path),
    };
    let file = opened.map_err(|cause| unusable(&path, &cause))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LockError::Busy),
        Err(TryLockError::Error(cause)) => Err(unusable(&path, &cause)),
    }
}

/// Lets only its owner use a new file.
fn restrict_to_owner(options: &mut OpenOptions) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    #[cfg(not(unix))]
    let _ = options;
}

/// Checks that a path is a regular file, and not a link to one.
fn check_is_file(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_file() { Ok(()) } else { Err(io::Error::other("it is not a regular file")) }
}

#[cfg(unix)]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    one.created().ok() == other.created().ok()
}

/// Makes the names in a folder durable.
#[cfg(unix)]
fn sync_dir(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Folders cannot be opened on this system, which makes names durable by itself.
#[cfg(not(unix))]
fn sync_dir(_: &Path) -> io::Result<()> {
    Ok(())
}
