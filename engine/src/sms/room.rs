//! For whom there is room while a carrier takes its time: a few of everything that many wait for are kept for
//! emergencies, so that none waits for others to be answered.

use crate::priority::Priority;

/// For whom there is room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Room {
    Nobody,
    /// P1 alone.
    Emergencies,
    Any,
}

impl Room {
    pub fn has(self, priority: Priority) -> bool {
        match self {
            Room::Nobody => false,
            Room::Emergencies => priority == Priority::P1,
            Room::Any => true,
        }
    }
}

/// How many of `all` are for emergencies alone: `wanted`, but never more than half, and not the only one there is.
pub fn kept_of(all: usize, wanted: usize) -> usize {
    wanted.min(all / 2)
}
