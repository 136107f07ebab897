//! Kinds of a directory: what a deployment added or replaced after the program was made.
//!
//! An operator is trusted to add kinds, not to change what records mean: a version that does not
//! follow what the program carries, or what was logged before it, is left out and named.

use super::{
    Catalogue, CatalogueError, Kind, LANGUAGES, check, follow, kind::kind_of, read_json,
    schema::Registry, wrong,
};
use crate::{
    Sha256Hash,
    directory::Directory,
    statement::{KindEntry, KindFiles},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What is known of versions beside the newest of each kind.
#[derive(Debug, Clone, Default)]
pub(super) struct Versions {
    /// Every version whose files are known.
    kinds: BTreeMap<(String, Sha256Hash), Kind>,
    /// Versions that a directory lists without their files: programs of another release carry them.
    listed: BTreeSet<(String, Sha256Hash)>,
}

impl Catalogue {
    /// The kind under which a credential is read: that of the version whose metadata it names by
    /// hash. A version that is only listed, without its files, is read under the newest one.
    #[must_use]
    pub fn version(&self, vct: &str, metadata: &Sha256Hash) -> Option<&Kind> {
        let newest = self
            .kind(vct)
            .filter(|kind| kind.metadata_hash == *metadata);
        let at = (vct.to_owned(), *metadata);
        newest.or_else(|| self.versions.kinds.get(&at)).or_else(|| {
            self.kind(vct)
                .filter(|_| self.versions.listed.contains(&at))
        })
    }

    /// As [`Catalogue::version`], by a credential's `vct#integrity`.
    #[must_use]
    pub fn version_of(&self, vct: &str, integrity: &str) -> Option<&Kind> {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let hash = STANDARD.decode(integrity.strip_prefix("sha256-")?).ok()?;
        self.version(vct, &Sha256Hash::from_slice(&hash).ok()?)
    }

    /// This catalogue with the kinds that directories add or replace, and what of them is left out.
    /// Nothing that one hub logs changes what another hub's records mean.
    #[must_use]
    pub fn with_directories<'a>(
        self: &Arc<Self>,
        directories: impl IntoIterator<Item = &'a Directory>,
    ) -> (Arc<Self>, Vec<CatalogueError>) {
        let (mut whole, mut refused) = (None, Vec::new());
        for directory in directories {
            let entries = directory.kinds();
            if entries.iter().all(|entry| self.carries(entry)) {
                continue;
            }
            let whole = whole.get_or_insert_with(|| Self::clone(self));
            let mut log = Log {
                base: self,
                accepted: BTreeMap::new(),
                seen: BTreeSet::new(),
            };
            for entry in entries {
                if let Err(error) = log.take(entry, whole) {
                    refused.push(error);
                }
            }
            log.settle(whole);
        }
        (whole.map_or_else(|| Arc::clone(self), Arc::new), refused)
    }

    /// What a directory entry needs to be understood by a program that does not carry the kind.
    ///
    /// # Errors
    /// [`CatalogueError`] if the catalogue does not hold the kind's own files.
    pub fn files_of(&self, kind: &Kind) -> Result<KindFiles, CatalogueError> {
        let file = format!("kinds/{}.json", kind.name);
        let text = |bytes: &[u8]| {
            let text = std::str::from_utf8(bytes);
            text.map(str::to_owned)
                .map_err(|e| wrong(&file, e.to_string()))
        };
        let keys = self.label_keys(kind, &file)?;
        let texts = self.locales.iter().map(|(language, locale)| {
            let known = keys.iter().filter(|key| locale.has(key));
            let texts = known.map(|key| (key.clone(), locale.text(key, &[])));
            (language.clone(), texts.collect())
        });
        Ok(KindFiles {
            metadata: text(&kind.metadata)?,
            schema: text(&kind.schema_file)?,
            texts: texts.collect(),
        })
    }

    /// A kind out of a directory entry's files, with the shared parts of this catalogue.
    ///
    /// # Errors
    /// [`CatalogueError`] with file, line and reason.
    pub fn read_kind(&self, name: &str, files: &KindFiles) -> Result<Kind, CatalogueError> {
        let file = format!("kinds/{name}.json");
        let common = Registry::new(&self.common)?;
        let metadata = (
            read_json(&file, files.metadata.as_bytes())?,
            files.metadata.as_bytes(),
        );
        kind_of(
            name,
            metadata,
            files.schema.as_bytes(),
            (&self.common, Some(&common)),
        )
    }

    /// Whether its schemas share the same parts as another's.
    #[must_use]
    pub fn has_common_of(&self, other: &Self) -> bool {
        let parse = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
        parse(&self.common) == parse(&other.common)
    }

    /// Whether a kind says no more than what this catalogue carries already.
    fn carries(&self, entry: &KindEntry) -> bool {
        self.kinds.get(&entry.vct).is_some_and(|kind| {
            kind.metadata_hash == entry.metadata && kind.schema_hash == entry.schema
        })
    }

    fn label_keys(&self, kind: &Kind, file: &str) -> Result<Vec<String>, CatalogueError> {
        let common: Value = read_json(super::COMMON_SCHEMA, &self.common)?;
        let root: Value = read_json(file, &kind.schema_file)?;
        Ok(check::label_keys(kind, &root, &common))
    }
}

/// One directory's kinds, in the order of its log.
struct Log<'a> {
    base: &'a Catalogue,
    /// Versions that count, oldest first.
    accepted: BTreeMap<String, Vec<Kind>>,
    seen: BTreeSet<(String, Sha256Hash)>,
}

