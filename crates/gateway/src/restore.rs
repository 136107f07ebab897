//! Restore: a backup that is put back must use nothing twice that its original used since: no status
//! index, no place of a chain, no key of a copy, no token. What it cannot know, it says.

use crate::{Gateway, GatewayError, VERIFIER, issue::STATUS_IAT, keys::STATUS_KID};
use denizen_api::{
    Transport,
    wire::{ChangeAccepts, Fetched},
};
use denizen_credential::{STATUS_LIST_ENTRIES_MIN, Status, StatusListToken, status_uri};
use denizen_model::{
    AddressId, Sha256Hash, UnixTime, catalogue::Catalogue, key::Status as StatusKey,
    message::Message,
};
use denizen_store::gateway::Lineage;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

/// Lists that the original may have begun without publishing them yet.
const LISTS_UNSEEN: u32 = 1;

/// What a restored gateway found out at the hub, and what it gave up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RestoreReport {
    /// When the backup was made, if it says so.
    pub copied: Option<UnixTime>,
    /// The generation under which this database works from now on.
    pub generation: u64,
    /// Messages of the inbox that the backup does not know: they are taken in again.
    pub inbox_new: u64,
    /// Places of the inbox after the backup that were erased: what was there is lost to it.
    pub inbox_erased: u64,
    /// Entries of the status lists that the hub has otherwise: they are as published.
    pub statuses: u64,
    /// The list out of which new status indexes come.
    pub list: u32,
    /// Links whose message chains begin anew.
    pub links: u64,
    /// Keys of one-time copies that count as used.
    pub copy_keys: u64,
    /// Envelopes that were on their way: they go unchanged, and the hub knows those that it has.
    pub outbox: u64,
    /// Tokens that were ended.
    pub tokens: u64,
}

/// What a restored gateway remembers of each link, until an operator has compared.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Known {
    /// Heads of our chains as the backup has them.
    heads: BTreeMap<String, BTreeSet<Sha256Hash>>,
    /// Links whose person has messages of ours that the backup does not know.
    lacking: BTreeSet<String>,
}

const KNOWN: &str = "restored";

impl Gateway {
    /// Opens a backup that lies in a gateway's folder, only to let it take over.
    ///
    /// # Errors
    /// As [`Gateway::open`].
    pub fn open_backup(folder: &Path, catalogue: Arc<Catalogue>) -> Result<Self, GatewayError> {
        Self::open_any(folder, catalogue)
    }

