//! Power cuts without a power switch: what a program did to the files of a directory is read from a trace of its system
//! calls, and at any point of it the files are made as a disk may have them after the power failed there.

mod disk;
mod record;
mod trace;

pub use disk::Disk;
pub use record::{Change, Record, Step};
pub use trace::{Tracing, strace};
