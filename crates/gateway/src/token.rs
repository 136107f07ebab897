//! Tokens: which of an organisation's own systems asks, and what it may. Only a hash is kept.

use crate::{Gateway, GatewayError, vault::context};
use denizen_model::{Nonce, Sha256Hash, UnixTime, jose::base64url_decode, jose::base64url_encode};
use denizen_store::gateway::{AuditRow, TokenRow};
use subtle::ConstantTimeEq as _;

/// What a token begins with, so that a scanner of leaked secrets knows it.
const PREFIX: &str = "dzg_";
/// Longest label and role, in characters.
const NAME_MAX: usize = 64;

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// What a token may.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Scope {$($(#[$doc])* $name,)*}

        impl Scope {
            /// All scopes.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its stable name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {$(Self::$name => $text,)*}
            }
        }
    };
}

scopes! {
    /// See how far records are.
    RecordsRead = "records:read";
    /// Deposit records and change their status.
    RecordsWrite = "records:write";
    /// See the queue: no papers.
    CasesRead = "cases:read";
    /// Open papers, of which the person is told.
    CasesOpen = "cases:open";
    /// Ask for more and decide.
    CasesDecide = "cases:decide";
    /// See disputes.
    DisputesRead = "disputes:read";
    /// Open and answer disputes.
    DisputesAnswer = "disputes:answer";
    /// Read notes.
    NotesRead = "notes:read";
    /// Write notes.
    NotesWrite = "notes:write";
    /// See invitations and links.
    LinksRead = "links:read";
    /// Invite, confirm and close.
    LinksWrite = "links:write";
    /// See what happened, by kind and reference.
    Events = "events";
    /// See whether hooks are told.
    Hooks = "hooks";
    /// Health and counts.
    Status = "status";
}

impl Scope {
    /// The scopes of a name: one, or all of a group such as `cases`.
    #[must_use]
    pub fn parse(name: &str) -> Vec<Self> {
        let group = format!("{name}:");
        let meant = |s: &&Self| s.name() == name || s.name().starts_with(&group);
        Self::ALL.iter().filter(meant).copied().collect()
    }
}

/// What a new token is to be.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// What the organisation calls the system.
    pub label: String,
    /// In which role it acts.
    pub role: String,
    /// What it may.
    pub scopes: Vec<Scope>,
    /// For how many seconds it counts.
    pub ttl_s: i64,
}

/// A token as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSummary {
    /// What the organisation calls the system.
    pub label: String,
    /// In which role it acts.
    pub role: String,
    /// What it may.
    pub scopes: Vec<Scope>,
    /// Until when it counts.
    pub expires: UnixTime,
    /// Since when it does not count any more.
    pub revoked: Option<UnixTime>,
}

/// What was done with a token, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: UnixTime,
    /// The token's label.
    pub token: String,
    /// In which role.
    pub role: String,
    /// What, by its stable name.
    pub operation: String,
    /// On which case or number.
    pub subject: Option<String>,
    /// HTTP status of the answer; 0 if the program ended before it was known.
    pub outcome: u16,
}

/// A system that showed a good token.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) label: String,
    pub(crate) role: String,
    scopes: Vec<Scope>,
}

