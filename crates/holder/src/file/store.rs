//! Where sealed objects lie on this device. They are ciphertext: their keys are in the profile.

use crate::{Holder, holder::HolderError};
use denizen_model::{Sha256Hash, id::Bytes};
use std::sync::Arc;

/// A place beside the profile for sealed objects, so that a profile stays small. Bytes are ciphertext. A
/// name is 43 letters, digits, `-` and `_`.
pub trait ObjectFiles: Send + Sync {
    /// What was kept under a name; none if nothing was.
    fn read(&self, name: &str) -> Option<Vec<u8>>;

    /// Keeps bytes under a name, for good, before it returns. `false` if it cannot.
    fn write(&self, name: &str, bytes: &[u8]) -> bool;

    /// Drops what was kept under a name.
    fn remove(&self, name: &str);
}

impl Holder {
    /// Gives sealed objects a place of their own. Without one they lie within the profile; those that do
    /// move there.
    ///
    /// # Errors
    /// [`HolderError::ObjectFile`]: those that could not be moved stay where they are.
    pub fn keep_objects_in(&mut self, files: Arc<dyn ObjectFiles>) -> Result<(), HolderError> {
        let inside = std::mem::take(&mut self.profile.files.bytes);
        let mut left = inside
            .into_iter()
            .filter(|(name, bytes)| !files.write(name, &bytes.0));
        self.profile.files.bytes = left.by_ref().collect();
        self.apart = Some(files);
        if self.profile.files.bytes.is_empty() {
            Ok(())
        } else {
            Err(HolderError::ObjectFile)
        }
    }

    /// The sealed bytes of an object that is on this device.
    pub(crate) fn object_bytes(&self, id: &Sha256Hash) -> Option<Vec<u8>> {
        self.bytes_of(&id.to_text())
    }

    pub(crate) fn has_object(&self, id: &Sha256Hash) -> bool {
        self.object_bytes(id).is_some()
    }

    pub(crate) fn keep_object(
        &mut self,
        id: &Sha256Hash,
        bytes: Vec<u8>,
    ) -> Result<(), HolderError> {
        self.keep_bytes(id.to_text(), bytes)
    }

    pub(crate) fn drop_object(&mut self, id: &Sha256Hash) {
        self.drop_bytes(&id.to_text());
    }

    /// What came of an object so far.
    pub(crate) fn partial(&self, id: &Sha256Hash) -> Vec<u8> {
        self.bytes_of(&partial_name(id)).unwrap_or_default()
    }

    /// Keeps what came of an object so far; nothing if it is whole or of no use.
    pub(crate) fn keep_partial(
        &mut self,
        id: &Sha256Hash,
        bytes: Vec<u8>,
    ) -> Result<(), HolderError> {
        if bytes.is_empty() {
            self.drop_bytes(&partial_name(id));
            return Ok(());
        }
        self.keep_bytes(partial_name(id), bytes)
    }

    fn bytes_of(&self, name: &str) -> Option<Vec<u8>> {
        let inside = self.profile.files.bytes.get(name).map(|b| b.0.clone());
        inside.or_else(|| self.apart.as_ref()?.read(name))
    }

    fn keep_bytes(&mut self, name: String, bytes: Vec<u8>) -> Result<(), HolderError> {
        match &self.apart {
            Some(files) if files.write(&name, &bytes) => Ok(()),
            Some(_) => Err(HolderError::ObjectFile),
            None => {
                self.profile.files.bytes.insert(name, Bytes(bytes));
                Ok(())
            }
        }
    }

    fn drop_bytes(&mut self, name: &str) {
        self.profile.files.bytes.remove(name);
        if let Some(files) = &self.apart {
            files.remove(name);
        }
    }
}

/// Another name than any object has: a hash of it.
fn partial_name(id: &Sha256Hash) -> String {
    Sha256Hash::of(&[b"part".as_slice(), id.as_bytes()].concat()).to_text()
}
