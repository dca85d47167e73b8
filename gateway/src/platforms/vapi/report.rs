//! The end-of-call report. What is wanted stands in `artifact` and `analysis`; older and current platforms repeat it at
//! the message's root, undocumented, so both are read, in this order.

use std::time::Duration;

use engine::call::{EventKind, Report};

use super::ended_reasons;
use super::json::{Raw, moment, number, pick, short, text};
use super::message::{Told, digest};
use crate::platforms::Asks;

const MAX_SUMMARY_BYTES: usize = 16 * 1024;
const MAX_SUCCESS_BYTES: usize = 256;
const MAX_URL_BYTES: usize = 2048;

/// Beyond this, in US dollars, a cost is a mistake.
const MAX_COST: f64 = 1e9;

/// The same report twice has the same key; one that says something else amends the first. Recordings are left out of
/// the key: their addresses are signed anew for each delivery.
pub fn asks(told: &Told) -> Asks {
    let report = read(told);
    let said = digest(&[
        report.ended.as_ref().map_or("", |ended| &ended.reason),
        report.transcript.as_deref().unwrap_or_default(),
        report.summary.as_deref().unwrap_or_default(),
        report.success.as_deref().unwrap_or_default(),
        &report.cost_micros.map_or_else(String::new, |cost| cost.to_string()),
    ]);
    told.record(format!("eocr:{said}"), EventKind::Reported(Box::new(report)))
}

fn read(told: &Told) -> Report {
    let root = |key| told.message.get(key);
    let [transcript, recording_url, stereo_url, recording] =
        pick(root("artifact"), ["transcript", "recordingUrl", "stereoRecordingUrl", "recording"]);
    let [summary, success] = pick(root("analysis"), ["summary", "successEvaluation"]);
    let [call_reason, call_started, call_ended, call_cost] =
        pick(root("call"), ["endedReason", "startedAt", "endedAt", "cost"]);
    let [total] = pick(root("costBreakdown"), ["total"]);

    let reason = text(root("endedReason")).or_else(|| text(call_reason));
    let started_at = moment(root("startedAt")).or_else(|| moment(call_started));
    let ended_at = moment(root("endedAt")).or_else(|| moment(call_ended));
    let spoken = started_at.zip(ended_at).and_then(|(from, to)| (from <= to).then(|| to.since(from)));
    Report {
        ended: reason.map(|reason| ended_reasons::ended(&reason)),
        started_at,
        ended_at,
        duration_s: spoken.or_else(|| stated_duration(told)).and_then(whole_seconds),
        summary: short(summary, MAX_SUMMARY_BYTES).or_else(|| short(root("summary"), MAX_SUMMARY_BYTES)),
        transcript: short(transcript, Report::MAX_TRANSCRIPT_BYTES)
            .or_else(|| short(root("transcript"), Report::MAX_TRANSCRIPT_BYTES)),
        cost_micros: [root("cost"), total, call_cost].into_iter().find_map(micros),
        success: verdict(success).or_else(|| verdict(root("successEvaluation"))),
        recording_url: [recording_url, root("recordingUrl"), stereo_url, root("stereoRecordingUrl")]
            .into_iter()
            .find_map(address)
            .or_else(|| recorded_at(recording)),
    }
}

/// When the report gives no beginning and end, it may give a length.
fn stated_duration(told: &Told) -> Option<Duration> {
    [("durationMs", 1e-3), ("durationSeconds", 1.0), ("durationMinutes", 60.0)].into_iter().find_map(|(key, unit)| {
        let seconds = number(told.message.get(key))? * unit;
        Duration::try_from_secs_f64(seconds).ok()
    })
}

fn whole_seconds(duration: Duration) -> Option<u32> {
    u32::try_from((duration + Duration::from_millis(500)).as_secs()).ok()
}

/// Dollars as a decimal fraction to millionths.
fn micros(dollars: Option<Raw<'_>>) -> Option<u64> {
    let dollars = number(dollars)?;
    (0.0..=MAX_COST).contains(&dollars).then(|| (dollars * 1e6).round() as u64)
}

/// `true`, `8` or `Excellent`, by the rubric: kept as the platform wrote it.
fn verdict(raw: Option<Raw<'_>>) -> Option<Box<str>> {
    short(raw, MAX_SUCCESS_BYTES).or_else(|| {
        let written = raw?.get();
        let plain = !written.starts_with(['{', '[', '"']) && written.len() <= MAX_SUCCESS_BYTES;
        plain.then(|| written.into())
    })
}

fn recorded_at(recording: Option<Raw<'_>>) -> Option<Box<str>> {
    let [mono, stereo, video] = pick(recording, ["mono", "stereoUrl", "videoUrl"]);
    let [combined] = pick(mono, ["combinedUrl"]);
    [combined, stereo, video].into_iter().find_map(address)
}

