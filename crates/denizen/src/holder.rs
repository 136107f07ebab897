//! The holder's commands: a person's profile in a folder.

mod apply;
mod attachments;
mod device;
mod due;
mod folder;
mod helper;
mod import;
mod journeys;
mod pick;
mod renew;
mod say;
mod show;
mod shred_all;
mod sides;
mod verify;
mod ward;

pub(crate) use helper::read_helper_file;

use crate::{attach::AttachArg, shell::Shell, transport::HttpTransport};
use anyhow::{Context, bail};
use clap::Subcommand;
use denizen_api::Transport;
use denizen_holder::{Event, Holder, HolderError, LinkState};
use denizen_model::{HubId, UnixTime};
use denizen_recovery::Kit;
use denizen_seal::RootSecret;
use folder::{Folder, PassphraseArg};
use say::Say;
use std::{io::Read, path::PathBuf, sync::Arc};

/// Commands of a person.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a profile in a new folder and print its kit
    Init {
        /// Folder to make
        folder: PathBuf,
        /// Id of the hub where the profile's own address lies, as its operator publishes it
        #[arg(long, allow_hyphen_values = true)]
        hub_id: String,
        /// Where that hub answers
        #[arg(long)]
        hub_url: String,
        /// Language of texts: en, ru, uz, tg, ky
        #[arg(long, default_value = "en")]
        language: String,
        /// Write the kit to this file instead of showing it
        #[arg(long)]
        kit: Option<PathBuf>,
        #[command(flatten)]
        passphrase: PassphraseArg,
    },
    /// Show an invitation and, after a yes, link with its organisation
    Link {
        /// The profile's folder
        folder: PathBuf,
        /// The invitation's text, `denizen:invite#...`, or what its QR code says, `DENIZEN:INVITE:...`
        invitation: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        passphrase: PassphraseArg,
    },
    /// Show the six digits of links that wait for the clerk
    Code(FolderArg),
    /// Send what waits and fetch what came
    Sync {
        /// The profile's folder
        folder: PathBuf,
        /// Seconds to wait for something new
        #[arg(long, default_value_t = 0)]
        wait: u32,
        #[command(flatten)]
        passphrase: PassphraseArg,
    },
    /// List the records
    List(pick::ListArguments),
    /// Show one record with where it is from and its receipt
    Show {
        /// The profile's folder
        folder: PathBuf,
        /// Its number in the list, the name of its kind (the newest is shown), or the beginning of its name
        #[arg(allow_hyphen_values = true)]
        record: String,
        #[command(flatten)]
        passphrase: PassphraseArg,
    },
    /// List the services that linked organisations offer
    Services(FolderArg),
    /// Show what a service asks for and what would leave; file the application after a yes
    Apply {
        /// The profile's folder
        folder: PathBuf,
        /// The service: `work-permit`, its full name, or its hash
        service: String,
        /// JSON file with the answers to the service's questions
        #[arg(long)]
        answers: Option<PathBuf>,
        /// Add an optional paper
        #[arg(long)]
        include: Vec<String>,
        /// Do not ask whether to send
        #[arg(long)]
        yes: bool,
        /// Do not ask a second time about papers of a special category
        #[arg(long)]
        confirm_special: bool,
        /// Accept that a paper without one-time copies left can be linked
        #[arg(long)]
        linkable: bool,
        /// Send it as another version of this application that is not decided
        #[arg(long)]
        amend: Option<String>,
        #[command(flatten)]
        files: AttachArg,
        #[command(flatten)]
        passphrase: PassphraseArg,
    },
    /// Show what became of applications, and who opened which papers
    Follow(FolderArg),
    /// List the dates to keep: papers that end, appeals, answers, payments
    Due(due::Arguments),
    /// Write everything to a folder of readable files
    Export {
        /// The profile's folder
        folder: PathBuf,
        /// Folder to make
        out: PathBuf,
        #[command(flatten)]
        passphrase: PassphraseArg,
    },
    /// Take an export into a profile, without any server
    Import(import::Arguments),
    /// Restore a profile into a new folder from the kit alone, read from standard input
    Restore {
        /// Folder to make
        folder: PathBuf,
        /// Language of texts
        #[arg(long, default_value = "en")]
        language: String,
        #[command(flatten)]
        passphrase: PassphraseArg,
    },
    /// Put the same profile on a second device, from the kit read from standard input
    Join {
        /// Folder to make
        folder: PathBuf,
        /// Language of texts
        #[arg(long, default_value = "en")]
        language: String,
        #[command(flatten)]
        passphrase: PassphraseArg,
    },
    /// List the files that went with messages, and those that came
    Attachments(FolderArg),
    /// Write one of those files to a new file
    Save(attachments::SaveArguments),
    /// Bring the profile to a second device by a link that is good once
    #[command(subcommand)]
    Device(device::Command),
    #[command(flatten)]
    Journey(journeys::Command),
    /// Keep the profiles of children whose guardian you are
    #[command(subcommand)]
    Ward(ward::Command),
    /// Let somebody help you, or help somebody: assist, and prove nothing
    #[command(subcommand)]
    Helper(helper::Command),
    /// Take a profile to a new root: whoever has the old kit opens nothing new
    Renew(renew::Arguments),
    /// Delete everything, at every hub and here: no kit and no device brings it back
    ShredAll(shred_all::Arguments),
    /// Check an export without any server
    Verify {
        /// The exported folder, or the file that the portal saved
        folder: PathBuf,
        /// The hub's id as its operator publishes it; once for each hub of the export. Without it the
        /// check only shows that nothing was changed
        #[arg(long, allow_hyphen_values = true)]
        hub_id: Vec<String>,
        /// Language of texts
        #[arg(long, default_value = "en")]
        language: String,
    },
}

