//! Settings: the built-in `config/default.toml`, under a file, under the environment, under the flags.
//!
//! `keys` is the list of what may be set, `load` lays the layers over each other, `check` refuses what is dangerous,
//! `show` prints what came out and where each value came from.

mod check;
mod environment;
mod error;
mod file;
mod keys;
mod load;
mod schema;
mod show;

pub use check::is_loopback;
pub use error::{Origin, SettingsError};
pub use keys::DEFAULT_TOML;
pub use load::{Layers, Loaded, load};
pub use schema::*;
pub use show::Shown;
