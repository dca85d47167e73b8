//! What `serve` says once it is ready: where everything is, and what is in use. On standard output, aligned.

use std::io::{IsTerminal, Write};

use crate::app::{App, Start};

/// What is known before the server takes everything over.
pub struct Facts {
    url: String,
    public_url: String,
    admin_token_file: String,
    /// Only when the server keeps the secret itself.
    secret_file: Option<String>,
}

impl Facts {
    pub fn of(start: &Start) -> Facts {
        Facts {
            url: start.local_url(),
            public_url: start.settings.public_url.trim_end_matches('/').to_owned(),
            admin_token_file: start.admin_token.file.display().to_string(),
            secret_file: start.kept_secret.as_ref().map(|kept| kept.file.display().to_string()),
        }
    }

    fn lines(&self, app: &App, on_terminal: bool) -> Vec<(&'static str, String)> {
        let url = &self.url;
        let login = if on_terminal { app.login_code() } else { None };
        let dashboard = match login {
            Some(code) => format!("{url}/login?code={code} (once, within five minutes)"),
            None => format!("{url}/"),
        };
        let mut lines = vec![("dashboard", dashboard), ("webhooks", format!("{url}/webhooks/vapi"))];
        if !self.public_url.is_empty() {
            lines.push(("from outside", format!("{}/webhooks/vapi", self.public_url)));
        }
        lines.push(("metrics", format!("{url}/metrics")));
        lines.extend(app.in_use.iter().cloned());
        lines.push(("admin token", self.admin_token_file.clone()));
        if let Some(file) = &self.secret_file {
            lines.push(("vapi secret", file.clone()));
        }
        lines
    }
}

pub fn print(facts: &Facts, app: &App) {
    let mut out = std::io::stdout().lock();
    let lines = facts.lines(app, out.is_terminal());
    let mut text = format!("cordboard {}\n", env!("CARGO_PKG_VERSION"));
    for (name, value) in lines {
        text.push_str(&format!("  {name:<13} {value}\n"));
    }
    // Nobody may be reading; that is no reason to stop.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
