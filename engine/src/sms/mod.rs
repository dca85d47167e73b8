//! Text messages: what is owed, how many segments it costs, how an attempt can end, and what follows from that.

mod attempt;
pub mod breaker;
pub mod caps;
mod command;
pub mod dispatch;
pub mod door;
pub mod estimate;
mod evidence;
pub mod failover;
mod help;
mod look_alikes;
mod message;
mod outcome;
pub mod pace;
mod retry;
mod reunion;
pub mod room;
pub mod schedule;
mod segments;
mod unknown;
pub mod window;
mod wishes;

pub use attempt::{Attempt, AttemptToken, Found};
pub use command::{Command, Commanded};
pub use evidence::{Reported, hear};
pub use help::help_answer;
pub use look_alikes::{is_seven_bit, look_alike, with_look_alikes};
pub use message::{NewSms, OVERTAKEN_AFTER, Sms, SmsState};
pub use outcome::{Answered, DeliveryReport, DeliveryStatus, ErrorClass, SendOutcome};
pub use retry::{Settlement, rest_after, settle};
pub use reunion::Tried;
pub use segments::{Encoding, Segments, segments};
pub use unknown::{ALIKE_WITHIN, LookUps, Match, NextStep, OnUnknown, match_up, on_unknown};
pub use wishes::{Said, Wish, wish};
