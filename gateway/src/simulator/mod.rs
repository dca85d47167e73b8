//! A voice platform to try a server with: it plays whole conversations into a webhook URL, open loop, and measures the
//! answers from the moment each webhook was due. `load` is the engine of it and knows nothing of calls.

mod assistant;
mod baseline;
mod bodies;
mod dialogues;
mod disturb;
pub mod fake_twilio;
pub mod load;
mod report;
mod report_body;
mod sample;
mod schedule;
mod script;
mod sign;
mod transcript;

pub use baseline::StoresNothing;
pub use bodies::{Message, OUR_NUMBER, SimulatedCall};
pub use dialogues::{Dialogue, all as dialogues, of_priority};
pub use disturb::{Counts, Disturbance, Disturbed};
pub use report::Summary;
pub use sample::{SAMPLES, sample};
pub use schedule::{Cast, Natural, Steady};
pub use script::Subscription;
pub use sign::{Proof, Signer, Unsendable};
