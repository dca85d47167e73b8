//! Servers that must prove who they are: whom we believe, and what is said when one cannot, so that somebody mends it.
//!
//! Without a file of its own each server is believed whom the machine believes: the system's authorities, or those of
//! `SSL_CERT_FILE` and `SSL_CERT_DIR`.

use std::path::Path;

use engine::failure::Failure;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// The authorities of a PEM file, at least one. `key` is the setting that names it.
pub fn authorities(key: &str, file: &Path) -> Result<RootCertStore, Failure> {
    let cannot = |why: &str| Failure::fail(format!("{key}: cannot read {}: {why}", file.display()));
    let pem = std::fs::read(file).map_err(|error| cannot(&error.to_string()))?;
    let mut known = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|_| cannot("it is no PEM"))?;
        known.add(certificate).map_err(|error| cannot(&error.to_string()))?;
    }
    if known.is_empty() { Err(cannot("there is no certificate in it")) } else { Ok(known) }
}

/// Why there is no TLS with a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distrust {
    UnknownAuthority,
    OtherName,
    Expired,
    NotYetValid,
    /// An authority's own certificate, or one of before 1999.
    UnfitForServers,
    OtherwiseInvalid,
    NoTls,
    WantsOurCertificate,
}

/// What the libraries say, of which one gives its words and another its debug form. The first that is found counts.
const SIGNS: [(&str, Distrust); 17] = [
    ("UnknownIssuer", Distrust::UnknownAuthority),
    // The authority has its name and not its key: it was made anew.
    ("BadSignature", Distrust::UnknownAuthority),
    ("no root trust anchors", Distrust::UnknownAuthority),
    ("NotValidForName", Distrust::OtherName),
    ("not valid for name", Distrust::OtherName),
    ("NotValidYet", Distrust::NotYetValid),
    ("not valid yet", Distrust::NotYetValid),
    ("certificate expired", Distrust::Expired),
    ("(Expired", Distrust::Expired),
    (": Expired", Distrust::Expired),
    ("CaUsedAsEndEntity", Distrust::UnfitForServers),
    ("UnsupportedCertVersion", Distrust::UnfitForServers),
    ("InvalidCertificate", Distrust::OtherwiseInvalid),
    ("invalid peer certificate", Distrust::OtherwiseInvalid),
    ("InvalidContentType", Distrust::NoTls),
    ("does not support TLS", Distrust::NoTls),
    ("CertificateRequired", Distrust::WantsOurCertificate),
];

impl Distrust {
    /// `None`: TLS is not what is wrong.
    pub fn read(said: &str) -> Option<Distrust> {
        SIGNS.iter().find(|(sign, _)| said.contains(sign)).map(|(_, distrust)| *distrust)
    }

    /// Whether it may end without a change of our settings.
    pub fn may_pass(self) -> bool {
        matches!(self, Distrust::Expired | Distrust::NotYetValid)
    }

    /// For people. `authority` is where the file of its authority is named, `plain` how one asks for no TLS.
    pub fn told(self, authority: &str, plain: &str) -> String {
        match self {
            Distrust::UnknownAuthority => format!(
                "nobody we believe vouches for its certificate: name the PEM file of its authority in {authority}"
            ),
            Distrust::OtherName => {
                "its certificate is for another name: reach it by a name that is in the certificate".to_owned()
            }
            Distrust::Expired => "its certificate has expired, or the clock of this machine is wrong".to_owned(),
            Distrust::NotYetValid => {
                "its certificate is not valid yet, or the clock of this machine is wrong".to_owned()
            }
            Distrust::UnfitForServers => {
                "its certificate is not one for servers: have it issued with CA:FALSE and a subjectAltName".to_owned()
            }
            Distrust::OtherwiseInvalid => "its certificate cannot be accepted".to_owned(),
            Distrust::NoTls => format!("it does not speak TLS there: turn it on, or {plain}"),
            Distrust::WantsOurCertificate => "it wants a certificate of ours".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, OtherError};

    use super::*;

    /// Named as the one the library has and does not show.
    #[derive(Debug, thiserror::Error)]
    #[error("{self:?}")]
    struct CaUsedAsEndEntity;

    #[test]
    fn what_is_wrong_is_read_from_words_and_from_debug_forms() {
        let of_an_authority = CertificateError::Other(OtherError(Arc::new(CaUsedAsEndEntity)));
        let name = rustls::pki_types::ServerName::try_from("db.example.com").unwrap().to_owned();
        let presented = vec!["DnsName(\"other.example.com\")".to_owned()];
        let (then, now) = (std::time::Duration::from_secs(9), std::time::Duration::from_secs(99));
        let at = rustls::pki_types::UnixTime::since_unix_epoch;
        for (error, expected) in [
            (CertificateError::UnknownIssuer.into(), Distrust::UnknownAuthority),
            (CertificateError::BadSignature.into(), Distrust::UnknownAuthority),
            (CertificateError::NotValidForName.into(), Distrust::OtherName),
            (CertificateError::NotValidForNameContext { expected: name, presented }.into(), Distrust::OtherName),
            (CertificateError::Expired.into(), Distrust::Expired),
            (CertificateError::ExpiredContext { time: at(now), not_after: at(then) }.into(), Distrust::Expired),
            (
                CertificateError::NotValidYetContext { time: at(then), not_before: at(now) }.into(),
                Distrust::NotYetValid,
            ),
            (of_an_authority.into(), Distrust::UnfitForServers),
            (CertificateError::Revoked.into(), Distrust::OtherwiseInvalid),
            (Error::InvalidMessage(InvalidMessage::InvalidContentType), Distrust::NoTls),
            (Error::AlertReceived(AlertDescription::CertificateRequired), Distrust::WantsOurCertificate),
        ] {
            let error: Error = error;
            for said in [error.to_string(), format!("{:?}", std::io::Error::other(error.clone()))] {
                assert_eq!(Distrust::read(&said), Some(expected), "{said}");
            }
        }
        for said in ["connection refused", "expired", "password authentication failed for user \"jo\""] {
            assert_eq!(Distrust::read(said), None, "{said}");
        }
    }

    #[test]
    fn a_file_without_an_authority_is_refused_by_the_name_of_its_setting() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
            folder.path().join(name)
        };
        let garbled = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (file, why) in [
            (folder.path().join("nowhere"), "No such file"),
            (file("empty", ""), "no certificate"),
            (file("half", "-----BEGIN CERTIFICATE-----\nAAAA"), "no PEM"),
            (file("garbled", garbled), "cannot read"),
        ] {
            let told = authorities("bus.ca_file", &file).unwrap_err().to_string();
            assert!(told.starts_with("bus.ca_file: ") && told.contains(why), "{told}");
        }
    }
}
