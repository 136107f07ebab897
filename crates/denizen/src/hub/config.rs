//! Configuration of a serving hub.

use crate::{
    logging::LogFormat,
    tls::{Tls, check_listen},
};
use anyhow::Context as _;
use denizen_hub::HubConfig;
use denizen_store::{Server, hub::Location};
use serde::Deserialize;
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Every setting with its default, explained.
pub(crate) const EXAMPLE: &str = include_str!("example.toml");

/// The line of [`EXAMPLE`] that says where it listens.
const LISTEN: &str = "listen = \"127.0.0.1:7700\"";

/// The configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) drain_s: u16,
    pub(crate) store: Option<String>,
    pub(crate) store_password_file: Option<PathBuf>,
    pub(crate) store_certificate: Option<PathBuf>,
    pub(crate) tls: Option<Tls>,
    pub(crate) portal: Portal,
    pub(crate) limits: Limits,
    pub(crate) log: Log,
}

/// The portal for browsers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Portal {
    /// A bundle's folder; without one the program's own, if it was built with one.
    pub(crate) folder: Option<PathBuf>,
    pub(crate) synthetic: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    pub(crate) self_addresses_a_minute: u32,
    pub(crate) roots_a_minute: u32,
    pub(crate) services_a_day: u32,
    pub(crate) self_quota_bytes: u64,
    pub(crate) reserved_a_day: u32,
    pub(crate) unfinished_days: u32,
    pub(crate) unread_days: u32,
    pub(crate) free_bytes_min: u64,
    pub(crate) used_percent_max: u8,
    pub(crate) free_bytes_enough: u64,
    pub(crate) connections_max: usize,
    pub(crate) polls_max: usize,
    pub(crate) request_s: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    pub(crate) level: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7700)),
            drain_s: 10,
            store: None,
            store_password_file: None,
            store_certificate: None,
            tls: None,
            portal: Portal::default(),
            limits: Limits::default(),
            log: Log::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            self_addresses_a_minute: 600,
            roots_a_minute: 600,
            services_a_day: 200,
            self_quota_bytes: 64 << 20,
            reserved_a_day: 20,
            unfinished_days: 7,
            unread_days: 90,
            free_bytes_min: 256 << 20,
            used_percent_max: 90,
            free_bytes_enough: 16 << 30,
            connections_max: 4096,
            polls_max: 4096,
            request_s: 20,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            level: "info".to_owned(),
        }
    }
}

impl Config {
    /// Reads a configuration; paths in it are relative to its folder.
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        let shown = file.display();
        let text = fs::read_to_string(file)
            .with_context(|| format!("the configuration {shown} cannot be read"))?;
        let mut config = Self::parse(&text).with_context(|| {
            format!("the configuration {shown} is refused; `denizen hub example-config` explains every setting")
        })?;
        if let (Some(tls), Some(folder)) = (&mut config.tls, file.parent()) {
            tls.certificate = folder.join(&tls.certificate);
            tls.key = folder.join(&tls.key);
        }
        let paths = [
            &mut config.portal.folder,
            &mut config.store_password_file,
            &mut config.store_certificate,
        ];
        for path in paths.into_iter().flatten() {
            *path = file.parent().unwrap_or(Path::new("")).join(&path);
        }
        Ok(config)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let config: Self = toml::from_str(text)?;
        config.check()?;
        Ok(config)
    }

    /// Refuses what would send requests in clear over a network.
    fn check(&self) -> anyhow::Result<()> {
        check_listen(self.listen, self.tls.as_ref())
    }

    /// Where the database is: the file, unless a server is named.
    pub(crate) fn location(&self, file: PathBuf) -> anyhow::Result<Location> {
        match &self.store {
            None => Ok(Location::File(file)),
            Some(url) => {
                let (password, certificate) = (&self.store_password_file, &self.store_certificate);
                server(url, password.as_deref(), certificate.as_deref())
            }
        }
    }

    /// Puts the limits into the hub's configuration.
    pub(crate) fn limit(&self, hub: &mut HubConfig) {
        hub.self_addresses_a_minute = self.limits.self_addresses_a_minute;
        hub.roots_a_minute = self.limits.roots_a_minute;
        hub.services_a_day = self.limits.services_a_day;
        hub.self_quota_bytes = self.limits.self_quota_bytes;
        hub.reserved_a_day = self.limits.reserved_a_day;
        hub.unfinished_days = self.limits.unfinished_days;
        hub.unread_days = self.limits.unread_days;
        hub.polls_max = self.limits.polls_max;
        hub.load.body_s = self.limits.request_s.into();
    }
}

