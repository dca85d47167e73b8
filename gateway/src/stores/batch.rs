//! The frames of a batch by call: those of one call are written together or not at all.

use std::collections::HashMap;

use engine::call::{Call, Fault, Frame, Phase};
use engine::ids::CallKey;
use engine::ports::AppendError;

pub type Verdict = Result<(), AppendError>;

/// The frames of one call in a batch, in order. They need not lie side by side: a busy call is asked several times
/// while one commit is in flight.
pub struct Group<'a> {
    pub frames: Vec<&'a Frame>,
    /// Where each frame stands in the batch.
    places: Vec<usize>,
}

pub fn groups(frames: &[Frame]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut of_call: HashMap<&CallKey, usize> = HashMap::new();
    for (place, frame) in frames.iter().enumerate() {
        let index = *of_call.entry(&frame.call).or_insert_with(|| {
            groups.push(Group { frames: Vec::new(), places: Vec::new() });
            groups.len() - 1
        });
        groups[index].frames.push(frame);
        groups[index].places.push(place);
    }
    groups
}

impl Group<'_> {
    pub fn call(&self) -> &CallKey {
        &self.frames[0].call
    }

    pub fn last(&self) -> &Frame {
        self.frames.last().expect("a group has a frame")
    }

    /// Tells every place of the batch this group has a frame in.
    pub fn give(&self, verdict: Verdict, verdicts: &mut [Verdict]) {
        self.places.iter().for_each(|place| verdicts[*place] = verdict.clone());
    }

    /// Whether the frames follow each other from the one after `last_seq`, and owe nothing in another call's name.
    pub fn verdict(&self, last_seq: u64) -> Verdict {
        let follows = (1..).zip(&self.frames).all(|(place, frame)| frame.seq.checked_sub(place) == Some(last_seq));
        let own = |text: &engine::sms::NewSms| {
            text.tenant == self.call().tenant && text.call.as_ref().is_none_or(|call| *call == self.call().call)
        };
        if !follows {
            Err(AppendError::Conflict)
        } else if !self.frames.iter().copied().flat_map(|frame| &frame.texts).all(own) {
            Err(AppendError::Refused("a text belongs to another call".to_owned()))
        } else {
            Ok(())
        }
    }
}

/// As the `status` column has it.
pub fn status(call: &Call) -> &'static str {
    match (call.phase, call.ended_fault) {
        (Phase::Lost, _) => "failed",
        (Phase::Ended, None | Some(Fault::None)) => "completed",
        (Phase::Ended, Some(_)) => "failed",
        _ => "active",
    }
}
