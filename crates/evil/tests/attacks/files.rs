//! Files that lie in objects (R5).

use denizen_api::wire::Fetched;
use denizen_evil::{Outcome, Scene, attacks, stopped};
use denizen_model::{
    Nonce, Sha256Hash, commit::attachment_hash, message::Attachment, object::ObjectRef,
};
use denizen_seal::seal_object;

attacks! {
    /// An office signs and logs one file, and leaves another in its place.
    78 "R5" [FileCommit] stopped("object-refused");
    async fn another_file_lies_in_the_object() -> Outcome {
        let mut s = Scene::make(78).await;
        let (signed, left) = (b"you may appeal", b"you may not do");
        let salt = Nonce::make(&mut s.world.rng);
        let of = s.desk.object_for();
        let sealed = seal_object(left, &of, &mut s.world.rng).unwrap();
        let attachment = Attachment {
            id: "f".to_owned(),
            media_type: "text/plain".to_owned(),
            salt,
            data: String::new(),
            object: Some(ObjectRef {
                id: sealed.id,
                key: sealed.key,
                size: signed.len() as u64,
                hash: attachment_hash(&salt, signed),
            }),
            name: None,
        };
        s.desk.leave(&mut s.world, &sealed).await;
        s.desk.note_with(&mut s.world, "with a file", attachment).await;
        s.sync().await.unwrap();
        if let Some(told) = s.told() {
            return told;
        }
        let file = &s.holder.files()[0];
        assert_eq!(*s.holder.file_content(file).unwrap(), left, "and nothing proves it");
        Outcome::Harm
    }

    /// Somebody on the line shows a letter as if a file lay there, which nobody misses.
    79 "R5" [ReceiptOf] stopped("receipt-refused");
    async fn a_letter_is_shown_as_a_file() -> Outcome {
        let mut s = Scene::make(79).await;
        s.desk.note(&mut s.world, "the last one").await;
        s.lie_in_fetch(&s.link(), |answer, _| {
            for item in &mut answer.items {
                let Fetched::Envelope { pos, receipt, .. } = item.clone() else { continue };
                *item = Fetched::Object { pos, id: Sha256Hash::of(b"x"), receipt };
            }
        });
        if let Err(error) = s.sync().await {
            return stopped(error.code());
        }
        assert_eq!((s.told(), s.notes()), (None, Vec::new()), "held back unnoticed");
        Outcome::Harm
    }
}
