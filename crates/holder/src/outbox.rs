//! Sending: sealed bytes are kept before the first attempt and sent unchanged until answered.

use crate::{
    ObjectFiles, Profile, SEALER,
    file::HeldFile,
    holder::{HolderError, is_passing},
    profile::{Outgoing, SentReceipt},
    sync::Away,
    trust::Trust,
};
use denizen_api::{
    HubClient, ProblemKind, Transport,
    client::{ClientError, RequestSigner, Upload, own_keyid},
    receipt::{ReceiptFor, verify, verify_object},
    wire::{DepositItem, DepositOutcome},
};
use denizen_guard::{Check, holds};
use denizen_jose::Signer;
use denizen_model::{
    DepositId, Nonce, Sha256Hash, UnixTime,
    deposit::Receipt,
    envelope::{Envelope, Header},
    message::Message,
};
use denizen_seal::{AddressIndex, KemPublic, RootSecret};
use std::collections::BTreeMap;

/// A sealed message.
pub(crate) struct Sealed {
    pub(crate) envelope: Vec<u8>,
    pub(crate) signed: Vec<u8>,
}

/// Signs and seals a message.
pub(crate) fn seal(
    message: &Message,
    signer: &dyn Signer,
    kid: &str,
    kem: &KemPublic,
    rng: &mut dyn rand_core::CryptoRng,
) -> Result<Sealed, HolderError> {
    let signed = message.sign(signer, kid);
    let header = Header {
        suite: message.to.suite,
        hub: message.to.hub,
        to: message.to.address,
        commit: message.commit(),
    };
    let sealed = SEALER.seal(kem, &header, signed.as_bytes(), rng);
    let envelope = sealed.map_err(|_| HolderError::TooLarge)?;
    Ok(Sealed {
        envelope: envelope.encode(),
        signed: signed.into_bytes(),
    })
}

/// The salt of a message without attachments.
pub(crate) fn commit_salt(rng: &mut dyn rand_core::CryptoRng) -> Option<Nonce> {
    let mut rng = rng;
    Some(Nonce::make(&mut rng))
}

pub(crate) fn deposit_id(rng: &mut dyn rand_core::CryptoRng) -> DepositId {
    let mut rng = rng;
    DepositId::make(&mut rng)
}

/// Sends what waits, in order. What address 0 does not take holds back all that is behind it, which
/// may rely on it (a spent mark comes before the copy that it marks); what one organisation's inbox
/// does not take now holds back only what is for that inbox, and is given back. What is refused for
/// good is kept aside. What is for another hub that is away waits.
pub(crate) async fn flush<T: Transport>(
    profile: &mut Profile,
    root: &RootSecret,
    (trust, objects): (&Trust, Option<&dyn ObjectFiles>),
    away: &mut Away,
    (transport, now): (&T, UnixTime),
) -> Result<Option<HolderError>, HolderError> {
    remove_settled(profile, objects);
    let (mut at, mut held_back) = (0, BTreeMap::new());
    while let Some(next) = profile.outbox.get(at).cloned() {
        if held_back.contains_key(&next.index) || away.has(&next.hub) {
            at += 1;
            continue;
        }
        let sent = match &next.object {
            None => send(&next, root, transport, now).await,
            Some(id) => match bytes_of(profile, objects, id) {
                Some(bytes) => send_object(&next, (id, &bytes), root, transport, now).await,
                None => {
                    profile.alarm("object-missing", None, now);
                    let lost = profile.outbox.remove(at);
                    profile.undelivered.push(lost);
                    continue;
                }
            },
        };
        let Some(outcome) = away.bear(&next.hub, sent)? else {
            continue;
        };
        match outcome {
            DepositOutcome::Stored { receipt, .. } => {
                let kept = keep_receipt(profile, trust, &next, receipt, now);
                if away.bear(&next.hub, kept)?.is_none() {
                    continue;
                }
                // There is room again.
                let link = (next.index > 0).then_some(next.index);
                profile.mend_unsaid(ProblemKind::Quota.name(), link, now);
                let_go(profile, &next);
            }
            DepositOutcome::Gone { .. } => let_go(profile, &next),
            DepositOutcome::Refused(kind) => {
                let kind = ProblemKind::parse(&kind).unwrap_or(ProblemKind::Internal);
                let error = HolderError::Client(ClientError::Problem(kind));
                let link = (next.index > 0).then_some(next.index);
                if !is_passing(kind) {
                    profile.alarm(kind.name(), link, now);
                }
                // A copy that has no room is on this device: nothing relies on it.
                let spare = next.object.is_some() && !is_passing(kind);
                if link.is_none() && !spare && !holds(Check::SpentFirst, false) {
                    return Err(error);
                }
                if is_passing(kind) || kind == ProblemKind::Quota {
                    held_back.insert(next.index, error);
                    continue;
                }
                profile.undelivered.push(next);
            }
        }
        profile.outbox.remove(at);
    }
    Ok(held_back.into_values().next())
}

