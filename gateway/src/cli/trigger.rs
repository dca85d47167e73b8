//! `cordboard trigger`: one webhook out of a simulated call, to see what a server answers.

use clap::Args;
use clap::builder::PossibleValuesParser;
use engine::ports::{Clock, SystemClock};
use engine::priority::Priority;
use reqwest::StatusCode;
use secrecy::SecretString;

use super::Overrides;
use super::exit::{Exit, Failed};
use super::output::print;
use super::target::Target;
use crate::simulator::{self, Message, Proof, load};

#[derive(Debug, Args)]
pub struct Trigger {
    /// Type of the message
    #[arg(value_parser = PossibleValuesParser::new(simulator::SAMPLES))]
    event: String,
    /// The server or its webhook URL [default: the one on this machine]
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// How urgent the call is that the message is about
    #[arg(long, default_value = "P1")]
    priority: Priority,
    /// [default: the configured one, else the one in the data directory]
    #[arg(long)]
    secret: Option<SecretString>,
    /// How the webhook is proven
    #[arg(long, value_enum, default_value_t)]
    proof: Proof,
}

pub async fn run(trigger: Trigger, overrides: &Overrides) -> Result<Exit, Failed> {
    let target = Target::find(trigger.to.as_deref(), trigger.secret.clone(), overrides)?;
    let message = simulator::sample(&trigger.event, trigger.priority, SystemClock.now(), rand::random());
    let message = message.expect("clap lets only the names of samples through");
    let (status, body) = send(&target, trigger.proof, message).await?;
    print(&format!("{}\n", body.trim_end()));
    match status {
        StatusCode::OK => Ok(Exit::Ok),
        StatusCode::UNAUTHORIZED => Err(Failed::new(Exit::Authentication, "the server does not know this secret")),
        other => Err(Failed::new(Exit::FailedCheck, format!("the server answered {other}"))),
    }
}

async fn send(target: &Target, proof: Proof, message: Message) -> Result<(StatusCode, String), Failed> {
    let headers = target.signer(proof)?.headers(&message.body);
    let client = load::client(&target.url, &load::Options::default())?;
    let response = client.post(target.url.clone()).headers(headers).body(message.body).send().await?;
    let status = response.status();
    Ok((status, response.text().await?))
}
