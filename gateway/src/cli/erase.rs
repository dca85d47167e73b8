//! `cordboard erase +1514…`: forgets a person, through the server that has them. It only counts, until it is told to do
//! it: by `--yes`, or by whoever types the last digits on a terminal.

use std::io::{IsTerminal, Write, stdin};
use std::time::Duration;

use clap::Args;
use engine::ports::{Counts, UnderWay};
use reqwest::Method;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Overrides;
use super::api::Api;
use super::exit::{Exit, Failed};
use super::output::{Format, print, print_json, table};

/// Whole tables are looked through.
const TAKES_AT_MOST: Duration = Duration::from_secs(600);
/// Typed by whoever means it.
const TYPED_DIGITS: usize = 4;

#[derive(Debug, Args)]
pub struct Erase {
    /// Whoever calls from this number or is texted at it: +15145550142
    #[arg(value_name = "NUMBER", required_unless_present = "call", conflicts_with = "call")]
    number: Option<String>,
    /// Whoever was on the line in this call, by the platform's id
    #[arg(long, value_name = "ID")]
    call: Option<String>,
    /// Only what this business has of them [default: every business]
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
    /// Do it, without asking
    #[arg(long)]
    yes: bool,
    /// The server [default: the one on this machine]
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// [default: CORDBOARD_TOKEN, else the one in the data directory]
    #[arg(long)]
    token: Option<SecretString>,
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

#[derive(Deserialize, Serialize)]
struct Answer {
    dry_run: bool,
    counts: Counts,
    under_way: UnderWay,
    places: Vec<String>,
}

pub async fn run(erase: &Erase, overrides: &Overrides) -> Result<Exit, Failed> {
    let api = Api::find(erase.to.as_deref(), erase.token.clone(), overrides)?.patient(TAKES_AT_MOST)?;
    if erase.yes {
        return done(&api.json(Method::POST, "/api/erase", Some(&asked(erase, false))).await?, erase.output);
    }
    let found: Answer = api.json(Method::POST, "/api/erase", Some(&asked(erase, true))).await?;
    show(&found, erase.output);
    if erase.output == Format::Json || !stdin().is_terminal() {
        eprintln!("nothing was erased: --yes does it");
        return Ok(Exit::Ok);
    }
    if !means_it(erase) {
        eprintln!("nothing was erased");
        return Ok(Exit::Ok);
    }
    done(&api.json(Method::POST, "/api/erase", Some(&asked(erase, false))).await?, erase.output)
}

fn asked(erase: &Erase, dry_run: bool) -> Value {
    let Erase { number, call, tenant, .. } = erase;
    json!({"number": number, "call": call, "tenant": tenant, "dry_run": dry_run})
}

fn done(answer: &Answer, output: Format) -> Result<Exit, Failed> {
    show(answer, output);
    if answer.under_way == UnderWay::default() {
        return Ok(Exit::Ok);
    }
    Err(Failed::new(Exit::FailedCheck, "something began meanwhile and was left: run it again"))
}

fn show(answer: &Answer, output: Format) {
    if output == Format::Json {
        return print_json(answer);
    }
    let Counts { calls, mentions, texts, texts_about, texts_from, alerts, quarantined, other, opt_outs_kept } =
        answer.counts;
    let UnderWay { calls: live, texts: pending, alerts: running } = answer.under_way;
    let rows = [
        ("calls of theirs", calls),
        ("calls of others that name the number", mentions),
        ("texts to them", texts),
        ("texts from them", texts_from),
        ("texts about them", texts_about),
        ("alerts about them", alerts),
        ("events put aside", quarantined),
        ("entries of caches and queues", other),
        ("opt-outs, kept in force", opt_outs_kept),
        ("under way: calls", live),
        ("under way: texts", pending),
        ("under way: alerts", running),
    ];
    let shown = rows.iter().filter(|(_, count)| *count > 0);
    let mut lines: Vec<[String; 2]> = shown.map(|(what, count)| [(*what).to_owned(), count.to_string()]).collect();
    if lines.is_empty() {
        lines.push(["nothing about them".to_owned(), String::new()]);
    }
    print(&table(&lines));
}

/// The end of what is to be erased, typed again.
fn means_it(erase: &Erase) -> bool {
    let whom = erase.number.as_deref().or(erase.call.as_deref()).unwrap_or_default();
    let wanted: String = whom.chars().skip(whom.chars().count().saturating_sub(TYPED_DIGITS)).collect();
    eprint!("This cannot be undone. Type the last {TYPED_DIGITS} characters to erase: ");
    let _ = std::io::stderr().flush();
    let mut typed = String::new();
    stdin().read_line(&mut typed).is_ok_and(|_| !wanted.is_empty() && typed.trim() == wanted)
}
