//! A file in the making -> a whole file in its place.
//!
//! Where the system has files without a name (`O_TMPFILE`), the file has none until it is whole, so whatever ends the run,
//! nothing of it stays behind. Elsewhere it has a hidden name, which is taken away when the run ends by itself.
//! What stands in its place is replaced, never written to: a pipe or a link that somebody puts there receives nothing.

use std::{
    fs::{self, File, Metadata},
    io::{self, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use crate::output::places::{folder_of, real_path};

/// A file that has no name yet.
pub struct NewFile {
    unfinished: UnfinishedFile,
    /// Where it goes, links followed.
    place: PathBuf,
}

enum UnfinishedFile {
    /// It is in no folder.
    #[cfg(target_os = "linux")]
    Unnamed(File),
    /// It has a hidden name beside its place.
    Hidden(NamedTempFile),
}

impl NewFile {
    /// Makes a file that only its owner can read, to stand in a place when it is whole.
    ///
    /// # Errors
    /// The folder is not there, or cannot be written to.
    pub fn create(path: &Path) -> io::Result<NewFile> {
        let place = real_path(path);
        if place.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let folder = folder_of(&place);
        #[cfg(target_os = "linux")]
        if let Some(file) = linux::create_unnamed(folder)? {
            return Ok(NewFile { unfinished: UnfinishedFile::Unnamed(file), place });
        }
        let hidden = hidden_names().tempfile_in(folder)?;
        Ok(NewFile { unfinished: UnfinishedFile::Hidden(hidden), place })
    }

    /// Puts the whole file into its place. A file that it replaces leaves it its mode and its owner.
    ///
    /// # Errors
    /// It cannot be written to the disk, or its place cannot be taken.
    pub fn finish(self) -> io::Result<()> {
        let old = fs::symlink_metadata(&self.place).ok().filter(Metadata::is_file);
        let file = self.file();
        if let Some(old) = &old {
            keep_owner_and_mode(file, old)?;
        }
        file.sync_all()?;
        match self.unfinished {
            #[cfg(target_os = "linux")]
            UnfinishedFile::Unnamed(file) => linux::name(&file, &self.place),
            UnfinishedFile::Hidden(file) => file.persist(&self.place).map(drop).map_err(|error| error.error),
        }
    }

    fn file(&self) -> &File {
        match &self.unfinished {
            #[cfg(target_os = "linux")]
            UnfinishedFile::Unnamed(file) => file,
            UnfinishedFile::Hidden(file) => file.as_file(),
        }
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file().flush()
    }
}

/// The names of files that are not whole.
fn hidden_names() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".xwalk-");
    builder
}

/// Gives a file the owner, the group and the mode of the one it replaces. Where the system does not allow the group, the file
/// stays with its owner alone: its mode would let others read it.
#[cfg(unix)]
fn keep_owner_and_mode(file: &File, old: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
    let new = file.metadata()?;
    let is_same = (new.uid(), new.gid()) == (old.uid(), old.gid());
    if !is_same
        && fchown(file, Some(old.uid()), Some(old.gid())).is_err()
        && fchown(file, None, Some(old.gid())).is_err()
    {
        return Ok(());
    }
    file.set_permissions(fs::Permissions::from_mode(old.permissions().mode() & 0o777))
}

#[cfg(not(unix))]
fn keep_owner_and_mode(_: &File, _: &Metadata) -> io::Result<()> {
    Ok(())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{fs::File, io, os::fd::AsRawFd as _, path::Path};

    use rustix::{
        fs::{AtFlags, CWD, Mode, OFlags},
        io::Errno,
    };

    use crate::output::{new_file::hidden_names, places::folder_of};

    /// Where a file gets its name from.
    const DESCRIPTORS: &str = "/proc/self/fd";

    /// A file that is in no folder; `None`: the file system has none such, or there is no way to give it a name.
    pub(super) fn create_unnamed(folder: &Path) -> io::Result<Option<File>> {
        if !Path::new(DESCRIPTORS).is_dir() {
            return Ok(None);
        }
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        match rustix::io::retry_on_intr(|| rustix::fs::open(folder, flags, Mode::RUSR | Mode::WUSR)) {
            Ok(file) => Ok(Some(File::from(file))),
            // An old kernel takes it for writing to the folder.
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOSYS) => Ok(None),
            Err(cause) => Err(cause.into()),
        }
    }

    /// Gives a file its name. No call names a file in place of another, so where one stands the new one has a hidden name
    /// first, for the time of one call.
    pub(super) fn name(file: &File, place: &Path) -> io::Result<()> {
        let unnamed = format!("{DESCRIPTORS}/{}", file.as_raw_fd());
        let link =
            |to: &Path| -> io::Result<()> { Ok(rustix::fs::linkat(CWD, &unnamed, CWD, to, AtFlags::SYMLINK_FOLLOW)?) };
        match link(place) {
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {}
            done => return done,
        }
        let hidden = hidden_names().make_in(folder_of(place), link)?;
        hidden.into_temp_path().persist(place).map_err(|error| error.error)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::{
        fs,
        io::Write as _,
        os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    };

    use crate::output::new_file::NewFile;

    #[test]
    fn a_file_is_there_when_it_is_whole_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let names = || fs::read_dir(folder.path()).unwrap().count();
        let mut new = NewFile::create(&at("a")).unwrap();
        new.write_all(b"1").unwrap();
        #[cfg(target_os = "linux")]
        assert_eq!(names(), 0);
        drop(new);
        assert_eq!(names(), 0);
        for text in ["first", "second"] {
            let mut new = NewFile::create(&at("a")).unwrap();
            new.write_all(text.as_bytes()).unwrap();
            new.finish().unwrap();
            assert_eq!((fs::read_to_string(at("a")).unwrap().as_str(), names()), (text, 1));
        }
        assert_eq!(fs::metadata(at("a")).unwrap().mode() & 0o777, 0o600);
        assert!(NewFile::create(folder.path()).is_err() && NewFile::create(&at("no/a")).is_err());
    }

    #[test]
    fn a_file_that_is_replaced_leaves_its_mode_and_a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("a"), "old").unwrap();
        symlink("a", at("link")).unwrap();
        for mode in [0o640, 0o604, 0o600] {
            fs::set_permissions(at("a"), fs::Permissions::from_mode(mode)).unwrap();
            let owner = fs::metadata(at("a")).map(|old| (old.uid(), old.gid())).unwrap();
            NewFile::create(&at("link")).unwrap().finish().unwrap();
            let new = fs::metadata(at("a")).unwrap();
            assert_eq!((new.mode() & 0o777, (new.uid(), new.gid()), new.len()), (mode, owner, 0), "{mode:o}");
            assert!(fs::symlink_metadata(at("link")).unwrap().is_symlink());
        }
    }

    #[test]
    fn what_is_put_into_its_place_meanwhile_is_replaced_and_never_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("other"), "other").unwrap();
        let mut new = NewFile::create(&at("a")).unwrap();
        new.write_all(b"people").unwrap();
        symlink("other", at("a")).unwrap();
        new.finish().unwrap();
        assert_eq!(fs::read_to_string(at("other")).unwrap(), "other");
        assert!(fs::symlink_metadata(at("a")).unwrap().is_file());
    }
}
