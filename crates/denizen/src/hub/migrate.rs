//! `denizen hub migrate`: from hub.db into a database of a PostgreSQL server. What is broken off is taken up
//! by the same command; the file stays, marked, and is served no more.

use super::{config::server, folder::Folder};
use crate::files::{hex, replace_public};
use anyhow::{Context as _, bail};
use denizen_hub::{Ends, read_ends};
use denizen_store::{
    Server,
    hub::{Location, Move},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Which database of which server.
#[derive(clap::Args)]
pub(crate) struct StoreArguments {
    /// Keep the rows in a database of a PostgreSQL server: postgres://user@host/database, or
    /// postgres://user@%2Frun%2Fpostgresql/database by its socket [default: hub.db in the folder]
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// A file with that user's password
    #[arg(long, value_name = "FILE", requires = "store")]
    store_password_file: Option<PathBuf>,
    /// The PEM file of the certificate that a server of another machine is known by
    #[arg(long, value_name = "FILE", requires = "store")]
    store_certificate: Option<PathBuf>,
}

impl StoreArguments {
    /// The server's database, if one is named.
    pub(super) fn location(&self) -> anyhow::Result<Option<Location>> {
        let (password, certificate) = (&self.store_password_file, &self.store_certificate);
        let named = self.store.as_deref();
        named
            .map(|url| server(url, password.as_deref(), certificate.as_deref()))
            .transpose()
    }

    /// Names it at the top of a configuration.
    pub(super) fn named_in(&self, settings: &str) -> anyhow::Result<String> {
        let Some(url) = &self.store else {
            return Ok(settings.to_owned());
        };
        let mut named = toml::Table::new();
        named.insert("store".to_owned(), url.clone().into());
        for (name, file) in [
            ("store_password_file", &self.store_password_file),
            ("store_certificate", &self.store_certificate),
        ] {
            let Some(file) = file else { continue };
            let file = fs::canonicalize(file)?;
            let file = file.to_str().context("a file's name is no text")?;
            named.insert(name.to_owned(), file.into());
        }
        Ok(format!("{named}\n{settings}"))
    }
}

/// Arguments of `hub migrate`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The hub's folder; the hub must be stopped
    dir: PathBuf,
    #[command(flatten)]
    to: StoreArguments,
}

/// Moves the rows.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = Folder::new(&arguments.dir);
    let operator = folder.operator()?;
    let Some(_lock) = folder.lock()? else {
        bail!("a hub serves this folder: stop it first; nothing was changed");
    };
    let Some(Location::Server(to)) = arguments.to.location()? else {
        bail!("say where to: --store postgres://user@host/database");
    };
    let mut config = folder.hub_config(&operator)?;
    let Location::File(file) = config.database.clone() else {
        bail!("this hub's rows lie in a database server already: nothing was changed");
    };
    let last = folder.last_checkpoint()?;
    config.newest_known = last.verified(&operator.origins()?, &folder.keys()?)?;
    let before = read_ends(&config).context("the database is not whole: nothing was changed")?;
    let moved = copy(&file, &to)?;
    config.database = Location::Server(to.clone());
    let after =
        read_ends(&config).context("what has arrived is not whole: serve hub.db as before")?;
    if after != before {
        bail!("what has arrived ends otherwise: serve hub.db as before");
    }
    moved.end()?;
    name_in_settings(&folder.config(), &arguments.to)?;
    say(&after, &file, &to, &arguments.dir);
    Ok(())
}

/// Copies what is not there yet, and compares everything.
fn copy(file: &Path, to: &Server) -> anyhow::Result<Move> {
    let moved = Move::begin(file, to)?;
    let mut table = "";
    let copied = moved.copy(|arrived| {
        if arrived.table != table {
            println!("  copying {}", arrived.table);
        }
        table = arrived.table;
    });
    copied.context("the move was broken off: the same command takes it up")?;
    println!("Everything is there; both sides are read again and compared.");
    let compared = moved.compare();
    let compared = compared.context(
        "what has arrived differs from hub.db: serve hub.db as before, and move into a new database",
    )?;
    for arrived in compared {
        println!(
            "  {:<12} {:>10} rows, the same",
            arrived.table, arrived.rows
        );
    }
    Ok(moved)
}

/// Names the server's database in `hub.toml`, for every command from here on.
fn name_in_settings(file: &Path, to: &StoreArguments) -> anyhow::Result<()> {
    let settings = match file.is_file() {
        true => fs::read_to_string(file)?,
        false => String::new(),
    };
    replace_public(file, to.named_in(&settings)?.as_bytes())
}

fn say(ends: &Ends, file: &Path, to: &Server, dir: &Path) {
    for (name, (size, root)) in [
        ("deposits: ", ends.deposits),
        ("directory:", ends.directory),
    ] {
        println!("  {name} {size} leaves, root {}", hex(&root));
    }
    println!("The rows were moved into {to}; hub.toml names it now.");
    println!(
        "{} stays as it was at this moment, marked: no hub opens it any more. What people erase from \
         now on is still in it: delete it once the server's own backups are made.",
        file.display()
    );
    println!("Next: `denizen hub serve {}`.", dir.display());
}