/// A folder and how its passphrase is had.
#[derive(Debug, clap::Args)]
pub(crate) struct FolderArg {
    /// The profile's folder
    folder: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArg,
}

/// Runs a command.
pub(crate) async fn run(shell: &Shell, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Init {
            folder,
            hub_id,
            hub_url,
            language,
            kit,
            passphrase,
        } => {
            let hub = parse_hub(&hub_id)?;
            let say = Say::new(shell, &language)?;
            let profile = (hub, hub_url.as_str(), language.as_str());
            init(shell, &say, (folder, &passphrase), profile, kit).await
        }
        Command::Restore {
            folder,
            language,
            passphrase,
        } => {
            let say = Say::new(shell, &language)?;
            restore(shell, &say, (folder, false), &passphrase, &language).await
        }
        Command::Join {
            folder,
            language,
            passphrase,
        } => {
            let say = Say::new(shell, &language)?;
            restore(shell, &say, (folder, true), &passphrase, &language).await
        }
        Command::Journey(command) => journeys::run(shell, command).await,
        Command::Device(command) => device::run(shell, command).await,
        Command::Import(arguments) => import::run(shell, arguments),
        Command::Save(arguments) => attachments::save(shell, arguments),
        Command::Ward(command) => ward::run(shell, command).await,
        Command::Helper(command) => helper::run(shell, command).await,
        Command::Renew(arguments) => renew::run(shell, arguments).await,
        Command::Verify {
            folder,
            hub_id,
            language,
        } => verify::run(shell, &folder, &hub_id, &language),
        command => run_opened(shell, command).await,
    }
}

/// Runs a command of an existing profile.
async fn run_opened(shell: &Shell, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Link {
            folder,
            invitation,
            yes,
            passphrase,
        } => {
            let mut at = Open::new(shell, folder, &passphrase)?;
            at.link(&invitation, yes).await
        }
        Command::Sync {
            folder,
            wait,
            passphrase,
        } => Open::new(shell, folder, &passphrase)?.sync(wait).await,
        Command::Export {
            folder,
            out,
            passphrase,
        } => export(&Open::new(shell, folder, &passphrase)?, &out),
        Command::Show {
            folder,
            record,
            passphrase,
        } => show::record(&Open::new(shell, folder, &passphrase)?, &record),
        Command::Apply {
            folder,
            service,
            answers,
            include,
            yes,
            confirm_special,
            linkable,
            amend,
            files,
            passphrase,
        } => {
            let asked = apply::Asked {
                service,
                answers,
                include,
                yes,
                confirm_special,
                linkable,
                amend,
                files: files.read()?,
            };
            apply::apply(&mut Open::new(shell, folder, &passphrase)?, &asked).await
        }
        Command::Code(at) => show::codes(&Open::of(shell, at)?),
        Command::List(asked) => show::list(&Open::of(shell, asked.at)?, &asked.which),
        Command::Services(at) => show::services(&Open::of(shell, at)?),
        Command::Attachments(at) => attachments::list(&Open::of(shell, at)?),
        Command::Follow(at) => show::follow(&Open::of(shell, at)?),
        Command::Due(arguments) => due::run(shell, arguments),
        Command::ShredAll(arguments) => shred_all::run(shell, arguments).await,
        Command::Init { .. }
        | Command::Restore { .. }
        | Command::Join { .. }
        | Command::Import(_)
        | Command::Save(_)
        | Command::Journey(_)
        | Command::Device(_)
        | Command::Ward(_)
        | Command::Helper(_)
        | Command::Renew(_)
        | Command::Verify { .. } => bail!("this command opens no profile"),
    }
}

