//! Maps whose keys are numbers that differ well enough, or bytes: hashing them costs little, for nobody picks them to
//! collide.

use crate::features::search::readers::hash;
use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasherDefault, Hasher},
};

/// See the module head.
#[derive(Debug, Default)]
pub struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.write_u64(hash(bytes));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(26) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }
}

/// A map by such keys.
pub type Map<K, V> = HashMap<K, V, BuildHasherDefault<Hashed>>;

/// A set of such keys.
pub type Set<K> = HashSet<K, BuildHasherDefault<Hashed>>;
