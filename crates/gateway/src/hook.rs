//! Hooks: an organisation's own systems are told what happened, signed, until they have it.
//! Source: Standard Webhooks 1.0.0 (symmetric signatures, `v1`).

use crate::{Alarm, Event, EventKind, Gateway, GatewayError, token::check_label, vault::context};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use denizen_model::{Nonce, Sha256Hash, UnixTime, id::Bytes};
use denizen_store::gateway::{DueRow, HookRow, Pause};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{Method, Request, StatusCode, Uri};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// After a failure: five seconds, then longer and longer.
const PAUSE: Pause = Pause {
    first_s: 5,
    most_s: 4 * 3600,
};
/// A hook that has failed for this long is told nothing more, in seconds.
const GIVE_UP_S: i64 = 5 * UnixTime::DAY_S;

/// A hook as an operator sees it; its URL may hold a secret of the receiver, and is not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookSummary {
    /// What the organisation calls it.
    pub label: String,
    /// The kinds of events that it is told; none means all.
    pub kinds: Vec<String>,
    /// Since when every attempt has failed.
    pub failing_since: Option<UnixTime>,
    /// Since when it is told nothing.
    pub disabled: Option<UnixTime>,
}

#[derive(Serialize, Deserialize)]
struct HookBody {
    url: String,
    secret: Bytes,
}

/// One event that is to be told to one hook.
#[derive(Debug)]
pub struct Telling {
    due: DueRow,
    request: Request<Vec<u8>>,
}

impl Telling {
    /// The request to send: once, without following where the receiver points.
    #[must_use]
    pub fn request(&self) -> Request<Vec<u8>> {
        self.request.clone()
    }

    /// The hook's label.
    #[must_use]
    pub fn hook(&self) -> &str {
        &self.due.hook
    }
}

impl Gateway {
    /// Adds a hook; gives its secret, which is shown this once.
    ///
    /// # Errors
    /// [`GatewayError::TokenRefused`] for a label that is taken, a URL that is not https (http on this
    /// machine alone), or no event.
    pub fn add_hook(
        &mut self,
        (label, url): (&str, &str),
        kinds: &[EventKind],
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<String, GatewayError> {
        let mut rng = rng;
        check_label(label)?;
        check_url(url)?;
        let secret = Nonce::make(&mut rng);
        let body = HookBody {
            url: url.to_owned(),
            secret: Bytes(secret.as_bytes().to_vec()),
        };
        let names: Vec<_> = kinds.iter().map(|k| k.name()).collect();
        let row = HookRow {
            label: label.to_owned(),
            kinds: names.join(" "),
            body: self.vault.seal(&hook_context(label), &body, rng),
            failing_since: None,
            disabled: None,
        };
        if self.tx(|g| Ok::<_, GatewayError>(g.store.add_hook(&row)?))? {
            Ok(format!("{PREFIX}{}", STANDARD.encode(secret.as_bytes())))
        } else {
            Err(GatewayError::TokenRefused("there is a hook of this name"))
        }
    }

    /// All hooks.
    ///
    /// # Errors
    /// [`GatewayError::Store`].
    pub fn hooks(&self) -> Result<Vec<HookSummary>, GatewayError> {
        let summary = |row: HookRow| HookSummary {
            kinds: row.kinds.split_whitespace().map(str::to_owned).collect(),
            label: row.label,
            failing_since: row.failing_since,
            disabled: row.disabled,
        };
        Ok(self.store.hooks()?.into_iter().map(summary).collect())
    }

    /// Removes a hook, and what it has not been told.
    ///
    /// # Errors
    /// [`GatewayError::HookUnknown`].
    pub fn remove_hook(&mut self, label: &str) -> Result<(), GatewayError> {
        match self.tx(|g| Ok::<_, GatewayError>(g.store.remove_hook(label)?))? {
            true => Ok(()),
            false => Err(GatewayError::HookUnknown),
        }
    }

    /// Tells a hook again that was told nothing.
    ///
    /// # Errors
    /// [`GatewayError::HookUnknown`].
    pub fn enable_hook(&mut self, label: &str) -> Result<(), GatewayError> {
        match self.tx(|g| Ok::<_, GatewayError>(g.store.set_hook_disabled(label, None)?))? {
            true => Ok(()),
            false => Err(GatewayError::HookUnknown),
        }
    }

    /// What is to be told now: signed requests, oldest first, at most so many.
    ///
    /// # Errors
    /// [`GatewayError::Store`].
    pub fn tellings(&self, now: UnixTime, max: u32) -> Result<Vec<Telling>, GatewayError> {
        let due = self.store.due(now, max)?;
        due.into_iter().map(|due| self.telling(due, now)).collect()
    }

    fn telling(&self, due: DueRow, now: UnixTime) -> Result<Telling, GatewayError> {
        let hook = self.store.hook(&due.hook)?;
        let hook = hook.ok_or(GatewayError::HookUnknown)?;
        let body: HookBody = self.vault.open(&hook_context(&due.hook), &hook.body)?;
        let event: Event = self.event_of(&due.event)?;
        // A restored database may give a number again; what was sealed then differs.
        let hash = Sha256Hash::of(&due.event.body).to_text();
        let id = format!("evt_{}", hash.get(..22).unwrap_or(&hash));
        let payload = serde_json::to_vec(&event).expect("an event is JSON");
        let signature = sign(&body.secret.0, &id, now, &payload);
        let request = Request::builder()
            .method(Method::POST)
            .uri(&body.url)
            .header("content-type", "application/json")
            .header("user-agent", concat!("denizen/", env!("CARGO_PKG_VERSION")))
            .header("webhook-id", id)
            .header("webhook-timestamp", now.0.to_string())
            .header("webhook-signature", signature)
            .body(payload)
            .map_err(|_| GatewayError::Damaged("database"))?;
        Ok(Telling { due, request })
    }

    /// Keeps what a receiver answered, none if nothing came. Anything but 2xx is tried again, for five
    /// days; 410 ends the hook at once.
    ///
    /// # Errors
    /// [`GatewayError::Store`].
    pub fn was_told(
        &mut self,
        telling: &Telling,
        answer: Option<StatusCode>,
        now: UnixTime,
    ) -> Result<(), GatewayError> {
        let due = &telling.due;
        self.tx(|g| {
            if answer.is_some_and(|status| status.is_success()) {
                return Ok(g.store.told(&due.hook, due.event.number)?);
            }
            let since = g.store.not_told(due, PAUSE, now)?;
            if answer == Some(StatusCode::GONE) || now >= since.plus_s(GIVE_UP_S) {
                g.store.set_hook_disabled(&due.hook, Some(now))?;
                g.raise(Alarm::HookDisabled, now)?;
            }
            Ok(())
        })
    }
}

fn hook_context(label: &str) -> Vec<u8> {
    context("hook", label.as_bytes())
}

/// `v1,` and base64 of HMAC-SHA-256 over `id.timestamp.payload`.
fn sign(secret: &[u8], id: &str, at: UnixTime, payload: &[u8]) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret).expect("HMAC takes any key");
    mac.update(id.as_bytes());
    mac.update(b".");
    mac.update(at.0.to_string().as_bytes());
    mac.update(b".");
    mac.update(payload);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// https, or http to this machine: what is told goes over no network in clear. Where an https URL
