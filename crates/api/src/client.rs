//! A typed client of one hub.
//!
//! It signs, sends, and checks the shape of answers. Receipts, heads and the directory come back
//! unverified: [`crate::receipt`] and [`crate::directory`] check them against the hub's keys.

mod object;

pub use object::Upload;

use crate::{
    problem::{Problem, ProblemKind},
    signature::{Covered, sign},
    transport::{Transport, TransportError},
    wire::{
        AddressState, BATCH_MAX, CBOR_MEDIA_TYPE, ChangeAccepts, DepositItem, DepositOutcome,
        DirectoryAnswer, EntryPlace, FetchAnswer, RegisterAddress, WrappedRoot, decode_outcomes,
        encode_batch, encode_entries,
    },
};
use denizen_model::{
    AddressId, HubId, Nonce, OrgId, SecretKeyFor, UnixTime,
    jose::{Signer, base64url_encode},
    key::{Auth, Deposit},
    statement::full_kid,
};
use http::{Method, Request, Response};
use serde::de::DeserializeOwned;

/// Why a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// No whole answer: whether the hub acted is unknown, so retry with the same bytes.
    #[error("the hub could not be reached")]
    Transport(#[from] TransportError),
    /// The hub says no, with a kind that this version knows.
    #[error("the hub refused: {}", .0.title())]
    Problem(ProblemKind),
    /// The hub says no in words that this version does not know.
    #[error("the hub refused with status {0}")]
    Status(u16),
    /// The answer is not of the shape that the contract says.
    #[error("the hub's answer is not understood: is this a Denizen hub of this version?")]
    Answer,
    /// The hub's URL cannot be used.
    #[error("the hub's URL is not valid")]
    Url,
}

/// Who signs a request.
#[derive(Clone, Copy)]
pub struct RequestSigner<'a> {
    signer: &'a dyn Signer,
    keyid: &'a str,
}

/// The key id of an address's or link's own key: base64url of its bytes.
#[must_use]
pub fn own_keyid(signer: &dyn Signer) -> String {
    base64url_encode(signer.public().as_bytes())
}

/// The key id of an organisation's deposit key.
#[must_use]
pub fn org_keyid(org: &OrgId, kid: &str) -> String {
    full_kid(&(*org).into(), kid)
}

impl<'a> RequestSigner<'a> {
    /// Signs as the organisation: `keyid` from [`org_keyid`].
    #[must_use]
    pub fn organisation(key: &'a SecretKeyFor<Deposit>, keyid: &'a str) -> Self {
        Self {
            signer: key.signer(),
            keyid,
        }
    }

    /// Signs with a link's `deposit` key: `keyid` from [`own_keyid`].
    #[must_use]
    pub fn link(key: &'a SecretKeyFor<Deposit>, keyid: &'a str) -> Self {
        Self {
            signer: key.signer(),
            keyid,
        }
    }

    /// Signs with an address's `auth` key: `keyid` from [`own_keyid`].
    #[must_use]
    pub fn address(key: &'a SecretKeyFor<Auth>, keyid: &'a str) -> Self {
        Self {
            signer: key.signer(),
            keyid,
        }
    }
}

/// One hub, reached over one transport.
#[derive(Debug, Clone)]
pub struct HubClient<T> {
    transport: T,
    hub: HubId,
    base: String,
}

struct Call<'a> {
    method: Method,
    path: String,
    query: String,
    body: Vec<u8>,
    media_type: &'static str,
    signer: Option<RequestSigner<'a>>,
    now: UnixTime,
}

impl<'a> Call<'a> {
    fn new(method: Method, path: String) -> Self {
        let (query, body) = (String::new(), Vec::new());
        let media_type = "application/json";
        Self {
            method,
            path,
            query,
            body,
            media_type,
            signer: None,
            now: UnixTime(0),
        }
    }

    fn signed(self, signer: RequestSigner<'a>, now: UnixTime) -> Self {
        Self {
            signer: Some(signer),
            now,
            ..self
        }
    }

    fn json(self, body: &impl serde::Serialize) -> Self {
        Self {
            body: serde_json::to_vec(body).expect("bodies are JSON"),
            ..self
        }
    }
}

impl<T: Transport> HubClient<T> {
    /// A client of the hub with this id at this base URL.
    pub fn new(transport: T, hub: HubId, base_url: &str) -> Self {
        Self {
            transport,
            hub,
            base: base_url.trim_end_matches('/').to_owned(),
        }
    }

    /// The hub's id.
    pub fn hub(&self) -> &HubId {
        &self.hub
    }

    /// The transport, to reach another hub over it.
    pub fn transport(&self) -> &T {
        &self.transport
    }

