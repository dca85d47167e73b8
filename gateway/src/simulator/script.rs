//! A dialogue as the webhooks a voice platform makes of it, in order, with the pauses of natural speech.

use std::time::Duration;

use clap::ValueEnum;

use super::dialogues::{Dialogue, Turn};

/// Which messages the simulated assistant is subscribed to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Subscription {
    /// All that a live call can say, partial transcripts included.
    #[default]
    All,
    /// What we recommend: statuses, final transcripts, tool calls and the report.
    Recommended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    Agent,
    Caller,
}

/// One webhook to come.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Status(&'static str),
    /// Who answers this call? Asked before there is an assistant.
    Reception,
    AssistantStarted,
    Speech {
        speaker: Speaker,
        started: bool,
    },
    /// A transcript that may still change: the first half of what is being said.
    Partial {
        speaker: Speaker,
        text: &'static str,
    },
    Final {
        speaker: Speaker,
        text: &'static str,
    },
    Conversation,
    Tool {
        name: &'static str,
        text: &'static str,
    },
    Report,
}

/// A step, and the pause since the one before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Beat {
    pub pause: Duration,
    pub step: Step,
}

/// Time to say one word: 170 words a minute, as the agent is told to speak.
const WORD: Duration = Duration::from_millis(350);

pub fn beats(dialogue: &'static Dialogue, subscription: Subscription) -> Vec<Beat> {
    let mut beats = opening();
    for turn in &dialogue.turns {
        match turn {
            Turn::Agent(text) => spoken(&mut beats, Speaker::Agent, text),
            Turn::Caller(text) => spoken(&mut beats, Speaker::Caller, text),
            Turn::Classify(text) => beats.push(tool("classifyPriority", text)),
            Turn::Alert(text) => beats.push(tool("sendSMSAlert", text)),
        }
    }
    beats.push(beat(1_000, Step::Status("ended")));
    beats.push(beat(1_500, Step::Report));
    if subscription == Subscription::Recommended {
        beats = recommended(beats);
    }
    beats
}

fn beat(pause_ms: u64, step: Step) -> Beat {
    Beat { pause: Duration::from_millis(pause_ms), step }
}

fn opening() -> Vec<Beat> {
    vec![
        beat(0, Step::Status("queued")),
        beat(50, Step::Status("ringing")),
        beat(150, Step::Reception),
        beat(900, Step::Status("in-progress")),
        beat(100, Step::AssistantStarted),
    ]
}

fn tool(name: &'static str, text: &'static str) -> Beat {
    beat(700, Step::Tool { name, text })
}

fn spoken(beats: &mut Vec<Beat>, speaker: Speaker, text: &'static str) {
    let words = text.split_whitespace().count() as u32;
    let half = WORD * words / 2;
    beats.push(beat(400, Step::Speech { speaker, started: true }));
    if speaker == Speaker::Caller {
        beats.push(Beat { pause: half, step: Step::Partial { speaker, text: first_half(text) } });
    }
    let rest = if speaker == Speaker::Caller { WORD * words - half } else { WORD * words };
    beats.push(Beat { pause: rest, step: Step::Final { speaker, text } });
    beats.push(beat(20, Step::Speech { speaker, started: false }));
    if speaker == Speaker::Caller {
        beats.push(beat(20, Step::Conversation));
    }
}

fn first_half(text: &'static str) -> &'static str {
    let middle = text.len() / 2;
    let end = text.char_indices().find(|(at, c)| *at >= middle && *c == ' ').map_or(text.len(), |(at, _)| at);
    &text[..end]
}

/// The pause of a message that is not sent belongs to the next one.
fn recommended(beats: Vec<Beat>) -> Vec<Beat> {
    let mut waited = Duration::ZERO;
    let mut kept = Vec::new();
    for beat in beats {
        waited += beat.pause;
        if !matches!(beat.step, Step::Speech { .. } | Step::Partial { .. } | Step::Conversation) {
            kept.push(Beat { pause: std::mem::take(&mut waited), step: beat.step });
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::dialogues;

    #[test]
    fn every_call_rings_is_answered_ends_and_is_reported() {
        for dialogue in dialogues::all() {
            let steps: Vec<Step> = beats(dialogue, Subscription::All).into_iter().map(|beat| beat.step).collect();
            let at = |step: &Step| steps.iter().position(|other| other == step).unwrap();
            assert!(at(&Step::Status("ringing")) < at(&Step::Reception));
            assert!(at(&Step::Reception) < at(&Step::Status("in-progress")));
            assert!(at(&Step::Status("in-progress")) < at(&Step::Status("ended")));
            assert_eq!(steps.last(), Some(&Step::Report));
        }
    }

    #[test]
    fn the_recommended_messages_are_fewer_and_take_as_long() {
        let dialogue = &dialogues::all()[0];
        let (all, few) = (beats(dialogue, Subscription::All), beats(dialogue, Subscription::Recommended));
        assert!(few.len() * 3 < all.len() * 2, "{} of {}", few.len(), all.len());
        let length = |beats: &[Beat]| beats.iter().map(|beat| beat.pause).sum::<Duration>();
        assert_eq!(length(&few), length(&all));
    }
}
