//! What an organisation can sign: credentials of a shipped kind, and the messages that carry them.

use denizen_credential::{Registered, SdRules, StatusRef, issue, status_uri};
use denizen_model::{
    CopyRef, MessageId, OrgId, SecretKeyFor, Sha256Hash, UnixTime,
    catalogue::Disclosable,
    jose::PublicKey,
    key::Issuer,
    message::{Attachment, Body, IssuedCopy, RecordIssue, SD_JWT_MEDIA_TYPE},
    statement::full_kid,
};
use denizen_testkit::{Rng, catalogue, catalogue::repository};
use serde_json::{Map, Value};

/// The kind of the papers of these attacks: ordinary, and issued with one-time copies.
pub const KIND: &str = "urn:denizen:kind:person:1";

/// What a paper is to be.
#[derive(Clone)]
pub struct Paper {
    /// Its kind, by the name of the catalogue.
    pub kind: &'static str,
    /// Who says that it issued it.
    pub issuer: OrgId,
    /// Whose key signs.
    pub key: SecretKeyFor<Issuer>,
    /// To which key it is bound.
    pub cnf: PublicKey,
    /// Its place in the issuer's first list.
    pub idx: u64,
    /// When it was issued.
    pub iat: UnixTime,
    /// What it says.
    pub claims: Map<String, Value>,
}

impl Paper {
    /// A paper as the catalogue's example has it.
    #[must_use]
    pub fn example(
        kind: &'static str,
        issuer: OrgId,
        key: &SecretKeyFor<Issuer>,
        cnf: &PublicKey,
        iat: UnixTime,
    ) -> Self {
        let path = repository().join(format!("catalogue/examples/{kind}/valid.json"));
        let claims = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        Self {
            kind,
            issuer,
            key: key.clone(),
            cnf: cnf.clone(),
            idx: 0,
            iat,
            claims,
        }
    }
}

/// Signs a paper.
#[must_use]
pub fn issued(paper: &Paper, rng: &mut Rng) -> String {
    let uri = status_uri(&paper.issuer.to_text(), "1");
    let idx = paper.idx;
    issued_at(paper, StatusRef { idx, uri }, rng)
}

/// Signs a paper whose status stands somewhere else.
#[must_use]
pub fn issued_at(paper: &Paper, status: StatusRef, rng: &mut Rng) -> String {
    let catalogue = catalogue();
    let vct = format!("urn:denizen:kind:{}:1", paper.kind);
    let kind = catalogue.kind(&vct).unwrap();
    let disclosed = kind.claims.iter().filter(|c| c.sd != Disclosable::Never);
    let rules = SdRules::from_paths(disclosed.map(|c| c.path.as_slice()));
    let registered = Registered {
        iss: paper.issuer.to_text(),
        iat: paper.iat.0,
        exp: None,
        vct,
        vct_integrity: Some(kind.integrity()),
        cnf: paper.cnf.clone(),
        status: Some(status),
    };
    let kid = full_kid(&paper.issuer.into(), "issuer-1");
    let (claims, signer) = (&paper.claims, paper.key.signer());
    issue(claims, &rules, &registered, &kid, signer, rng)
}

/// The body and attachments of a `record/issue`: the kept copy first, then one-time copies with the
/// names of their keys.
#[must_use]
pub fn record_of(texts: &[(Option<CopyRef>, String)], rng: &mut Rng) -> (Body, Vec<Attachment>) {
    let (copies, attachments) = copies_of(texts, rng);
    let issue = RecordIssue {
        record: MessageId::make(rng),
        vct: KIND.to_owned(),
        kept: Sha256Hash::of(texts[0].1.as_bytes()),
        copies,
        sensitivity: catalogue().kind(KIND).unwrap().traits.sensitivity,
        legal_basis: None,
        notice: None,
        supersedes: Vec::new(),
    };
    (Body::RecordIssue(issue), attachments)
}

/// Copies as a message names and carries them.
fn copies_of(
    texts: &[(Option<CopyRef>, String)],
    rng: &mut Rng,
) -> (Vec<IssuedCopy>, Vec<Attachment>) {
    let mut attachments = Vec::new();
    let mut copies = Vec::new();
    for (copy_ref, text) in texts {
        let id = attachments.len().to_string();
        copies.push(IssuedCopy {
            attachment: id.clone(),
            copy_ref: *copy_ref,
        });
        attachments.push(Attachment {
            id,
            media_type: SD_JWT_MEDIA_TYPE.to_owned(),
            salt: denizen_model::Nonce::make(rng),
            data: text.clone(),
            object: None,
            name: None,
        });
    }
    (copies, attachments)
}