impl Limits {
    /// Whether so little of a disk is free that nothing more is taken.
    pub(crate) fn is_nearly_full(&self, (free, size): (u64, u64)) -> bool {
        let used = size.saturating_sub(free);
        let most = u128::from(size) * u128::from(self.used_percent_max);
        let over = u128::from(used) * 100 >= most && free < self.free_bytes_enough;
        free < self.free_bytes_min || over
    }
}

/// The explained configuration of a new hub that listens here.
pub(crate) fn example_for(listen: SocketAddr) -> String {
    EXAMPLE.replace(LISTEN, &format!("listen = \"{listen}\""))
}

/// A database of a server. What is wrong is said without the URL: it may hold what does not belong there.
pub(super) fn server(
    url: &str,
    password: Option<&Path>,
    certificate: Option<&Path>,
) -> anyhow::Result<Location> {
    let read = |file: &Path| {
        let password = fs::read(file).map(Zeroizing::new);
        password.with_context(|| format!("the password file {} cannot be read", file.display()))
    };
    let password = password.map(read).transpose()?;
    let password = password.as_ref().map(|p| p.as_slice());
    let server = Server::parse(url, password, certificate);
    let server = server.context("`store` is refused")?;
    Ok(Location::Server(Box::new(server)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use denizen_model::{HubId, statement::Origins};

    #[test]
    fn the_example_says_the_defaults() {
        assert_eq!(Config::parse(EXAMPLE).expect("parses"), Config::default());
        assert_eq!(Config::parse("").expect("parses"), Config::default());
    }

    #[test]
    fn every_setting_that_is_commented_out_parses_too() {
        let all = EXAMPLE
            .replace("# [tls]", "[tls]")
            .replace("# certificate", "certificate")
            .replace("# store", "store");
        let all = Config::parse(&all.replace("# key", "key")).expect("parses");
        assert_eq!(all.tls.map(|t| t.key), Some(PathBuf::from("tls/key.pem")));
    }

    #[test]
    fn the_defaults_are_the_hubs_own() {
        let origins = Origins {
            deposits: "a".into(),
            directory: "b".into(),
        };
        let mut hub = HubConfig::new(HubId::new([0; 32]), origins, PathBuf::new());
        let before = format!("{hub:?}");
        Config::default().limit(&mut hub);
        assert_eq!(format!("{hub:?}"), before);
    }

    #[test]
    fn clear_text_over_a_network_is_refused_and_says_what_to_do() {
        let error = Config::parse("listen = \"0.0.0.0:80\"").expect_err("is refused");
        assert!(error.to_string().contains("[tls]"));
        let tls = "listen = \"0.0.0.0:443\"\n[tls]\ncertificate = \"a\"\nkey = \"b\"";
        assert!(Config::parse(tls).is_ok());
    }

    #[test]
    fn an_unknown_setting_is_refused() {
        assert!(Config::parse("listn = \"127.0.0.1:1\"").is_err());
    }

    #[test]
    fn a_disk_is_nearly_full_by_bytes_or_by_its_percent_where_little_is_left() {
        let limits = Limits::default();
        let (mib, gib) = (1 << 20, 1 << 30);
        // A small disk: at 90 of 100, and at 256 MiB.
        assert!(!limits.is_nearly_full((11 * gib, 100 * gib)));
        assert!(limits.is_nearly_full((10 * gib, 100 * gib)));
        assert!(limits.is_nearly_full((255 * mib, gib)));
        assert!(!limits.is_nearly_full((257 * mib, gib)));
        // A large one has room for long at 90 of 100.
        assert!(!limits.is_nearly_full((200 * gib, 2_000 * gib)));
        assert!(limits.is_nearly_full((15 * gib, 2_000 * gib)));
        let bytes_only = Limits {
            used_percent_max: 100,
            ..limits
        };
        assert!(!bytes_only.is_nearly_full((gib, 100 * gib)));
    }

    #[test]
    fn a_new_hub_listens_where_its_url_says() {
        let listen = SocketAddr::from(([127, 0, 0, 1], 4321));
        assert_eq!(
            Config::parse(&example_for(listen)).expect("parses").listen,
            listen
        );
    }
}
