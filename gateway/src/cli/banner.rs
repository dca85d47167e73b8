//! What a server says of itself once it is ready.

use std::io::{self, IsTerminal};

use super::output;
use crate::app::{App, Start};

/// What is known before the server takes it over.
pub struct Banner {
    url: String,
    public_url: String,
    kept: Vec<(&'static str, String)>,
}

impl Banner {
    pub fn of(start: &Start) -> Banner {
        let mut kept = vec![("admin token", start.admin_token.file.display().to_string())];
        kept.extend(start.kept_secret.as_ref().map(|secret| ("secret", secret.file.display().to_string())));
        let public_url = start.settings.public_url.trim_end_matches('/').to_owned();
        Banner { url: start.local_url(), public_url, kept }
    }

    /// On a terminal the dashboard's link logs in, once: it would be a secret in a file or a log.
    pub fn print(self, app: &App) {
        let code = if io::stdout().is_terminal() { app.login_code() } else { None };
        let login = code.map(|code| format!("login?code={code}")).unwrap_or_default();
        let playbooks = ("playbooks", app.playbooks());
        let in_use: Vec<_> = app.in_use.iter().cloned().chain([playbooks]).collect();
        output::print(&self.text(&login, &in_use));
    }

    fn text(self, login: &str, in_use: &[(&'static str, String)]) -> String {
        let Banner { url, public_url, kept } = self;
        let mut rows = vec![("dashboard", format!("{url}/{login}")), ("webhook", format!("{url}/webhooks/vapi"))];
        if !public_url.is_empty() {
            rows.push(("public", format!("{public_url}/webhooks/vapi")));
        }
        rows.push(("metrics", format!("{url}/metrics")));
        rows.extend(in_use.iter().cloned());
        rows.extend(kept);
        let rows: Vec<[String; 2]> = rows.into_iter().map(|(name, value)| [format!("  {name}"), value]).collect();
        format!("cordboard {}\n{}", env!("CARGO_PKG_VERSION"), output::table(&rows))
    }
}
