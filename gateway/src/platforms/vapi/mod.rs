//! Vapi.

use engine::call::Answer;
use engine::playbook::{Language, Playbook};

use super::{Delivery, Question, Rendered};

pub fn render(_delivery: &Delivery, _answers: &[Answer]) -> Rendered {
    Rendered { content_type: "application/json", body: bytes::Bytes::from_static(b"{}") }
}

pub fn apology(_delivery: &Delivery, _language: Language) -> Rendered {
    Rendered { content_type: "application/json", body: bytes::Bytes::from_static(b"{}") }
}

pub fn answer(_delivery: &Delivery, _question: &Question, _playbook: &Playbook) -> Rendered {
    Rendered { content_type: "application/json", body: bytes::Bytes::from_static(b"{}") }
}
