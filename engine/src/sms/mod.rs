//! Text messages: what is owed, how many segments it costs, how an attempt can end, and what follows from that.

mod look_alikes;
mod message;
mod outcome;
mod retry;
mod segments;

pub use look_alikes::{is_seven_bit, look_alike, with_look_alikes};
pub use message::{NewSms, Sms, SmsState};
pub use outcome::{DeliveryReport, DeliveryStatus, ErrorClass, SendOutcome};
pub use retry::{Settlement, rest_after, settle};
pub use segments::{Encoding, Segments, segments};
