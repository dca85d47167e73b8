//! What the benches share: bodies of given sizes, what a process weighs and works, and servers to measure.

pub mod carrier;
pub mod cpu;
pub mod postgres;
pub mod server;
pub mod table;
pub mod words;

use serde_json::json;

/// A tool-calls webhook whose artifact and assistant make it about `kilobytes` large, as a long call's is.
pub fn tool_calls_body(kilobytes: usize) -> Vec<u8> {
    let turn = |n: usize| {
        json!({
            "role": if n.is_multiple_of(2) { "user" } else { "bot" },
            "message": "L'eau monte dans le sous-sol depuis ce matin, et \"personne\" ne répond au numéro d'urgence.",
            "time": 1_787_000_000_000_u64 + n as u64 * 4_000, "secondsFromStart": n * 4, "duration": 2_200,
        })
    };
    let with_turns = |turns: usize| {
        json!({ "message": {
            "timestamp": 1_787_000_014_000_u64, "type": "tool-calls",
            "toolCallList": [{ "id": "call_bench", "type": "function", "function": {
                "name": "classifyPriority", "arguments": { "description": "refoulement d'égout au sous-sol" } } }],
            "artifact": { "messages": (0..turns).map(turn).collect::<Vec<_>>() },
            "call": { "id": "bench-call", "type": "inboundPhoneCall", "status": "ringing",
                      "customer": { "number": "+15145550142", "name": "Jeanne Tremblay" } },
            "phoneNumber": { "id": "number-1", "number": "+14385550100", "twilioAuthToken": "never-kept" },
            "assistant": { "id": "assistant-1", "model": { "messages": [{ "role": "system", "content": "x".repeat(800) }] } },
        }})
        .to_string()
    };
    let (empty, one) = (with_turns(0).len(), with_turns(1).len());
    let turns = (kilobytes * 1024).saturating_sub(empty) / (one - empty);
    with_turns(turns).into_bytes()
}

/// Resident memory of this process in bytes, as Linux counts it.
pub fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * 4096
}