    /// Registers an address.
    ///
    /// # Errors
    /// [`ProblemKind::Conflict`] if the address is there with other contents (another device took
    /// the index), [`ProblemKind::PassRefused`], [`ProblemKind::PassUsed`]; [`ClientError`].
    pub async fn register(
        &self,
        body: &RegisterAddress,
        auth: &SecretKeyFor<Auth>,
        now: UnixTime,
    ) -> Result<AddressState, ClientError> {
        let keyid = own_keyid(auth.signer());
        let call = Call::new(Method::POST, "/v1/addresses".into()).json(body);
        self.json(call.signed(RequestSigner::address(auth, &keyid), now))
            .await
    }

    /// The state of an own address, with its salt.
    ///
    /// # Errors
    /// [`ProblemKind::NotFound`]; [`ClientError`].
    pub async fn address(
        &self,
        auth: &SecretKeyFor<Auth>,
        now: UnixTime,
    ) -> Result<AddressState, ClientError> {
        let (path, keyid) = own_path(auth, "");
        let call = Call::new(Method::GET, path);
        self.json(call.signed(RequestSigner::address(auth, &keyid), now))
            .await
    }

    /// Changes who may deposit, freezes or unfreezes.
    ///
    /// # Errors
    /// [`ProblemKind::Conflict`] for another version; [`ClientError`].
    pub async fn change_accepts(
        &self,
        change: &ChangeAccepts,
        auth: &SecretKeyFor<Auth>,
        now: UnixTime,
    ) -> Result<AddressState, ClientError> {
        let (path, keyid) = own_path(auth, "/accepts");
        let call = Call::new(Method::PUT, path).json(change);
        self.json(call.signed(RequestSigner::address(auth, &keyid), now))
            .await
    }

    /// Deposits a batch; outcomes come in the batch's order.
    ///
    /// # Errors
    /// [`ClientError`]; after [`ClientError::Transport`] retry with the same bytes and deposit ids.
    pub async fn deposit(
        &self,
        items: &[DepositItem],
        signer: RequestSigner<'_>,
        now: UnixTime,
    ) -> Result<Vec<DepositOutcome>, ClientError> {
        let mut outcomes = Vec::with_capacity(items.len());
        for chunk in items.chunks(BATCH_MAX) {
            let mut call = Call::new(Method::POST, "/v1/deposits".into());
            call.body = encode_batch(chunk);
            call.media_type = CBOR_MEDIA_TYPE;
            let answer = self.call(call.signed(signer, now)).await?;
            let answer = decode_outcomes(&answer).filter(|o| o.len() == chunk.len());
            outcomes.extend(answer.ok_or(ClientError::Answer)?);
        }
        Ok(outcomes)
    }

