//! A packed file -> its bytes, and about how many they are before they are read.
//!
//! How far a file was packed is nothing that its size tells: a few kilobytes may be a gigabyte of rows. So its beginning is
//! unpacked once to find out, and nothing of that is held.

use std::{
    io::{self, BufRead, Read},
    path::Path,
};

use crate::{options::BLOCK, regular_file::open_regular_file};

/// The largest window of an archive, as RFC 8878 asks every decoder of zstd to support it: 8 MiB.
pub(super) const MAX_WINDOW_LOG: u32 = 23;
/// How many bytes are unpacked to estimate how many there are; no partition of a small recording is larger.
const SAMPLE: u64 = 1 << 20;

/// Whether a file is packed, by its name.
pub(super) fn is_packed(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "gz" || ending == "zst")
}

/// What unpacks the bytes of a packed file as they are read.
///
/// # Errors
/// There is no memory for it.
pub(super) fn unpack<'a>(packed: impl BufRead + 'a, path: &Path) -> io::Result<Box<dyn Read + 'a>> {
    if path.extension().is_some_and(|ending| ending == "gz") {
        return Ok(Box::new(flate2::bufread::MultiGzDecoder::new(packed)));
    }
    let mut decoder = zstd::stream::read::Decoder::with_buffer(packed)?;
    decoder.window_log_max(MAX_WINDOW_LOG)?;
    Ok(Box::new(decoder))
}

/// Estimates how many bytes a packed file of `length` bytes unpacks to: up to [`SAMPLE`] it is what they are. What is wrong
/// with the file is told when it is read.
pub(super) fn estimate_unpacked(path: &Path, length: u64) -> u64 {
    let (mut head, mut count) = (Vec::new(), 0);
    if let Ok((file, _)) = open_regular_file(path) {
        let _ = file.take(2 * SAMPLE).read_to_end(&mut head);
    }
    let mut rest = head.as_slice();
    if let Ok(mut unpacked) = unpack(&mut rest, path) {
        let mut buffer = vec![0; BLOCK];
        while count <= SAMPLE
            && let Ok(some @ 1..) = unpacked.read(&mut buffer)
        {
            count += some as u64;
        }
    }
    let used = (head.len() - rest.len()).max(1) as u64;
    let all = if count <= SAMPLE { count } else { count.saturating_mul(length) / used };
    all.max(length)
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write as _, path::Path};

    use crate::read::unpack::{SAMPLE, estimate_unpacked};

    fn pack(path: &Path, text: &[u8]) {
        let file = fs::File::create(path).unwrap();
        if path.extension().is_some_and(|ending| ending == "gz") {
            let mut packer = flate2::write::GzEncoder::new(file, flate2::Compression::default());
            packer.write_all(text).unwrap();
            packer.finish().unwrap();
        } else {
            zstd::stream::copy_encode(text, file, 3).unwrap();
        }
    }

    #[test]
    fn the_size_of_a_packed_file_is_measured() {
        let folder = tempfile::tempdir().unwrap();
        let mut seed = 1u64;
        let mut noise = |_| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 56) as u8
        };
        let noise: Vec<u8> = (0..8 * SAMPLE).map(&mut noise).collect();
        for name in ["a.gz", "a.zst"] {
            let path = folder.path().join(name);
            let estimate = |text: &[u8]| {
                pack(&path, text);
                estimate_unpacked(&path, fs::metadata(&path).unwrap().len())
            };
            for (unit, size) in [(b"1;2\n".as_slice(), 32 * SAMPLE), (&noise, 8 * SAMPLE), (&noise[..20], 32 * SAMPLE)]
            {
                let text =
                    |size: u64| unit.iter().copied().cycle().take(usize::try_from(size).unwrap()).collect::<Vec<u8>>();
                for small in [1000, SAMPLE / 2] {
                    let found = estimate(&text(small));
                    assert!((small..small + small / 20 + 100).contains(&found), "{name} {small} {found}");
                }
                let found = estimate(&text(size));
                assert!((size / 2..2 * size).contains(&found), "{name} {size} {found}");
            }
            // What is not packed as its name says is not larger than it is.
            fs::write(&path, &noise[..1000]).unwrap();
            assert_eq!(estimate_unpacked(&path, 1000), 1000, "{name}");
            assert_eq!(estimate_unpacked(&folder.path().join("gone.gz"), 0), 0, "{name}");
        }
    }
}
