//! The holder: a profile with its root, its trust and the catalogue in which it is shown.

use crate::{
    CheckAhead, ObjectFiles, Profile, ProfileError,
    checked::Checked,
    pages::Pages,
    read::Read,
    trust::{Trust, hub_key},
};
use denizen_api::{
    HubClient, ProblemKind, Transport,
    client::ClientError,
    directory::{VerifiedDirectory, VerifyDirectoryError},
    wire::{Accept, RegisterAddress},
};
use denizen_model::{
    HubId, Nonce, OrgId, SecretKeyFor, Sha256Hash, UnixTime,
    catalogue::{Catalogue, CatalogueError, ClaimError},
    directory::DirectoryError,
    invitation::InvitationError,
    key::Delegate,
    mandate::MandateError,
    message::OutChain,
    statement::ServiceEntry,
};
use denizen_recovery::Kit;
use denizen_seal::{AddressIndex, AddressKeys, FileToAttach, RootSecret};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
use zeroize::Zeroizing;

/// Why an operation of a holder did not go through. [`HolderError::code`] names the texts that tell
/// her what happened and what to do next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HolderError {
    /// The hub could not be reached, or said no.
    #[error("the hub did not do it")]
    Client(#[from] ClientError),
    /// The hub's directory is refused: an alarm.
    #[error("the hub's directory is refused")]
    Directory(#[from] VerifyDirectoryError),
    /// The device's clock stands before a time that has certainly come: nothing is fetched.
    #[error("the clock of this device is behind")]
    ClockBehind,
    /// The invitation is refused.
    #[error("the invitation is refused")]
    Invitation(#[from] InvitationError),
    /// A receipt that does not prove what the hub took: an alarm.
    #[error("the hub's receipt is refused")]
    ReceiptRefused,
    /// A message does not fit into an envelope.
    #[error("too large to be sent in one envelope")]
    TooLarge,
    /// A file is larger than an object, or there are too many.
    #[error("a file is larger than 16 MiB, or there are more than 16 of them")]
    FileTooLarge,
    /// A sealed object could not be kept on this device.
    #[error("a sealed file could not be kept on this device")]
    ObjectFile,
    /// The hub's answer breaks a rule that protects her from it: an alarm, by its code.
    #[error("the hub's answer is refused: {0}")]
    HubAtFault(&'static str),
    /// There is no link with this organisation, or it does not stand yet.
    #[error("there is no confirmed link with this organisation")]
    NotLinked,
    /// The directory has no such service version.
    #[error("the directory has no such service")]
    ServiceUnknown,
    /// The service's query or form cannot be read.
    #[error("the service's declaration is not understood")]
    ServiceMalformed,
    /// Required papers are missing: nothing was sent.
    #[error("required papers are missing")]
    Missing,
    /// Special categories need a second confirmation (R28).
    #[error("papers of a special category were not confirmed a second time")]
    SpecialNotConfirmed,
    /// No one-time copy is left, and she has not agreed to be linkable (R18).
    #[error("no one-time copy is left of a paper that would be shown")]
    NoCopyLeft,
    /// There is no such application, dispute or record that could still be changed.
    #[error("it is not there, or it is over")]
    NotOpen,
    /// A link for a second device that is none, was used, or is no longer good.
    #[error("not a link for a second device, or one that was used already")]
    DeviceLink,
    /// The passphrase of a link for a second device is another.
    #[error("the passphrase is not the one of the link")]
    WrongPassphrase,
    /// No profile lies at the hub for this passkey.
    #[error("no profile lies at the hub for this passkey")]
    PasskeyUnknown,
    /// Nothing else would open the profile on this device (D7).
    #[error("nothing else would open the profile on this device")]
    LastWay,
    /// Another device of hers has ended this one.
    #[error("another device of this profile has ended this one")]
    DeviceEnded,
    /// Her own address was shredded: the profile is deleted at its hub, for good.
    #[error("this profile was deleted at its hub")]
    ProfileDeleted,
    /// A mandate does not cover it.
    #[error("the mandate does not cover it")]
    Mandate(#[from] MandateError),
    /// There is no ward of this name.
    #[error("there is no ward of this name")]
    WardUnknown,
    /// The name is taken, or the profile is kept already, or it is this one.
    #[error("there is a ward of this name, or with this profile")]
    WardKnown,
    /// The record is of an authority: it is disputed, not replied to.
    #[error("the record is no claim of a private body")]
    NotAClaim,
    /// The file between a person and her helper is none, or not for this profile.
    #[error("no file between a person and her helper that this profile can read")]
    HelperFile,
    /// A newer file came before.
    #[error("a newer file of this person came before")]
    HelperFileOld,
    /// The digits of the helper's card differ from those that were read out.
    #[error("the digits of the helper's card are others")]
    HelperDigits,
    /// There is no helper of this name.
    #[error("there is no helper of this name")]
    HelperUnknown,
    /// There is such a helper, or person, already.
    #[error("there is somebody of this name already")]
    HelperKnown,
    /// The answers do not fit the service's form.
    #[error("answers do not fit the form")]
    Answers(Vec<ClaimError>),
}

impl HolderError {
    /// Whether a hub is the reason: it did not answer, said no, or is not believed.
    pub(crate) fn is_of_the_hub(&self) -> bool {
        matches!(
            self,
            Self::Client(_) | Self::Directory(_) | Self::ReceiptRefused | Self::HubAtFault(_)
        )
    }

    /// The stable code: `err-<code>` says what happened, `rec-<code>` what to do next.
    #[must_use]
    pub fn code(&self) -> &'static str {
        use denizen_api::ProblemKind as P;
        match self {
            Self::Client(ClientError::Problem(P::Frozen | P::Closed)) => "frozen-address",
            Self::Client(ClientError::Problem(P::NotFound)) => "unknown-address",
            Self::Client(ClientError::Problem(P::PassUsed)) => "invitation-used",
            Self::Client(ClientError::Problem(P::PassRefused)) => "invitation-expired",
            Self::Client(ClientError::Problem(P::NotAdmitted)) => "not-admitted",
            Self::Client(ClientError::Problem(P::Busy | P::RateLimited)) => "hub-busy",
            Self::Client(_) => "hub-unreachable",
            Self::Directory(error) => directory_code(error),
            Self::ClockBehind => "clock-behind",
            Self::HubAtFault(code @ ("older-state" | "withheld")) => code,
            Self::HubAtFault(_) => "other-log",
            Self::Invitation(InvitationError::Expired) => "invitation-expired",
            Self::Invitation(InvitationError::NotInDirectory) => "not-admitted",
            Self::Invitation(InvitationError::Malformed) => "invitation-malformed",
            Self::Invitation(_) => "invitation-changed-key",
            Self::ReceiptRefused => "receipt-refused",
            Self::TooLarge => "envelope-refused",
            Self::FileTooLarge => "file-too-large",
            Self::ObjectFile => "file-not-kept",
            Self::NotLinked => "not-linked",
            Self::ServiceUnknown | Self::ServiceMalformed => "unknown-service-version",
            Self::Missing => "missing-evidence",
            Self::SpecialNotConfirmed => "special-confirm",
            Self::NoCopyLeft => "no-copy-left",
            Self::NotOpen => "not-open",
            Self::DeviceLink => "device-link",
            Self::WrongPassphrase => "device-passphrase",
            Self::PasskeyUnknown => "passkey-unknown",
            Self::LastWay => "last-method",
            Self::DeviceEnded => "device-ended",
            Self::ProfileDeleted => "profile-deleted",
            Self::NotAClaim => "not-a-claim",
            Self::Mandate(error) => error.code(),
            Self::WardUnknown => "ward-unknown",
            Self::WardKnown => "ward-known",
            Self::HelperFile => "helper-file",
            Self::HelperFileOld => "helper-file-old",
            Self::HelperDigits => "helper-digits",
            Self::HelperUnknown => "helper-unknown",
            Self::HelperKnown => "helper-known",
            Self::Answers(_) => "bad-answers",
        }
    }
}

/// A person's client. A value: the caller keeps it with [`Holder::encrypt`].
pub struct Holder {
    pub(crate) root: RootSecret,
    pub(crate) profile: Profile,
    pub(crate) trust: Trust,
    /// Signatures of records.
    pub(crate) checked: Checked,
    /// Checks signatures of records before they are taken in.
    pub(crate) ahead: Option<Arc<dyn CheckAhead>>,
    /// Kept copies that were read.
    pub(crate) read: Read,
    /// What lies in pages as it was last kept.
    pub(crate) pages: Pages,
    /// Keys of links, each derived once.
    pub(crate) keys: Mutex<BTreeMap<(u32, Nonce), AddressKeys>>,
    /// How many envelopes a key was tried on.
    pub(crate) envelopes_opened: u64,
    /// The catalogue with what the directories add to it.
    pub(crate) catalogue: Arc<Catalogue>,
    /// The catalogue that the program was given.
    own_catalogue: Arc<Catalogue>,
    kinds_left_out: Vec<CatalogueError>,
    /// The key of the guardian who uses this profile, if it is somebody else's. Never kept.
    pub(crate) acting: Option<SecretKeyFor<Delegate>>,
    /// Where sealed objects lie, if not within the profile.
    pub(crate) apart: Option<Arc<dyn ObjectFiles>>,
    /// Files that go with the next message that takes some. Never kept.
    pub(crate) to_attach: Vec<FileToAttach>,
    /// Contacts of other profiles on this device. Never kept.
    pub(crate) beside: Vec<String>,
}

impl std::fmt::Debug for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Holder(..)")
    }
}

impl Holder {
    /// Makes a profile: a random root, nothing at the hub yet ([`Holder::begin`]).
    #[must_use]
    pub fn make(
        hub: HubId,
        hub_url: &str,
        language: &str,
        catalogue: Arc<Catalogue>,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Self {
        let mut rng = rng;
        let root = RootSecret::make(&mut rng);
        Self::fresh(root, (hub, hub_url), language, catalogue, rng)
    }

    /// Makes the profile of a root that the caller has just made: nothing at the hub yet. For a root that
    /// was ever used there are [`Holder::join`] and [`Holder::restore`].
    #[must_use]
    pub fn of_new_root(
        root: RootSecret,
        at: (HubId, &str),
        (language, catalogue): (&str, Arc<Catalogue>),
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Self {
        Self::fresh(root, at, language, catalogue, rng)
    }

    /// A profile of a root that knows nothing yet.
    pub(crate) fn fresh(
        root: RootSecret,
        (hub, hub_url): (HubId, &str),
        language: &str,
        catalogue: Arc<Catalogue>,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Self {
        let profile = Profile::new(hub, hub_url, language, OutChain::make(Vec::new(), rng));
        Self {
            root,
            profile,
            trust: Trust::default(),
            checked: Checked::default(),
            ahead: None,
            read: Read::default(),
            pages: Pages::default(),
            keys: Mutex::default(),
            envelopes_opened: 0,
            own_catalogue: Arc::clone(&catalogue),
            catalogue,
            kinds_left_out: Vec::new(),
            acting: None,
            apart: None,
            to_attach: Vec::new(),
            beside: Vec::new(),
        }
    }

    /// Opens a kept profile.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub fn open(
        root: RootSecret,
        encrypted: &[u8],
        catalogue: Arc<Catalogue>,
        now: UnixTime,
    ) -> Result<Self, ProfileError> {
        Self::open_packed(root, encrypted, &BTreeMap::new(), catalogue, now)
    }

    /// Opens a kept profile whose records lie in pages, by their numbers. A page that is not there,
    /// older or altered is not an error: its records are [`Profile::lost`] until the next sync.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub fn open_packed(
        root: RootSecret,
        head: &[u8],
        pages: &BTreeMap<u32, Vec<u8>>,
        catalogue: Arc<Catalogue>,
        now: UnixTime,
    ) -> Result<Self, ProfileError> {
        let mut profile = Profile::decrypt(&root, head)?;
        let checked = Checked::default();
        let read = Read::default();
        let pages = Pages::read(&mut profile, &root, pages, (&checked, &read));
        let trust = Trust::of(&profile, now);
        let mut this = Self {
            root,
            profile,
            trust,
            checked,
            ahead: None,
            read,
            pages,
            keys: Mutex::default(),
            envelopes_opened: 0,
            own_catalogue: Arc::clone(&catalogue),
            catalogue,
            kinds_left_out: Vec::new(),
            acting: None,
            apart: None,
            to_attach: Vec::new(),
            beside: Vec::new(),
        };
        this.learn_kinds();
        Ok(this)
    }

    /// The profile's bytes, encrypted under a key of the root.
    #[must_use]
    pub fn encrypt(&self, rng: &mut dyn rand_core::CryptoRng) -> Vec<u8> {
        self.profile.encrypt(&self.root, rng)
    }

    /// The root secret, for wrapping.
    #[must_use]
    pub fn danger_root(&self) -> &RootSecret {
        &self.root
    }

    /// What is printed on paper: it alone restores everything.
    #[must_use]
    pub fn kit(&self) -> Kit {
        Kit {
            root: Zeroizing::new(*self.root.danger_bytes()),
            hub: self.profile.hub.to_text(),
            hub_url: self.profile.hub_url.clone(),
        }
    }

    /// The profile.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The verified directories and status lists.
    #[must_use]
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// The catalogue in which records are shown: the one that the program was given, with the kinds
    /// of the directories.
    #[must_use]
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// Kinds of directories that are not used, each with its file and the reason.
    #[must_use]
    pub fn kinds_left_out(&self) -> &[CatalogueError] {
        &self.kinds_left_out
    }

    /// Takes in the kinds of the directories that are kept: her hub's first.
    pub(crate) fn learn_kinds(&mut self) {
        let own = &self.profile.hub;
        let hubs = self.profile.links.iter().map(|link| &link.hub);
        let mut order = vec![own];
        for hub in hubs {
            if !order.contains(&hub) {
                order.push(hub);
            }
        }
        let directories = order
            .into_iter()
            .filter_map(|hub| self.trust.directory(hub));
        let directories = directories.map(|d| &d.directory);
        (self.catalogue, self.kinds_left_out) = self.own_catalogue.with_directories(directories);
    }

    /// The catalogue that the program was given, for another profile.
    pub(crate) fn given_catalogue(&self) -> Arc<Catalogue> {
        Arc::clone(&self.own_catalogue)
    }

    /// Changes the language of her texts.
    pub fn set_language(&mut self, language: &str) {
        language.clone_into(&mut self.profile.language);
    }

    /// The organisation of a link, also of one that is still to be restored.
    #[must_use]
    pub fn org_of(&self, index: u32) -> Option<OrgId> {
        let due = self.profile.links_due.iter().find(|d| d.index() == index);
        let link = self.profile.link(index).map(|l| l.org);
        link.or_else(|| due.map(|due| due.place().2))
    }

    /// An organisation's name in her language, or in English.
    #[must_use]
    pub fn name_of(&self, org: &OrgId) -> String {
        let hubs = self.profile.links.iter().map(|l| &l.hub);
        let imported = self.profile.records.iter().filter_map(|r| r.hub.as_ref());
        let hubs = hubs.chain(imported);
        let found = hubs
            .chain([&self.profile.hub])
            .filter_map(|hub| self.trust.directory(hub))
            .find_map(|d| d.directory.organisation(org));
        let names = found.map(|o| &o.statement.names);
        let name = names.and_then(|n| n.get(&self.profile.language).or_else(|| n.get("en")));
        name.cloned().unwrap_or_else(|| org.to_text())
    }

    /// Registers address 0 and fetches the directory. Safe to repeat.
    ///
    /// # Errors
    /// [`HolderError::Client`], [`HolderError::Directory`].
    pub async fn begin<T: Transport>(
        &mut self,
        transport: &T,
        now: UnixTime,
    ) -> Result<(), HolderError> {
        let (hub, url) = (self.profile.hub, self.profile.hub_url.clone());
        self.refresh_directory(&hub, &url, transport, now).await?;
        if self.profile.registered {
            return Ok(());
        }
        let auth = self.root.derive_auth(AddressIndex::SELF);
        let body = RegisterAddress {
            v: 1,
            auth: auth.public_for(),
            salt: None,
            accepts: vec![Accept::SelfOnly(true)],
            pass: None,
        };
        let client = HubClient::new(transport, hub, &url);
        match client.register(&body, &auth, now).await {
            Err(ClientError::Problem(ProblemKind::Conflict)) => {
                return Err(self
                    .refused_own(ProblemKind::Conflict, transport, now)
                    .await);
            }
            registered => registered?,
        };
        self.profile.registered = true;
        Ok(())
    }

    /// Fetches a hub's directory and checks it against everything seen of it before.
    pub(crate) async fn refresh_directory<T: Transport>(
        &mut self,
        hub: &HubId,
        url: &str,
        transport: &T,
        now: UnixTime,
    ) -> Result<(), HolderError> {
        let verified = self.look_at_directory(hub, url, transport, now).await?;
        let bytes = self.trust.keep_directory(*hub, verified);
        self.learn_kinds();
        self.profile.directories.insert(hub_key(hub), bytes);
        Ok(())
    }

    /// Fetches and checks a hub's directory without keeping it.
    pub(crate) async fn look_at_directory<T: Transport>(
        &mut self,
        hub: &HubId,
        url: &str,
        transport: &T,
        now: UnixTime,
    ) -> Result<VerifiedDirectory, HolderError> {
        if self.is_behind(now) {
            return Err(HolderError::ClockBehind);
        }
        let answer = HubClient::new(transport, *hub, url).directory().await?;
        let verified = self.trust.check_directory(hub, answer, now);
        if let Err(error) = &verified
            && *error != VerifyDirectoryError::OutOfTime
        {
            self.profile.alarm(directory_code(error), None, now);
        }
        Ok(verified?)
    }

    /// The services that the directories declare, newest versions, by the hash of their entry.
    #[must_use]
    pub fn services(&self) -> Vec<(Sha256Hash, ServiceEntry)> {
        let all = self.trust.directories().flat_map(|d| {
            let active = |org: &OrgId| {
                let org = d.directory.organisation(org);
                org.is_some_and(|o| o.admission.is_some() && o.suspension.is_none())
            };
            let services = d.directory.services();
            services.filter(move |(_, entry)| active(&entry.org))
        });
        all.map(|(hash, entry)| (*hash, entry.clone())).collect()
    }
}

/// What a refused directory is called, so that she knows whether an organisation or a time is in doubt.
fn directory_code(error: &VerifyDirectoryError) -> &'static str {
    match error {
        VerifyDirectoryError::RolledBack => "older-state",
        VerifyDirectoryError::OutOfTime => "clock-or-keys",
        VerifyDirectoryError::Entry {
            source: DirectoryError::ChainBroken,
            ..
        } => "changed-key",
        _ => "other-log",
    }
}

/// Whether a refusal may pass by itself.
pub(crate) fn is_passing(kind: ProblemKind) -> bool {
    use ProblemKind::{Busy, Internal, RateLimited, Unsigned};
    matches!(kind, Busy | RateLimited | Internal | Unsigned)
}
