//! How much a hub has in memory and in hand at once. What does not fit is answered `busy` before it costs
//! anything; memory stays the same however many ask.

use crate::{Shared, metrics::Reason};
use axum::body::Bytes;
use denizen_api::ProblemKind;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bodies up to this size have an allowance of their own, so that large batches do not keep them out.
const SMALL_SIZE_BYTES_MAX: usize = 64 << 10;

/// What is sent where there is no room for a large answer: the client asks on from what it has.
pub(crate) const SMALL_ANSWER_SIZE_BYTES_MAX: usize = 16 << 10;

/// Readings at once, each with a connection.
pub(crate) const READS_MAX: usize = 4;

/// Bounds of what is in hand at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadLimits {
    /// Bytes of bodies of up to 64 KiB in memory, all together.
    pub small_bytes_max: usize,
    /// Bytes of larger bodies in memory, all together.
    pub large_bytes_max: usize,
    /// Bytes of large answers that are on their way, all together.
    pub answer_bytes_max: usize,
    /// Bytes of large status lists that are on their way, each counted once.
    pub list_bytes_max: usize,
    /// Readings that may wait for a connection.
    pub reads_waiting_max: usize,
    /// Seconds for a body to arrive, and one more for every 64 KiB that did.
    pub body_s: u64,
}

impl Default for LoadLimits {
    fn default() -> Self {
        Self {
            small_bytes_max: 16 << 20,
            large_bytes_max: 48 << 20,
            answer_bytes_max: 48 << 20,
            list_bytes_max: 16 << 20,
            reads_waiting_max: 1024,
            body_s: 20,
        }
    }
}

/// What is in hand.
pub(crate) struct Load {
    limits: LoadLimits,
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
    answers: Arc<Semaphore>,
    lists: Arc<Semaphore>,
    reads_waiting: Arc<Semaphore>,
}

/// Bytes that count as in memory until this is dropped.
pub(crate) struct Held {
    from: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Held {
    /// Counts more bytes; `false` if there is no room for them.
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let Ok(more) = Arc::clone(&self.from).try_acquire_many_owned(bytes) else {
            return false;
        };
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            none => *none = Some(more),
        }
        true
    }

    /// Gives back all but `bytes`.
    fn shrink_to(&mut self, bytes: usize) {
        if let Some(permit) = &mut self.permit {
            let spare = permit.num_permits().saturating_sub(bytes);
            drop(permit.split(spare));
        }
    }
}

/// Bytes of an answer that count until they are sent.
struct Answer(
    Vec<u8>,
    #[expect(dead_code, reason = "is dropped with the bytes")] Held,
);

impl AsRef<[u8]> for Answer {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Load {
    pub(crate) fn new(limits: LoadLimits) -> Self {
        let of = |count| Arc::new(Semaphore::new(count));
        Self {
            limits,
            small: of(limits.small_bytes_max),
            large: of(limits.large_bytes_max),
            answers: of(limits.answer_bytes_max),
            lists: of(limits.list_bytes_max),
            reads_waiting: of(limits.reads_waiting_max + READS_MAX),
        }
    }

    /// Room for a body of this length, or of an unknown one; nothing of it is counted yet.
    ///
    /// # Errors
    /// [`ProblemKind::Busy`] if there is less left than it needs.
    pub(crate) fn body(&self, length: Option<usize>) -> Result<Held, ProblemKind> {
        let small = length.is_some_and(|length| length <= SMALL_SIZE_BYTES_MAX);
        let from = if small { &self.small } else { &self.large };
        if from.available_permits() < length.unwrap_or(1) {
            return Err(ProblemKind::Busy);
        }
        Ok(Held {
            from: Arc::clone(from),
            permit: None,
        })
    }

    /// Room for an answer of up to `bytes`; none if it has to be a small one.
    pub(crate) fn answer(&self, bytes: usize) -> Option<Held> {
        let mut held = Held {
            from: Arc::clone(&self.answers),
            permit: None,
        };
        held.grow(bytes).then_some(held)
    }

    /// Room for a status list of `bytes`, if there is some.
    pub(crate) fn list(&self, bytes: usize) -> Option<Held> {
        let mut held = Held {
            from: Arc::clone(&self.lists),
            permit: None,
        };
        held.grow(bytes).then_some(held)
    }

    /// Bytes of bodies and of large answers that are in memory.
    pub(crate) fn bytes(&self) -> (usize, usize) {
        let bodies = self.limits.small_bytes_max + self.limits.large_bytes_max;
        let free = self.small.available_permits() + self.large.available_permits();
        let answers = self.limits.answer_bytes_max + self.limits.list_bytes_max;
        let unsent = self.answers.available_permits() + self.lists.available_permits();
        (bodies.saturating_sub(free), answers.saturating_sub(unsent))
    }

    /// A place among those who read or wait for it.
    ///
    /// # Errors
    /// [`ProblemKind::Busy`] if too many wait already.
    pub(crate) fn reading(&self) -> Result<OwnedSemaphorePermit, ProblemKind> {
        let waiting = Arc::clone(&self.reads_waiting).try_acquire_owned();
        waiting.map_err(|_| ProblemKind::Busy)
    }
}

/// The bytes of an answer, counted until they are sent if there is something held for them.
pub(crate) fn sent(bytes: Vec<u8>, held: Option<Held>) -> Bytes {
    match held {
        None => Bytes::from(bytes),
        Some(mut held) => {
            held.shrink_to(bytes.len());
            Bytes::from_owner(Answer(bytes, held))
        }
    }
}

impl Shared {
    /// Room for an answer of up to `bytes`, counted if there is none.
    pub(crate) fn answer_room(&self, bytes: usize) -> Option<Held> {
        let held = self.load.answer(bytes);
        if held.is_none() {
            self.metrics.refused(Reason::Answers);
        }
        held
    }
}
