//! What the hashes of a run depend on, so that nobody can write keys that share their place in a table.
//!
//! The hash of a short key is the key itself, and everybody can compute it; where it is looked for in a table is only known to
//! the run.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::LazyLock,
};

use crate::text::lanes::split_halves;

/// The random numbers of a run. All hashes of a run are made with the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct HashSeed {
    mask: u64,
    factor: u64,
}

/// That of this run.
static SEED: LazyLock<HashSeed> = LazyLock::new(HashSeed::random);

impl Default for HashSeed {
    /// The seed of this run.
    fn default() -> HashSeed {
        *SEED
    }
}

impl HashSeed {
    /// A seed that spreads nothing, so that tests can write keys that share their place.
    #[cfg(test)]
    pub(super) const NONE: HashSeed = HashSeed { mask: 0, factor: 1 };

    /// Another seed each time. The standard library takes that of its own maps from the operating system.
    pub(super) fn random() -> HashSeed {
        let random = || RandomState::new().build_hasher().finish();
        HashSeed { mask: random(), factor: random() | 1 }
    }

    /// Spreads a word over all bits: both halves of its product with a secret number.
    #[inline(always)]
    pub(super) fn scramble(self, word: u64) -> u64 {
        let product = u128::from(word ^ self.mask) * u128::from(self.factor);
        let [low, high] = split_halves(product);
        low ^ high
    }
}
