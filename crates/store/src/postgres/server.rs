//! Where a server is, and how it is spoken to.

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use std::{fmt, net::IpAddr, path::Path, sync::Arc, time::Duration};
use tokio_postgres::{
    Config,
    config::{Host, SslMode},
};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Every session waits for the disk. A pooler that shares connections refuses these options, and should:
/// the writer's lock belongs to its connection.
const OPTIONS: &str = "-c synchronous_commit=on -c client_min_messages=error \
                       -c citus.max_adaptive_executor_pool_size=1";

/// Readers write nothing, and do not wait for ever.
const READER_OPTIONS: &str = "-c default_transaction_read_only=on -c statement_timeout=30s";

/// Why a server is not connected to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServerRefused {
    /// It is no URL of a server.
    #[error("it is no URL as postgres://user@host/database")]
    Url,
    /// A password in a URL is read by everybody who reads the configuration.
    #[error("a password does not belong into the URL: put it into a file of its own")]
    PasswordInUrl,
    /// User, host or database are missing.
    #[error("the URL names no user, no host or no database")]
    NotWhole,
    /// The password's file holds no text.
    #[error("the password is no text")]
    Password,
    /// In clear over a network.
    #[error("a server of another machine is spoken to over TLS only: name its certificate")]
    InClear,
    /// The certificate cannot be used.
    #[error("the file of the server's certificate cannot be read, or holds none")]
    Certificate,
}

/// A database of a server.
#[derive(Clone)]
pub struct Server {
    config: Config,
    tls: MakeRustlsConnect,
}

/// Without the password.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({self})")
    }
}

impl PartialEq for Server {
    fn eq(&self, other: &Self) -> bool {
        self.config == other.config
    }
}

impl Eq for Server {}

/// Without the password, for people.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = match self.config.get_hosts().first() {
            Some(Host::Tcp(name)) => name.clone(),
            Some(Host::Unix(folder)) => folder.display().to_string(),
            None => String::new(),
        };
        let database = self.config.get_dbname().unwrap_or_default();
        write!(f, "the database {database} at {host}")
    }
}

impl Server {
    /// The server of a URL (`postgres://user@host:port/database`, or `?host=/folder` for a socket). The
    /// password comes apart from it. A server of another machine needs the PEM file of a certificate that
    /// it is known by.
    ///
    /// # Errors
    /// [`ServerRefused`].
    pub fn parse(
        url: &str,
        password: Option<&[u8]>,
        certificate: Option<&Path>,
    ) -> Result<Self, ServerRefused> {
        let mut config: Config = url.parse().map_err(|_| ServerRefused::Url)?;
        if config.get_password().is_some() {
            return Err(ServerRefused::PasswordInUrl);
        }
        let whole = config.get_user().is_some() && config.get_dbname().is_some();
        if !whole || config.get_hosts().is_empty() {
            return Err(ServerRefused::NotWhole);
        }
        if let Some(password) = password {
            let password = std::str::from_utf8(password).map_err(|_| ServerRefused::Password)?;
            config.password(password.trim_end_matches(['\r', '\n']));
        }
        let local = config.get_hostaddrs().is_empty() && config.get_hosts().iter().all(is_local);
        match certificate {
            Some(_) => config.ssl_mode(SslMode::Require),
            None if local => config.ssl_mode(SslMode::Disable),
            None => return Err(ServerRefused::InClear),
        };
        config
            .application_name("denizen-hub")
            .connect_timeout(Duration::from_secs(10))
            .tcp_user_timeout(Duration::from_secs(30));
        let tls = MakeRustlsConnect::new(tls(certificate)?);
        Ok(Self { config, tls })
    }

    pub(super) fn writer(&self) -> Config {
        let mut config = self.config.clone();
        config.options(OPTIONS);
        config
    }

    pub(super) fn reader(&self) -> Config {
        let mut config = self.config.clone();
        config.options(format!("{OPTIONS} {READER_OPTIONS}"));
        config
    }

    pub(super) fn tls(&self) -> MakeRustlsConnect {
        self.tls.clone()
    }
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            let ip = name.trim_matches(['[', ']']).parse::<IpAddr>();
            name == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
        }
    }
}

/// TLS that trusts the named certificates and no others.
fn tls(certificate: Option<&Path>) -> Result<ClientConfig, ServerRefused> {
    let refused = || ServerRefused::Certificate;
    let mut roots = RootCertStore::empty();
    if let Some(file) = certificate {
        let certificates = CertificateDer::pem_file_iter(file).map_err(|_| refused())?;
        for certificate in certificates {
            let certificate = certificate.map_err(|_| refused())?;
            roots.add(certificate).map_err(|_| refused())?;
        }
        if roots.is_empty() {
            return Err(refused());
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|_| refused())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_password_is_not_taken_from_a_url_and_never_shown() {
        let refused = Server::parse("postgres://hub:secret@localhost/hub", None, None);
        assert_eq!(refused, Err(ServerRefused::PasswordInUrl));
        let server = Server::parse("postgres://hub@localhost/hub", Some(b"secret\n"), None);
        let server = server.unwrap();
        assert_eq!(server.config.get_password(), Some(b"secret".as_slice()));
        assert!(!format!("{server:?} {server}").contains("secret"));
    }

    #[test]
    fn another_machine_is_spoken_to_over_tls_only() {
        for local in ["localhost", "127.0.0.1", "[::1]", "%2Frun%2Fpostgresql"] {
            let url = format!("postgres://hub@{local}/hub");
            assert!(Server::parse(&url, None, None).is_ok(), "{local}");
        }
        for remote in ["db.example.org", "10.0.0.1"] {
            let url = format!("postgres://hub@{remote}/hub?sslmode=disable");
            assert_eq!(Server::parse(&url, None, None), Err(ServerRefused::InClear));
            let nowhere = Some(Path::new("/nowhere.pem"));
            let refused = Server::parse(&url, None, nowhere);
            assert_eq!(refused, Err(ServerRefused::Certificate));
        }
    }

    #[test]
    fn a_url_that_is_not_whole_is_refused() {
        let urls = [
            "postgres://localhost/hub",
            "postgres://hub@/hub",
            "postgres://hub@localhost",
        ];
        for url in urls {
            let refused = Server::parse(url, None, None);
            assert_eq!(refused, Err(ServerRefused::NotWhole), "{url}");
        }
        assert_eq!(Server::parse("hub.db", None, None), Err(ServerRefused::Url));
    }
}