/// A web address a browser may open. A signed query opens the recording to whoever reads it, for a while: it is cut off.
fn address(raw: Option<Raw<'_>>) -> Option<Box<str>> {
    let url = text(raw)?;
    let (path, query) = url.split_once('?').unwrap_or((&url, ""));
    let lower = query.to_ascii_lowercase();
    let signed = ["sig", "token", "expires", "credential"].iter().any(|word| lower.contains(word));
    let kept = if signed { path } else { &url };
    let web = kept.starts_with("https://") || kept.starts_with("http://");
    (web && kept.len() <= MAX_URL_BYTES).then(|| kept.into())
}

#[cfg(test)]
mod tests {
    use engine::call::Parties;
    use engine::time::Timestamp;

    use super::super::envelope::Envelope;
    use super::*;

    fn report(message: &str) -> Report {
        let body = format!("{{\"message\":{message}}}");
        read(&Told::new(&Envelope::read(&body).unwrap(), Parties::default(), Timestamp::EPOCH))
    }

    #[test]
    fn artifact_and_analysis_come_before_the_root() {
        let both = report(
            r#"{"artifact":{"transcript":"AI: Hi","recordingUrl":"https://a.example.com/1.wav"},"analysis":{"summary":"s","successEvaluation":"true"},
                "transcript":"old","summary":"old","recordingUrl":"https://old.example.com","endedReason":"silence-timed-out"}"#,
        );
        let root = report(
            r#"{"artifact":{"transcript":null},"analysis":"?","transcript":"old","summary":"old","successEvaluation":7}"#,
        );
        assert_eq!((both.transcript.as_deref(), both.summary.as_deref()), (Some("AI: Hi"), Some("s")));
        assert_eq!(both.recording_url.as_deref(), Some("https://a.example.com/1.wav"));
        assert_eq!(both.ended.unwrap().group.as_ref(), "timeout.silence");
        assert_eq!((root.transcript.as_deref(), root.summary.as_deref()), (Some("old"), Some("old")));
        assert_eq!(root.success.as_deref(), Some("7"));
    }

    #[test]
    fn money_is_kept_in_millionths() {
        for (message, expected) in [
            (r#"{"cost":0.0431}"#, Some(43_100)),
            (r#"{"cost":4e-05}"#, Some(40)),
            (r#"{"cost":"0.1"}"#, Some(100_000)),
            (r#"{"cost":null,"costBreakdown":{"total":2}}"#, Some(2_000_000)),
            (r#"{"call":{"cost":0}}"#, Some(0)),
            (r#"{"cost":-1}"#, None),
            (r#"{"cost":1e300}"#, None),
            (r#"{"cost":1e999}"#, None),
            (r#"{"cost":{"usd":1}}"#, None),
        ] {
            assert_eq!(report(message).cost_micros, expected, "{message}");
        }
    }

    #[test]
    fn a_length_comes_from_both_ends_else_as_stated() {
        for (message, expected) in [
            (
                r#"{"startedAt":"2026-03-02T10:00:00.600Z","endedAt":"2026-03-02T10:01:00Z","durationSeconds":7}"#,
                Some(59),
            ),
            (r#"{"call":{"startedAt":"2026-03-02T10:00:00Z","endedAt":"2026-03-02T10:02:00+00:00"}}"#, Some(120)),
            (r#"{"startedAt":1772445600000,"endedAt":1.772445601e12}"#, Some(1)),
            (r#"{"startedAt":"2026-03-02T10:00:00Z","durationMs":2600}"#, Some(3)),
            (
                r#"{"startedAt":"2026-03-02T10:00:00Z","endedAt":"2026-03-02T09:00:00Z","durationSeconds":25.276}"#,
                Some(25),
            ),
            (r#"{"durationMinutes":0.5}"#, Some(30)),
            (r#"{"durationMs":-5,"durationMinutes":1e300}"#, None),
            (r#"{}"#, None),
        ] {
            assert_eq!(report(message).duration_s, expected, "{message}");
        }
    }

    #[test]
    fn a_recording_is_a_web_address_without_its_signature() {
        for (message, expected) in [
            (
                r#"{"artifact":{"recording":{"mono":{"combinedUrl":"https://r.example.com/m.wav"},"stereoUrl":"https://r.example.com/s.wav"}}}"#,
                Some("https://r.example.com/m.wav"),
            ),
            (
                r#"{"artifact":{"recordingUrl":7},"stereoRecordingUrl":"https://r.example.com/s.wav?take=2"}"#,
                Some("https://r.example.com/s.wav?take=2"),
            ),
            (
                r#"{"recordingUrl":"https://r.example.com/m.wav?X-Amz-Signature=abc&X-Amz-Expires=60"}"#,
                Some("https://r.example.com/m.wav"),
            ),
            (r#"{"recordingUrl":"javascript:alert(1)"}"#, None),
        ] {
            assert_eq!(report(message).recording_url.as_deref(), expected, "{message}");
        }
    }

    #[test]
    fn a_long_transcript_is_cut_between_characters() {
        let long = "é".repeat(Report::MAX_TRANSCRIPT_BYTES);
        let kept = report(&format!(r#"{{"transcript":"{long}"}}"#)).transcript.unwrap();
        assert_eq!(kept.len(), Report::MAX_TRANSCRIPT_BYTES);
    }
}