impl Log<'_> {
    fn take(&mut self, entry: &KindEntry, whole: &mut Catalogue) -> Result<(), CatalogueError> {
        let at = (entry.vct.clone(), entry.metadata);
        if self.base.carries(entry) {
            if self.seen.insert(at) {
                let kind = self.base.kinds.get(&entry.vct).cloned();
                self.accepted
                    .entry(entry.vct.clone())
                    .or_default()
                    .extend(kind);
            }
            return Ok(());
        }
        let Some(files) = &entry.files else {
            if !self.seen.contains(&at) {
                whole.versions.listed.insert(at);
            }
            return Ok(());
        };
        if !self.seen.insert(at.clone()) {
            return Ok(());
        }
        whole.versions.listed.remove(&at);
        let kind = self.read(entry, files, whole)?;
        self.accepted
            .entry(entry.vct.clone())
            .or_default()
            .push(kind.clone());
        whole.versions.kinds.insert(at, kind);
        Ok(())
    }

    /// A kind out of its entry: its files are whole, and it follows what was there before.
    fn read(
        &self,
        entry: &KindEntry,
        files: &KindFiles,
        whole: &mut Catalogue,
    ) -> Result<Kind, CatalogueError> {
        let name = entry.vct.rsplit(':').nth(1).unwrap_or_default().to_owned();
        let (file, schema) = (
            format!("kinds/{name}.json"),
            format!("kinds/{name}.schema.json"),
        );
        let kind = self.base.read_kind(&name, files)?;
        if kind.vct != entry.vct {
            return Err(wrong(
                &file,
                "has another vct than its directory entry".into(),
            ));
        }
        let family = |vct: &str| vct.rsplit_once(':').map(|(family, _)| family.to_owned());
        let all = self
            .base
            .kinds
            .values()
            .chain(self.accepted.values().flatten());
        if let Some(other) = all
            .clone()
            .find(|k| k.name == name && family(&k.vct) != family(&kind.vct))
        {
            return Err(wrong(
                &file,
                format!("has the name of another kind, {}", other.vct),
            ));
        }
        let bytes = BTreeMap::from([
            (file.clone(), files.metadata.clone().into_bytes()),
            (schema, files.schema.clone().into_bytes()),
            (super::COMMON_SCHEMA.to_owned(), self.base.common.to_vec()),
        ]);
        let mut shown = self.base.alone(kind.clone());
        shown.add_texts(files, &whole.label_keys(&kind, &file)?);
        if let Some(error) = check::kinds(&shown, &bytes).into_iter().next() {
            return Err(error);
        }
        self.check_follows(&kind, &bytes)?;
        whole.add_texts(files, &whole.label_keys(&kind, &file)?);
        Ok(kind)
    }

    fn check_follows(
        &self,
        kind: &Kind,
        files: &BTreeMap<String, Vec<u8>>,
    ) -> Result<(), CatalogueError> {
        let earlier = self.accepted.get(&kind.vct).and_then(|all| all.last());
        if let Some(earlier) = earlier {
            follow::check(kind, earlier, files)?;
        }
        // The program may be older than this version, or newer.
        match self.base.kinds.get(&kind.vct) {
            Some(base) if follow::check(base, kind, files).is_err() => {
                follow::check(kind, base, files)
            }
            _ => Ok(()),
        }
    }

    /// The newest version of each kind is the one under which is issued; a first hub's word stands.
    fn settle(self, whole: &mut Catalogue) {
        for (vct, versions) in self.accepted {
            let carried = self.base.kinds.get(&vct).map(|kind| kind.metadata_hash);
            let taken = whole.kinds.get(&vct).map(|kind| kind.metadata_hash);
            if let Some(newest) = versions.last().filter(|_| taken == carried) {
                let before = whole.kinds.insert(vct.clone(), newest.clone());
                if let Some(before) = before {
                    let at = (vct, before.metadata_hash);
                    whole.versions.kinds.insert(at, before);
                }
            }
        }
    }
}

impl Catalogue {
    /// A catalogue of one kind, with the texts of this one.
    fn alone(&self, kind: Kind) -> Self {
        Self {
            kinds: BTreeMap::from([(kind.vct.clone(), kind)]),
            services: BTreeMap::new(),
            ..self.clone()
        }
    }

    /// Adds labels of a kind. A text that is there stays, so that no kind renames what another says;
    /// where a language lacks one it is said in English.
    fn add_texts(&mut self, files: &KindFiles, keys: &[String]) {
        let english = files.texts.get("en");
        for language in LANGUAGES {
            let Some(locale) = self.locales.get_mut(language) else {
                continue;
            };
            let own = files.texts.get(language);
            let said = |key: &String| own.and_then(|t| t.get(key)).or_else(|| english?.get(key));
            let new = keys.iter().filter(|key| !locale.has(key));
            let new: Vec<_> = new
                .filter_map(|key| Some((key.clone(), said(key)?.clone())))
                .collect();
            if !new.is_empty() {
                Arc::make_mut(locale).extend(new);
            }
        }
    }
}

/// The files of one kind, to be compared with an earlier version.
pub(super) fn files_of(kind: &Kind) -> BTreeMap<String, Vec<u8>> {
    BTreeMap::from([
        (format!("kinds/{}.json", kind.name), kind.metadata.to_vec()),
        (
            format!("kinds/{}.schema.json", kind.name),
            kind.schema_file.to_vec(),
        ),
    ])
}

impl Kind {
    /// Whether this version may take the place of an earlier one under the same `vct`: it may add
    /// claims that are not mandatory and values of an enumeration, and change what only developers
    /// read. Anything else is another meaning, so a new major.
    ///
    /// # Errors
    /// The first [`CatalogueError`], with its line in this version's file.
    pub fn may_follow(&self, earlier: &Self) -> Result<(), CatalogueError> {
        follow::check(self, earlier, &files_of(self))
    }
}