    /// Lets this backup take over: the original stops when it next asks the hub, and what it used
    /// since the backup is used by nobody again. May be repeated until it succeeds.
    ///
    /// # Errors
    /// [`GatewayError::Client`], [`GatewayError::Directory`]; [`GatewayError::ReceiptRefused`] if the
    /// hub shows a status list that is not ours. The database stays a backup then.
    pub async fn take_over<T: Transport>(
        &mut self,
        transport: &T,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<RestoreReport, GatewayError> {
        self.refresh_directory(transport, now, rng).await?;
        let generation = self.next_generation(transport, now).await?;
        let lists = self.published_lists(transport).await?;
        let (inbox_new, inbox_erased) = self.inbox_since(transport, now).await?;
        self.tx(|g| {
            let lineage = g.store.lineage()?;
            let (statuses, list) = g.take_statuses(&lists, rng)?;
            if let Some(newest) = lists.values().map(StatusListToken::iat).max() {
                let own: Option<i64> = g.setting(STATUS_IAT)?;
                let newest = own.map_or(newest, |own| own.max(newest));
                g.set_setting(STATUS_IAT, &newest, rng)?;
            }
            let (links, copy_keys) = g.begin_chains(rng)?;
            let report = RestoreReport {
                copied: lineage.copied,
                generation,
                inbox_new,
                inbox_erased,
                statuses,
                list,
                links,
                copy_keys,
                outbox: g.store.outgoing_count()?,
                tokens: g.store.revoke_tokens(now)? as u64,
            };
            g.store.set_lineage(&Lineage {
                generation: Some(generation),
                copied: None,
                held: Some(now),
            })?;
            Ok(report)
        })
    }

    /// Registers the next version of the inbox: whoever works under an earlier one stops.
    async fn next_generation<T: Transport>(
        &self,
        transport: &T,
        now: UnixTime,
    ) -> Result<u64, GatewayError> {
        let client = self.client(transport);
        let state = client.address(&self.keys.inbox, now).await?;
        let change = ChangeAccepts {
            version: state.version.saturating_add(1),
            accepts: state.accepts,
            frozen: state.frozen,
        };
        let state = client
            .change_accepts(&change, &self.keys.inbox, now)
            .await?;
        Ok(state.version)
    }

    /// All status lists that the original has published, by number.
    async fn published_lists<T: Transport>(
        &self,
        transport: &T,
    ) -> Result<BTreeMap<u32, StatusListToken>, GatewayError> {
        let mut lists = BTreeMap::new();
        let org = self.config.org;
        let key = self.keys.status.public_for();
        let key: &denizen_model::PublicKeyFor<StatusKey> = &key;
        for number in 1.. {
            let list = number.to_string();
            let token = self.client(transport).status(&org, &list).await?;
            let Some(token) = token else { break };
            let uri = status_uri(&org.to_text(), &list);
            let token = StatusListToken::verify(&token, VERIFIER, key.key(), &uri, None);
            let token = token.map_err(|_| GatewayError::StatusNotOurs(STATUS_KID))?;
            lists.insert(number, token);
        }
        Ok(lists)
    }

    /// How many places of the inbox the backup does not know: with a message, and erased.
    async fn inbox_since<T: Transport>(
        &self,
        transport: &T,
        now: UnixTime,
    ) -> Result<(u64, u64), GatewayError> {
        let mut after: Option<u64> = self.setting("cursor")?;
        let mut count = (0, 0);
        loop {
            let answer = self
                .client(transport)
                .fetch(&self.keys.inbox, after, 0, now)
                .await?;
            let Some(last) = answer.items.last() else {
                return Ok(count);
            };
            let next = Some(last.pos());
            if next <= after {
                return Err(GatewayError::Withheld);
            }
            for item in &answer.items {
                match item {
                    Fetched::Tombstone { .. } => count.1 += 1,
                    Fetched::Envelope { .. } => count.0 += 1,
                    Fetched::Object { .. } => {}
                }
            }
            after = next;
        }
    }

    /// Takes over what is published where it differs, and leaves every list that the original may
    /// have drawn from.
    fn take_statuses(
        &self,
        lists: &BTreeMap<u32, StatusListToken>,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(u64, u32), GatewayError> {
        let own = self.store.statuses()?;
        let own: BTreeMap<_, _> = own.iter().map(|r| ((r.list, r.idx), r.status)).collect();
        let mut changed = 0;
        for (list, token) in lists {
            for idx in 0..STATUS_LIST_ENTRIES_MIN as u64 {
                let published = match token.status(idx) {
                    Ok(Status::Valid) => 0,
                    Ok(Status::Invalid) => 1,
                    Ok(Status::Suspended) => 2,
                    Ok(Status::Contested) => 3,
                    Err(_) => return Err(GatewayError::StatusNotOurs(STATUS_KID)),
                };
                if published != own.get(&(*list, idx)).copied().unwrap_or(0) {
                    let status = if published == 3 {
                        (0, true)
                    } else {
                        (published, false)
                    };
                    self.store.set_status_at(*list, idx, status)?;
                    changed += 1;
                }
            }
        }
        let (newest, _) = self.store.newest_status_list()?;
        let published = lists.keys().last().copied().unwrap_or(0);
        let list = newest.max(published) + 1 + LISTS_UNSEEN;
        // An entry makes the list the newest one.
        let idx = rng.next_u64() % STATUS_LIST_ENTRIES_MIN as u64;
        self.store.set_status_at(list, idx, (0, false))?;
        self.status_filled.set(None);
        Ok((changed, list))
    }

    /// Begins every chain anew, behind the heads that are known, and drops the keys of copies.
    fn begin_chains(&self, rng: &mut dyn rand_core::CryptoRng) -> Result<(u64, u64), GatewayError> {
        let (mut links, mut keys, mut known) = (0, 0, Known::default());
        for address in self.store.link_addresses()? {
            let Some(mut link) = self.link(&address)? else {
                continue;
            };
            let heads = link.begin_anew(rng);
            // This database does not know which of them were used since.
            let dropped = self.drop_copy_keys(&mut link)?;
            known.heads.insert(address.to_text(), heads);
            self.save_link(&link, rng)?;
            links += 1;
            keys += dropped as u64;
        }
        self.set_setting(KNOWN, &known, rng)?;
        Ok((links, keys))
    }

    /// After a restore: whether what she says that she has of us is known here.
    pub(crate) fn compare_seen(
        &self,
        address: &AddressId,
        message: &Message,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        if self.store.lineage()?.held.is_none() {
            return Ok(());
        }
        let Some(mut known) = self.setting::<Known>(KNOWN)? else {
            return Ok(());
        };
        let name = address.to_text();
        let heads = known.heads.get(&name);
        let Some(link) = self.link(address)? else {
            return Ok(());
        };
        let ours = link.out_heads();
        let unknown = |hash: &&Sha256Hash| {
            !ours.contains(*hash) && heads.is_none_or(|heads| !heads.contains(*hash))
        };
        if heads.is_some()
            && message.seen.iter().find(unknown).is_some()
            && known.lacking.insert(name)
        {
            self.set_setting(KNOWN, &known, rng)?;
        }
        Ok(())
    }

    /// After a restore: the case references of links whose people have messages of ours that this
    /// database does not know, as far as they have written since; `-` for links without one.
    ///
    /// # Errors
    /// [`GatewayError::Store`].
    pub fn lacking(&self) -> Result<Vec<String>, GatewayError> {
        let known: Known = self.setting(KNOWN)?.unwrap_or_default();
        let mut lacking = Vec::new();
        for name in known.lacking {
            let address = AddressId::parse(&name).map_err(|_| GatewayError::Damaged("database"))?;
            let link = self.link(&address)?;
            let case = link.and_then(|l| l.case_reference().map(str::to_owned));
            lacking.push(case.unwrap_or_else(|| "-".to_owned()));
        }
        Ok(lacking)
    }
}
