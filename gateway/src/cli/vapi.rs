//! `cordboard vapi`: how a business is set up at Vapi. Prints its tools, compares its assistants and numbers with what
//! the playbook wants, and sets them.

use clap::{Args, Subcommand};
use engine::playbook::{Language, Playbook};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Overrides;
use super::business::playbook_of;
use super::exit::{Exit, Failed};
use super::output::{self, Format, print, print_json};
use super::target::{known_secret, webhook_url};
use crate::platforms::number_key;
use crate::platforms::vapi::setup::{self, Plan, Resource, Wiring};
use crate::platforms::vapi::{Api, ApiError};
use crate::settings::{self, Settings};

/// Tools and numbers asked of Vapi at once: as many as it gives.
const LIST_LIMIT: usize = 1000;
/// Characters shown of a value in a table; JSON shows it whole.
const SHOWN_CHARS: usize = 60;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the tool definitions of a business, as Vapi takes them
    Tools {
        #[command(flatten)]
        business: Business,
        /// Language of the descriptions: fr or en [default: the business's own]
        #[arg(long, value_parser = language)]
        language: Option<Language>,
    },
    /// Compare assistants and numbers with what the playbook wants, and print what would change
    Plan {
        #[command(flatten)]
        business: Business,
        /// Exit 1 when anything would change
        #[arg(long)]
        check: bool,
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Make the changes that `plan` prints
    Apply {
        #[command(flatten)]
        business: Business,
        /// Send the webhook secret also where one is set: it was replaced, and Vapi does not say which it has
        #[arg(long)]
        resend_secret: bool,
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
}

#[derive(Debug, Args)]
pub struct Business {
    /// Whose playbook [default: the default tenant's]
    #[arg(long)]
    tenant: Option<String>,
    /// Where Vapi reaches this server [default: the setting public_url]
    #[arg(long)]
    url: Option<String>,
    /// An assistant's id; may be given several times [default: those of the playbook]
    #[arg(long)]
    assistant: Vec<String>,
}

pub async fn run(command: &Command, overrides: &Overrides) -> Result<Exit, Failed> {
    let settings = settings::load(&overrides.layers())?.settings;
    match command {
        Command::Tools { business, language } => tools(business, *language, &settings),
        Command::Plan { business, check, output } => {
            let (plan, _) = plan(business, false, &settings).await?;
            show(&plan, *output);
            Ok(if *check && !plan.changes.is_empty() { Exit::FailedCheck } else { Exit::Ok })
        }
        Command::Apply { business, resend_secret, output } => {
            let (plan, api) = plan(business, *resend_secret, &settings).await?;
            show(&plan, *output);
            apply(&plan, &api).await
        }
    }
}

fn tools(business: &Business, language: Option<Language>, settings: &Settings) -> Result<Exit, Failed> {
    let playbook = playbook_of(business.tenant.as_deref(), settings)?;
    let wiring = business.wiring(&playbook, settings)?;
    if wiring.is_none() {
        eprintln!("no public_url is set: without a server, each tool is asked of the assistant's own");
    }
    print_json(&setup::tools(&playbook, language.unwrap_or(playbook.language), wiring.as_ref()));
    Ok(Exit::Ok)
}

async fn plan(business: &Business, resend_secret: bool, settings: &Settings) -> Result<(Plan, Api), Failed> {
    let playbook = playbook_of(business.tenant.as_deref(), settings)?;
    let wiring = business.wiring(&playbook, settings)?.ok_or_else(|| {
        Failed::configuration("no public_url is set: where should Vapi send its webhooks? give --url https://…")
    })?;
    let wiring = Wiring { resend_secret, ..wiring };
    let vapi = &settings.platforms.vapi;
    if vapi.api_key.expose_secret().is_empty() {
        let message = "no API key: set CORDBOARD_PLATFORMS__VAPI__API_KEY to a private key of the Vapi organisation";
        return Err(Failed::configuration(message));
    }
    let api = Api::new(&vapi.base_url, vapi.api_key.clone()).map_err(Failed::configuration)?;
    let assistants = business.assistants(&playbook)?;
    let kept: Vec<KeptTool> = list(&api, "tool").await?;
    let kept: Vec<(String, String)> = kept.into_iter().map(|tool| (tool.id, tool.function.name)).collect();
    let mut plan = Plan::default();
    for id in &assistants {
        plan.assistant(&api.get(&["assistant", id], &[]).await?, &kept, &playbook, &wiring);
    }
    if !playbook.routing.numbers.is_empty() {
        let numbers: Vec<Value> = list(&api, "phone-number").await?;
        let own = &playbook.routing.numbers;
        for number in numbers.iter().filter(|number| own.iter().any(|own| is_number(own, number))) {
            plan.number(number, &playbook, &wiring);
        }
        for missing in own.iter().filter(|own| !numbers.iter().any(|number| is_number(own, number))) {
            eprintln!("the number {missing} is in [routing], and Vapi lists no such number");
        }
    }
    Ok((plan, api))
}

/// All of a kind. A list that is full may be cut, and what is cut would look as if it were not there.
async fn list<T: DeserializeOwned>(api: &Api, kind: &str) -> Result<Vec<T>, Failed> {
    let all: Vec<T> = api.get(&[kind], &[("limit", &LIST_LIMIT.to_string())]).await?;
    if all.len() >= LIST_LIMIT {
        let message =
            format!("vapi: there are {} {kind}s, which may not be all of them: remove what is not used", all.len());
        return Err(Failed::new(Exit::FailedCheck, message));
    }
    Ok(all)
}

async fn apply(plan: &Plan, api: &Api) -> Result<Exit, Failed> {
    for (resource, patch) in &plan.patches {
        let (kind, id) = match resource {
            Resource::Assistant(id) => ("assistant", id),
            Resource::Number(id) => ("phone-number", id),
        };
        api.patch(&[kind, id], patch).await?;
        eprintln!("{resource}: set");
    }
    Ok(Exit::Ok)
}

/// A tool kept at Vapi itself.
#[derive(Deserialize)]
struct KeptTool {
    id: String,
    #[serde(default)]
    function: KeptFunction,
}

#[derive(Default, Deserialize)]
struct KeptFunction {
    #[serde(default)]
    name: String,
}

/// By its id or, as webhooks are routed, by its digits.
fn is_number(own: &str, listed: &Value) -> bool {
    let is = |field: &str| listed[field].as_str().is_some_and(|it| !it.is_empty() && number_key(it) == number_key(own));
    is("id") || is("number")
}

/// A secret of the business's own opens its door, and the deployment's does not any more.
fn own_secret(playbook: &Playbook) -> Option<SecretString> {
    let secrets = playbook.routing.secrets.iter().find(|secret| !secret.trim().is_empty());
    secrets.map(|secret| SecretString::from(secret.as_ref()))
}

impl Business {
    /// `None` when nobody said how the world reaches us.
    fn wiring(&self, playbook: &Playbook, settings: &Settings) -> Result<Option<Wiring>, Failed> {
        let base = self.url.as_deref().unwrap_or(&settings.public_url);
        if base.is_empty() {
            return Ok(None);
        }
        let own = own_secret(playbook);
        // The credential holds the deployment's secret.
        let credential = Some(&settings.platforms.vapi.credential_id).filter(|id| own.is_none() && !id.is_empty());
        Ok(Some(Wiring {
            url: webhook_url(base)?.to_string(),
            credential: credential.cloned(),
            secret: own.or_else(|| known_secret(settings)),
            resend_secret: false,
        }))
    }

    fn assistants(&self, playbook: &Playbook) -> Result<Vec<String>, Failed> {
        let own = || playbook.routing.assistants.iter().map(|id| id.to_string()).collect();
        let ids: Vec<String> = if self.assistant.is_empty() { own() } else { self.assistant.clone() };
        if ids.is_empty() && playbook.routing.numbers.is_empty() {
            let tenant = &playbook.tenant;
            let message =
                format!("nothing to set up: give --assistant, or [routing] assistants or numbers of {tenant}");
            return Err(Failed::configuration(message));
        }
        Ok(ids)
    }
}

fn show(plan: &Plan, format: Format) {
    match format {
        Format::Json => print_json(&json!({ "changes": plan.changes })),
        Format::Table if plan.changes.is_empty() => print("everything is set up\n"),
        Format::Table => print(&output::table(&rows(plan))),
    }
}

fn rows(plan: &Plan) -> Vec<[String; 4]> {
    let row = |change: &setup::Change| {
        [change.resource.to_string(), change.field.clone(), shown(&change.from), format!("→ {}", shown(&change.to))]
    };
    plan.changes.iter().map(row).collect()
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn language(text: &str) -> Result<Language, String> {
    Language::from_tag(text).ok_or_else(|| "fr or en".to_owned())
}

impl From<ApiError> for Failed {
    fn from(error: ApiError) -> Failed {
        let exit = match &error {
            ApiError::Unauthorized => Exit::Authentication,
            ApiError::NotFound(_) => Exit::NotFound,
            ApiError::Refused(..) => Exit::FailedCheck,
            ApiError::Unreachable(_) => Exit::Unreachable,
        };
        Failed::new(exit, format!("vapi: {error}"))
    }
}
