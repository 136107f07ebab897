//! History: records of earlier profiles. They are read and verified; their keys are not hers now, so
//! nothing of them can be shown. Whoever has the old kit moves the old links to this profile
//! ([`Holder::take_over`]); the offices then issue them again.

use crate::{
    Holder, VERIFIER,
    profile::EarlierRecord,
    records::{RecordError, issuer_key},
};
use denizen_api::{
    directory::{VerifiedDirectory, verify},
    receipt::{VerifiedReceipt, verify_proof},
    wire::DirectoryAnswer,
};
use denizen_credential::UnverifiedCredential;
use denizen_model::{HubId, OrgId, UnixTime};
use denizen_tlog::WitnessPolicy;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A record of an earlier profile, as shown.
#[derive(Debug, Clone)]
pub struct EarlierView {
    /// What the profile keeps of it, and of which profile it was.
    pub held: EarlierRecord,
    /// Its claims.
    pub claims: Map<String, Value>,
    /// The issuer's name in her language, or in English.
    pub issuer_name: String,
    /// The delivery's receipt; none if it does not verify.
    pub receipt: Option<VerifiedReceipt>,
}

impl EarlierView {
    /// Its kind.
    #[must_use]
    pub fn vct(&self) -> &str {
        &self.held.record.vct
    }

    /// Who issued it.
    #[must_use]
    pub fn issuer(&self) -> &OrgId {
        &self.held.record.issuer
    }
}

impl Holder {
    /// Records of earlier profiles, newest first. Each is verified again.
    #[must_use]
    pub fn earlier(&self) -> Vec<EarlierView> {
        let directories = self.earlier_directories();
        let all = self.profile.earlier.iter().rev();
        all.filter_map(|e| {
            let hub = e.record.hub?;
            let directory = directories
                .get(&hub)
                .or_else(|| self.trust.directory(&hub))?;
            self.earlier_view(e, directory).ok()
        })
        .collect()
    }

    /// The directories that only history needs, as they were when they were exported.
    fn earlier_directories(&self) -> BTreeMap<HubId, VerifiedDirectory> {
        let kept = self.profile.earlier_directories.iter();
        kept.filter_map(|(hub, answer)| {
            let hub = HubId::parse(hub).ok()?;
            let of_hub = |e: &&EarlierRecord| e.record.hub == Some(hub);
            let made = self
                .profile
                .earlier
                .iter()
                .filter(of_hub)
                .map(|e| e.made)
                .max()?;
            let answer = DirectoryAnswer::decode(&answer.0)?;
            let policy = WitnessPolicy::default();
            let verified = verify(answer, &hub, None, policy, VERIFIER, made).ok()?;
            Some((hub, verified))
        })
        .collect()
    }

    fn earlier_view(
        &self,
        earlier: &EarlierRecord,
        directory: &VerifiedDirectory,
    ) -> Result<EarlierView, RecordError> {
        let record = &earlier.record;
        let unverified = UnverifiedCredential::parse(&record.kept)?;
        let (iss, kid) = unverified.danger_issuer()?;
        let at: UnixTime = record.received;
        let key = issuer_key(&directory.directory, &record.issuer, (&iss, &kid), at)?;
        let credential = unverified.verify(VERIFIER, key.key())?;
        let org = directory.directory.organisation(&record.issuer);
        let names = org.map(|o| &o.statement.names);
        let name = names.and_then(|n| n.get(&self.profile.language).or_else(|| n.get("en")));
        Ok(EarlierView {
            held: earlier.clone(),
            claims: credential.claims().clone(),
            issuer_name: name.cloned().unwrap_or_else(|| record.issuer.to_text()),
            receipt: verify_proof(&record.delivery.receipt.proof, &directory.trust).ok(),
        })
    }
}