fn parse_hub(text: &str) -> anyhow::Result<HubId> {
    HubId::parse(text).context("--hub-id is not a hub's id: copy it from the operator's page")
}

/// An opened profile. Nobody else can open its folder meanwhile.
pub(crate) struct Open<'a> {
    shell: &'a Shell,
    folder: Folder,
    holder: Holder,
    say: Say,
    /// The guardian's folder, while this is a ward's profile: nobody else opens it meanwhile.
    keeper: Option<Folder>,
}

impl<'a> Open<'a> {
    fn of(shell: &'a Shell, at: FolderArg) -> anyhow::Result<Self> {
        Self::new(shell, at.folder, &at.passphrase)
    }

    fn new(shell: &'a Shell, folder: PathBuf, passphrase: &PassphraseArg) -> anyhow::Result<Self> {
        let folder = Folder::open(folder)?;
        let ask = Say::new(shell, "en")?;
        let root = folder.unwrap_root(&passphrase.ask(&ask)?)?;
        let bytes = folder.read_profile()?;
        let holder = Holder::open(root, &bytes, Arc::clone(&shell.catalogue), shell.now())?;
        if let Some(name) = passphrase.ward() {
            return ward::open(shell, (folder, &holder), name);
        }
        let contacts = ward::contacts(shell, &folder, &holder);
        Self::over(shell, folder, holder, (None, contacts))
    }

    /// A profile that is open already.
    fn over(
        shell: &'a Shell,
        folder: Folder,
        mut holder: Holder,
        (keeper, contacts): (Option<Folder>, Vec<String>),
    ) -> anyhow::Result<Self> {
        let say = Say::over(holder.catalogue(), &holder.profile().language)?;
        holder.compare_contacts(contacts);
        holder
            .keep_objects_in(folder.objects()?)
            .map_err(|e| say.error(&e))?;
        Ok(Self {
            shell,
            folder,
            holder,
            say,
            keeper,
        })
    }

    fn now(&self) -> UnixTime {
        self.shell.now()
    }

    fn save(&self) -> anyhow::Result<()> {
        self.folder
            .write_profile(&self.holder.encrypt(&mut self.shell.rng()))
    }

    /// Syncs, keeping what was taken in even if the hub fails midway; then sends the answers, which
    /// are kept by now.
    async fn sync_once(&mut self, wait_s: u32) -> anyhow::Result<Vec<Event>> {
        let (now, transport) = (self.now(), HttpTransport::unlinkable()?);
        // A child's profile that she keeps is opened by hers.
        if self.keeper.is_none() {
            device::tell_way(&mut self.holder, now, &mut self.shell.rng())
                .map_err(|e| self.say.error(&e))?;
        }
        self.save()?;
        let report = self
            .holder
            .sync(&transport, wait_s, now, &mut self.shell.rng())
            .await;
        self.save()?;
        // Another device of hers took this one out; a child's profile that she keeps is its owner's.
        let ended = matches!(report, Err(HolderError::DeviceEnded));
        let forgotten = if ended && self.keeper.is_none() {
            self.folder.forget()
        } else {
            Ok(())
        };
        // The directory may have brought kinds with texts of their own.
        self.say = Say::over(self.holder.catalogue(), &self.holder.profile().language)?;
        let events = report.map_err(|e| {
            let said = self.say.error(&e);
            match forgotten {
                Ok(()) => said,
                // That she was taken out comes first.
                Err(left) => left.context(format!("{said:#}")),
            }
        });
        let events = events?.events;
        let sent = self.holder.send(&transport, self.now()).await;
        self.save()?;
        sent.map_err(|e| self.say.error(&e))?;
        show::away(&self.say, &self.holder);
        Ok(events)
    }

    async fn sync(&mut self, wait_s: u32) -> anyhow::Result<()> {
        let events = self.sync_once(wait_s).await?;
        show::events(self, &events);
        pick::left_out(self);
        due::remind(self);
        Ok(())
    }

    async fn link(&mut self, invitation: &str, yes: bool) -> anyhow::Result<()> {
        let (now, transport) = (self.now(), HttpTransport::unlinkable()?);
        let preview = self.preview(invitation, &transport, now).await?;
        show::invitation(self, &preview);
        if !yes && !self.say.ask("cli-link-confirm", &[])? {
            return Ok(());
        }
        let index = self
            .holder
            .accept_invitation(preview, &mut self.shell.rng());
        let index = index.map_err(|e| self.say.error(&e))?;
        self.sync_once(0).await?;
        let link = self
            .holder
            .profile()
            .links
            .iter()
            .find(|l| l.index >= index);
        if let Some(link) = link.filter(|l| l.state == LinkState::Refused) {
            let code = link.refusal.clone().unwrap_or_default();
            return Err(self.say.refusal(&code));
        }
        if let Some(link) = link {
            show::code(self, link);
        }
        Ok(())
    }

