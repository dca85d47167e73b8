//! What Twilio refuses.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::act::Manners;
use super::wire::{Answer, Request};

/// Every name the form of a message may hold. Source: twilio-oai, read 2026-04. The real one drops others silently; here
/// a misspelt one is found.
const MESSAGE_NAMES: [&str; 25] = [
    "To",
    "StatusCallback",
    "ApplicationSid",
    "MaxPrice",
    "ProvideFeedback",
    "Attempt",
    "ValidityPeriod",
    "ForceDelivery",
    "ContentRetention",
    "AddressRetention",
    "SmartEncoded",
    "PersistentAction",
    "TrafficType",
    "ShortenUrls",
    "ScheduleType",
    "SendAt",
    "SendAsMms",
    "ContentVariables",
    "RiskCheck",
    "From",
    "FallbackFrom",
    "MessagingServiceSid",
    "Body",
    "MediaUrl",
    "ContentSid",
];
const LONGEST_BODY: usize = 1_600;

/// Before anything is looked at.
pub(super) fn unwelcome(request: &Request, manners: &Manners, concurrent: u32) -> Option<Answer> {
    if !request.path.starts_with("/2010-04-01/Accounts/AC") {
        return Some(Answer::refuse(404, 20404, "The requested resource was not found"));
    }
    if !knows_the_token(request, manners) {
        return Some(Answer::refuse(401, 20003, "Authenticate"));
    }
    let crowded = manners.concurrency.is_some_and(|most| concurrent > most);
    crowded.then(|| Answer::refuse(429, 20429, "Too Many Requests"))
}

fn knows_the_token(request: &Request, manners: &Manners) -> bool {
    let basic = request.header("authorization").and_then(|value| value.strip_prefix("Basic "));
    let decoded = basic.and_then(|text| STANDARD.decode(text).ok()).and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.is_some_and(|text| {
        text.split_once(':').is_some_and(|(user, token)| {
            (user == request.account() || user.starts_with("SK")) && token == manners.token_of(&request.account())
        })
    })
}

pub(super) fn refused_message(request: &Request) -> Option<Answer> {
    let refuse = |code, message: &str| Some(Answer::refuse(400, code, message));
    if let Some((name, _)) = request.form.iter().find(|(name, _)| !MESSAGE_NAMES.contains(&name.as_str())) {
        return refuse(20001, &format!("no such parameter: {name}"));
    }
    let field = |name: &str| request.field(name).filter(|value| !value.is_empty());
    let Some(to) = field("To") else { return refuse(21604, "A 'To' phone number is required.") };
    if field("From").is_none() && field("MessagingServiceSid").is_none() {
        return refuse(21603, "A 'From' phone number is required.");
    }
    let Some(body) = field("Body") else { return refuse(21602, "Message body is required.") };
    if body.chars().count() > LONGEST_BODY {
        return refuse(21617, "The concatenated message body exceeds the 1600 character limit");
    }
    if to.parse::<engine::phone::PhoneNumber>().is_err() || field("From") == Some(to) {
        return refuse(21211, &format!("Invalid 'To' Phone Number: {to}"));
    }
    let validity = field("ValidityPeriod").map(|text| text.parse::<u32>());
    if validity.is_some_and(|seconds| !seconds.is_ok_and(|seconds| (1..=36_000).contains(&seconds))) {
        return refuse(90007, "The validity period is outside 1 to 36000");
    }
    let callback = field("StatusCallback").map(reqwest::Url::parse);
    if callback.is_some_and(|url| !url.is_ok_and(|url| url.has_host())) {
        return refuse(21609, "The 'StatusCallback' URL is not a valid URL");
    }
    None
}