impl Client {
    pub(crate) fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

impl Gateway {
    /// Makes a token; it is shown this once.
    ///
    /// # Errors
    /// [`GatewayError::TokenRefused`] for a label that is taken or unfit, no role or no scope.
    pub fn make_token(
        &mut self,
        request: TokenRequest,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<String, GatewayError> {
        let mut rng = rng;
        check_label(&request.label)?;
        let role = request.role.trim();
        if role.is_empty() || role.chars().count() > NAME_MAX {
            let why = "it needs a role of at most 64 characters, as the people concerned read it";
            return Err(GatewayError::TokenRefused(why));
        }
        if request.scopes.is_empty() || request.ttl_s <= 0 {
            return Err(GatewayError::TokenRefused("it needs a scope and an end"));
        }
        let mut handle = [0; 8];
        rng.fill_bytes(&mut handle);
        let secret = Nonce::make(&mut rng);
        let token = format!(
            "{PREFIX}{}{}",
            base64url_encode(handle),
            base64url_encode(secret.as_bytes())
        );
        let scopes: Vec<_> = request.scopes.iter().map(|s| s.name()).collect();
        let row = TokenRow {
            label: request.label,
            handle,
            hash: Sha256Hash::of(token.as_bytes()),
            role: role.to_owned(),
            scopes: scopes.join(" "),
            created: now,
            expires: now.plus_s(request.ttl_s),
            revoked: None,
        };
        if self.tx(|g| Ok::<_, GatewayError>(g.store.add_token(&row)?))? {
            Ok(token)
        } else {
            let why =
                "there is, or was, a token of this name: take another, so that the audit is clear";
            Err(GatewayError::TokenRefused(why))
        }
    }

    /// All tokens, without their secrets.
    ///
    /// # Errors
    /// [`GatewayError::Store`].
    pub fn tokens(&self) -> Result<Vec<TokenSummary>, GatewayError> {
        let summary = |row: TokenRow| TokenSummary {
            scopes: scopes(&row.scopes),
            label: row.label,
            role: row.role,
            expires: row.expires,
            revoked: row.revoked,
        };
        Ok(self.store.tokens()?.into_iter().map(summary).collect())
    }

    /// Ends a token at once.
    ///
    /// # Errors
    /// [`GatewayError::TokenUnknown`].
    pub fn revoke_token(&mut self, label: &str, now: UnixTime) -> Result<(), GatewayError> {
        if self.tx(|g| Ok::<_, GatewayError>(g.store.revoke_token(label, now)?))? {
            Ok(())
        } else {
            Err(GatewayError::TokenUnknown)
        }
    }

    /// Whose token this is; none for one that is wrong, over or revoked, without a difference.
    pub(crate) fn client_of(
        &self,
        token: &str,
        now: UnixTime,
    ) -> Result<Option<Client>, GatewayError> {
        let handle = token.strip_prefix(PREFIX).and_then(|rest| rest.get(..11));
        let handle = handle.and_then(base64url_decode);
        let handle: Option<[u8; 8]> = handle.and_then(|h| h.try_into().ok());
        let Some(handle) = handle else {
            return Ok(None);
        };
        let row = self.store.token(&handle)?;
        let shown = Sha256Hash::of(token.as_bytes());
        let known = row.as_ref().map_or([0; 32], |r| *r.hash.as_bytes());
        let same: bool = known.ct_eq(shown.as_bytes()).into();
        let good = |r: &TokenRow| same && r.revoked.is_none() && now < r.expires;
        Ok(row.filter(good).map(|row| Client {
            scopes: scopes(&row.scopes),
            label: row.label,
            role: row.role,
        }))
    }

    /// Writes down what is about to be done; gives the row's number.
    pub(crate) fn begin_audit(
        &mut self,
        client: &Client,
        (role, operation, subject): (Option<&str>, &str, Option<&str>),
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<i64, GatewayError> {
        let at = context("audit", b"");
        let row = AuditRow {
            at: now,
            token: client.label.clone(),
            role: role.unwrap_or(&client.role).to_owned(),
            operation: operation.to_owned(),
            subject: subject.map(|subject| self.vault.seal(&at, &subject, rng)),
            outcome: 0,
        };
        self.tx(|g| Ok(g.store.add_audit(&row)?))
    }

    /// Writes down how it ended.
    pub(crate) fn end_audit(&mut self, number: i64, outcome: u16) -> Result<(), GatewayError> {
        self.tx(|g| Ok(g.store.end_audit(number, outcome)?))
    }

    /// What was done with tokens, newest first, at most so many.
    ///
    /// # Errors
    /// [`GatewayError::Store`].
    pub fn audit(&self, max: u32) -> Result<Vec<AuditEntry>, GatewayError> {
        let at = context("audit", b"");
        let entry = |row: AuditRow| {
            let subject = row.subject.map(|body| self.vault.open(&at, &body));
            Ok(AuditEntry {
                at: row.at,
                token: row.token,
                role: row.role,
                operation: row.operation,
                subject: subject.transpose()?,
                outcome: row.outcome,
            })
        };
        self.store.audit(max)?.into_iter().map(entry).collect()
    }
}

/// Labels stand in the audit and in commands: short, and of plain characters.
pub(crate) fn check_label(label: &str) -> Result<(), GatewayError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if label.is_empty() || label.len() > NAME_MAX || !label.chars().all(plain) {
        let why = "its name is 1 to 64 letters, digits, hyphens, dots or underscores";
        return Err(GatewayError::TokenRefused(why));
    }
    Ok(())
}

fn scopes(text: &str) -> Vec<Scope> {
    text.split_ascii_whitespace()
        .flat_map(Scope::parse)
        .collect()
}
