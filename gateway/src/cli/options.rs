//! What several commands take.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::settings::{self, Layers, Loaded, SettingsError};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    Json,
    Table,
}

/// Where settings come from. Each is also in the environment: CORDBOARD_LISTEN, CORDBOARD_DATA_DIR.
#[derive(Clone, Debug, Default, Args)]
pub struct SettingsArgs {
    /// A TOML file over the built-in defaults.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Address and port to listen on [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// Where the database, the tokens and the created secret live [default: ./data].
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

impl SettingsArgs {
    pub fn load(&self) -> Result<Loaded, SettingsError> {
        settings::load(&self.layers())
    }

    fn layers(&self) -> Layers {
        let (file, listen, data_dir) = (self.config.clone(), self.listen.clone(), self.data_dir.clone());
        Layers { file, listen, data_dir, variables: Vec::new() }.with_environment()
    }
}

/// A chance from 0 to 1.
pub fn chance(text: &str) -> Result<f64, String> {
    let chance = text.parse::<f64>().ok().filter(|chance| (0.0..=1.0).contains(chance));
    chance.ok_or_else(|| "expected a chance from 0 to 1".to_owned())
}

/// More than zero.
pub fn positive(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok().filter(|rate| rate.is_finite() && *rate > 0.0);
    rate.ok_or_else(|| "expected a number above zero".to_owned())
}
