//! TLS of what listens: a certificate and its key, PEM.

use anyhow::{Context as _, bail};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use serde::Deserialize;
use std::{net::SocketAddr, path::PathBuf};

/// Certificate and key, PEM.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// TLS 1.3 and 1.2 with HTTP/1.1, which is what hub and gateway speak.
pub(crate) fn server_config(tls: &Tls) -> anyhow::Result<ServerConfig> {
    let certificate = tls.certificate.display();
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&tls.certificate)
        .and_then(Iterator::collect)
        .map_err(|error| anyhow::anyhow!("the certificate {certificate} is refused: {error}"))?;
    let key = PrivateKeyDer::from_pem_file(&tls.key)
        .map_err(|error| anyhow::anyhow!("the key {} is refused: {error}", tls.key.display()))?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .with_context(|| format!("the certificate {certificate} and its key do not go together"))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Refuses what would send requests in clear over a network.
pub(crate) fn check_listen(listen: SocketAddr, tls: Option<&Tls>) -> anyhow::Result<()> {
    if tls.is_none() && !listen.ip().is_loopback() {
        bail!(
            "listen = \"{listen}\" without TLS would serve in clear over a network: \
             name a certificate and a key under its [tls] table, or listen on 127.0.0.1 behind a \
             proxy that has them"
        );
    }
    Ok(())
}
