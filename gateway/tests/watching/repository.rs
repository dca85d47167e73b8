//! Files of this repository that are no Rust.

use std::path::PathBuf;

pub fn path(file: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", file].iter().collect()
}

pub fn read(file: &str) -> String {
    std::fs::read_to_string(path(file)).unwrap_or_else(|why| panic!("{file}: {why}"))
}
