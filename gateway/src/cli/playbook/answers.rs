//! What is known of the business so far.

use engine::playbook::Language;

use super::week::Week;

#[derive(Debug, Default)]
pub struct Answers {
    pub tenant: String,
    pub name: String,
    /// The business's own first.
    pub languages: Vec<Language>,
    pub trade: Trade,
    pub time_zone: String,
    pub week: Week,
    /// Who is told in an emergency, as the agent sees them.
    pub contact: String,
    pub phone: String,
    pub assistant: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trade {
    Drains,
    Dental,
    #[default]
    Other,
}

impl Trade {
    pub const NAMES: [(&str, Trade); 3] =
        [("drains", Trade::Drains), ("dental", Trade::Dental), ("other", Trade::Other)];

    /// Its words, as TOML.
    pub const fn words(self) -> &'static str {
        match self {
            Trade::Drains => include_str!("trades/drains.toml"),
            Trade::Dental => include_str!("trades/dental.toml"),
            Trade::Other => include_str!("trades/other.toml"),
        }
    }
}
