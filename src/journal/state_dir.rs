//! The folder of one target on the real disk, held by one process at a time.
//!
//! Folders are for their owner only (0700), and so are files (0600), whatever the umask says; no symbolic link is ever
//! followed in here. A folder that others may write to is refused: who can write a journal can make documents be skipped.

use std::{
    fs::{self, DirBuilder, File, Metadata, OpenOptions, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::{digest::Target, journal::Disk, list_dir::list_dir};

/// The file whose lock is the right to deliver.
const LOCK: &str = "lock";
/// How often a lock is taken anew because its file was removed meanwhile.
const MAX_LOCKS: usize = 10;

/// The locked folder of one target.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    lock: File,
    /// The file that was added to last.
    open: Option<(String, File)>,
}

/// Why a folder is not ours to use.
#[derive(Debug)]
pub enum Refusal {
    /// Another process holds it.
    Busy,
    /// It cannot be used.
    Unusable {
        /// The folder or file.
        path: PathBuf,
        /// Why not.
        said: String,
    },
}

/// Where deliveries are remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The folder.
    pub path: PathBuf,
    /// Somebody named it, so its parent has to be there.
    pub named: bool,
}

impl State {
    /// Takes the folder of a target, which is made if it is not there.
    ///
    /// # Errors
    /// Another process holds it, or it cannot be used.
    pub fn lock(&self, target: &Target) -> Result<Folder, Refusal> {
        self.make().map_err(|cause| unusable(&self.path, &cause))?;
        private(&self.path, false)?;
        let path = self.path.join(&target.id);
        make(&path, false).map_err(|cause| unusable(&path, &cause))?;
        private(&path, true)?;
        for _ in 0..MAX_LOCKS {
            let lock = locked(&path)?;
            // Whoever forgets a target removes the file while holding its lock.
            let there = fs::symlink_metadata(path.join(LOCK));
            if there.is_ok_and(|there| lock.metadata().is_ok_and(|held| is_same(&there, &held))) {
                let folder = Folder { path, lock, open: None };
                folder.owned()?;
                return Ok(folder);
            }
        }
        Err(Refusal::Busy)
    }

    /// The targets that have a folder.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn targets(&self) -> io::Result<Vec<Target>> {
        let names = match list_dir(&self.path) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            names => names?,
        };
        let is_id = |name: &String| name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let names = names.into_iter().filter_map(|name| name.into_string().ok());
        Ok(names.filter(is_id).map(|id| Target { id }).collect())
    }

    fn make(&self) -> io::Result<()> {
        make(&self.path, !self.named)
    }
}

impl Folder {
    /// Removes the folder with all that is in it.
    ///
    /// # Errors
    /// The disk failed.
    pub fn forget(mut self) -> io::Result<()> {
        // The lock goes last: whoever takes it now finds that its file is gone, and makes another.
        for name in self.names()?.into_iter().filter(|name| name != LOCK) {
            fs::remove_file(self.path.join(name))?;
        }
        fs::remove_file(self.path.join(LOCK))?;
        fs::remove_dir(&self.path)?;
        self.path.parent().map_or(Ok(()), sync)
    }

    /// The folder belongs to whoever runs this, as a file shows that was just made.
    #[cfg(unix)]
    fn owned(&self) -> Result<(), Refusal> {
        use std::os::unix::fs::MetadataExt as _;
        let owner = |metadata: io::Result<Metadata>| metadata.map(|metadata| metadata.uid());
        match (owner(self.lock.metadata()), owner(fs::symlink_metadata(&self.path))) {
            (Ok(mine), Ok(its)) if mine == its => Ok(()),
            (Err(cause), _) | (_, Err(cause)) => Err(unusable(&self.path, &cause)),
            (Ok(_), Ok(_)) => Err(refused(&self.path, "it belongs to another user")),
        }
    }

    #[cfg(not(unix))]
    fn owned(&self) -> Result<(), Refusal> {
        self.lock.metadata().map(drop).map_err(|cause| unusable(&self.path, &cause))
    }

    /// The file to add to, as it was left.
    fn file(&mut self, name: &str) -> io::Result<&File> {
        if self.open.as_ref().is_none_or(|(open, _)| open != name) {
            let path = self.path.join(name);
            plain(&path)?;
            self.open = Some((name.to_owned(), OpenOptions::new().append(true).open(path)?));
        }
        self.open.as_ref().map(|(_, file)| file).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Disk for Folder {
    fn names(&mut self) -> io::Result<Vec<String>> {
        Ok(list_dir(&self.path)?.into_iter().filter_map(|name| name.into_string().ok()).collect())
    }

    fn read(&mut self, name: &str) -> io::Result<Vec<u8>> {
        let path = self.path.join(name);
        plain(&path)?;
        fs::read(path)
    }

    fn create(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        own(&mut options);
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
        sync(&self.path)
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.file(name)?.write_all(bytes)
    }

    fn cut(&mut self, name: &str, length: u64) -> io::Result<()> {
        self.file(name)?.set_len(length)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.file(name)?.sync_data()
    }
}

fn refused(path: &Path, said: &str) -> Refusal {
    Refusal::Unusable { path: path.to_owned(), said: said.to_owned() }
}

fn unusable(path: &Path, cause: &io::Error) -> Refusal {
    refused(path, &cause.to_string())
}

/// Makes a folder for its owner only, with those above it if they may be made too, and its name durable.
fn make(path: &Path, parents: bool) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok() {
        return Ok(());
    }
    let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if parents {
        make(above, true)?;
    }
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        // Another process was faster.
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        done => done.and_then(|()| sync(above)),
    }
}

/// A folder that only its owner can write to, and with `all` only its owner can read.
fn private(path: &Path, all: bool) -> Result<(), Refusal> {
    let metadata = fs::symlink_metadata(path).map_err(|cause| unusable(path, &cause))?;
    if metadata.is_symlink() {
        return Err(refused(path, "it is a symbolic link"));
    }
    if !metadata.is_dir() {
        return Err(refused(path, "it is not a folder"));
    }
    closed(path, &metadata, all)
}

#[cfg(unix)]
fn closed(path: &Path, metadata: &Metadata, all: bool) -> Result<(), Refusal> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = metadata.permissions().mode();
    if mode & 0o022 != 0 {
        return Err(refused(path, "others may write to it"));
    }
    if all && mode & 0o077 != 0 {
        let done = fs::set_permissions(path, fs::Permissions::from_mode(0o700));
        return done.map_err(|cause| unusable(path, &cause));
    }
    Ok(())
}

#[cfg(not(unix))]
fn closed(_: &Path, _: &Metadata, _: bool) -> Result<(), Refusal> {
    Ok(())
}

/// Takes the lock of a folder.
fn locked(folder: &Path) -> Result<File, Refusal> {
    let path = folder.join(LOCK);
    let mut options = OpenOptions::new();
    options.write(true).create(true);
    own(&mut options);
    let opened = match plain(&path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(cause),
        Ok(()) | Err(_) => options.open(&path),
    };
    let file = opened.map_err(|cause| unusable(&path, &cause))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Refusal::Busy),
        Err(TryLockError::Error(cause)) => Err(unusable(&path, &cause)),
    }
}

/// A new file is for its owner only.
fn own(options: &mut OpenOptions) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    #[cfg(not(unix))]
    let _ = options;
}

/// Whether a file is one, and not a link to one.
fn plain(path: &Path) -> io::Result<()> {
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
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Folders cannot be opened here; the system keeps names in order by itself.
#[cfg(not(unix))]
fn sync(_: &Path) -> io::Result<()> {
    Ok(())
}
