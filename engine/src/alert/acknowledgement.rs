//! Who took an alert, and how.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// A contact of the playbook, or whoever the API named.
    pub by: Box<str>,
    pub how: How,
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// A text in reply.
    Reply,
    /// A key pressed on the phone.
    Keypress,
    /// The link of a text.
    Link,
    /// The dashboard or a program.
    Api,
    /// By itself: nobody had to answer.
    Clock,
}

impl How {
    pub const fn as_str(self) -> &'static str {
        match self {
            How::Reply => "reply",
            How::Keypress => "keypress",
            How::Link => "link",
            How::Api => "api",
            How::Clock => "clock",
        }
    }
}
