//! How a connection to the database is encrypted, whom it believes, and what is said when there is none.

use std::path::Path;

use engine::failure::Failure;
use reqwest::Url;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::tls::{Distrust, authorities};

/// What the URL says of it.
#[derive(Default)]
struct Said {
    mode: bool,
    authority: Option<String>,
    /// Of ours: the name of the parameter, and the file.
    proofs: Vec<(&'static str, String)>,
}

/// Over a network the server proves who it is, unless the URL says otherwise. As everywhere with Postgres, who names an
/// authority and says `require` has it looked at.
pub(super) fn encrypted(options: PgConnectOptions, url: &str) -> Result<PgConnectOptions, Failure> {
    let said = Said::by(url);
    said.files_are_there()?;
    Ok(if !said.mode && !is_local(&options) {
        options.ssl_mode(PgSslMode::VerifyFull)
    } else if said.authority.is_some() && matches!(options.get_ssl_mode(), PgSslMode::Require) {
        options.ssl_mode(PgSslMode::VerifyCa)
    } else {
        options
    })
}

/// `None`: this is not about TLS.
pub(super) fn distrust(error: &sqlx::Error) -> Option<Distrust> {
    let may_be = matches!(error, sqlx::Error::Io(_) | sqlx::Error::Tls(_));
    may_be.then(|| Distrust::read(&error.to_string())).flatten()
}

pub(super) fn told(distrust: Distrust) -> String {
    distrust.told("sslrootcert of store.url", "say sslmode=disable in store.url")
}

impl Said {
    fn by(url: &str) -> Said {
        let mut said = Said::default();
        let Ok(url) = Url::parse(url) else { return said };
        for (name, value) in url.query_pairs() {
            match &*name {
                "sslmode" | "ssl-mode" => said.mode = true,
                "sslrootcert" | "ssl-root-cert" | "ssl-ca" => said.authority = Some(value.into_owned()),
                "sslcert" | "ssl-cert" => said.proofs.push(("sslcert", value.into_owned())),
                "sslkey" | "ssl-key" => said.proofs.push(("sslkey", value.into_owned())),
                _ => {}
            }
        }
        said
    }

    /// The driver would find out with each connection, and call it a server that is away.
    fn files_are_there(&self) -> Result<(), Failure> {
        let is_file = |text: &&String| !text.trim_start().starts_with("-----BEGIN");
        if let Some(file) = self.authority.as_ref().filter(is_file) {
            authorities("sslrootcert of store.url", Path::new(file))?;
        }
        for (name, file) in self.proofs.iter().filter(|(_, file)| is_file(&file)) {
            let cannot = |why| Failure::fail(format!("{name} of store.url: cannot read {file}: {why}"));
            std::fs::read(file).map_err(cannot)?;
        }
        Ok(())
    }
}

fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let loopback = host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    options.get_socket().is_some() || host.starts_with('/') || host == "localhost" || loopback
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    #[test]
    fn over_a_network_the_server_proves_who_it_is_unless_the_url_says_otherwise() {
        for (url, expected) in [
            ("postgres://jo:pw@db.example.com/cordboard", PgSslMode::VerifyFull),
            ("postgres://jo:pw@192.0.2.7:5432/cordboard", PgSslMode::VerifyFull),
            ("postgres://jo:sslmode=pw@db.example.com/cordboard", PgSslMode::VerifyFull),
            ("postgres://jo:pw@db.example.com/cordboard?sslmode=require", PgSslMode::Require),
            ("postgres://jo:pw@db.example.com/cordboard?sslmode=disable", PgSslMode::Disable),
            ("postgres://jo:pw@db.example.com/cordboard?sslmode=require&sslrootcert=-----BEGIN", PgSslMode::VerifyCa),
            ("postgres://jo:pw@localhost/cordboard", PgSslMode::Prefer),
            ("postgres://jo:pw@127.0.0.1:5433/cordboard", PgSslMode::Prefer),
        ] {
            let options = PgConnectOptions::from_str(url).unwrap();
            let chosen = encrypted(options, url).unwrap().get_ssl_mode();
            assert_eq!(format!("{chosen:?}"), format!("{expected:?}"), "{url}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_said_at_once() {
        for name in ["sslrootcert", "sslcert", "sslkey"] {
            let url = format!("postgres://jo:hunter2@db.example.com/cordboard?{name}=/nowhere/x.pem");
            let options = PgConnectOptions::from_str(&url).unwrap();
            let told = encrypted(options, &url).unwrap_err().to_string();
            assert!(told.contains(name) && told.contains("/nowhere/x.pem") && !told.contains("hunter2"), "{told}");
        }
    }
}
