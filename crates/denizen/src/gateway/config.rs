//! `gateway.toml`: what a serving gateway does beside serving.

use crate::tls::{Tls, check_listen};
use anyhow::Context as _;
use denizen_gateway::http::REQUESTS_A_MINUTE;
use serde::Deserialize;
use std::{fs, net::SocketAddr, path::Path};

/// Every setting, explained.
pub(crate) const EXAMPLE: &str = include_str!("example.toml");

/// The configuration file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// REST; off if it is not there.
    pub(crate) rest: Option<Rest>,
}

/// REST for the organisation's own systems.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Rest {
    pub(crate) listen: SocketAddr,
    pub(crate) requests_a_minute: u32,
    pub(crate) tls: Option<Tls>,
}

impl Default for Rest {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7710)),
            requests_a_minute: REQUESTS_A_MINUTE,
            tls: None,
        }
    }
}

impl Config {
    /// The configuration of a gateway's folder; the defaults if it has none.
    pub(crate) fn of(folder: &Path) -> anyhow::Result<Self> {
        let file = folder.join("gateway.toml");
        if !file.is_file() {
            return Ok(Self::default());
        }
        let shown = file.display();
        let text = fs::read_to_string(&file)
            .with_context(|| format!("the configuration {shown} cannot be read"))?;
        let mut config = Self::parse(&text).with_context(|| {
            format!("the configuration {shown} is refused; `denizen gateway example-config` explains every setting")
        })?;
        if let Some(tls) = config.rest.as_mut().and_then(|rest| rest.tls.as_mut()) {
            tls.certificate = folder.join(&tls.certificate);
            tls.key = folder.join(&tls.key);
        }
        Ok(config)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let config: Self = toml::from_str(text)?;
        if let Some(rest) = &config.rest {
            check_listen(rest.listen, rest.tls.as_ref())?;
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn the_example_says_the_defaults_and_leaves_rest_off() {
        assert_eq!(Config::parse(EXAMPLE).expect("parses"), Config::default());
        let mut all = EXAMPLE.replace("# [rest]", "[rest]");
        for key in ["listen", "requests_a_minute"] {
            all = all.replace(&format!("# {key} ="), &format!("{key} ="));
        }
        let all = Config::parse(&all).expect("parses");
        assert_eq!(all.rest, Some(Rest::default()));
    }

    #[test]
    fn clear_text_over_a_network_and_unknown_settings_are_refused() {
        assert!(Config::parse("[rest]\nlisten = \"0.0.0.0:7710\"").is_err());
        let tls = "[rest]\nlisten = \"0.0.0.0:1\"\n[rest.tls]\ncertificate = \"a\"\nkey = \"b\"";
        let rest = Config::parse(tls).expect("parses").rest.expect("is there");
        assert_eq!(rest.tls.map(|t| t.key), Some(PathBuf::from("b")));
        assert!(Config::parse("[rest]\nlistn = \"127.0.0.1:1\"").is_err());
    }
}
