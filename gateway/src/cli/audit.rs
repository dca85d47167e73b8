//! `cordboard audit`: past calls through a playbook. Sends nothing; what would have happened is printed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use engine::playbook::Playbook;
use engine::ports::{Clock, SystemClock};
use engine::time::Timestamp;
use secrecy::ExposeSecret;
use serde_json::json;

use super::Overrides;
use super::business::playbook_of;
use super::exit::{Exit, Failed};
use super::output::{print, print_json};
use crate::audit::before::AlertTools;
use crate::audit::export::Exports;
use crate::audit::{self, Options};
use crate::platforms::vapi::Api;
use crate::platforms::vapi::history::{Wanted, recorded};
use crate::settings::{self, Settings};

/// Where the page goes when nobody says.
const PAGE: &str = "audit.html";

#[derive(Debug, Args)]
pub struct Audit {
    /// Exported calls or recorded webhooks: files, directories, or - for standard input
    #[arg(required_unless_present = "from_vapi")]
    files: Vec<PathBuf>,
    /// Ask Vapi for the calls
    #[arg(long)]
    from_vapi: bool,
    /// How far back to ask: 30d, 12h, 2w, or a date
    #[arg(long, default_value = "30d", requires = "from_vapi", value_parser = since)]
    since: Since,
    /// Most calls to ask for
    #[arg(long, default_value_t = 10_000, requires = "from_vapi", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Only calls of this assistant
    #[arg(long, requires = "from_vapi")]
    assistant: Option<String>,
    /// Whose playbook [default: the default tenant's]
    #[arg(long, conflicts_with = "playbook")]
    tenant: Option<String>,
    /// A playbook that is not in force yet
    #[arg(long, value_name = "FILE")]
    playbook: Option<PathBuf>,
    /// A tool of the old webhook that tells somebody; may be given several times
    #[arg(long, value_name = "NAME")]
    alert_tool: Vec<String>,
    /// Go on, and end with 0, although something could not be read
    #[arg(long)]
    skip_bad: bool,
    /// Show telephone numbers whole
    #[arg(long)]
    show_numbers: bool,
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
    /// Write to this file [default: standard output; audit.html for a page]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    #[default]
    Table,
    /// For programs: everything.
    Json,
    /// One page, each line linked to its evidence.
    Html,
}

#[derive(Clone, Copy, Debug)]
enum Since {
    Ago(Duration),
    At(Timestamp),
}

pub async fn run(audit: &Audit, overrides: &Overrides) -> Result<Exit, Failed> {
    let settings = settings::load(&overrides.layers())?.settings;
    let playbook = audit.playbook(&settings)?;
    let mut exports = Exports::default();
    audit.files.iter().for_each(|path| exports.read(path));
    if audit.from_vapi {
        audit.ask_vapi(&settings, &mut exports).await?;
    }
    let (calls, unreadable) = exports.finish();
    unreadable.iter().for_each(|bad| eprintln!("{}: {}", bad.place, bad.why));
    let readable = unreadable.is_empty() || audit.skip_bad;
    let options = audit.options();
    let found = audit::Audit::of(&calls, unreadable, &playbook, &options);
    match audit.output {
        Output::Table => audit.write(&audit::table(&found, &playbook.time_zone))?,
        Output::Json if audit.out.is_none() => print_json(&found),
        Output::Json => audit.write(&format!("{:#}\n", json!(found)))?,
        Output::Html => audit.write(&audit::page(&found, &calls, &playbook, &options))?,
    }
    Ok(if readable { Exit::Ok } else { Exit::FailedCheck })
}

impl Audit {
    fn options(&self) -> Options {
        Options { alert_tools: AlertTools(self.alert_tool.clone()), show_numbers: self.show_numbers }
    }

    fn playbook(&self, settings: &Settings) -> Result<Playbook, Failed> {
        match &self.playbook {
            Some(file) => {
                let name = file.display().to_string();
                let text = fs::read_to_string(file).map_err(|why| Failed::configuration(format!("{name}: {why}")))?;
                Playbook::parse(&text, &name).map_err(Failed::configuration)
            }
            None => playbook_of(self.tenant.as_deref(), settings),
        }
    }

    async fn ask_vapi(&self, settings: &Settings, exports: &mut Exports) -> Result<(), Failed> {
        let vapi = &settings.platforms.vapi;
        if vapi.api_key.expose_secret().is_empty() {
            let message =
                "no API key: set CORDBOARD_PLATFORMS__VAPI__API_KEY to a private key of the Vapi organisation";
            return Err(Failed::configuration(message));
        }
        let api = Api::new(&vapi.base_url, vapi.api_key.clone()).map_err(Failed::configuration)?;
        let since = match self.since {
            Since::Ago(ago) => SystemClock.now().minus(ago),
            Since::At(at) => at,
        };
        let wanted = Wanted { since, most: self.limit as usize, assistant: self.assistant.as_deref() };
        let found = recorded(&api, &wanted, |call| exports.add(call, "vapi")).await?;
        eprintln!("{found} calls from Vapi");
        Ok(())
    }

    /// To the file, and says so; a page never goes to a terminal.
    fn write(&self, text: &str) -> Result<(), Failed> {
        let page = (self.output == Output::Html).then_some(Path::new(PAGE));
        let Some(path) = self.out.as_deref().or(page) else {
            print(text);
            return Ok(());
        };
        if path == Path::new("-") {
            print(text);
            return Ok(());
        }
        fs::write(path, text).map_err(|why| Failed::configuration(format!("{}: {why}", path.display())))?;
        eprintln!("written to {}", path.display());
        Ok(())
    }
}

fn since(text: &str) -> Result<Since, String> {
    const WRONG: &str = "30d, 12h, 2w, or a date such as 2026-09-01";
    let moment = text.parse().or_else(|_| format!("{text}T00:00:00Z").parse());
    if let Ok(at) = moment {
        return Ok(Since::At(at));
    }
    let (unit_at, unit) = text.char_indices().last().ok_or(WRONG)?;
    let seconds = match unit {
        'h' => 3_600,
        'd' => 24 * 3_600,
        'w' => 7 * 24 * 3_600,
        _ => return Err(WRONG.to_owned()),
    };
    let count: u32 = text[..unit_at].parse().map_err(|_| WRONG.to_owned())?;
    Ok(Since::Ago(Duration::from_secs(u64::from(count) * seconds)))
}
