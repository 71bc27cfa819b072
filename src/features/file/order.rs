//! An order to write: what is to be written, what its writer had read, and what came of it.

use super::{known::Known, logic::Edit, store::Version};
use crate::{base::merge::Duplicate, git::Oid};

/// What is to be written.
#[derive(Clone, Debug)]
pub enum Input {
    /// The whole file.
    Whole {
        /// Its bytes.
        bytes: Vec<u8>,
        /// With line ends and byte order mark as given, not as in the file.
        as_is: bool,
    },
    /// Changes of what is there.
    Edits(Vec<Edit>),
    /// An older version.
    Old(Box<Version>),
}

/// What the writer had read.
#[derive(Clone, Debug)]
pub enum Base {
    /// What it is known to have read, if anything.
    Known,
    /// This.
    Stated(Known),
}

/// What a write came to.
#[derive(Debug)]
pub struct Done {
    /// The newest version; none if there is no file and never was.
    pub version: Option<Version>,
    /// Something was written.
    pub wrote: bool,
    /// What others had written since the writer had read: (version, who).
    pub merged: Vec<(u64, String)>,
    /// Entries that mean the same.
    pub duplicates: Vec<Duplicate>,
    /// A change that was made without us was found, and is this version.
    pub noticed: Option<u64>,
    /// The file has more than one name, and the others keep what was there.
    pub linked: bool,
}

/// A write.
#[derive(Debug)]
pub struct Order {
    /// What is to be written.
    pub input: Input,
    /// What the writer had read.
    pub base: Base,
    /// What the writer's own tool has put there already.
    pub landed: Option<Oid>,
}

impl Order {
    /// Somebody without our lock was first: what stands there now is ours, and is merged with theirs.
    pub fn after(&mut self, bytes: Option<Vec<u8>>, version: &Version, tip: Option<&Version>) {
        self.landed = version.blob;
        if let Some(bytes) = bytes {
            self.input = Input::Whole { bytes, as_is: true };
            self.base = Base::Stated(Known {
                blob: tip.and_then(|tip| tip.blob),
                commit: tip.map(|tip| tip.commit),
            });
        }
    }
}
