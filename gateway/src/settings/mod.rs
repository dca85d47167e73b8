//! Settings: the built-in `config/default.toml`, under a file, under the environment, under the flags.

mod schema;

pub use schema::*;