/// leads is the operator's choice alone, made at this machine: no REST route takes a URL.
fn check_url(url: &str) -> Result<(), GatewayError> {
    if is_safe_url(url) {
        Ok(())
    } else {
        let why = "its URL is https://..., or http:// to a loopback address, without a user name";
        Err(GatewayError::TokenRefused(why))
    }
}

/// Whether requests there go over no network in clear, and name nobody.
pub(crate) fn is_safe_url(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else {
        return false;
    };
    let Some(authority) = uri.authority() else {
        return false;
    };
    let host = authority.host().trim_matches(['[', ']']);
    let local = host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    let scheme = uri.scheme_str();
    let fits = scheme == Some("https") || scheme == Some("http") && local;
    fits && !host.is_empty() && !authority.as_str().contains('@') && !url.contains('#')
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails loudly")]
mod tests {
    use super::*;

    #[test]
    fn the_specifications_own_example_has_the_signature_that_it_says() {
        // Source: Standard Webhooks, its reference implementations' test vector.
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let payload = br#"{"test": 2432232314}"#;
        let signed = sign(
            &secret,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            UnixTime(1_614_265_330),
            payload,
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn only_https_and_this_machine_are_told() {
        for good in [
            "https://office.example.org/hook",
            "http://127.0.0.1:9000/h",
            "http://[::1]:9/h",
        ] {
            assert!(check_url(good).is_ok(), "{good}");
        }
        for bad in [
            "http://office.example.org/hook",
            "http://10.0.0.1/",
            "http://169.254.169.254/latest/meta-data",
            "http://localhost.example.org/",
            "https://user:word@office.example.org/",
            "https://office.example.org/#part",
            "ftp://127.0.0.1/",
            "file:///etc/passwd",
            "/hook",
            "",
        ] {
            assert!(check_url(bad).is_err(), "{bad}");
        }
    }
}