/// Keeps the receipt of what was stored, if it is one.
fn keep_receipt(
    profile: &mut Profile,
    trust: &Trust,
    sent: &Outgoing,
    receipt: Receipt,
    now: UnixTime,
) -> Result<(), HolderError> {
    let envelope_hash = sent.object;
    let envelope_hash = envelope_hash.unwrap_or_else(|| Sha256Hash::of(&sent.envelope.0));
    let good = trust.directory(&sent.hub).is_some_and(|directory| {
        if let Some(id) = &sent.object {
            return verify_object(&receipt, &sent.to, id, &directory.trust).is_ok();
        }
        let commit = Envelope::parse(&sent.envelope.0).map(|e| e.header().commit);
        commit.is_ok_and(|commit| {
            let of = ReceiptFor {
                address: &sent.to,
                envelope_hash: &envelope_hash,
                commit: &commit,
            };
            verify(&receipt, of, &directory.trust).is_ok()
        })
    });
    if !good {
        profile.alarm("receipt-refused", None, now);
        return Err(HolderError::ReceiptRefused);
    }
    profile.sent.push(SentReceipt {
        hub: sent.hub,
        envelope_hash,
        receipt,
    });
    Ok(())
}

/// The sealed bytes of an object that waits.
fn bytes_of(
    profile: &Profile,
    objects: Option<&dyn ObjectFiles>,
    id: &Sha256Hash,
) -> Option<Vec<u8>> {
    let name = id.to_text();
    let inside = profile.files.bytes.get(&name).map(|b| b.0.clone());
    inside.or_else(|| objects?.read(&name))
}

/// Once it is there, an object stays on this device only if she can open it: her own copy of a file.
fn let_go(profile: &mut Profile, sent: &Outgoing) {
    let Some(id) = &sent.object else { return };
    let own = |f: &HeldFile| f.copy.as_ref().is_some_and(|copy| copy.id == *id);
    if profile.files.held.iter().any(own) {
        return;
    }
    profile.files.settled.insert(id.to_text());
}

/// Removes what was settled before the profile was kept: a device that dies must not know of an object on
/// its way whose bytes are gone.
fn remove_settled(profile: &mut Profile, objects: Option<&dyn ObjectFiles>) {
    for name in std::mem::take(&mut profile.files.settled) {
        profile.files.bytes.remove(&name);
        if let Some(objects) = objects {
            objects.remove(&name);
        }
    }
}

/// Uploads an object from where an earlier attempt stopped.
async fn send_object<T: Transport>(
    next: &Outgoing,
    (id, bytes): (&Sha256Hash, &[u8]),
    root: &RootSecret,
    transport: &T,
    now: UnixTime,
) -> Result<DepositOutcome, HolderError> {
    let client = HubClient::new(transport, next.hub, &next.hub_url);
    let upload = Upload {
        to: &next.to,
        id,
        deposit_id: next.deposit_id,
        pass: next.pass.as_ref().map(|p| p.0.as_slice()),
        reserved: false,
        bytes,
    };
    let sent = if next.index == 0 {
        let auth = root.derive_auth(AddressIndex::SELF);
        let keyid = own_keyid(auth.signer());
        let signer = RequestSigner::address(&auth, &keyid);
        client.put_object(&upload, signer, now).await
    } else {
        let keys = root.derive_address(AddressIndex(next.index), None);
        let keyid = own_keyid(keys.deposit.signer());
        let signer = RequestSigner::link(&keys.deposit, &keyid);
        client.put_object(&upload, signer, now).await
    };
    match sent {
        Err(ClientError::Problem(kind)) => Ok(DepositOutcome::Refused(kind.name().to_owned())),
        sent => Ok(sent?),
    }
}

async fn send<T: Transport>(
    next: &Outgoing,
    root: &RootSecret,
    transport: &T,
    now: UnixTime,
) -> Result<DepositOutcome, HolderError> {
    let client = HubClient::new(transport, next.hub, &next.hub_url);
    let item = DepositItem {
        deposit_id: next.deposit_id,
        envelope: next.envelope.0.clone(),
        pass: next.pass.as_ref().map(|p| p.0.clone()),
        reserved: false,
    };
    let items = std::slice::from_ref(&item);
    let outcomes = if next.index == 0 {
        let auth = root.derive_auth(AddressIndex::SELF);
        let keyid = own_keyid(auth.signer());
        client
            .deposit(items, RequestSigner::address(&auth, &keyid), now)
            .await?
    } else {
        let keys = root.derive_address(AddressIndex(next.index), None);
        let keyid = own_keyid(keys.deposit.signer());
        client
            .deposit(items, RequestSigner::link(&keys.deposit, &keyid), now)
            .await?
    };
    outcomes
        .into_iter()
        .next()
        .ok_or(HolderError::Client(ClientError::Answer))
}
