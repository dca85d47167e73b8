//! `POST /api/performance`: what a browser measured of itself, sent as its page goes away. Counted, not kept: it may be
//! wrong, late or made up by whoever is signed in, and names neither a page nor a person in any label.

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use metrics::histogram;
use serde_json::{Map, Value};

use super::Problem;
use super::auth::Identity;
use super::error::FieldError;

/// Longest beacon, in bytes.
pub const BEACON_BYTES: usize = 4 * 1024;
/// Milliseconds. What takes longer was a laptop asleep.
const LONGEST_MS: f64 = 600_000.0;
/// Bytes of a component's name.
const LONGEST_NAME: usize = 200;

/// Times the browsers' own libraries measure, and their labels.
const VITALS: [(&str, &str); 5] = [("LCP", "lcp"), ("FCP", "fcp"), ("INP", "inp"), ("FID", "fid"), ("TTFB", "ttfb")];
/// A share of the screen that moved, not a time.
const LAYOUT_SHIFT: &str = "CLS";

/// Something that took this long.
#[derive(Debug, PartialEq)]
struct Measured {
    metric: &'static str,
    seconds: f64,
}

pub async fn beacon(_: Identity, body: Bytes) -> Result<HttpResponse, Problem> {
    if let Some(Measured { metric, seconds }) = understand(&body)? {
        histogram!("cordboard_client_vitals_seconds", "metric" => metric).record(seconds);
    }
    Ok(HttpResponse::NoContent().finish())
}

/// `None` is well-formed and no time. Fields we do not know are a newer page's affair.
fn understand(body: &[u8]) -> Result<Option<Measured>, Problem> {
    let object: Map<String, Value> =
        serde_json::from_slice(body).map_err(|_| Problem::bad_request("the body is not a JSON object"))?;
    let text = |field: &str| object.get(field).and_then(Value::as_str).filter(|text| text.len() <= LONGEST_NAME);
    let component = text("component");
    let metric = text("type").and_then(|kind| label(kind, component.unwrap_or_default()));
    let millis = object.get("duration").and_then(Value::as_f64).filter(|ms| (0.0..=LONGEST_MS).contains(ms));
    let wrong = [
        ("type", metric.is_none(), "slow-render, slow-api or vital".to_owned()),
        ("component", component.is_none(), format!("a text of at most {LONGEST_NAME} bytes")),
        ("duration", millis.is_none(), format!("milliseconds, from 0 to {LONGEST_MS}")),
    ];
    if let (Some(metric), Some(component), Some(millis)) = (metric, component, millis) {
        return Ok((component != LAYOUT_SHIFT).then_some(Measured { metric, seconds: millis / 1000.0 }));
    }
    let errors = wrong.into_iter().filter(|(_, wrong, _)| *wrong);
    Err(Problem::unprocessable_fields(
        errors.map(|(field, _, message)| FieldError { field: field.into(), message }).collect(),
    ))
}

/// From a closed list: a page may call its components as it likes.
fn label(kind: &str, component: &str) -> Option<&'static str> {
    match kind {
        "slow-render" => Some("slow_render"),
        "slow-api" => Some("slow_api"),
        "vital" => Some(VITALS.iter().find(|(name, _)| *name == component).map_or("other", |(_, label)| label)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(body: &str) -> Option<(&'static str, f64)> {
        understand(body.as_bytes()).unwrap().map(|measured| (measured.metric, measured.seconds))
    }

    #[test]
    fn a_beacon_becomes_a_time_under_a_label_of_ours() {
        for (body, expected) in [
            (r#"{"type":"vital","component":"LCP","duration":1840.5,"timestamp":1}"#, Some(("lcp", 1.8405))),
            (r#"{"type":"vital","component":"Made up","duration":1}"#, Some(("other", 0.001))),
            (r#"{"type":"slow-render","component":"CallList","duration":52,"more":[]}"#, Some(("slow_render", 0.052))),
            (r#"{"type":"slow-api","component":"/api/sms","duration":0}"#, Some(("slow_api", 0.0))),
            (r#"{"type":"vital","component":"CLS","duration":0.12}"#, None),
        ] {
            assert_eq!(measured(body), expected, "{body}");
        }
    }

    #[test]
    fn what_is_no_beacon_is_refused_with_every_field_that_is_wrong() {
        for (body, status, told) in [
            ("", 400, "not a JSON object"),
            ("[1]", 400, "not a JSON object"),
            ("{}", 422, "type, component, duration"),
            (r#"{"type":"other","component":"x","duration":1}"#, 422, "type"),
            (r#"{"type":"vital","component":7,"duration":1}"#, 422, "component"),
            (r#"{"type":"vital","component":"LCP","duration":-1}"#, 422, "duration"),
            (r#"{"type":"vital","component":"LCP","duration":1e300}"#, 422, "duration"),
            (r#"{"type":"vital","component":"LCP","duration":"1"}"#, 422, "duration"),
        ] {
            let problem = understand(body.as_bytes()).unwrap_err();
            assert_eq!(problem.status().as_u16(), status, "{body}");
            assert!(problem.to_string().ends_with(told), "{body}: {problem}");
        }
    }
}