    async fn preview<T: Transport>(
        &mut self,
        invitation: &str,
        transport: &T,
        now: UnixTime,
    ) -> anyhow::Result<denizen_holder::InvitationPreview> {
        let preview = self
            .holder
            .preview_invitation(invitation, transport, now)
            .await;
        self.save()?;
        preview.map_err(|e| self.say.error(&e))
    }
}

async fn init(
    shell: &Shell,
    say: &Say,
    (path, passphrase): (PathBuf, &PassphraseArg),
    (hub, hub_url, language): (HubId, &str, &str),
    kit: Option<PathBuf>,
) -> anyhow::Result<()> {
    let mut rng = shell.rng();
    let folder = Folder::make(path)?;
    let mut holder = Holder::make(
        hub,
        hub_url,
        language,
        Arc::clone(&shell.catalogue),
        &mut rng,
    );
    let passphrase = passphrase.ask_twice(say)?;
    folder.wrap_root(holder.danger_root(), &passphrase, &mut rng)?;
    device::tell_way(&mut holder, shell.now(), &mut rng).map_err(|e| say.error(&e))?;
    folder.write_profile(&holder.encrypt(&mut rng))?;
    let begun = holder
        .begin(&HttpTransport::unlinkable()?, shell.now())
        .await;
    folder.write_profile(&holder.encrypt(&mut rng))?;
    say.line("cli-profile-made", &[]);
    match kit {
        Some(file) => folder::write_secret(&file, holder.kit().to_text().as_bytes())?,
        None => show::kit(say, &holder.kit()),
    }
    // The profile is whole without the hub: it registers at the next sync.
    begun.map_err(|e| say.error(&e))
}

async fn restore(
    shell: &Shell,
    say: &Say,
    (path, beside): (PathBuf, bool),
    passphrase: &PassphraseArg,
    language: &str,
) -> anyhow::Result<()> {
    let mut text = zeroize::Zeroizing::new(String::new());
    std::io::stdin()
        .read_to_string(&mut text)
        .context("the kit is read from standard input")?;
    let kit = Kit::parse(&text)?;
    let hub = parse_hub(&kit.hub)?;
    let folder = Folder::make(path)?;
    let passphrase = passphrase.ask_twice(say)?;
    let mut rng = shell.rng();
    let root = RootSecret::from_bytes(*kit.root);
    let transport = HttpTransport::unlinkable()?;
    let at = (hub, kit.hub_url.as_str());
    let (words, now) = ((language, Arc::clone(&shell.catalogue)), shell.now());
    let holder = if beside {
        Holder::join(root, at, words, &transport, now, &mut rng).await
    } else {
        Holder::restore(root, at, words, &transport, now, &mut rng).await
    };
    let holder = holder.map_err(|e| say.error(&e))?;
    finish_restore(shell, say, (&folder, &passphrase), holder).await
}

/// Writes what was rebuilt, and says what that means.
async fn finish_restore(
    shell: &Shell,
    say: &Say,
    (folder, passphrase): (&Folder, &str),
    mut holder: Holder,
) -> anyhow::Result<()> {
    let (now, mut rng) = (shell.now(), shell.rng());
    let transport = HttpTransport::unlinkable()?;
    // Written only now: a folder of a restore that failed can be used again.
    folder.wrap_root(holder.danger_root(), passphrase, &mut rng)?;
    device::tell_way(&mut holder, now, &mut rng).map_err(|e| say.error(&e))?;
    folder.write_profile(&holder.encrypt(&mut rng))?;
    holder
        .send(&transport, now)
        .await
        .map_err(|e| say.error(&e))?;
    folder.write_profile(&holder.encrypt(&mut rng))?;
    let (links, records) = (holder.profile().links.len(), holder.profile().records.len());
    let (links, records) = (links.to_string(), records.to_string());
    say.line(
        "cli-restore-done",
        &[("links", &links), ("records", &records)],
    );
    say.line("cli-restore-older", &[]);
    show::away(say, &holder);
    for alarm in holder.profile().open_alarms() {
        say.plain(&say.refusal(&alarm.code).to_string());
    }
    Ok(())
}

fn export(at: &Open<'_>, out: &std::path::Path) -> anyhow::Result<()> {
    let files = at.holder.export(at.now());
    folder::write_all(out, &files)?;
    at.say
        .line("cli-export-done", &[("folder", &out.display().to_string())]);
    Ok(())
}
