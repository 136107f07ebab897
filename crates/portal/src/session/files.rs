//! Files that go with messages, and those that came.

use super::{Session, Thrown};
use crate::{
    runtime::BrowserRng,
    view::{self, FileRows, Problem},
};
use denizen_seal::FileToAttach;
use serde::Deserialize;
use tsify::{Ts, Tsify};
use wasm_bindgen::prelude::wasm_bindgen;

/// A file that goes with the next message.
#[derive(Debug, Deserialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct Attached {
    /// Its name on her device.
    pub name: String,
    /// `image/jpeg`, `application/pdf`, ...
    pub media_type: String,
    /// Its bytes.
    #[tsify(type = "Uint8Array")]
    #[serde(with = "serde_bytes")]
    pub content: Vec<u8>,
}

/// Files that go with the next message.
#[derive(Debug, Deserialize, Tsify)]
pub struct AttachedFiles {
    /// All of them.
    pub files: Vec<Attached>,
}

#[wasm_bindgen]
impl Session {
    /// Files that go with the next application, amendment, dispute or note; they take the place of those
    /// before.
    ///
    /// # Errors
    /// A `Problem` of code `file-too-large`.
    pub fn attach(&mut self, files: Ts<AttachedFiles>) -> Result<(), Thrown> {
        let files = files.to_rust().map_err(|_| Problem::bare("other"))?;
        let files = files.files.into_iter();
        let files = files.map(|f| FileToAttach::new(&f.name, &f.media_type, f.content));
        let done = self.holder.attach(files.collect());
        self.said(done)
    }

    /// Seals a draft for this profile: what she has typed and not sent.
    #[wasm_bindgen(js_name = sealDraft)]
    pub fn seal_draft(&self, name: &str, text: &str) -> Vec<u8> {
        let key = self.holder.danger_root().derive_local();
        key.encrypt(&draft_context(name), text.as_bytes(), &mut BrowserRng)
    }

    /// Opens a draft of this profile; nothing if it is another's.
    #[wasm_bindgen(js_name = openDraft)]
    pub fn open_draft(&self, name: &str, sealed: &[u8]) -> Option<String> {
        let key = self.holder.danger_root().derive_local();
        let text = key.decrypt(&draft_context(name), sealed).ok()?;
        String::from_utf8(text.to_vec()).ok()
    }

    /// All files of all messages.
    ///
    /// # Errors
    /// A `Problem`.
    pub fn files(&self) -> Result<Ts<FileRows>, Thrown> {
        self.given(view::file_rows(&self.holder))
    }

    /// The content of a file that is on this device.
    ///
    /// # Errors
    /// A `Problem` of code `file-not-here`.
    #[wasm_bindgen(js_name = fileContent)]
    pub fn file_content(&self, number: usize) -> Result<Vec<u8>, Thrown> {
        let file = self.holder.files().get(number);
        let content = file.and_then(|f| self.holder.file_content(f));
        let content = content.ok_or_else(|| self.problem("file-not-here"))?;
        Ok(content.to_vec())
    }
}

/// A draft opens under its own name alone.
fn draft_context(name: &str) -> Vec<u8> {
    [b"portal-draft\0", name.as_bytes()].concat()
}
