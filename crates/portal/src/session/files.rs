//! Files that go with messages, and those that came.

use super::{Session, Thrown};
use crate::view::{self, FileRows, Problem};
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