    /// Fetches places of an own address above `after`; waits up to `wait_s` seconds for the first.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn fetch(
        &self,
        auth: &SecretKeyFor<Auth>,
        after: Option<u64>,
        wait_s: u32,
        now: UnixTime,
    ) -> Result<FetchAnswer, ClientError> {
        let (path, keyid) = own_path(auth, "/envelopes");
        let mut call = Call::new(Method::GET, path);
        call.query = match after {
            Some(after) => format!("after={after}&wait={wait_s}"),
            None => format!("wait={wait_s}"),
        };
        let answer = self
            .call(call.signed(RequestSigner::address(auth, &keyid), now))
            .await?;
        FetchAnswer::decode(&answer).ok_or(ClientError::Answer)
    }

    /// Erases one envelope; its place stays as a tombstone.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn erase(
        &self,
        auth: &SecretKeyFor<Auth>,
        pos: u64,
        now: UnixTime,
    ) -> Result<(), ClientError> {
        let (path, keyid) = own_path(auth, &format!("/envelopes/{pos}"));
        let call = Call::new(Method::DELETE, path);
        self.call(call.signed(RequestSigner::address(auth, &keyid), now))
            .await
            .map(drop)
    }

    /// Shreds an address: salt and envelopes go, it stays closed.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn shred(&self, auth: &SecretKeyFor<Auth>, now: UnixTime) -> Result<(), ClientError> {
        let (path, keyid) = own_path(auth, "");
        let call = Call::new(Method::DELETE, path);
        self.call(call.signed(RequestSigner::address(auth, &keyid), now))
            .await
            .map(drop)
    }

    /// The whole directory, unverified: [`crate::directory::verify`] checks it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn directory(&self) -> Result<DirectoryAnswer, ClientError> {
        let answer = self
            .call(Call::new(Method::GET, "/v1/directory".into()))
            .await?;
        DirectoryAnswer::decode(&answer).ok_or(ClientError::Answer)
    }

    /// Adds signed entries to the directory, all or none: statements and services of an organisation,
    /// or anything of the operator. A new organisation comes in with its admission.
    ///
    /// # Errors
    /// [`ProblemKind::EntryRefused`], [`ProblemKind::NotAdmitted`]; [`ClientError`].
    pub async fn post_entries(&self, entries: &[&[u8]]) -> Result<EntryPlace, ClientError> {
        let mut call = Call::new(Method::POST, "/v1/directory".into());
        call.body = encode_entries(entries);
        call.media_type = CBOR_MEDIA_TYPE;
        self.json(call).await
    }

    /// A status list token, whole; `None` if there is none yet.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn status(&self, org: &OrgId, list: &str) -> Result<Option<String>, ClientError> {
        let path = format!("/v1/status/{}/{list}", org.to_text());
        match self.call(Call::new(Method::GET, path)).await {
            Ok(token) => String::from_utf8(token)
                .map(Some)
                .map_err(|_| ClientError::Answer),
            Err(ClientError::Problem(ProblemKind::NotFound)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Publishes a status list token of the organisation that signs the request.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn put_status(
        &self,
        org: &OrgId,
        list: &str,
        token: &str,
        signer: RequestSigner<'_>,
        now: UnixTime,
    ) -> Result<(), ClientError> {
        let path = format!("/v1/status/{}/{list}", org.to_text());
        let mut call = Call::new(Method::PUT, path);
        call.body = token.as_bytes().to_vec();
        call.media_type = "application/statuslist+jwt";
        self.call(call.signed(signer, now)).await.map(drop)
    }

    /// Leaves a wrapped root under a random locator.
    ///
    /// # Errors
    /// [`ProblemKind::Conflict`] if something else is there; [`ClientError`].
    pub async fn put_root(&self, locator: &Nonce, root: &WrappedRoot) -> Result<(), ClientError> {
        let path = format!("/v1/roots/{}", locator.to_text());
        self.call(Call::new(Method::PUT, path).json(root))
            .await
            .map(drop)
    }

    /// Reads a wrapped root.
    ///
    /// # Errors
    /// [`ProblemKind::NotFound`]; [`ClientError`].
    pub async fn root(&self, locator: &Nonce) -> Result<WrappedRoot, ClientError> {
        self.json(Call::new(
            Method::GET,
            format!("/v1/roots/{}", locator.to_text()),
        ))
        .await
    }

    /// Deletes a wrapped root with its owner's key.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete_root(
        &self,
        locator: &Nonce,
        owner: &SecretKeyFor<Auth>,
        now: UnixTime,
    ) -> Result<(), ClientError> {
        let keyid = own_keyid(owner.signer());
        let call = Call::new(Method::DELETE, format!("/v1/roots/{}", locator.to_text()));
        self.call(call.signed(RequestSigner::address(owner, &keyid), now))
            .await
            .map(drop)
    }

    async fn json<A: DeserializeOwned>(&self, call: Call<'_>) -> Result<A, ClientError> {
        serde_json::from_slice(&self.call(call).await?).map_err(|_| ClientError::Answer)
    }

    async fn call(&self, call: Call<'_>) -> Result<Vec<u8>, ClientError> {
        let request = self.request(call)?;
        answer(self.transport.send(request).await?)
    }

    fn request(&self, call: Call<'_>) -> Result<Request<Vec<u8>>, ClientError> {
        let Call {
            method,
            path,
            query,
            body,
            media_type,
            signer,
            now,
        } = call;
        let mark = if query.is_empty() { "" } else { "?" };
        let mut request = Request::builder()
            .method(&method)
            .uri(format!("{}{path}{mark}{query}", self.base))
            .header("content-type", media_type);
        if let Some(RequestSigner { signer, keyid }) = signer {
            let covered = Covered {
                method: method.as_str(),
                path: &path,
                query: &query,
                body: &body,
            };
            let headers = sign(&covered, signer, keyid, &self.hub, now);
            request = request
                .header("content-digest", headers.content_digest)
                .header("signature-input", headers.signature_input)
                .header("signature", headers.signature);
        }
        request.body(body).map_err(|_| ClientError::Url)
    }
}

fn own_path(auth: &SecretKeyFor<Auth>, rest: &str) -> (String, String) {
    let address = AddressId::of(&auth.public_for());
    (
        format!("/v1/addresses/{}{rest}", address.to_text()),
        own_keyid(auth.signer()),
    )
}

fn answer(response: Response<Vec<u8>>) -> Result<Vec<u8>, ClientError> {
    let status = response.status();
    let body = response.into_body();
    if status.is_success() {
        return Ok(body);
    }
    let problem: Option<Problem> = serde_json::from_slice(&body).ok();
    Err(match problem.and_then(|p| p.kind()) {
        Some(kind) => ClientError::Problem(kind),
        None => ClientError::Status(status.as_u16()),
    })
}
