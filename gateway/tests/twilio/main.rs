//! Twilio in full: its books, its telephones, the one of our own, and what others say of signatures and segments.

mod books;
mod fake;
mod oracles;
mod phone;
mod prism;

use std::sync::Arc;
use std::time::Duration;

use engine::ids::{CallId, CallKey, SmsId, TenantId};
use engine::ports::{Clock, SystemClock};
use engine::priority::Priority;
use engine::sms::{Attempt, AttemptToken, NewSms, Sms};
use gateway::carriers::twilio::{Twilio, Ways};
use gateway::settings::{self, Settings};

const OURS: &str = "+15145550199";
const THEIRS: &str = "+15145550110";

fn settings_for(base_url: &str) -> settings::Twilio {
    let defaults: Settings = toml::from_str(include_str!("../../../config/default.toml")).unwrap();
    let mut twilio = defaults.sms.twilio;
    twilio.account_sid = format!("AC{}", "5".repeat(32));
    twilio.auth_token = gateway::simulator::fake_twilio::AUTH_TOKEN.to_owned().into();
    twilio.from = OURS.to_owned();
    twilio.base_url = base_url.to_owned();
    twilio.timeout_s = 2;
    twilio
}

fn ways(public_url: Option<&str>) -> Ways {
    let built_in = settings_for("https://api.example.com");
    Ways::new(&built_in, public_url.map(str::to_owned)).unwrap()
}

fn twilio_at(base_url: &str) -> Twilio {
    Twilio::new(&settings_for(base_url), &ways(None), Arc::new(SystemClock)).unwrap()
}

fn sms(to: &str, body: &str) -> Sms {
    let call = CallKey { tenant: TenantId::parse("boreal").unwrap(), call: CallId::parse("c-1").unwrap() };
    let now = SystemClock.now();
    Sms::owed(&NewSms {
        id: SmsId::derive(&call, body, to),
        tenant: call.tenant,
        call: Some(call.call),
        alert: None,
        to: to.parse().unwrap(),
        contact: "owner".into(),
        body: body.into(),
        segments: 1,
        priority: Priority::P1,
        due_at: now,
        expires_at: now.plus(Duration::from_secs(600)),
        created_at: now,
        suppressed: None,
    })
}

fn attempt(sender: &str) -> Attempt {
    let token = AttemptToken::from_bits([5; 16]);
    Attempt::new(SmsId::from_bits([1; 16]), 1, sender.into(), token, SystemClock.now())
}
